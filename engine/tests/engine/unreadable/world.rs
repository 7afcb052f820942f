//! An account with two webhooks, of which one is about to be spoilt, and a neighbour.

use std::time::Duration;

use signet_engine::{
    Engine,
    clock::ManualClock,
    db::Database,
    deliver::ingest::NewEvent,
    ledger::Rule,
    service::deliveries::{Delivery, Filter},
    testing::{Hands, InFlight, TestDatabase, account, completed, endpoint, log, resting_engine},
};
use signet_model::{AccountId, EndpointId, delivery::State};

pub struct World<'d> {
    pub database: &'d TestDatabase,
    pub engine: Engine,
    pub clock: ManualClock,
    /// Has the two webhooks `bad` and `good`.
    pub acme: AccountId,
    pub bad: EndpointId,
    pub good: EndpointId,
    /// Has one webhook.
    pub neighbour: AccountId,
    pub other: EndpointId,
}

impl<'d> World<'d> {
    pub async fn new(database: &'d TestDatabase) -> Self {
        let (engine, clock) = resting_engine(database);
        Self::of(database, engine, clock, "first").await
    }

    /// Another account and its neighbour, beside these.
    pub async fn beside(&self, name: &str) -> Self {
        Self::of(self.database, self.engine.clone(), self.clock.clone(), name).await
    }

    async fn of(database: &'d TestDatabase, engine: Engine, clock: ManualClock, name: &str) -> Self {
        let acme = account(&engine, &format!("acme {name}")).await;
        let neighbour = account(&engine, &format!("neighbour {name}")).await;
        let (bad, good) = (endpoint(&engine, acme).await, endpoint(&engine, acme).await);
        let other = endpoint(&engine, neighbour).await;
        Self { database, engine, clock, acme, bad, good, neighbour, other }
    }

    pub fn is_sqlite(&self) -> bool {
        matches!(self.database.db, Database::Sqlite(_))
    }

    pub fn hands(&self) -> Hands<'_> {
        Hands(&self.engine)
    }

    /// Sets columns of the webhook that is spoilt; other processes are told of it.
    pub async fn spoil_endpoint(&self, columns: &str) {
        self.database.drop_constraints("endpoints").await;
        let id = self.database.literal(self.bad.uuid());
        self.database.run(&format!("UPDATE endpoints SET {columns} WHERE id = {id}")).await;
        self.database.run("UPDATE accounts SET revision = revision + 1").await;
    }

    /// One event of each account, in one commit.
    pub async fn ingest(&self, task: &str) -> Vec<InFlight> {
        let events: Vec<NewEvent> =
            [self.acme, self.neighbour].map(|account| completed(&self.engine, account, task)).into();
        let (answers, in_flight) = self.hands().ingest_together(events).await;
        for answer in answers {
            answer.expect("accepted");
        }
        in_flight
    }

    /// Loses the deliveries in flight, and waits until they are due again.
    pub fn crash(&self, in_flight: Vec<InFlight>) {
        drop(in_flight);
        self.clock.advance(Duration::from_mins(2));
    }

    pub async fn log(&self, account: AccountId, endpoint: EndpointId) -> Vec<Delivery> {
        log(&self.engine, account, endpoint, &Filter::default(), 100).await
    }

    /// The states of an endpoint's deliveries, newest first.
    pub async fn states(&self, account: AccountId, endpoint: EndpointId) -> Vec<State> {
        self.log(account, endpoint).await.iter().map(|delivery| delivery.state).collect()
    }

    /// Answers 200 to all deliveries, which must be for these endpoints.
    pub async fn deliver(&self, in_flight: Vec<InFlight>, mut expected: Vec<EndpointId>) {
        let mut reached: Vec<_> = in_flight.iter().map(InFlight::endpoint).collect();
        reached.sort_unstable();
        expected.sort_unstable();
        assert_eq!(reached, expected);
        for one in in_flight {
            self.hands().finish(one, 200).await;
        }
    }

    /// The ledger's finding about unusable rows: their number, and the first of them.
    pub async fn unusable(&self) -> (u64, String) {
        let ledger = self.engine.check().await.expect("a ledger");
        let found = ledger.findings.iter().find(|finding| finding.rule == Rule::Usable);
        found.map_or((0, String::new()), |finding| (finding.count, finding.examples[0].clone()))
    }

    /// Asserts that the ledger has no other finding.
    pub async fn assert_only_unusable(&self) {
        let ledger = self.engine.check().await.expect("a ledger");
        let rules: Vec<_> = ledger.findings.iter().map(|finding| finding.rule).collect();
        assert_eq!(rules, [Rule::Usable], "{ledger:?}");
    }
}

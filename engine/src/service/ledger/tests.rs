//! Every rule is broken by hand, and the check finds it.

use std::sync::atomic::{AtomicBool, Ordering};

use signet_model::{AccountId, Timestamp, time::Clock};
use sqlx::AssertSqlSafe;

use super::*;
use crate::{
    Engine, Settings,
    clock::ManualClock,
    db::Database,
    deliver::ingest::{Idempotency, NewEvent},
    testing::{Hands, InFlight, TestDatabase, account, completed, endpoint, engine, on_each_database, resting_engine},
};

const LEASE: Duration = Duration::from_mins(1);
const MOMENT: Duration = Duration::from_micros(1);

/// One delivery in each state that a rule speaks of.
struct World {
    engine: Engine,
    clock: ManualClock,
    account: AccountId,
    /// Leased until the test ends.
    in_flight: Vec<InFlight>,
}

impl World {
    /// At one endpoint a delivery that arrived, one to be retried and one in
    /// flight; at a paused one, three that are held.
    async fn new(database: &TestDatabase) -> Self {
        let (engine, clock) = resting_engine(database);
        let account = account(&engine, "acme").await;
        endpoint(&engine, account).await;
        let paused = endpoint(&engine, account).await;
        engine.as_operator_in(account).endpoint(paused).pause().await.expect("paused");
        let hands = Hands(&engine);
        assert!(hands.claim().await.is_empty(), "nothing waited for it");
        let event = |key: &str| NewEvent {
            idempotency: Some(Idempotency { key: key.into(), request_hash: [1; 32] }),
            ..completed(&engine, account, key)
        };
        for (key, status) in [("delivered", 200), ("retried", 500)] {
            let (_, in_flight) = hands.ingest(event(key)).await;
            for one in in_flight {
                hands.finish(one, status).await;
            }
        }
        let (_, in_flight) = hands.ingest(event("in flight")).await;
        Self { engine, clock, account, in_flight }
    }

    /// Three deliveries with leases that ran out long ago.
    async fn with_a_backlog(database: &TestDatabase) -> Self {
        let mut world = Self::new(database).await;
        for task in ["second", "third"] {
            Hands(&world.engine).ingest(completed(&world.engine, world.account, task)).await.0.expect("accepted");
        }
        world.in_flight.clear();
        world.clock.advance(LEASE * 10);
        world
    }

    /// Claims the one delivery that is due first, as a process does that has room
    /// for no more.
    async fn claim_one(&self) -> Timestamp {
        let now = self.clock.now();
        let first = "UPDATE deliveries SET due_at = $1, lease = 7
                      WHERE id = (SELECT id FROM deliveries WHERE state = 'pending' ORDER BY due_at LIMIT 1)";
        self.run(first, now + LEASE).await;
        self.look_again_at(now).await;
        now
    }

    /// Says when claiming looks at the endpoint next.
    async fn look_again_at(&self, instant: Timestamp) {
        self.run("UPDATE endpoint_queues SET next_due_at = $1 WHERE TRUE", instant).await;
    }

    /// Two deliveries of another account, in flight to its endpoint.
    async fn serve_another(&self) -> Vec<InFlight> {
        let account = account(&self.engine, "other").await;
        endpoint(&self.engine, account).await;
        let mut in_flight = Vec::new();
        for task in ["one", "two"] {
            in_flight.extend(Hands(&self.engine).ingest(completed(&self.engine, account, task)).await.1);
        }
        in_flight
    }

    async fn broken_rules(&self) -> Vec<(Rule, u64)> {
        let ledger = self.engine.check().await.expect("a ledger");
        for finding in &ledger.findings {
            assert_eq!(u64::try_from(finding.examples.len()), Ok(finding.count.min(5)), "{finding:?}");
        }
        ledger.findings.into_iter().map(|finding| (finding.rule, finding.count)).collect()
    }

    /// Runs a statement in which `$1` is an instant.
    async fn run(&self, sql: &'static str, instant: Timestamp) {
        let mut tx = self.engine.0.db.begin().await.expect("a transaction");
        let changed = tx.query(AssertSqlSafe(format!("{sql} AND $1 = $1"))).bind(instant).execute().await;
        changed.unwrap_or_else(|error| panic!("{sql}: {error:?}"));
        tx.commit().await.expect("committed");
    }

    /// Drops the constraints with which the schema itself keeps the rules.
    async fn without_constraints(&self) {
        match &self.engine.0.db {
            Database::Sqlite(db) => {
                sqlx::raw_sql("PRAGMA ignore_check_constraints = ON; DROP INDEX deliveries_by_endpoint;")
                    .execute(&db.writer)
                    .await
                    .expect("without");
            }
            Database::Postgres(db) => {
                sqlx::raw_sql(
                    "DROP INDEX deliveries_by_endpoint;
                     DO $$ DECLARE name TEXT; BEGIN
                       FOR name IN SELECT conname FROM pg_constraint WHERE conrelid = 'deliveries'::regclass AND contype = 'c'
                       LOOP EXECUTE 'ALTER TABLE deliveries DROP CONSTRAINT ' || quote_ident(name); END LOOP; END $$",
                )
                .execute(&db.pool)
                .await
                .expect("without");
            }
        }
    }
}

on_each_database!(a_ledger_that_adds_up_has_counts_and_no_findings);
async fn a_ledger_that_adds_up_has_counts_and_no_findings(database: TestDatabase) {
    let world = World::new(&database).await;
    let ledger = world.engine.check().await.expect("a ledger");
    assert_eq!((ledger.events, ledger.attempts), (3, 2));
    assert_eq!(
        ledger.deliveries,
        [(State::Pending, 2), (State::Delivered, 1), (State::Failed, 0), (State::Held, 3), (State::Discarded, 0)]
    );
    assert!(ledger.is_clean(), "{ledger:?}");
}

on_each_database!(a_check_beside_traffic_finds_nothing);
async fn a_check_beside_traffic_finds_nothing(database: TestDatabase) {
    let world = World::new(&database).await;
    let mut accounts = vec![world.account];
    for name in ["other", "third", "fourth"] {
        accounts.push(account(&world.engine, name).await);
        endpoint(&world.engine, accounts[accounts.len() - 1]).await;
    }
    let goes_on = AtomicBool::new(true);
    let traffic = async {
        let hands = Hands(&world.engine);
        for number in 0..40 {
            let event = completed(&world.engine, accounts[number % accounts.len()], &format!("task {number}"));
            let (_, in_flight) = hands.ingest(event).await;
            for one in in_flight {
                hands.finish(one, [200, 500][number / 4 % 2]).await;
            }
        }
        goes_on.store(false, Ordering::Relaxed);
    };
    let checks = async {
        while goes_on.load(Ordering::Relaxed) {
            assert_eq!(world.broken_rules().await, []);
        }
    };
    tokio::join!(traffic, checks);
    let ledger = world.engine.check().await.expect("a ledger");
    assert_eq!((ledger.events, ledger.attempts, ledger.is_clean()), (43, 42, true), "{ledger:?}");
}

on_each_database!(every_broken_rule_is_found);
async fn every_broken_rule_is_found(database: TestDatabase) {
    let breaks: [(Rule, u64, &str); 20] = [
        (Rule::Fanout, 3, "UPDATE events SET fanout = fanout + 1 WHERE TRUE"),
        (Rule::Fanout, 1, "DELETE FROM deliveries WHERE state = 'delivered'"),
        (
            Rule::OncePerEndpoint,
            2,
            "UPDATE deliveries SET event_id = (SELECT id FROM events ORDER BY id LIMIT 1) WHERE TRUE",
        ),
        (Rule::DeliveryHasEvent, 6, "DELETE FROM events WHERE TRUE"),
        (Rule::DeliveryHasEndpoint, 3, "DELETE FROM endpoints WHERE disabled_at IS NOT NULL"),
        (Rule::DeliveryHasEndpoint, 6, "UPDATE deliveries SET account_id = event_id WHERE TRUE"),
        (Rule::AttemptHasDelivery, 1, "DELETE FROM deliveries WHERE state = 'delivered'"),
        (Rule::AttemptsCounted, 1, "DELETE FROM attempts WHERE status = 500"),
        (Rule::AttemptsCounted, 2, "UPDATE attempts SET number = number + 1 WHERE TRUE"),
        (Rule::StateMatchesLastAttempt, 1, "UPDATE attempts SET status = 302 WHERE status = 200"),
        (Rule::StateMatchesLastAttempt, 1, "UPDATE attempts SET failure = 'timeout' WHERE status = 200"),
        (Rule::StateMatchesLastAttempt, 1, "UPDATE deliveries SET state = 'failed' WHERE state = 'delivered'"),
        (Rule::StateIsWhole, 1, "UPDATE deliveries SET completed_at = NULL WHERE state = 'delivered'"),
        (Rule::StateIsWhole, 3, "UPDATE deliveries SET due_at = $1 WHERE state = 'held'"),
        (Rule::StateIsWhole, 3, "UPDATE deliveries SET lease = 7 WHERE state = 'held'"),
        (Rule::StateIsWhole, 2, "UPDATE deliveries SET attempts = failures - 1 WHERE state = 'pending'"),
        (Rule::OpenHasBody, 5, "UPDATE events SET body = NULL WHERE TRUE"),
        (Rule::PendingIsQueued, 2, "DELETE FROM endpoint_queues WHERE TRUE"),
        (Rule::DeletedHasNothingOpen, 4, "UPDATE endpoints SET deleted_at = $1 WHERE TRUE"),
        (Rule::KeyHasEvent, 3, "UPDATE idempotency_keys SET event_id = account_id WHERE TRUE"),
    ];
    for (rule, count, sql) in breaks {
        let database = database.another().await;
        let world = World::new(&database).await;
        world.without_constraints().await;
        assert_eq!(world.broken_rules().await, []);
        world.run(sql, world.clock.now()).await;
        let broken = world.broken_rules().await;
        assert!(broken.contains(&(rule, count)), "{sql}: {broken:?}");
    }
}

on_each_database!(a_delivery_due_before_claiming_looks_again_is_found);
async fn a_delivery_due_before_claiming_looks_again_is_found(database: TestDatabase) {
    let world = World::new(&database).await;
    world.look_again_at(world.clock.now() + Duration::from_secs(59)).await;
    assert_eq!(world.broken_rules().await, [(Rule::PendingIsQueued, 1)], "the retry is due after about 30 s");
}

on_each_database!(a_delivery_that_waits_at_a_disabled_endpoint_is_found);
async fn a_delivery_that_waits_at_a_disabled_endpoint_is_found(database: TestDatabase) {
    let world = World::new(&database).await;
    world
        .run(
            "UPDATE endpoints SET disabled_at = $1, disabled_reason = 'paused' WHERE disabled_at IS NULL",
            world.clock.now(),
        )
        .await;
    assert_eq!(world.broken_rules().await, [(Rule::DisabledHolds, 1)], "what is in flight may be");
}

on_each_database!(a_lease_that_no_process_took_up_is_found);
async fn a_lease_that_no_process_took_up_is_found(database: TestDatabase) {
    let world = World::new(&database).await;
    world.clock.advance(LEASE * 2 + SKEW);
    assert_eq!(world.broken_rules().await, []);
    world.clock.advance(MOMENT);
    assert_eq!(world.broken_rules().await, [(Rule::LeaseNotOverdue, 1)]);
}

on_each_database!(a_backlog_that_a_process_works_on_is_not_overdue);
async fn a_backlog_that_a_process_works_on_is_not_overdue(database: TestDatabase) {
    let world = World::with_a_backlog(&database).await;
    assert_eq!(world.broken_rules().await, [(Rule::LeaseNotOverdue, 3)], "nobody does");

    let claimed_at = world.claim_one().await;
    world.look_again_at(Timestamp::from_unix_micros(0)).await;
    assert_eq!(world.broken_rules().await, [], "a lease holds");
    world.clock.advance(LEASE);
    assert_eq!(world.broken_rules().await, [(Rule::LeaseNotOverdue, 3)], "it held until just now");

    world.look_again_at(claimed_at).await;
    world.clock.advance(SKEW);
    assert_eq!(world.broken_rules().await, [], "its endpoint was claimed from");
    world.clock.advance(MOMENT);
    assert_eq!(world.broken_rules().await, [(Rule::LeaseNotOverdue, 3)], "that is too long ago");
}

on_each_database!(a_backlog_that_takes_hours_is_not_overdue);
async fn a_backlog_that_takes_hours_is_not_overdue(database: TestDatabase) {
    let world = World::with_a_backlog(&database).await;
    for _ in 0..20 {
        // The lease of a delivery that hangs at the receiver, or waits too long in the
        // process, runs out.
        world.claim_one().await;
        assert_eq!(world.broken_rules().await, []);
        world.clock.advance(LEASE);
        assert_eq!(world.broken_rules().await, []);
    }
}

on_each_database!(an_endpoint_that_is_left_out_while_others_are_served_is_found);
async fn an_endpoint_that_is_left_out_while_others_are_served_is_found(database: TestDatabase) {
    let world = World::with_a_backlog(&database).await;
    let _elsewhere = world.serve_another().await;
    assert_eq!(world.broken_rules().await, [(Rule::LeaseNotOverdue, 3)]);
}

on_each_database!(no_lease_is_overdue_while_as_many_attempts_as_may_be_are_under_way);
async fn no_lease_is_overdue_while_as_many_attempts_as_may_be_are_under_way(database: TestDatabase) {
    let world = World::with_a_backlog(&database).await;
    let _elsewhere = world.serve_another().await;
    // Two leases hold at one endpoint, of which the second may have to wait.
    for (in_all, per_endpoint, broken) in [(2, 2, vec![]), (3, 3, vec![3]), (2, 1, vec![3]), (1, 1, vec![])] {
        let settings =
            Settings { max_in_flight: in_all, max_in_flight_per_endpoint: per_endpoint, ..Settings::default() };
        let (engine, clock) = engine(&database, settings, Vec::new());
        clock.advance(world.clock.now().since(clock.now()));
        let ledger = engine.check().await.expect("a ledger");
        let found: Vec<_> = ledger.findings.into_iter().map(|finding| (finding.rule, finding.count)).collect();
        let broken: Vec<_> = broken.into_iter().map(|count| (Rule::LeaseNotOverdue, count)).collect();
        assert_eq!(found, broken, "{in_all} in all, {per_endpoint} for each endpoint");
    }
}

on_each_database!(a_lease_that_is_too_long_is_found);
async fn a_lease_that_is_too_long_is_found(database: TestDatabase) {
    let world = World::new(&database).await;
    let hasty = Settings { lease: Duration::from_secs(30), ..Settings::default() };
    let (engine, _) = engine(&database, hasty, Vec::new());
    let world = World { engine, ..world };
    assert_eq!(world.broken_rules().await, [(Rule::LeaseNotTooLong, 1)]);
}

//! What a claim costs while somebody holds a snapshot, so that no version of a row goes away.

use std::{sync::Arc, time::Duration};

use signet_model::{
    AccountId, DeliveryId, EndpointId, EventId, Timestamp,
    delivery::{Attempt, Phases, Response, State},
    event::EventType,
};
use sqlx::{Connection, PgConnection};

use super::{Driver, claim};
use crate::{
    db::{Database, DatabaseUrl, Tx},
    queue::{
        Batch, Claim, ClaimOrder, ClaimQuota, Counted, DeliveryRow, EventRow, HealthRow, HotPath, Lease, NewAttempt,
        OutcomeRow, Revision, Tally, Write,
    },
    testing::{self, TestDatabase},
};

const SECOND: Duration = Duration::from_secs(1);
pub(super) const NOW: Timestamp = Timestamp::from_unix_seconds(1_774_699_200);
/// The events of a commit.
const EVENTS: u32 = 50;

/// An account with one endpoint, which takes deliveries by claims alone.
pub(super) struct World {
    pub(super) driver: Driver,
    account: AccountId,
    endpoint: EndpointId,
    revision: Revision,
    /// The number of events so far.
    events: u32,
}

impl World {
    pub(super) async fn new(database: &TestDatabase) -> Self {
        let Database::Postgres(db) = &database.db else { unreachable!("asked for PostgreSQL") };
        let (engine, _) = testing::resting_engine(database);
        let account = testing::account(&engine, "acme").await;
        let endpoint = testing::endpoint(&engine, account).await;
        let mut driver = Driver::open(db);
        let Tx::Postgres(mut tx) = driver.begin().await.expect("a transaction") else { unreachable!("on PostgreSQL") };
        let revision = sqlx::query_as("SELECT id, revision FROM accounts").fetch_one(&mut *tx).await.expect("a row");
        drop(tx);
        Self { driver, account, endpoint, revision, events: 0 }
    }

    async fn commit(&mut self, batch: Batch) {
        assert_eq!(self.driver.write(batch).await.expect("an answer"), Write::Committed);
    }

    /// A batch of events, each with a delivery that is due at an instant.
    pub(super) fn events(&mut self, number: u32, due_at: Timestamp) -> Batch {
        let mut batch = Batch { accounts: vec![self.revision], ..Batch::default() };
        for _ in 0..number {
            self.events += 1;
            let mut random = [0; 10];
            random[..4].copy_from_slice(&self.events.to_be_bytes());
            let (event, delivery) = (EventId::new(NOW, random), DeliveryId::new(NOW, random));
            batch.events.push(EventRow {
                id: event,
                account: self.account,
                event_type: EventType::TASK_COMPLETED,
                body: "{}".into(),
                task_id: None,
                occurred_at: NOW,
                accepted_at: NOW,
                fanout: 1,
                is_test: false,
                trace: None,
            });
            batch.deliveries.push(DeliveryRow {
                id: delivery,
                account: self.account,
                event,
                endpoint: self.endpoint,
                event_type: EventType::TASK_COMPLETED,
                is_test: false,
                due_at: Some(due_at),
                look_at: Some(due_at),
                lease: None,
                created_at: NOW,
            });
        }
        batch
    }

    /// The outcomes of delivered deliveries.
    fn delivered(&self, deliveries: &[DeliveryId], at: Timestamp) -> Batch {
        let mut batch = Batch { accounts: vec![self.revision], ..Batch::default() };
        let mut tally = Tally::default();
        for &delivery in deliveries {
            batch.outcomes.push(OutcomeRow {
                account: self.account,
                endpoint: self.endpoint,
                delivery,
                lease: Lease(7),
                state: State::Delivered,
                due_at: None,
                look_at: None,
                attempts: 1,
                failures: 0,
                completed_at: Some(at),
            });
            let attempt = Arc::new(attempt(at));
            let endpoint = (self.account, self.endpoint);
            tally.add(endpoint, &EventType::TASK_COMPLETED, &attempt, Counted::Delivered);
            batch.attempts.push(NewAttempt::new(self.account, delivery, attempt));
        }
        batch.health.push(HealthRow {
            account: self.account,
            endpoint: self.endpoint,
            last_success_at: Some(at),
            last_failure_at: None,
            failures: 0,
        });
        batch.statistics = tally.into_rows();
        batch
    }

    fn order(&self, now: Timestamp) -> ClaimOrder {
        let quota = ClaimQuota {
            account: self.account,
            endpoint: self.endpoint,
            deliveries_max: EVENTS.into(),
            bytes_max: 1_000_000,
            throttle: None,
            is_busy: true,
        };
        ClaimOrder {
            accounts: vec![self.revision],
            endpoints: vec![quota],
            now,
            until: now + 60 * SECOND,
            lease: Lease(7),
        }
    }

    async fn claim(&mut self, now: Timestamp) -> Vec<DeliveryId> {
        let order = self.order(now);
        let Claim::Claimed(batch) = self.driver.claim(order).await.expect("an answer") else { panic!("a claim") };
        batch.deliveries.iter().map(|delivery| delivery.as_ref().expect("usable").id).collect()
    }

    /// Delivers so many events.
    async fn deliver(&mut self, number: u32, now: Timestamp) {
        let batch = self.events(number, now);
        self.commit(batch).await;
        let claimed = self.claim(now).await;
        assert_eq!(claimed.len(), usize::try_from(number).expect("few"));
        let batch = self.delivered(&claimed, now);
        self.commit(batch).await;
    }

    /// The blocks that a claim of one delivery reads, which is rolled back.
    async fn blocks_of_a_claim(&mut self, now: Timestamp) -> i64 {
        const READ: &str = "SELECT sum(pg_stat_get_xact_blocks_fetched(oid))::bigint FROM pg_class
             WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'i', 'p')";
        let batch = self.events(1, now);
        self.commit(batch).await;
        let order = self.order(now);
        let mut tx = self.driver.begin_on_kept().await.expect("a transaction");
        let before: i64 = sqlx::query_scalar(READ).fetch_one(&mut *tx).await.expect("a count");
        let Claim::Claimed(batch) = claim::claim(&mut tx, &order).await.expect("an answer") else { panic!("a claim") };
        assert_eq!(batch.deliveries.len(), 1);
        let after: i64 = sqlx::query_scalar(READ).fetch_one(&mut *tx).await.expect("a count");
        tx.roll_back().await.expect("rolled back");
        let claimed = self.claim(now).await;
        let batch = self.delivered(&claimed, now);
        self.commit(batch).await;
        after - before
    }
}

fn attempt(started_at: Timestamp) -> Attempt {
    Attempt {
        number: 1,
        started_at,
        duration: Duration::from_millis(3),
        first_byte: None,
        phases: Phases::NONE,
        request_headers: Vec::new(),
        response: Some(Response { status: 200, headers: Vec::new(), body: String::new(), body_truncated: false }),
        failure: None,
        failure_detail: None,
        retry_after: None,
    }
}

/// A session of its own, which is not one of Signet's.
async fn session(database: &TestDatabase) -> PgConnection {
    let DatabaseUrl::Postgres(url) = &database.url else { unreachable!("asked for PostgreSQL") };
    PgConnection::connect(url).await.expect("a session")
}

#[tokio::test]
async fn a_claim_costs_the_same_however_much_was_delivered_while_a_snapshot_is_held() {
    let Some(database) = testing::postgres().await else { return };
    let mut world = World::new(&database).await;
    let mut reader = session(&database).await;
    sqlx::raw_sql("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM accounts")
        .execute(&mut reader)
        .await
        .expect("a snapshot");
    world.deliver(EVENTS, NOW).await;
    let at_first = world.blocks_of_a_claim(NOW + SECOND).await;
    let rounds = 60;
    for round in 0..rounds {
        world.deliver(EVENTS, NOW + (2 + round) * SECOND).await;
    }
    let at_last = world.blocks_of_a_claim(NOW + (2 + rounds) * SECOND).await;
    // Each of these deliveries has left two entries at the beginning of `deliveries_due`.
    assert!(at_last <= at_first + 30, "a claim has read {at_first} blocks, and then {at_last}");
}

#[tokio::test]
async fn the_statistics_of_a_busy_endpoint_are_in_rows_of_few_versions() {
    let Some(database) = testing::postgres().await else { return };
    let mut world = World::new(&database).await;
    let number = 12 * EVENTS;
    let batch = world.events(number, NOW);
    world.commit(batch).await;
    for late in 0..12 {
        let now = NOW + Duration::from_millis(late);
        for delivery in world.claim(now).await {
            let batch = world.delivered(&[delivery], now);
            world.commit(batch).await;
        }
    }
    let of_rows = "SELECT count(*) FROM statistics WHERE within_5ms IN (500, 100)";
    assert_eq!(database.count(of_rows).await, 2, "each commit has changed one row once");
    assert_eq!(database.count("SELECT sum(within_5ms) FROM statistics").await, i64::from(number));
    assert_eq!(database.miscounted().await, 0);
}

#[tokio::test]
async fn what_a_version_before_makes_pending_is_claimed() {
    let Some(database) = testing::postgres().await else { return };
    let mut world = World::new(&database).await;
    world.deliver(1, NOW).await;
    let (late, early) = (NOW + 50 * SECOND, NOW + 20 * SECOND);
    let batch = world.events(1, late);
    world.commit(batch).await;
    assert_eq!(world.claim(late).await.len(), 1);
    // As it stores what comes in while the endpoint rests.
    let mut before = session(&database).await;
    let (account, endpoint) = (world.account, world.endpoint);
    let id = DeliveryId::new(NOW, [9; 10]);
    for sql in [
        "INSERT INTO events (id, account_id, event_type, body, occurred_at, accepted_at, fanout, is_test)
         VALUES ($1, $2, 'task.completed', '{}', $4, $4, 1, FALSE) RETURNING $3::uuid",
        "INSERT INTO deliveries (id, account_id, event_id, endpoint_id, event_type, is_test, state, due_at, created_at)
         VALUES ($1, $2, $1, $3, 'task.completed', FALSE, 'pending', $4, $4)",
        "INSERT INTO endpoint_queues (account_id, endpoint_id, next_due_at) VALUES ($2, $3, $4 + interval '80 s')
         ON CONFLICT (account_id, endpoint_id) DO UPDATE SET next_due_at = excluded.next_due_at
         WHERE excluded.next_due_at < endpoint_queues.next_due_at RETURNING $1::uuid",
    ] {
        let query = sqlx::query(sql).bind(id.uuid()).bind(account).bind(endpoint).bind(early);
        query.execute(&mut before).await.expect(sql);
    }
    assert_eq!(world.claim(early + 80 * SECOND).await, [id]);
}

#[tokio::test]
async fn what_is_due_before_all_that_is_pending_is_claimed() {
    let Some(database) = testing::postgres().await else { return };
    let mut world = World::new(&database).await;
    let batch = world.events(1, NOW);
    world.commit(batch).await;
    assert_eq!(world.claim(NOW).await.len(), 1);
    // Nothing is pending but what is leased for a minute. The endpoint rests, and claims look at it
    // later than the next delivery is due.
    assert!(world.claim(NOW + SECOND).await.is_empty());
    let mut batch = world.events(1, NOW + 2 * SECOND);
    batch.deliveries[0].look_at = Some(NOW + 40 * SECOND);
    let waiting = batch.deliveries[0].id;
    world.commit(batch).await;
    assert_eq!(world.claim(NOW + 40 * SECOND).await, [waiting]);
}

#[tokio::test]
async fn the_queue_of_an_endpoint_is_written_every_two_seconds_and_when_nothing_is_due() {
    let Some(database) = testing::postgres().await else { return };
    let mut world = World::new(&database).await;
    let millis = Duration::from_millis;
    let batch = world.events(4 * EVENTS, NOW);
    world.commit(batch).await;
    let mut looks = Vec::new();
    for late in [0, 2_000, 2_100] {
        assert_eq!(world.claim(NOW + millis(late)).await.len(), 50);
        looks.push(world.next_due_at().await);
    }
    assert_eq!(looks, [NOW, NOW, NOW + millis(2_100)]);
    // The rest of the backlog is claimed, and one more is due later.
    let batch = world.events(1, NOW + millis(9_000));
    world.commit(batch).await;
    assert_eq!(world.claim(NOW + millis(2_200)).await.len(), 50);
    assert_eq!(world.next_due_at().await, NOW + millis(2_100));
    assert_eq!(world.claim(NOW + millis(2_300)).await.len(), 0);
    assert_eq!(world.next_due_at().await, NOW + millis(9_000));
    assert_eq!(world.claim(NOW + millis(9_000)).await.len(), 1);
}

impl World {
    async fn next_due_at(&mut self) -> Timestamp {
        let mut tx = self.driver.begin_on_kept().await.expect("a transaction");
        let sql = "SELECT next_due_at FROM endpoint_queues";
        sqlx::query_scalar(sql).fetch_one(&mut *tx).await.expect("the queue")
    }
}

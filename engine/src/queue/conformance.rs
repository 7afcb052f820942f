//! The suite that both drivers of the [`HotPath`] must pass.

use std::{sync::Arc, time::Duration};

use signet_model::{
    AccountId, DeliveryId, EndpointId, EventId,
    delivery::{Attempt, Response, State},
    event::EventType,
};

use super::*;
use crate::testing::{TestDatabase, account, endpoint, on_each_database, resting_engine};

const SECOND: Duration = Duration::from_secs(1);
const NOW: Timestamp = Timestamp::from_unix_seconds(1_774_699_200);
const TRACE: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01 rojo=1";
const BODY: &str = r#"{"event":"task.completed"}"#;

/// An account with one endpoint.
struct World {
    database: TestDatabase,
    queue: Queue,
    account: AccountId,
    endpoint: EndpointId,
}

impl World {
    async fn new(database: TestDatabase) -> Self {
        let (engine, _) = resting_engine(&database);
        let account = account(&engine, "acme").await;
        let endpoint = endpoint(&engine, account).await;
        Self { queue: Queue::open(&database.db), database, account, endpoint }
    }

    /// The account at its present revision.
    async fn revision(&self) -> Revision {
        self.queue.look_up().await.expect("a connection").revisions(&[self.account]).await.expect("revisions")[0]
    }

    /// A batch of one event with one delivery.
    async fn event(&self, number: u8, due_at: Timestamp, lease: Option<Lease>) -> Batch {
        let (id, account) = (EventId::new(NOW, [number; 10]), self.account);
        let event = EventRow {
            id,
            account,
            event_type: EventType::TASK_COMPLETED,
            body: BODY.into(),
            task_id: None,
            occurred_at: NOW,
            accepted_at: NOW,
            fanout: 1,
            is_test: false,
            trace: Some(TRACE.to_owned()),
        };
        let delivery = DeliveryRow {
            id: delivery(number),
            account,
            event: id,
            endpoint: self.endpoint,
            event_type: EventType::TASK_COMPLETED,
            is_test: false,
            due_at: Some(due_at),
            look_at: Some(due_at),
            lease,
            created_at: NOW,
        };
        let accounts = vec![self.revision().await];
        Batch { accounts, events: vec![event], deliveries: vec![delivery], ..Batch::default() }
    }

    /// A batch of one outcome of an attempt.
    async fn outcome(&self, number: u8, lease: Lease, state: State) -> Batch {
        let due_at = (state == State::Pending).then_some(NOW + SECOND);
        let outcome = OutcomeRow {
            account: self.account,
            endpoint: self.endpoint,
            delivery: delivery(number),
            lease,
            state,
            due_at,
            look_at: due_at,
            attempts: 1,
            failures: i32::from(state != State::Delivered),
            completed_at: due_at.is_none().then_some(NOW),
        };
        let attempts = vec![NewAttempt::new(self.account, delivery(number), Arc::new(attempt()))];
        Batch { accounts: vec![self.revision().await], outcomes: vec![outcome], attempts, ..Batch::default() }
    }

    async fn commit(&mut self, batch: Batch) {
        assert_eq!(self.queue.write(batch).await.expect("an answer"), Write::Committed);
    }

    /// Stores one due delivery after the other, a second apart.
    async fn store_due(&mut self, numbers: std::ops::Range<u8>) {
        for number in numbers {
            let batch = self.event(number, NOW + u32::from(number) * SECOND, None).await;
            self.commit(batch).await;
        }
    }

    async fn order(&self, now: Timestamp, deliveries_max: i64, bytes_max: i64) -> ClaimOrder {
        let (account, endpoint) = (self.account, self.endpoint);
        let quota = ClaimQuota { account, endpoint, deliveries_max, bytes_max, throttle: None, is_busy: false };
        ClaimOrder {
            accounts: vec![self.revision().await],
            endpoints: vec![quota],
            now,
            until: now + 60 * SECOND,
            lease: Lease(7),
        }
    }

    async fn claim(&mut self, now: Timestamp, deliveries_max: i64, bytes_max: i64) -> claims::ClaimedBatch {
        let order = self.order(now, deliveries_max, bytes_max).await;
        match self.queue.claim(order).await.expect("an answer") {
            Claim::Claimed(batch) => batch,
            Claim::Stale => panic!("the revision is the present one"),
        }
    }

    async fn due_queues(&self, now: Timestamp) -> Vec<EndpointId> {
        let queues = self.queue.due_queues(now, DueQueue::default(), 9).await.expect("queues");
        queues.iter().map(|queue| queue.address().1).collect()
    }

    async fn count(&self, table: &str) -> i64 {
        self.database.count(&format!("SELECT count(*) FROM {table}")).await
    }

    async fn assert_no_lock_is_held(&self) {
        match &self.database.db {
            Database::Sqlite(_) => self.database.run("UPDATE accounts SET revision = revision").await,
            Database::Postgres(_) => self.database.run("SELECT id FROM accounts FOR UPDATE NOWAIT").await,
        }
    }
}

fn delivery(number: u8) -> DeliveryId {
    DeliveryId::new(NOW, [number; 10])
}

/// The key of the event with this number, which is the same for all.
fn key_of(world: &World, number: u8) -> KeyRow {
    KeyRow {
        account: world.account,
        key: "the key".into(),
        request_hash: [number; 32],
        event: EventId::new(NOW, [number; 10]),
        fanout: 1,
        created_at: NOW,
    }
}

fn ids(batch: &claims::ClaimedBatch) -> Vec<DeliveryId> {
    batch.deliveries.iter().map(|delivery| delivery.as_ref().expect("usable").id).collect()
}

/// An attempt that has a value in each column.
fn attempt() -> Attempt {
    Attempt {
        number: 1,
        started_at: NOW,
        duration: Duration::from_micros(1_500),
        first_byte: Some(Duration::from_micros(1_200)),
        phases: signet_model::delivery::Phases {
            lookup: Some(Duration::from_micros(100)),
            connect: Some(Duration::from_micros(200)),
            tls: Some(Duration::from_micros(300)),
        },
        request_headers: vec![("Webhook-Id".into(), "an id".into())],
        response: Some(Response {
            status: 503,
            headers: vec![("Server".into(), "a receiver".into())],
            body: "come back later".into(),
            body_truncated: true,
        }),
        failure: Some(signet_model::delivery::Failure::Protocol),
        failure_detail: Some("in other words".into()),
        retry_after: None,
    }
}

on_each_database!(stored_deliveries_are_claimed_once_they_are_due);
async fn stored_deliveries_are_claimed_once_they_are_due(database: TestDatabase) {
    let mut world = World::new(database).await;
    world.store_due(1..2).await;
    assert!(world.due_queues(NOW).await.is_empty());
    assert_eq!(world.queue.next_due(NOW).await.expect("an answer"), Some(NOW + SECOND));
    let later = NOW + SECOND;
    assert_eq!(world.due_queues(later).await, [world.endpoint]);
    let batch = world.claim(later, 9, 1_000).await;
    let claimed = batch.deliveries[0].as_ref().expect("usable");
    assert_eq!((claimed.id, claimed.endpoint, claimed.body.as_str()), (delivery(1), world.endpoint, BODY));
    assert_eq!((claimed.attempts, claimed.failures, claimed.is_test), (0, 0, false));
    assert_eq!(claimed.trace.as_ref().map(ToString::to_string).as_deref(), Some(TRACE));
    assert_eq!(batch.endpoints, 1);
    assert!(batch.still_due.is_empty());
}

on_each_database!(a_batch_with_another_revision_is_stale_and_changes_no_row);
async fn a_batch_with_another_revision_is_stale_and_changes_no_row(database: TestDatabase) {
    let mut world = World::new(database).await;
    let mut batch = world.event(1, NOW, None).await;
    batch.accounts[0].1 += 1;
    assert_eq!(world.queue.write(batch).await.expect("an answer"), Write::Stale);
    assert_eq!(world.count("events").await, 0);
    world.assert_no_lock_is_held().await;
}

on_each_database!(a_batch_with_a_key_that_exists_is_stale_and_changes_no_row);
async fn a_batch_with_a_key_that_exists_is_stale_and_changes_no_row(database: TestDatabase) {
    let mut world = World::new(database).await;
    let keys = [1, 2].map(|number| vec![key_of(&world, number)]);
    for (number, (keys, expected)) in (1..).zip(keys.into_iter().zip([Write::Committed, Write::Stale])) {
        let batch = Batch { keys, ..world.event(number, NOW, None).await };
        assert_eq!(world.queue.write(batch).await.expect("an answer"), expected);
    }
    assert_eq!(world.count("events").await, 1);
    let mut tx = world.queue.begin().await.expect("a transaction");
    let answer = tx.stored_answer(world.account, "the key").await.expect("the first answer");
    assert_eq!(answer.request_hash, [1; 32]);
}

on_each_database!(an_outcome_whose_lease_is_lost_makes_the_batch_stale);
async fn an_outcome_whose_lease_is_lost_makes_the_batch_stale(database: TestDatabase) {
    let mut world = World::new(database).await;
    let batch = world.event(1, NOW, Some(Lease(1))).await;
    world.commit(batch).await;
    let late = Batch {
        outcomes: world.outcome(1, Lease(2), State::Delivered).await.outcomes,
        ..world.event(2, NOW, None).await
    };
    assert_eq!(world.queue.write(late).await.expect("an answer"), Write::Stale);
    assert_eq!(world.count("deliveries WHERE state = 'pending' AND lease = 1").await, 1);
    assert_eq!(world.count("events").await, 1);
}

on_each_database!(an_outcome_finishes_its_delivery_and_stores_its_attempt);
async fn an_outcome_finishes_its_delivery_and_stores_its_attempt(database: TestDatabase) {
    let mut world = World::new(database).await;
    let batch = world.event(1, NOW, Some(Lease(1))).await;
    world.commit(batch).await;
    let batch = world.outcome(1, Lease(1), State::Delivered).await;
    world.commit(batch).await;
    let stored = "deliveries WHERE state = 'delivered' AND lease IS NULL AND due_at IS NULL AND attempts = 1";
    assert_eq!(world.count(stored).await, 1);
    let mut conn = world.queue.look_up().await.expect("a connection");
    assert_eq!(conn.attempts(world.account, delivery(1)).await.expect("attempts"), [attempt()]);
}

on_each_database!(outcomes_add_up_in_the_health_of_their_endpoint);
async fn outcomes_add_up_in_the_health_of_their_endpoint(database: TestDatabase) {
    let mut world = World::new(database).await;
    for failures in [2, 3] {
        let health = HealthRow {
            account: world.account,
            endpoint: world.endpoint,
            last_success_at: None,
            last_failure_at: Some(NOW),
            failures,
        };
        // Health is written along with outcomes.
        let number = u8::try_from(failures).expect("a small number");
        let batch = world.event(number, NOW, Some(Lease(1))).await;
        world.commit(batch).await;
        let batch = Batch { health: vec![health], ..world.outcome(number, Lease(1), State::Pending).await };
        world.commit(batch).await;
    }
    assert_eq!(world.count("endpoint_health WHERE consecutive_failures = 5 AND last_success_at IS NULL").await, 1);
}

/// The statistics of one attempt that failed.
fn statistics(world: &World) -> Vec<StatisticsRow> {
    let mut tally = Tally::default();
    tally.add((world.account, world.endpoint), &EventType::TASK_COMPLETED, &attempt(), Counted::FailedAttempt);
    tally.into_rows()
}

on_each_database!(outcomes_add_up_in_the_statistics_of_their_hour);
async fn outcomes_add_up_in_the_statistics_of_their_hour(database: TestDatabase) {
    let mut world = World::new(database).await;
    for number in 1..=3 {
        let batch = world.event(number, NOW, Some(Lease(1))).await;
        world.commit(batch).await;
        let batch = Batch { statistics: statistics(&world), ..world.outcome(number, Lease(1), State::Pending).await };
        world.commit(batch).await;
    }
    let counted = "statistics WHERE within_5ms = 3 AND failed_attempts = 3 AND failed_deliveries = 0 AND longer = 0";
    assert_eq!(world.count(counted).await, 1);
    assert_eq!(world.count("statistics").await, 1);
}

on_each_database!(a_stale_batch_leaves_the_statistics_as_they_are);
async fn a_stale_batch_leaves_the_statistics_as_they_are(database: TestDatabase) {
    let mut world = World::new(database).await;
    let batch = world.event(1, NOW, Some(Lease(1))).await;
    world.commit(batch).await;
    let late = Batch { statistics: statistics(&world), ..world.outcome(1, Lease(2), State::Pending).await };
    assert_eq!(world.queue.write(late).await.expect("an answer"), Write::Stale);
    assert_eq!(world.count("statistics").await, 0);
}

on_each_database!(a_batch_that_fails_changes_no_row_and_holds_no_lock);
async fn a_batch_that_fails_changes_no_row_and_holds_no_lock(database: TestDatabase) {
    let mut world = World::new(database).await;
    let mut batch = world.event(1, NOW, None).await;
    let again = world.event(1, NOW, None).await;
    batch.events.extend(again.events);
    let written = world.queue.write(batch).await;
    assert!(matches!(written, Err(WriteError::RolledBack(_))), "{written:?}");
    assert_eq!(world.count("events").await, 0);
    world.assert_no_lock_is_held().await;
}

on_each_database!(a_batch_after_another_is_compared_with_what_is_stored_as_the_first_one_is);
async fn a_batch_after_another_is_compared_with_what_is_stored_as_the_first_one_is(database: TestDatabase) {
    let mut world = World::new(database).await;
    let first = Batch { keys: vec![key_of(&world, 1)], ..world.event(1, NOW, Some(Lease(1))).await };
    world.commit(first).await;

    let mut revised = world.event(2, NOW, None).await;
    revised.accounts[0].1 += 1;
    let keyed = Batch { keys: vec![key_of(&world, 2)], ..world.event(2, NOW, None).await };
    let late = world.outcome(1, Lease(2), State::Delivered).await;
    let both = Batch {
        outcomes: world.outcome(1, Lease(2), State::Delivered).await.outcomes,
        ..world.event(2, NOW, None).await
    };
    for stale in [revised, keyed, late, both] {
        assert_eq!(world.queue.write(stale).await.expect("an answer"), Write::Stale);
        assert_eq!((world.count("events").await, world.count("attempts").await), (1, 0));
        world.assert_no_lock_is_held().await;
    }
    let mut twice = world.event(2, NOW, None).await;
    twice.events.extend(world.event(2, NOW, None).await.events);
    let refused = world.queue.write(twice).await;
    assert!(matches!(refused, Err(WriteError::RolledBack(_))), "{refused:?}");
    let other = KeyRow { key: "another".into(), ..key_of(&world, 2) };
    let outcome = world.outcome(1, Lease(1), State::Delivered).await;
    let events = Batch { keys: vec![other], ..world.event(2, NOW, None).await };
    let (outcomes, attempts) = (outcome.outcomes, outcome.attempts);
    world.commit(Batch { outcomes, attempts, ..events }).await;
    assert_eq!((world.count("events").await, world.count("attempts").await), (2, 1));
    assert_eq!(world.count("idempotency_keys").await, 2);
}

on_each_database!(a_claim_takes_the_earliest_up_to_its_quota);
async fn a_claim_takes_the_earliest_up_to_its_quota(database: TestDatabase) {
    let mut world = World::new(database).await;
    world.store_due(0..3).await;
    let later = NOW + 9 * SECOND;
    let batch = world.claim(later, 2, 1_000).await;
    assert_eq!(ids(&batch), [delivery(0), delivery(1)]);
    assert!(batch.still_due.contains(&world.endpoint));
    assert_eq!(ids(&world.claim(later, 2, 1_000).await), [delivery(2)]);
}

on_each_database!(a_claim_takes_bodies_up_to_its_bytes_and_one_in_any_case);
async fn a_claim_takes_bodies_up_to_its_bytes_and_one_in_any_case(database: TestDatabase) {
    let mut world = World::new(database).await;
    world.store_due(0..3).await;
    let (later, one_body) = (NOW + 9 * SECOND, i64::try_from(BODY.len()).expect("a short body"));
    assert_eq!(world.claim(later, 9, 2 * one_body - 1).await.deliveries.len(), 1);
    assert_eq!(world.claim(later, 9, 0).await.deliveries.len(), 1);
    assert_eq!(world.claim(later, 9, one_body).await.deliveries.len(), 1);
}

on_each_database!(a_claim_by_another_revision_is_stale_and_holds_no_lock);
async fn a_claim_by_another_revision_is_stale_and_holds_no_lock(database: TestDatabase) {
    let mut world = World::new(database).await;
    world.store_due(0..1).await;
    let mut order = world.order(NOW, 9, 1_000).await;
    order.accounts[0].1 += 1;
    assert!(matches!(world.queue.claim(order).await, Ok(Claim::Stale)));
    assert_eq!(world.count("deliveries WHERE lease IS NULL").await, 1);
    world.assert_no_lock_is_held().await;
}

on_each_database!(a_claimed_delivery_whose_body_is_gone_is_held);
async fn a_claimed_delivery_whose_body_is_gone_is_held(database: TestDatabase) {
    let mut world = World::new(database).await;
    world.store_due(0..2).await;
    let event = world.database.literal(EventId::new(NOW, [0; 10]).uuid());
    world.database.run(&format!("UPDATE events SET body = NULL WHERE id = {event}")).await;
    let batch = world.claim(NOW + SECOND, 9, 1_000).await;
    let (usable, unusable): (Vec<_>, Vec<_>) = batch.deliveries.iter().partition(|delivery| delivery.is_ok());
    assert_eq!((usable.len(), unusable.len()), (1, 1));
    assert_eq!(world.count("deliveries WHERE state = 'held' AND lease IS NULL").await, 1);
}

on_each_database!(a_claim_moves_the_queue_on_and_removes_an_empty_one);
async fn a_claim_moves_the_queue_on_and_removes_an_empty_one(database: TestDatabase) {
    let mut world = World::new(database).await;
    world.store_due(0..1).await;
    assert_eq!(world.claim(NOW, 9, 1_000).await.deliveries.len(), 1);
    // On PostgreSQL the claim that finds nothing moves it on.
    let lease_ends = NOW + 60 * SECOND;
    assert!(world.claim(NOW + SECOND, 9, 1_000).await.deliveries.is_empty());
    assert_eq!(world.queue.next_due(NOW).await.expect("an answer"), Some(lease_ends));
    let batch = world.outcome(0, Lease(7), State::Delivered).await;
    world.commit(batch).await;
    assert!(world.claim(lease_ends, 9, 1_000).await.deliveries.is_empty());
    assert_eq!(world.count("endpoint_queues").await, 0);
}

on_each_database!(a_queue_is_pulled_forward_and_never_back);
async fn a_queue_is_pulled_forward_and_never_back(database: TestDatabase) {
    let mut world = World::new(database).await;
    let due = [9, 5, 7].map(|seconds| NOW + seconds * SECOND);
    for (number, due_at) in (0..).zip(due) {
        let batch = world.event(number, due_at, None).await;
        world.commit(batch).await;
    }
    assert_eq!(world.queue.next_due(NOW).await.expect("an answer"), Some(due[1]));
    let mut tx = world.queue.begin().await.expect("a transaction");
    for due_at in [due[0], NOW + SECOND] {
        tx.pull_forward(QueueEntry::new((world.account, world.endpoint), due_at)).await.expect("pulled");
    }
    tx.commit().await.expect("committed");
    assert_eq!(world.queue.next_due(NOW).await.expect("an answer"), Some(NOW + SECOND));
}

on_each_database!(pages_show_each_due_queue_once);
async fn pages_show_each_due_queue_once(database: TestDatabase) {
    let mut world = World::new(database).await;
    let (engine, _) = resting_engine(&world.database);
    let mut endpoints = vec![world.endpoint];
    for _ in 0..6 {
        endpoints.push(endpoint(&engine, world.account).await);
    }
    for (number, &endpoint) in (0..).zip(&endpoints) {
        world.endpoint = endpoint;
        let batch = world.event(number, NOW, None).await;
        world.commit(batch).await;
    }
    let (mut after, mut seen) = (DueQueue::default(), Vec::new());
    while let page = world.queue.due_queues(NOW, after, 3).await.expect("a page")
        && let Some(&last) = page.last()
    {
        seen.extend(page.iter().map(|queue| queue.address().1));
        after = last;
    }
    endpoints.sort_unstable();
    seen.sort_unstable();
    assert_eq!(seen, endpoints);
}

on_each_database!(a_renewed_driver_goes_on);
async fn a_renewed_driver_goes_on(database: TestDatabase) {
    let mut world = World::new(database).await;
    world.store_due(0..1).await;
    world.queue.renew();
    world.store_due(1..2).await;
    assert_eq!(world.count("events").await, 2);
}

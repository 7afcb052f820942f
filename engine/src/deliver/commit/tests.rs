//! Commits whose assumptions hold, and commits whose assumptions do not.

use std::time::Duration;

use signet_model::{AccountId, EndpointId, delivery::State};

use crate::{
    Engine,
    clock::ManualClock,
    service::deliveries::{Delivery, Filter},
    testing::{Hands, InFlight, TestDatabase, account, completed, endpoint, log, on_each_database, resting_engine},
};

struct World {
    engine: Engine,
    clock: ManualClock,
    account: AccountId,
    endpoint: EndpointId,
}

impl World {
    async fn new(database: &TestDatabase) -> Self {
        let (engine, clock) = resting_engine(database);
        let account = account(&engine, "acme").await;
        let endpoint = endpoint(&engine, account).await;
        Self { engine, clock, account, endpoint }
    }

    /// Claims in another process once the leases of this one have run out.
    async fn claim_elsewhere(&self, database: &TestDatabase) -> Vec<InFlight> {
        let (other, its_clock) = resting_engine(database);
        for clock in [&self.clock, &its_clock] {
            clock.advance(Duration::from_mins(2));
        }
        Hands(&other).claim().await
    }

    /// Oldest first.
    async fn deliveries(&self) -> Vec<Delivery> {
        let all = log(&self.engine, self.account, self.endpoint, &Filter::default(), 10).await;
        all.into_iter().rev().collect()
    }

    async fn states(&self) -> Vec<State> {
        self.deliveries().await.iter().map(|delivery| delivery.state).collect()
    }
}

on_each_database!(an_outcome_whose_lease_is_lost_is_dropped_and_the_event_beside_it_is_stored);
async fn an_outcome_whose_lease_is_lost_is_dropped_and_the_event_beside_it_is_stored(database: TestDatabase) {
    let world = World::new(&database).await;
    let hands = Hands(&world.engine);
    let (_, mut first) = hands.ingest(completed(&world.engine, world.account, "slow")).await;
    let claimed_again = world.claim_elsewhere(&database).await;
    assert_eq!(claimed_again.len(), 1, "the lease has run out");

    let late = first.pop().expect("a delivery");
    let next = hands.finish_and_ingest(vec![(late, 500)], completed(&world.engine, world.account, "next")).await;
    assert_eq!(next.len(), 1, "the event is stored and on its way");
    let deliveries = world.deliveries().await;
    assert_eq!(deliveries.iter().map(|delivery| delivery.attempts).collect::<Vec<_>>(), [0, 0]);

    for in_flight in claimed_again.into_iter().chain(next) {
        hands.finish(in_flight, 200).await;
    }
    assert_eq!(world.states().await, [State::Delivered; 2]);
    assert!(world.engine.check().await.expect("a ledger").is_clean());
}

on_each_database!(an_old_outcome_is_dropped_beside_the_one_that_has_the_lease);
async fn an_old_outcome_is_dropped_beside_the_one_that_has_the_lease(database: TestDatabase) {
    let world = World::new(&database).await;
    let hands = Hands(&world.engine);
    let (_, old) = hands.ingest(completed(&world.engine, world.account, "first")).await;
    let new = world.claim_elsewhere(&database).await;
    let ended = old.into_iter().map(|one| (one, 500)).chain(new.into_iter().map(|one| (one, 200))).collect();
    let next = hands.finish_and_ingest(ended, completed(&world.engine, world.account, "next")).await;
    assert_eq!(next.len(), 1, "the event is stored and on its way");
    let attempts: Vec<_> = world.deliveries().await.iter().map(|delivery| delivery.attempts).collect();
    assert_eq!((world.states().await, attempts), (vec![State::Delivered, State::Pending], vec![1, 0]));
    assert!(world.engine.check().await.expect("a ledger").is_clean());
}

on_each_database!(an_outcome_and_an_event_share_a_commit);
async fn an_outcome_and_an_event_share_a_commit(database: TestDatabase) {
    let world = World::new(&database).await;
    let hands = Hands(&world.engine);
    let (_, mut first) = hands.ingest(completed(&world.engine, world.account, "first")).await;
    let first = first.pop().expect("a delivery");
    world.clock.advance(Duration::from_secs(1));
    let second = hands.finish_and_ingest(vec![(first, 200)], completed(&world.engine, world.account, "second")).await;
    assert_eq!(second.len(), 1);
    assert_eq!(world.states().await, [State::Delivered, State::Pending]);
}

on_each_database!(a_change_by_another_process_is_seen_by_the_next_batch);
async fn a_change_by_another_process_is_seen_by_the_next_batch(database: TestDatabase) {
    let world = World::new(&database).await;
    let hands = Hands(&world.engine);
    let (_, mut first) = hands.ingest(completed(&world.engine, world.account, "before")).await;

    let (other, _) = resting_engine(&database);
    other.as_operator_in(world.account).endpoint(world.endpoint).pause().await.expect("paused");

    let first = first.pop().expect("a delivery");
    let sent = hands.finish_and_ingest(vec![(first, 500)], completed(&world.engine, world.account, "after")).await;
    assert!(sent.is_empty(), "nothing goes to an endpoint that is paused");
    assert_eq!(world.states().await, [State::Held; 2]);
    assert!(world.engine.check().await.expect("a ledger").is_clean());
}

//! The log of an account: every filter, page by page, over all of its webhooks.

use std::{collections::BTreeSet, time::Duration};

use signet_engine::{
    Engine, Settings,
    clock::ManualClock,
    service::{
        Error,
        deliveries::{AtLeast, Delivery, Filter, Log, Rest, ResultClass, RetryError, SEARCHED},
    },
    testing::{Hands, InFlight, TestDatabase, account, assert_adds_up, completed, endpoint, engine, on_each_database},
};
use signet_model::{AccountId, DeliveryId, EndpointId, delivery::State, time::Clock};

struct World {
    engine: Engine,
    clock: ManualClock,
    account: AccountId,
    endpoints: Vec<EndpointId>,
}

impl World {
    /// An account with three webhooks.
    async fn new(database: &TestDatabase) -> Self {
        let (engine, clock) = engine(database, Settings::default(), Vec::new());
        let account = account(&engine, "acme").await;
        let mut endpoints = Vec::new();
        for _ in 0..3 {
            clock.advance(Duration::from_secs(1));
            endpoints.push(endpoint(&engine, account).await);
        }
        Self { engine, clock, account, endpoints }
    }

    /// An event a second later, whose deliveries are answered with these statuses, in the
    /// order of the webhooks; without a status the attempt is left under way.
    async fn event(&self, task: &str, statuses: [Option<u16>; 3]) {
        self.clock.advance(Duration::from_secs(1));
        let hands = Hands(&self.engine);
        let (accepted, in_flight) = hands.ingest(completed(&self.engine, self.account, task)).await;
        accepted.expect("accepted");
        let mut in_flight: Vec<InFlight> = in_flight;
        in_flight.sort_by_key(InFlight::endpoint);
        for (one, status) in in_flight.into_iter().zip(statuses) {
            if let Some(status) = status {
                hands.finish(one, status).await;
            }
        }
    }

    async fn page(&self, filter: &Filter, limit: u32) -> Log {
        self.engine.as_operator_in(self.account).deliveries(filter, None, limit).await.expect("the log")
    }

    /// All that a filter selects, read in pages of this length.
    async fn all(&self, filter: &Filter, limit: u32) -> Vec<Delivery> {
        let (mut all, mut from) = (Vec::new(), None);
        loop {
            let log = self.engine.as_operator_in(self.account).deliveries(filter, from, limit).await.expect("the log");
            assert!(log.deliveries.len() <= limit as usize);
            all.extend(log.deliveries.into_iter().map(|one| one.expect("a usable one")));
            let Some(next) = log.next else { return all };
            assert!(from.is_none_or(|from| next < from), "pages go on");
            from = Some(next);
        }
    }
}

on_each_database!(pages_lead_through_all_deliveries_of_an_account_newest_first_and_each_once);
async fn pages_lead_through_all_deliveries_of_an_account_newest_first_and_each_once(database: TestDatabase) {
    let world = World::new(&database).await;
    for task in 0..7 {
        world.event(&format!("task_{task}"), [Some(200); 3]).await;
    }
    let deleted = world.endpoints[1];
    world.engine.as_operator_in(world.account).endpoint(deleted).delete().await.expect("deleted");
    let whole = world.all(&Filter::default(), 100).await;
    assert_eq!(whole.len(), 21, "those of a deleted webhook are among them");
    for limit in [1, 2, 5, 20, 21] {
        let paged = world.all(&Filter::default(), limit).await;
        let ids = |all: &[Delivery]| all.iter().map(|it| it.id).collect::<Vec<_>>();
        assert_eq!(ids(&paged), ids(&whole), "{limit}");
    }
    assert!(whole.windows(2).all(|pair| (pair[0].event, pair[0].endpoint) > (pair[1].event, pair[1].endpoint)));
    let of_one = Filter { endpoint: Some(deleted), ..Filter::default() };
    assert_eq!(world.all(&of_one, 3).await.len(), 7);
}

fn at_least(counted: usize, more: bool) -> AtLeast {
    AtLeast { counted: u32::try_from(counted).expect("a small number"), more }
}

/// Tells whether a filter selects a delivery.
type Selects<'a> = Box<dyn Fn(&Delivery) -> bool + 'a>;

on_each_database!(each_filter_selects_what_it_says);
async fn each_filter_selects_what_it_says(database: TestDatabase) {
    let world = World::new(&database).await;
    world.event("task_a", [Some(200), Some(500), Some(404)]).await;
    let middle = world.clock.now() + Duration::from_millis(500);
    world.event("task_b", [Some(204), Some(410), None]).await;
    world.event("task_c", [Some(200), None, None]).await;
    let whole = world.all(&Filter::default(), 100).await;
    assert_eq!(whole.len(), 9);
    let some = whole[4].clone();
    let beginning = |id: &str| id[..id.len() - 4].parse().ok();
    let by_state = |state| Filter { state: Some(state), ..Filter::default() };
    let of_tasks = |text: &str| Filter { task: Some(text.to_owned()), task_begins: true, ..Filter::default() };
    let by_class = |class| Filter { result: Some(class), ..Filter::default() };
    let types = |names: &[&str]| names.iter().map(|name| name.parse().expect("a type")).collect::<BTreeSet<_>>();
    let is_of = |delivery: &Delivery, statuses: std::ops::Range<u16>| matches!(delivery.last_outcome, Some(signet_model::delivery::Outcome::Answered(status)) if statuses.contains(&status));
    let cases: Vec<(Filter, Selects<'_>)> = vec![
        (by_state(State::Delivered), Box::new(|it| it.state == State::Delivered)),
        (by_state(State::Pending), Box::new(|it| it.state == State::Pending)),
        (by_state(State::Failed), Box::new(|it| it.state == State::Failed)),
        (by_state(State::Held), Box::new(|it| it.state == State::Held)),
        (by_state(State::Discarded), Box::new(|it| it.state == State::Discarded)),
        (by_class(ResultClass::Success), Box::new(|it| is_of(it, 200..300))),
        (by_class(ResultClass::ClientError), Box::new(|it| is_of(it, 400..500))),
        (by_class(ResultClass::ServerError), Box::new(|it| is_of(it, 500..600))),
        (by_class(ResultClass::Tls), Box::new(|_| false)),
        (Filter { status: Some(204), ..Filter::default() }, Box::new(|it| is_of(it, 204..205))),
        (Filter { status: Some(404), ..Filter::default() }, Box::new(|it| is_of(it, 404..405))),
        (Filter { event_types: Some(types(&["task.completed"])), ..Filter::default() }, Box::new(|_| true)),
        (Filter { event_types: Some(types(&["task.failed"])), ..Filter::default() }, Box::new(|_| false)),
        (Filter { event_types: Some(types(&[])), ..Filter::default() }, Box::new(|_| false)),
        (
            Filter { event_types: Some(types(&["task.completed", "balance.low"])), ..by_state(State::Failed) },
            Box::new(|it| it.state == State::Failed),
        ),
        (Filter { since: Some(middle), ..Filter::default() }, Box::new(|it| it.created_at > middle)),
        (Filter { until: Some(middle), ..Filter::default() }, Box::new(|it| it.created_at < middle)),
        (Filter { task: Some("task_b".to_owned()), ..Filter::default() }, Box::new(|it| it.event == whole[3].event)),
        (Filter { task: Some("task_none".to_owned()), ..Filter::default() }, Box::new(|_| false)),
        (Filter { task: Some("a\0".to_owned()), ..Filter::default() }, Box::new(|_| false)),
        (of_tasks("task_"), Box::new(|_| true)),
        (of_tasks("task_b"), Box::new(|it| it.event == whole[3].event)),
        (of_tasks("Task"), Box::new(|_| false)),
        (of_tasks("task-"), Box::new(|_| false)),
        (of_tasks("a\0"), Box::new(|_| false)),
        (Filter { id: beginning(&some.id.to_string()), ..Filter::default() }, Box::new(|it| it.id == some.id)),
        (Filter { id: some.id.to_string().parse().ok(), ..Filter::default() }, Box::new(|it| it.id == some.id)),
        (Filter { id: beginning(&some.event.to_string()), ..Filter::default() }, Box::new(|it| it.event == some.event)),
        (Filter { id: "msg_".parse().ok(), ..Filter::default() }, Box::new(|_| true)),
        (
            Filter { endpoint: Some(world.endpoints[1]), ..Filter::default() },
            Box::new(|it| it.endpoint == world.endpoints[1]),
        ),
    ];
    for (filter, selects) in cases {
        let expected: Vec<DeliveryId> = whole.iter().filter(|it| selects(it)).map(|it| it.id).collect();
        for limit in [2, 100] {
            let found: Vec<_> = world.all(&filter, limit).await.iter().map(|it| it.id).collect();
            assert_eq!(found, expected, "{filter:?}");
        }
        let counts = world.engine.as_operator_in(world.account).count_deliveries(&filter).await.expect("counts");
        // Counts are of all states, whichever one the filter names.
        for &state in State::ALL.iter().filter(|_| filter.state.is_none()) {
            let expected = whole.iter().filter(|it| it.state == state && selects(it)).count();
            assert_eq!(counts.of(state), at_least(expected, false), "{state:?} of {filter:?}");
        }
    }
}

on_each_database!(a_long_log_is_searched_part_by_part_and_the_answer_says_where_it_ended);
async fn a_long_log_is_searched_part_by_part_and_the_answer_says_where_it_ended(database: TestDatabase) {
    let world = World::new(&database).await;
    let busy = world.endpoints[0];
    database.store_backlog(world.account, busy, signet_engine::testing::Backlog::Failed, 1..30_001).await;
    world.event("task", [Some(200), Some(200), Some(200)]).await;
    let filter = Filter { result: Some(ResultClass::Tls), ..Filter::default() };
    let first = world.page(&filter, 25).await;
    assert!(first.deliveries.is_empty() && first.next.is_some(), "{first:?}");
    assert_eq!(first.rest, Some(Rest::Searched(SEARCHED)));
    assert!(world.all(&filter, 25).await.is_empty());
    let refused = Filter { result: Some(ResultClass::Refused), ..Filter::default() };
    assert_eq!(world.page(&refused, 100).await.deliveries.len(), 100);
}

on_each_database!(counts_end_at_a_bound_and_say_so);
async fn counts_end_at_a_bound_and_say_so(database: TestDatabase) {
    use signet_engine::testing::Backlog;
    let world = World::new(&database).await;
    let neighbour = account(&world.engine, "neighbour").await;
    let its = endpoint(&world.engine, neighbour).await;
    database.store_backlog(neighbour, its, Backlog::Failed, 10_001..15_001).await;
    database.store_backlog(world.account, world.endpoints[0], Backlog::Failed, 1..5_001).await;
    database.store_backlog(world.account, world.endpoints[1], Backlog::Pending, 5_001..9_001).await;
    world.event("task", [Some(200), Some(200), Some(200)]).await;
    let counts = |filter: Filter| {
        let account = world.engine.as_operator_in(world.account);
        async move { account.count_deliveries(&filter).await.expect("counts") }
    };
    let all = counts(Filter::default()).await;
    let most = at_least(1_000, true);
    assert_eq!((all.of(State::Failed), all.all(), all.sendable(None)), (most, most, most));
    assert!(all.of(State::Pending).more && all.of(State::Delivered).counted == 3, "{all:?}");
    assert_eq!(all.of(State::Held), at_least(0, false));
    let tls = counts(Filter { result: Some(ResultClass::Tls), ..Filter::default() }).await;
    assert_eq!(tls.of(State::Failed), at_least(0, true), "not all were looked at");
    let quiet = counts(Filter { endpoint: Some(world.endpoints[2]), ..Filter::default() }).await;
    assert_eq!((quiet.of(State::Delivered), quiet.all()), (at_least(1, false), at_least(1, false)));
}

on_each_database!(receivers_and_tasks_are_named_for_their_own_account_alone);
async fn receivers_and_tasks_are_named_for_their_own_account_alone(database: TestDatabase) {
    let world = World::new(&database).await;
    world.event("task_a", [Some(200); 3]).await;
    let own = world.engine.as_operator_in(world.account);
    own.endpoint(world.endpoints[2]).delete().await.expect("deleted");
    let receivers = own.receivers().await.expect("receivers");
    let ids: Vec<_> = receivers.iter().map(|it| (it.id, it.is_deleted)).collect();
    let [first, second, third] = [world.endpoints[0], world.endpoints[1], world.endpoints[2]];
    assert_eq!(ids, [(second, false), (first, false), (third, true)]);
    let event = world.all(&Filter::default(), 10).await[0].event;
    assert_eq!(own.tasks_of(&[event]).await.expect("tasks").get(&event).map(String::as_str), Some("task_a"));
    let other = account(&world.engine, "other").await;
    let other = world.engine.as_operator_in(other);
    assert!(other.tasks_of(&[event]).await.expect("tasks").is_empty());
    assert!(other.receivers().await.expect("receivers").is_empty());
}

on_each_database!(the_next_attempt_is_made_now_or_none_any_more);
async fn the_next_attempt_is_made_now_or_none_any_more(database: TestDatabase) {
    let world = World::new(&database).await;
    let hands = Hands(&world.engine);
    world.event("task", [Some(500), Some(500), None]).await;
    let waiting = world.all(&Filter { state: Some(State::Pending), ..Filter::default() }, 9).await;
    let [in_flight, retried, stopped] = [2, 1, 0].map(|nth| {
        let endpoint = world.endpoints[nth];
        waiting.iter().find(|it| it.endpoint == endpoint).expect("waiting").id
    });
    let handle = |id| world.engine.as_operator_in(world.account).delivery(id);

    for refused in [handle(in_flight).retry_now().await, handle(in_flight).stop().await.map(drop)] {
        assert!(matches!(refused, Err(RetryError::InFlight)), "{refused:?}");
    }
    handle(retried).retry_now().await.expect("due now");
    let mut claimed = hands.claim().await;
    assert_eq!(claimed.iter().map(InFlight::delivery).collect::<Vec<_>>(), [retried]);
    assert_eq!(claimed[0].failures(), 1, "the round goes on");
    hands.finish(claimed.remove(0), 200).await;
    let refused = handle(retried).retry_now().await;
    assert!(matches!(refused, Err(RetryError::NotPending(State::Delivered))), "{refused:?}");

    assert_eq!(handle(stopped).stop().await.expect("stopped"), State::Failed);
    let endpoint =
        world.engine.as_operator_in(world.account).endpoint(world.endpoints[0]).get().await.expect("the webhook");
    assert_eq!(endpoint.disabled, None);
    handle(retried).resend().await.expect("sent again");
    assert_eq!(handle(retried).stop().await.expect("stopped"), State::Delivered, "it had arrived");
    world.clock.advance(Duration::from_hours(5));
    assert_eq!(hands.claim().await.iter().map(InFlight::delivery).collect::<Vec<_>>(), [in_flight]);
    assert_adds_up(&world.engine).await;
}

on_each_database!(a_delivery_that_was_never_attempted_is_discarded_when_it_is_stopped);
async fn a_delivery_that_was_never_attempted_is_discarded_when_it_is_stopped(database: TestDatabase) {
    let world = World::new(&database).await;
    let endpoint = world.engine.as_operator_in(world.account).endpoint(world.endpoints[0]);
    endpoint.pause().await.expect("paused");
    world.event("task", [Some(200), Some(200), None]).await;
    endpoint.enable().await.expect("enabled");
    let types = signet_model::Subscriptions::all();
    endpoint.release(&types).await.expect("released");
    let pending = world
        .all(&Filter { state: Some(State::Pending), endpoint: Some(world.endpoints[0]), ..Filter::default() }, 9)
        .await;
    let handle = world.engine.as_operator_in(world.account).delivery(pending[0].id);
    assert_eq!(handle.stop().await.expect("stopped"), State::Discarded);
    assert_adds_up(&world.engine).await;
}

on_each_database!(another_account_sees_none_of_it);
async fn another_account_sees_none_of_it(database: TestDatabase) {
    let world = World::new(&database).await;
    world.event("task", [Some(500); 3]).await;
    let other = account(&world.engine, "other").await;
    let foreign = world.engine.as_operator_in(other);
    let id = world.all(&Filter::default(), 9).await[0].id;
    for filter in [
        Filter::default(),
        Filter { task: Some("task".to_owned()), ..Filter::default() },
        Filter { id: id.to_string().parse().ok(), ..Filter::default() },
        Filter { state: Some(State::Pending), ..Filter::default() },
    ] {
        assert!(foreign.deliveries(&filter, None, 9).await.expect("an answer").deliveries.is_empty(), "{filter:?}");
    }
    let named = Filter { endpoint: Some(world.endpoints[0]), ..Filter::default() };
    let refused = foreign.deliveries(&named, None, 9).await;
    assert!(matches!(refused, Err(Error::EndpointNotFound)), "{refused:?}");
    assert!(matches!(foreign.delivery(id).retry_now().await, Err(RetryError::Store(Error::DeliveryNotFound))));
    assert!(matches!(foreign.delivery(id).stop().await, Err(RetryError::Store(Error::DeliveryNotFound))));
    let unchanged = world.engine.as_operator_in(world.account).delivery(id).get().await.expect("the delivery").delivery;
    assert_eq!(unchanged.state, State::Pending);
}

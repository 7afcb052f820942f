//! Streams of events, on both databases: each event is told once, to its own account, and none
//! is missed by a client that was away.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use signet_engine::{
    Engine, Running,
    clock::ManualClock,
    service::{
        Error,
        event_stream::{EventStream, Next, OpenError, STREAMS_PER_ACCOUNT, StreamedEvent, TooManyStreams},
    },
    testing::{TestDatabase, account, completed, endpoint, engine_by, on_each_database},
};
use signet_model::{AccountId, EventId, Timestamp};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

/// Far longer than any story here takes; only a defect reaches it.
const LIMIT: Duration = Duration::from_mins(1);
const AT_ONCE: Duration = Duration::ZERO;

struct World<'d> {
    database: &'d TestDatabase,
    clock: ManualClock,
    engine: Engine,
    running: Running,
    account: AccountId,
}

impl<'d> World<'d> {
    async fn new(database: &'d TestDatabase) -> Self {
        let clock = ManualClock::at(Timestamp::from_unix_seconds(1_774_699_200));
        let engine = engine_by(database, Arc::new(clock.clone()));
        let running = engine.start().expect("a new engine");
        let account = account(&engine, "acme").await;
        Self { database, clock, engine, running, account }
    }

    async fn send(&self, task: &str) -> EventId {
        self.send_to(self.account, task).await
    }

    async fn send_to(&self, account: AccountId, task: &str) -> EventId {
        self.clock.advance(Duration::from_millis(1));
        self.engine.ingest(completed(&self.engine, account, task)).await.expect("accepted").id
    }

    async fn open(&self, last_seen: Option<EventId>) -> EventStream {
        self.engine.as_operator_in(self.account).stream_events(last_seen).await.expect("room")
    }
}

async fn next(stream: &mut EventStream) -> StreamedEvent {
    match timeout(LIMIT, stream.next(LIMIT)).await.expect("in time").expect("a database") {
        Next::Event(event) => event,
        other => panic!("no event: {other:?}"),
    }
}

/// The ids that a stream tells until it has nothing more to tell, and the place that it is at.
async fn rest(stream: &mut EventStream) -> (Vec<EventId>, EventId) {
    let mut ids = Vec::new();
    loop {
        match stream.next(AT_ONCE).await.expect("a database") {
            Next::Event(event) => ids.push(event.id),
            Next::Quiet(place) => return (ids, place),
            Next::Stopping => panic!("the engine stops"),
        }
    }
}

on_each_database!(a_stream_tells_each_event_of_its_account_once_with_the_body_that_is_sent);
async fn a_stream_tells_each_event_of_its_account_once_with_the_body_that_is_sent(database: TestDatabase) {
    let world = World::new(&database).await;
    let other = account(&world.engine, "other").await;
    world.send("before").await;
    world.clock.advance(Duration::from_millis(1));
    let mut stream = world.open(None).await;
    world.send_to(other, "foreign").await;
    let first = world.send("first").await;
    let told = next(&mut stream).await;
    assert_eq!((told.id, told.delivery, told.is_test), (first, None, false));
    assert_eq!(*told.body, *completed(&world.engine, world.account, "first").body.json);
    let second = world.send("second").await;
    assert_eq!(rest(&mut stream).await.0, [second]);
    assert_eq!(rest(&mut stream).await.0, []);
}

on_each_database!(a_stream_that_waits_is_woken_by_an_event);
async fn a_stream_that_waits_is_woken_by_an_event(database: TestDatabase) {
    let world = World::new(&database).await;
    let mut stream = world.open(None).await;
    let (told, sent) = tokio::join!(next(&mut stream), world.send("first"));
    assert_eq!(told.id, sent);
}

on_each_database!(an_event_that_another_process_commits_late_is_not_missed);
async fn an_event_that_another_process_commits_late_is_not_missed(database: TestDatabase) {
    let world = World::new(&database).await;
    let mut stream = world.open(None).await;
    world.clock.advance(Duration::from_secs(2));
    let late = EventId::new(Timestamp::from_unix_seconds(1_774_699_201), [7; 10]);
    let sent = world.send("first").await;
    assert_eq!(rest(&mut stream).await.0, [sent]);
    world.copy_event(sent, late).await;
    assert_eq!(rest(&mut stream).await.0, [late]);
    assert_eq!(rest(&mut stream).await.0, []);
}

impl World<'_> {
    /// Stores a copy of an event under another id, as a commit that took long does.
    async fn copy_event(&self, from: EventId, to: EventId) {
        let [from, to] = [from, to].map(|id| self.database.literal(id.uuid()));
        let columns = "account_id, event_type, body, task_id, occurred_at, accepted_at, fanout, is_test";
        let sql = format!("INSERT INTO events (id, {columns}) SELECT {to}, {columns} FROM events WHERE id = {from}");
        self.database.run(&sql).await;
    }
}

on_each_database!(a_client_that_was_away_misses_nothing);
async fn a_client_that_was_away_misses_nothing(database: TestDatabase) {
    let world = World::new(&database).await;
    let mut stream = world.open(None).await;
    let first = world.send("first").await;
    assert_eq!(rest(&mut stream).await.0, [first]);
    drop(stream);
    let mut missed = BTreeSet::new();
    world.clock.advance(Duration::from_secs(40));
    let crowd = (0..1_100).map(|number| completed(&world.engine, world.account, &format!("missed {number}")));
    for accepted in world.engine.ingest_batch(crowd.collect()).await {
        missed.insert(accepted.expect("accepted").id);
    }
    world.clock.advance(Duration::from_mins(58));
    missed.insert(world.send("the last one").await);
    let mut stream = world.open(Some(first)).await;
    assert_eq!(stream.missed_since(), None);
    let (told, place) = rest(&mut stream).await;
    assert_eq!(told.iter().copied().filter(|id| *id != first).collect::<BTreeSet<_>>(), missed);
    assert!(told.len() <= missed.len() + 1, "an event is told twice");
    // A place without an event will do as well, however long ago the last event was.
    drop(stream);
    world.clock.advance(Duration::from_mins(59));
    let next = world.send("much later").await;
    assert_eq!(rest(&mut world.open(Some(place)).await).await.0.last(), Some(&next));
}

on_each_database!(a_client_that_was_away_for_too_long_is_told_so);
async fn a_client_that_was_away_for_too_long_is_told_so(database: TestDatabase) {
    let world = World::new(&database).await;
    let seen = world.send("seen").await;
    world.send("forgotten").await;
    world.clock.advance(Duration::from_mins(30));
    let told = world.send("told").await;
    world.clock.advance(Duration::from_mins(40));
    let mut stream = world.open(Some(seen)).await;
    assert_eq!(stream.missed_since(), Some(seen.created_at()));
    assert_eq!(rest(&mut stream).await.0, [told]);
}

on_each_database!(a_stream_of_a_webhook_tells_what_reaches_it_alone);
async fn a_stream_of_a_webhook_tells_what_reaches_it_alone(database: TestDatabase) {
    let world = World::new(&database).await;
    let account = world.engine.as_operator_in(world.account);
    let old = endpoint(&world.engine, world.account).await;
    let first = world.send("first").await;
    let new = endpoint(&world.engine, world.account).await;
    let second = world.send("second").await;
    let mut stream = account.endpoint(new).stream_deliveries(Some(first)).await.expect("room");
    let told = next(&mut stream).await;
    assert_eq!(told.id, second);
    let delivery = account.delivery(told.delivery.expect("a delivery")).get().await.expect("a delivery").delivery;
    assert_eq!((delivery.event, delivery.endpoint), (second, new));
    assert_eq!(rest(&mut stream).await.0, []);
    let mut stream = account.endpoint(old).stream_deliveries(Some(first)).await.expect("room");
    assert_eq!(rest(&mut stream).await.0, [first, second]);
}

on_each_database!(another_account_opens_no_stream_of_a_webhook);
async fn another_account_opens_no_stream_of_a_webhook(database: TestDatabase) {
    let world = World::new(&database).await;
    let (endpoint, other) = (endpoint(&world.engine, world.account).await, account(&world.engine, "other").await);
    let refused = world.engine.as_operator_in(other).endpoint(endpoint).stream_deliveries(None).await;
    assert!(matches!(refused, Err(OpenError::Store(Error::EndpointNotFound))), "{refused:?}");
}

on_each_database!(an_account_has_no_more_streams_than_it_may_and_leaves_others_theirs);
async fn an_account_has_no_more_streams_than_it_may_and_leaves_others_theirs(database: TestDatabase) {
    let world = World::new(&database).await;
    let other = account(&world.engine, "other").await;
    let mut open = Vec::new();
    for _ in 0..STREAMS_PER_ACCOUNT {
        open.push(world.open(None).await);
    }
    let refused = world.engine.as_operator_in(world.account).stream_events(None).await;
    assert!(matches!(refused, Err(OpenError::TooMany(TooManyStreams::OfAccount(_)))), "{refused:?}");
    assert!(world.engine.as_operator_in(other).stream_events(None).await.is_ok());
    open.pop();
    assert!(world.engine.as_operator_in(world.account).stream_events(None).await.is_ok());
}

on_each_database!(a_stream_ends_when_the_process_stops);
async fn a_stream_ends_when_the_process_stops(database: TestDatabase) {
    let world = World::new(&database).await;
    let mut stream = world.open(None).await;
    let stop = world.running.stop(CancellationToken::new());
    let (ended, ()) = tokio::join!(timeout(LIMIT, stream.next(LIMIT)), stop);
    assert_eq!(ended.expect("in time").expect("no failure"), Next::Stopping);
}

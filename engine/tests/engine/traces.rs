//! The trace of a producer's request goes with its event to every attempt, and a recorder hears of
//! each event and each attempt.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use signet_engine::{
    Engine, Running, Settings,
    clock::ManualClock,
    deliver::ingest::{Idempotency, NewEvent},
    service::{
        deliveries::{Delivery, DeliveryDetail, Filter},
        endpoints::EndpointDraft,
    },
    spans::{AttemptMade, Ingested, Span, SpanRecorder, Work},
    testing::{self, Arrival, Receiver, TestDatabase, account, completed, engine, on_each_database},
};
use signet_model::{
    AccountId, DeliveryId, EndpointId, Subscriptions,
    delivery::{Outcome, State},
    event::EventType,
    signature::verify_standard,
    time::Clock,
    trace::{TraceContext, TraceId},
};
use tokio_util::sync::CancellationToken;

/// Far longer than any story here takes; only a defect reaches it.
const LIMIT: Duration = Duration::from_mins(1);
const SAMPLED: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
const NOT_SAMPLED: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00";

struct World {
    engine: Engine,
    clock: ManualClock,
    running: Running,
    receiver: Receiver,
    account: AccountId,
    endpoint: EndpointId,
}

/// The spans that a recorder has heard of.
#[derive(Default)]
struct Recorder {
    /// Records traces that begin here.
    begins: bool,
    spans: Mutex<Vec<Span>>,
}

impl SpanRecorder for Recorder {
    fn records(&self, _: TraceId) -> bool {
        self.begins
    }

    fn take(&self, span: Span) {
        self.spans.lock().unwrap_or_else(PoisonError::into_inner).push(span);
    }
}

impl Recorder {
    /// The spans of events, and those of attempts.
    fn spans(&self) -> (Vec<Span>, Vec<Span>) {
        let all = self.spans.lock().unwrap_or_else(PoisonError::into_inner).clone();
        all.into_iter().partition(|span| matches!(span.work, Work::Ingest(_)))
    }
}

impl World {
    async fn begin(database: &TestDatabase, recorder: Option<&Arc<Recorder>>) -> Self {
        let receiver = Receiver::start().await;
        let (engine, clock, running) = start(database, &receiver, recorder);
        let account = account(&engine, "acme").await;
        let draft = EndpointDraft::new(receiver.url("hook"), Subscriptions::all());
        let of_account = engine.as_operator_in(account);
        let endpoint = of_account.endpoints().create(draft, &engine.new_secret()).await.expect("an endpoint").id;
        Self { engine, clock, running, receiver, account, endpoint }
    }

    /// Stops the process, and starts another one.
    async fn restart(self, database: &TestDatabase, recorder: Option<&Arc<Recorder>>) -> Self {
        let Self { receiver, running, account, endpoint, clock: before, .. } = self;
        running.stop(CancellationToken::new()).await;
        let (engine, clock, running) = start(database, &receiver, recorder);
        clock.advance(before.now().since(clock.now()));
        Self { engine, clock, running, receiver, account, endpoint }
    }

    fn event(&self, trace: Option<&str>) -> NewEvent {
        let trace = trace.map(|text| Arc::new(text.parse().expect("a trace context")));
        NewEvent { trace, ..completed(&self.engine, self.account, "task") }
    }

    async fn send(&self, trace: Option<&str>) -> DeliveryId {
        self.clock.advance(Duration::from_micros(1));
        self.engine.ingest(self.event(trace)).await.expect("accepted");
        self.log().await[0].id
    }

    async fn log(&self) -> Vec<Delivery> {
        testing::log(&self.engine, self.account, self.endpoint, &Filter::default(), 100).await
    }

    /// Waits until the delivery has had so many attempts and rests.
    async fn rested(&self, id: DeliveryId, attempts: usize) -> DeliveryDetail {
        let resting = async {
            loop {
                let delivery = self.engine.as_operator_in(self.account).delivery(id);
                let detail = delivery.await_attempt(LIMIT).await.expect("a delivery");
                if detail.attempts.len() >= attempts && !detail.delivery.in_flight {
                    return detail;
                }
                self.engine.wake();
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(LIMIT, resting).await.expect("the attempt is recorded")
    }

    /// Goes to the instant at which the next attempt is due.
    fn go_on(&self, detail: &DeliveryDetail) {
        let due_at = detail.delivery.due_at.expect("a retry");
        self.clock.advance(due_at.since(self.clock.now()));
        self.engine.wake();
    }

    async fn end(self) {
        self.running.stop(CancellationToken::new()).await;
        self.engine.close().await;
    }
}

fn start(
    database: &TestDatabase,
    receiver: &Receiver,
    recorder: Option<&Arc<Recorder>>,
) -> (Engine, ManualClock, Running) {
    let (engine, clock) = engine(database, Settings::default(), vec![receiver.authority.clone()]);
    if let Some(recorder) = recorder {
        assert!(engine.record_spans(Arc::<Recorder>::clone(recorder)));
    }
    let running = engine.start().expect("a new engine");
    (engine, clock, running)
}

/// The headers of traces that a request had.
fn headers(arrival: &Arrival) -> (Option<&str>, Option<&str>) {
    let value = |name| arrival.headers.get(name).map(String::as_str);
    (value("traceparent"), value("tracestate"))
}

fn context(text: &str) -> TraceContext {
    text.parse().expect("a trace context")
}

on_each_database!(every_attempt_carries_the_trace_of_its_event_as_it_came);
async fn every_attempt_carries_the_trace_of_its_event_as_it_came(database: TestDatabase) {
    let world = World::begin(&database, None).await;
    world.receiver.answer(500);
    let id = world.send(Some(&format!("{SAMPLED} rojo=1,congo=2"))).await;
    let first = world.rested(id, 1).await;
    // Another process claims the retry.
    let world = world.restart(&database, None).await;
    world.receiver.answer(200);
    world.go_on(&first);
    assert_eq!(world.rested(id, 2).await.delivery.state, State::Delivered);
    world.engine.as_operator_in(world.account).delivery(id).resend().await.expect("sent again");
    let detail = world.rested(id, 3).await;
    let arrivals = world.receiver.arrived(3).await;
    let carried: Vec<_> = arrivals.iter().map(headers).collect();
    assert_eq!(carried, [(Some(SAMPLED), Some("rojo=1,congo=2")); 3]);
    for attempt in &detail.attempts {
        assert_eq!(attempt.sent_header("traceparent"), Some(SAMPLED), "it is shown");
        assert_eq!(attempt.sent_header("tracestate"), Some("rojo=1,congo=2"));
    }
    world.end().await;
}

on_each_database!(a_trace_changes_neither_the_body_nor_the_signatures);
async fn a_trace_changes_neither_the_body_nor_the_signatures(database: TestDatabase) {
    let world = World::begin(&database, None).await;
    world.send(None).await;
    world.send(Some(SAMPLED)).await;
    let arrivals = world.receiver.arrived(2).await;
    assert_eq!(arrivals[0].body, arrivals[1].body);
    let endpoint = world.engine.as_operator_in(world.account).endpoint(world.endpoint);
    let secret = endpoint.reveal_secret().await.expect("the secret");
    for Arrival { headers, body, .. } in &arrivals {
        let (id, at, signature) =
            (&headers["webhook-id"], &headers["webhook-timestamp"], &headers["webhook-signature"]);
        assert!(verify_standard(&secret, id, at, body.as_bytes(), signature));
    }
    world.end().await;
}

on_each_database!(events_of_one_request_have_each_their_own_trace_or_none);
async fn events_of_one_request_have_each_their_own_trace_or_none(database: TestDatabase) {
    let world = World::begin(&database, None).await;
    world.engine.as_operator_in(world.account).endpoint(world.endpoint).pause().await.expect("paused");
    let events = [Some(SAMPLED), None, Some(NOT_SAMPLED)].map(|trace| world.event(trace));
    for answer in world.engine.ingest_batch(events.into()).await {
        assert_eq!(answer.expect("accepted").deliveries, 1);
    }
    // The deliveries are claimed together.
    let endpoint = world.engine.as_operator_in(world.account).endpoint(world.endpoint);
    endpoint.enable().await.expect("enabled");
    assert_eq!(endpoint.release(&Subscriptions::all()).await.expect("released"), 3);
    world.clock.advance(Duration::from_secs(1));
    world.engine.wake();
    let mut carried: Vec<_> =
        world.receiver.arrived(3).await.iter().map(|it| headers(it).0.map(str::to_owned)).collect();
    carried.sort();
    assert_eq!(carried, [None, Some(NOT_SAMPLED.to_owned()), Some(SAMPLED.to_owned())]);
    world.end().await;
}

on_each_database!(a_test_that_a_person_sends_has_no_trace);
async fn a_test_that_a_person_sends_has_no_trace(database: TestDatabase) {
    let world = World::begin(&database, None).await;
    let endpoint = world.engine.as_operator_in(world.account).endpoint(world.endpoint);
    endpoint.send_test(&EventType::TASK_FAILED).await.expect("sent");
    assert_eq!(headers(&world.receiver.arrived(1).await[0]), (None, None));
    world.end().await;
}

on_each_database!(a_trace_that_cannot_be_read_holds_no_delivery_up);
async fn a_trace_that_cannot_be_read_holds_no_delivery_up(database: TestDatabase) {
    let world = World::begin(&database, None).await;
    world.receiver.answer(500);
    let id = world.send(Some(SAMPLED)).await;
    let first = world.rested(id, 1).await;
    database.run("UPDATE events SET trace_context = 'damaged'").await;
    world.receiver.answer(200);
    world.go_on(&first);
    assert_eq!(world.rested(id, 2).await.delivery.state, State::Delivered);
    assert_eq!(headers(&world.receiver.arrived(2).await[1]), (None, None));
    world.end().await;
}

on_each_database!(a_repeated_request_keeps_the_trace_of_the_first);
async fn a_repeated_request_keeps_the_trace_of_the_first(database: TestDatabase) {
    let recorder = Arc::new(Recorder::default());
    let world = World::begin(&database, Some(&recorder)).await;
    let keyed = |trace| NewEvent {
        idempotency: Some(Idempotency { key: "k".into(), request_hash: [1; 32] }),
        ..world.event(Some(trace))
    };
    let other = "00-11111111111111111111111111111111-2222222222222222-01";
    let first = world.engine.ingest(keyed(SAMPLED)).await.expect("accepted");
    let again = world.engine.ingest(keyed(other)).await.expect("the first answer");
    assert!(again.replayed && again.id == first.id);
    let arrival = world.receiver.arrived(1).await.remove(0);
    assert_eq!(context(headers(&arrival).0.expect("a trace")).parent.trace, context(SAMPLED).parent.trace);
    let (ingests, _) = recorder.spans();
    let told: Vec<_> = ingests.iter().map(|span| (span.context.parent.trace, span.work.clone())).collect();
    let stored = |replayed| Work::Ingest(Ok(Ingested { event: first.id, deliveries: 1, replayed }));
    assert_eq!(
        told,
        [(context(SAMPLED).parent.trace, stored(false)), (context(other).parent.trace, stored(true))],
        "each request has a span in its own trace"
    );
    world.end().await;
}

on_each_database!(a_recorder_hears_of_the_event_and_of_each_attempt);
async fn a_recorder_hears_of_the_event_and_of_each_attempt(database: TestDatabase) {
    let recorder = Arc::new(Recorder::default());
    let world = World::begin(&database, Some(&recorder)).await;
    world.receiver.answer(503);
    let id = world.send(Some(&format!("{SAMPLED} rojo=1"))).await;
    let first = world.rested(id, 1).await;
    let world = world.restart(&database, Some(&recorder)).await;
    world.receiver.answer(204);
    world.go_on(&first);
    let detail = world.rested(id, 2).await;

    let (ingests, attempts) = recorder.spans();
    let [ingest] = &ingests[..] else { panic!("{ingests:?}") };
    assert_eq!(ingest.parent.as_deref(), Some(&context(&format!("{SAMPLED} rojo=1"))), "the producer's");
    assert_eq!(
        (ingest.account, &ingest.event_type, ingest.is_test),
        (world.account, &EventType::TASK_COMPLETED, false)
    );
    let stored = Ingested { event: detail.delivery.event, deliveries: 1, replayed: false };
    assert_eq!(ingest.work, Work::Ingest(Ok(stored)));

    let made = |number, status, verdict| {
        let url = world.receiver.url("hook");
        Work::Attempt(AttemptMade {
            delivery: id,
            endpoint: world.endpoint,
            host: "localhost".into(),
            port: url.url().port(),
            number,
            outcome: Outcome::Answered(status),
            verdict,
        })
    };
    let told: Vec<_> = attempts.iter().map(|span| span.work.clone()).collect();
    assert_eq!(told, [made(1, 503, "retried"), made(2, 204, "delivered")]);
    let mut spans = vec![context(SAMPLED).parent.span, ingest.context.parent.span];
    let arrivals = world.receiver.arrived(2).await;
    for ((span, attempt), arrival) in attempts.iter().zip(&detail.attempts).zip(&arrivals) {
        assert_eq!(span.parent.as_deref(), Some(&*ingest.context), "linked by what is stored with the event");
        assert_eq!((span.began_at, span.ended_at), (attempt.started_at, attempt.ended_at()));
        let parent = span.context.parent.to_string();
        assert_eq!(headers(arrival), (Some(parent.as_str()), Some("rojo=1")), "the receiver's spans are its children");
        spans.push(span.context.parent.span);
    }
    assert!(ingests.iter().chain(&attempts).all(|span| span.context.parent.trace == context(SAMPLED).parent.trace));
    let all = spans.len();
    spans.sort_by_key(|span| span.bytes());
    spans.dedup();
    assert_eq!((spans.len(), all), (4, 4), "each span has an id of its own");
    world.end().await;
}

on_each_database!(a_process_without_a_recorder_passes_the_span_of_the_event_on);
async fn a_process_without_a_recorder_passes_the_span_of_the_event_on(database: TestDatabase) {
    let recorder = Arc::new(Recorder::default());
    let world = World::begin(&database, Some(&recorder)).await;
    world.receiver.answer(500);
    let id = world.send(Some(SAMPLED)).await;
    let first = world.rested(id, 1).await;
    let world = world.restart(&database, None).await;
    world.go_on(&first);
    world.rested(id, 2).await;
    let (ingests, attempts) = recorder.spans();
    assert_eq!((ingests.len(), attempts.len()), (1, 1));
    let parent = ingests[0].context.parent.to_string();
    assert_eq!(headers(&world.receiver.arrived(2).await[1]).0, Some(parent.as_str()));
    world.end().await;
}

on_each_database!(a_trace_that_its_producer_does_not_record_is_passed_on_and_not_recorded);
async fn a_trace_that_its_producer_does_not_record_is_passed_on_and_not_recorded(database: TestDatabase) {
    let recorder = Arc::new(Recorder { begins: true, ..Recorder::default() });
    let world = World::begin(&database, Some(&recorder)).await;
    let id = world.send(Some(NOT_SAMPLED)).await;
    world.rested(id, 1).await;
    assert_eq!(headers(&world.receiver.arrived(1).await[0]).0, Some(NOT_SAMPLED));
    assert_eq!(recorder.spans(), (Vec::new(), Vec::new()));
    world.end().await;
}

on_each_database!(a_trace_begins_here_if_the_recorder_wants_it);
async fn a_trace_begins_here_if_the_recorder_wants_it(database: TestDatabase) {
    for begins in [false, true] {
        let database = database.another().await;
        let recorder = Arc::new(Recorder { begins, ..Recorder::default() });
        let world = World::begin(&database, Some(&recorder)).await;
        let id = world.send(None).await;
        world.rested(id, 1).await;
        let (ingests, attempts) = recorder.spans();
        let arrival = world.receiver.arrived(1).await.remove(0);
        if begins {
            assert_eq!(ingests[0].parent, None);
            assert_eq!(attempts[0].parent.as_ref(), Some(&ingests[0].context));
            assert_eq!(headers(&arrival).0, Some(attempts[0].context.parent.to_string().as_str()));
            assert!(attempts[0].context.parent.flags.is_sampled());
        } else {
            assert_eq!((ingests.len(), attempts.len(), headers(&arrival)), (0, 0, (None, None)));
        }
        world.end().await;
    }
}

on_each_database!(an_event_that_is_not_taken_has_a_span_that_says_why);
async fn an_event_that_is_not_taken_has_a_span_that_says_why(database: TestDatabase) {
    let recorder = Arc::new(Recorder::default());
    let world = World::begin(&database, Some(&recorder)).await;
    world.engine.as_operator_in(world.account).suspend().await.expect("suspended");
    let error = world.engine.ingest(world.event(Some(SAMPLED))).await.expect_err("refused");
    let (ingests, _) = recorder.spans();
    assert_eq!(ingests[0].work, Work::Ingest(Err(error.to_string())));
    world.end().await;
}

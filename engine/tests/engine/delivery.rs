//! The story of a delivery, on both databases: sent, retried by the table,
//! given up, held, released; across restarts; and for one account only.

use std::time::Duration;

use signet_engine::{
    Engine, Running, Settings,
    clock::ManualClock,
    deliver::ingest::{Accepted, Idempotency, IngestError, NewEvent},
    service::{
        Error,
        backlog::Count,
        deliveries::{Delivery, DeliveryDetail, Filter, ResendError},
        endpoints::{Endpoint, EndpointDraft},
    },
    testing::{self, Receiver, TestDatabase, account, discard, engine, on_each_database},
};
use signet_model::{
    AccountId, DeliveryId, EndpointId, Subscriptions, Timestamp,
    delivery::{Outcome, State},
    endpoint::DisabledReason,
    event::{EventType, Submission},
    retry::Schedule,
    signature::{verify_hex, verify_standard},
    time::Clock,
};
use tokio_util::sync::CancellationToken;

/// Far longer than any story here takes; only a defect reaches it.
const LIMIT: Duration = Duration::from_mins(1);

struct Story {
    engine: Engine,
    clock: ManualClock,
    running: Running,
    receiver: Receiver,
    account: AccountId,
}

fn settings() -> Settings {
    Settings { schedule: Schedule::new(Schedule::default().delays().to_vec(), 0), ..Settings::default() }
}

impl Story {
    async fn begin(database: &TestDatabase) -> Self {
        let receiver = Receiver::start().await;
        let (engine, clock) = engine(database, settings(), vec![receiver.authority.clone()]);
        let running = engine.start().expect("a new engine");
        let account = account(&engine, "acme").await;
        Self { engine, clock, running, receiver, account }
    }

    async fn endpoint(&self) -> Endpoint {
        let description = "A test".parse().expect("text");
        let draft =
            EndpointDraft { description, ..EndpointDraft::new(self.receiver.url("webhooks"), Subscriptions::all()) };
        self.engine
            .as_operator_in(self.account)
            .endpoints()
            .create(draft, &self.engine.new_secret())
            .await
            .expect("an endpoint")
    }

    async fn ingest(&self, task: &str) -> Accepted {
        // So that the log is in the order of the story.
        self.clock.advance(Duration::from_micros(1));
        self.engine.ingest(self.event(task)).await.expect("accepted")
    }

    fn event(&self, task: &str) -> NewEvent {
        let text =
            format!(r#"{{"event":"task.completed","taskId":"{task}","solution":{{"b":1.0,"10":"é","2":null}}}}"#);
        let body = Submission::parse(&text, self.clock.now(), &testing::NoTypes).expect("an event").body;
        NewEvent { account: self.account, body, idempotency: None, trace: None }
    }

    async fn log(&self, endpoint: EndpointId) -> Vec<Delivery> {
        testing::log(&self.engine, self.account, endpoint, &Filter::default(), 100).await
    }

    /// Waits until the delivery has had so many attempts and rests.
    async fn rested(&self, id: DeliveryId, attempts: usize) -> DeliveryDetail {
        let resting = async {
            loop {
                let detail = self
                    .engine
                    .as_operator_in(self.account)
                    .delivery(id)
                    .await_attempt(LIMIT)
                    .await
                    .expect("a delivery");
                if detail.attempts.len() >= attempts && !detail.delivery.in_flight {
                    return detail;
                }
                self.engine.wake();
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(LIMIT, resting).await.expect("the attempt is recorded")
    }

    /// Moves the clock to the instant and lets the engine look.
    fn go_to(&self, instant: Timestamp) {
        self.clock.advance(instant.since(self.clock.now()));
        self.engine.wake();
    }

    async fn end(self) {
        self.running.stop(CancellationToken::new()).await;
        self.engine.close().await;
    }
}

on_each_database!(an_event_arrives_signed_and_its_attempt_is_kept);
async fn an_event_arrives_signed_and_its_attempt_is_kept(database: TestDatabase) {
    let story = Story::begin(&database).await;
    let endpoint = story.endpoint().await;
    let accepted = story.ingest("task_1").await;
    assert_eq!(accepted.deliveries, 1);

    let arrival = story.receiver.arrived(1).await.remove(0);
    let delivery = story.log(endpoint.id).await.remove(0);
    let detail = story.rested(delivery.id, 1).await;
    let secret =
        story.engine.as_operator_in(story.account).endpoint(endpoint.id).reveal_secret().await.expect("the secret");
    let header = |name: &str| arrival.headers.get(name).cloned().unwrap_or_default();

    assert_eq!(
        arrival.body,
        r#"{"event":"task.completed","taskId":"task_1","status":"ready","solution":{"2":null,"10":"é","b":1},"timestamp":"2026-03-28T12:00:00Z"}"#
    );
    assert!(verify_hex(&secret, arrival.body.as_bytes(), &header("x-webhook-signature")));
    let (id, at) = (header("webhook-id"), header("webhook-timestamp"));
    assert!(verify_standard(&secret, &id, &at, arrival.body.as_bytes(), &header("webhook-signature")));
    assert_eq!(
        (id, header("x-webhook-event"), header("x-webhook-attempt")),
        (delivery.id.to_string(), "task.completed".into(), "1".into())
    );

    assert_eq!((detail.delivery.state, detail.delivery.attempts), (State::Delivered, 1));
    assert_eq!(detail.delivery.last_outcome, Some(Outcome::Answered(200)));
    assert_eq!(detail.body.as_deref(), Some(arrival.body.as_str()));
    assert_eq!(detail.attempts[0].response.as_ref().map(|it| it.body.as_str()), Some("note"));
    assert!(
        detail.attempts[0]
            .request_headers
            .iter()
            .any(|(name, value)| name == "Webhook-Id" && *value == delivery.id.to_string())
    );
    story.end().await;
}

on_each_database!(the_retry_table_is_followed_to_the_end_and_the_endpoint_disabled);
async fn the_retry_table_is_followed_to_the_end_and_the_endpoint_disabled(database: TestDatabase) {
    let story = Story::begin(&database).await;
    let endpoint = story.endpoint().await;
    story.receiver.answer(500);
    story.ingest("task_1").await;
    let id = story.log(endpoint.id).await[0].id;

    for (failed, delay) in [30, 120, 600, 3_600, 14_400].into_iter().enumerate() {
        let detail = story.rested(id, failed + 1).await;
        let ended_at = detail.attempts[failed].ended_at();
        assert_eq!(detail.delivery.state, State::Pending);
        let due_at = detail.delivery.due_at.expect("a retry");
        assert_eq!(due_at.since(ended_at), Duration::from_secs(delay), "after attempt {}", failed + 1);
        // A moment too early no attempt is made. The next round checks that there was one
        // attempt afterwards.
        story.go_to(due_at);
    }
    let detail = story.rested(id, 6).await;
    assert_eq!((detail.delivery.state, detail.delivery.attempts), (State::Failed, 6));
    assert_eq!(detail.attempts.iter().map(|attempt| attempt.number).collect::<Vec<_>>(), [1, 2, 3, 4, 5, 6]);
    let ids: Vec<_> = story.receiver.arrivals().iter().map(|arrival| arrival.headers["webhook-id"].clone()).collect();
    assert_eq!(ids, vec![id.to_string(); 6]);

    let disabled = story.engine.as_operator_in(story.account).endpoint(endpoint.id).get().await.expect("it").disabled;
    let disabled = disabled.expect("it is disabled");
    assert_eq!((disabled.reason, disabled.by), (Some(DisabledReason::RetriesExhausted), Some(id)));
    story.end().await;
}

on_each_database!(a_disabled_endpoint_gets_all_its_deliveries_on_release);
async fn a_disabled_endpoint_gets_all_its_deliveries_on_release(database: TestDatabase) {
    let story = Story::begin(&database).await;
    let endpoint = story.endpoint().await;
    story.receiver.answer(503);
    story.ingest("waits").await;
    let waiting = story.log(endpoint.id).await[0].id;
    story.rested(waiting, 1).await;
    story.receiver.answer(410);
    story.ingest("gone").await;
    let gone = story.log(endpoint.id).await[0].id;
    assert_eq!(story.rested(gone, 1).await.delivery.state, State::Failed);
    let found = story.engine.as_operator_in(story.account).endpoint(endpoint.id).get().await.expect("it");
    assert_eq!(found.disabled.map(|it| it.reason), Some(Some(DisabledReason::Gone)));

    assert_eq!(story.ingest("meanwhile").await.deliveries, 1);
    let states: Vec<_> = story.log(endpoint.id).await.iter().map(|delivery| delivery.state).collect();
    assert_eq!(states, [State::Held, State::Failed, State::Held]);
    assert_eq!(
        story.engine.as_operator_in(story.account).endpoint(endpoint.id).held_counts().await.expect("counts"),
        [(EventType::TASK_COMPLETED, Count::from(2))]
    );
    let refused = story.engine.as_operator_in(story.account).endpoint(endpoint.id).release(&Subscriptions::all()).await;
    assert_eq!(refused.expect("an answer"), 0, "nothing is released to a disabled endpoint");

    story.receiver.answer(200);
    story.engine.as_operator_in(story.account).endpoint(endpoint.id).enable().await.expect("enabled");
    let released =
        story.engine.as_operator_in(story.account).endpoint(endpoint.id).release(&Subscriptions::all()).await;
    assert_eq!(released.expect("released"), 2);
    story.clock.advance(Duration::from_secs(1));
    story.engine.wake();
    for delivery in story.log(endpoint.id).await.iter().filter(|delivery| delivery.id != gone) {
        story.rested(delivery.id, if delivery.id == waiting { 2 } else { 1 }).await;
    }
    let states: Vec<_> = story.log(endpoint.id).await.iter().map(|delivery| delivery.state).collect();
    assert_eq!(states, [State::Delivered, State::Failed, State::Delivered]);
    story.end().await;
}

on_each_database!(held_deliveries_can_be_discarded_by_type);
async fn held_deliveries_can_be_discarded_by_type(database: TestDatabase) {
    let story = Story::begin(&database).await;
    let endpoint = story.endpoint().await;
    story.engine.as_operator_in(story.account).endpoint(endpoint.id).pause().await.expect("paused");
    story.ingest("held").await;
    let only = |kind| Subscriptions::of_types([kind]).expect("one type");
    let discarded = async |kind| discard(&story.engine, story.account, endpoint.id, &only(kind)).await;
    assert_eq!(discarded(EventType::TASK_FAILED).await.expect("an answer"), 0);
    assert_eq!(discarded(EventType::TASK_COMPLETED).await.expect("an answer"), 1);
    assert_eq!(story.log(endpoint.id).await[0].state, State::Discarded);
    assert!(story.receiver.arrivals().is_empty());
    story.end().await;
}

on_each_database!(a_retry_survives_a_restart);
async fn a_retry_survives_a_restart(database: TestDatabase) {
    let story = Story::begin(&database).await;
    let endpoint = story.endpoint().await;
    story.receiver.answer(500);
    story.ingest("task_1").await;
    let id = story.log(endpoint.id).await[0].id;
    let due_at = story.rested(id, 1).await.delivery.due_at.expect("a retry");
    let Story { running, receiver, account, .. } = story;
    running.stop(CancellationToken::new()).await;

    receiver.answer(204);
    let (engine, clock) = engine(&database, settings(), vec![receiver.authority.clone()]);
    let running = engine.start().expect("a new engine");
    let story = Story { engine, clock, running, receiver, account };
    story.go_to(due_at);
    let detail = story.rested(id, 2).await;
    assert_eq!((detail.delivery.state, detail.delivery.attempts), (State::Delivered, 2));
    story.end().await;
}

on_each_database!(a_test_event_goes_the_same_way_but_once_and_even_to_a_disabled_endpoint);
async fn a_test_event_goes_the_same_way_but_once_and_even_to_a_disabled_endpoint(database: TestDatabase) {
    let story = Story::begin(&database).await;
    let endpoint = story.endpoint().await;
    story.engine.as_operator_in(story.account).endpoint(endpoint.id).pause().await.expect("paused");
    story.receiver.answer(500);
    let id = story
        .engine
        .as_operator_in(story.account)
        .endpoint(endpoint.id)
        .send_test(&EventType::BALANCE_LOW)
        .await
        .expect("sent");
    let detail = story.rested(id, 1).await;
    assert_eq!((detail.delivery.state, detail.delivery.is_test), (State::Failed, true));
    let arrival = story.receiver.arrived(1).await.remove(0);
    assert_eq!(arrival.headers["x-webhook-test"], "true");
    assert!(arrival.body.starts_with(r#"{"event":"balance.low","balance":45.5,"threshold":50,"#));
    story.end().await;
}

on_each_database!(a_resend_has_the_same_id_and_counts_on);
async fn a_resend_has_the_same_id_and_counts_on(database: TestDatabase) {
    let story = Story::begin(&database).await;
    let endpoint = story.endpoint().await;
    story.ingest("task_1").await;
    let id = story.log(endpoint.id).await[0].id;
    story.rested(id, 1).await;
    story.engine.as_operator_in(story.account).delivery(id).resend().await.expect("sent again");
    let arrival = story.receiver.arrived(2).await.remove(1);
    assert_eq!(
        (arrival.headers["webhook-id"].as_str(), arrival.headers["x-webhook-attempt"].as_str()),
        (id.to_string().as_str(), "2")
    );
    story.rested(id, 2).await;
    story.engine.as_operator_in(story.account).endpoint(endpoint.id).pause().await.expect("paused");
    assert!(matches!(
        story.engine.as_operator_in(story.account).delivery(id).resend().await,
        Err(ResendError::Disabled)
    ));
    story.end().await;
}

on_each_database!(a_repeated_request_gets_the_first_answer_and_sends_no_event);
async fn a_repeated_request_gets_the_first_answer_and_sends_no_event(database: TestDatabase) {
    let story = Story::begin(&database).await;
    story.endpoint().await;
    let keyed = |request: u8| NewEvent {
        idempotency: Some(Idempotency { key: "k".into(), request_hash: [request; 32] }),
        ..story.event("task_1")
    };
    let first = story.engine.ingest(keyed(1)).await.expect("accepted");
    let again = story.engine.ingest_batch(vec![keyed(1), keyed(2), keyed(1)]).await;
    let replay = Accepted { replayed: true, ..first };
    assert_eq!(again, [Ok(replay), Err(IngestError::KeyReused), Ok(replay)]);
    story.receiver.arrived(1).await;
    let together = |request| NewEvent {
        idempotency: Some(Idempotency { key: "new".into(), request_hash: [request; 32] }),
        ..story.event("task_2")
    };
    let answers = story.engine.ingest_batch(vec![together(1), together(1), together(9)]).await;
    let id = answers[0].expect("accepted").id;
    assert_eq!(answers[1], Ok(Accepted { id, deliveries: 1, replayed: true }));
    assert_eq!(answers[2], Err(IngestError::KeyReused));
    story.receiver.arrived(2).await;
    story.end().await;
}

on_each_database!(a_balance_that_falls_below_the_threshold_is_told_once);
async fn a_balance_that_falls_below_the_threshold_is_told_once(database: TestDatabase) {
    let story = Story::begin(&database).await;
    story.endpoint().await;
    let amount = |text: &str| text.parse().expect("an amount");
    let balance = |text: &str| story.engine.as_operator_in(story.account).set_balance(amount(text));
    story.engine.as_operator_in(story.account).set_balance_threshold(Some(amount("50.10"))).await.expect("set");
    for text in ["60", "50.1", "45.5", "40", "50.1", "0.30000000000000004"] {
        balance(text).await.expect("recorded");
    }
    story.engine.as_operator_in(story.account).set_balance_threshold(None).await.expect("cleared");
    story.engine.as_operator_in(story.account).set_balance_threshold(Some(amount("1"))).await.expect("set");
    let mut bodies: Vec<_> = story.receiver.arrived(3).await.into_iter().map(|arrival| arrival.body).collect();
    bodies.sort();
    let body = |balance, threshold| {
        format!(
            r#"{{"event":"balance.low","balance":{balance},"threshold":{threshold},"timestamp":"2026-03-28T12:00:00Z"}}"#
        )
    };
    assert_eq!(bodies, [body("0.30000000000000004", "1"), body("0.30000000000000004", "50.1"), body("45.5", "50.1")]);
    let stored = story.engine.as_operator_in(story.account).get().await.expect("the account");
    assert_eq!(stored.balance, Some(amount("0.30000000000000004")));
    story.end().await;
}

on_each_database!(another_account_reaches_no_endpoint_and_no_delivery);
async fn another_account_reaches_no_endpoint_and_no_delivery(database: TestDatabase) {
    let story = Story::begin(&database).await;
    let endpoint = story.endpoint().await;
    story.ingest("task_1").await;
    let delivery = story.log(endpoint.id).await[0].id;
    let other = account(&story.engine, "other").await;
    let engine = &story.engine;
    let draft = EndpointDraft::new(story.receiver.url("x"), Subscriptions::all());

    assert!(engine.as_operator_in(other).endpoints().list().await.expect("an answer").is_empty());
    let endpoint_of_other = engine.as_operator_in(other).endpoint(endpoint.id).get().await;
    assert!(matches!(endpoint_of_other, Err(Error::EndpointNotFound)), "{endpoint_of_other:?}");
    assert!(engine.as_operator_in(other).endpoint(endpoint.id).reveal_secret().await.is_err());
    assert!(engine.as_operator_in(other).endpoint(endpoint.id).update(draft).await.is_err());
    assert!(engine.as_operator_in(other).endpoint(endpoint.id).pause().await.is_err());
    assert!(engine.as_operator_in(other).endpoint(endpoint.id).enable().await.is_err());
    assert!(engine.as_operator_in(other).endpoint(endpoint.id).end_rest().await.is_err());
    assert!(engine.as_operator_in(other).endpoint(endpoint.id).delete().await.is_err());
    assert!(engine.as_operator_in(other).endpoint(endpoint.id).start_discard(&Subscriptions::all()).await.is_err());
    assert!(engine.as_operator_in(other).endpoint(endpoint.id).send_test(&EventType::TASK_FAILED).await.is_err());
    assert!(engine.as_operator_in(other).delivery(delivery).resend().await.is_err());
    let delivery_of_other = engine.as_operator_in(other).delivery(delivery).get().await;
    assert!(matches!(delivery_of_other, Err(Error::DeliveryNotFound)), "{delivery_of_other:?}");
    let log_of_other = engine.as_operator_in(other).endpoint(endpoint.id).log(&Filter::default(), None, 9).await;
    assert!(matches!(log_of_other, Err(Error::EndpointNotFound)), "{log_of_other:?}");
    let log_of_other = engine.as_operator_in(other).deliveries(&Filter::default(), None, 9).await.expect("an answer");
    assert!(log_of_other.deliveries.is_empty());
    assert!(engine.as_operator_in(other).delivery(delivery).retry_now().await.is_err());
    assert!(engine.as_operator_in(other).delivery(delivery).stop().await.is_err());
    assert!(engine.as_operator_in(other).endpoint(endpoint.id).held_counts().await.expect("an answer").is_empty());

    let untouched = engine.as_operator_in(story.account).endpoint(endpoint.id).get().await.expect("the endpoint");
    assert_eq!((untouched.url, untouched.disabled), (endpoint.url, None));
    story.end().await;
}

on_each_database!(deleting_an_endpoint_discards_its_waiting_deliveries);
async fn deleting_an_endpoint_discards_its_waiting_deliveries(database: TestDatabase) {
    let story = Story::begin(&database).await;
    let endpoint = story.endpoint().await;
    story.receiver.answer(500);
    story.ingest("task_1").await;
    let id = story.log(endpoint.id).await[0].id;
    story.rested(id, 1).await;
    story.engine.as_operator_in(story.account).endpoint(endpoint.id).delete().await.expect("deleted");
    assert!(story.engine.as_operator_in(story.account).endpoints().list().await.expect("an answer").is_empty());
    assert_eq!(story.rested(id, 1).await.delivery.state, State::Discarded);
    assert_eq!(story.ingest("task_2").await.deliveries, 0);
    story.end().await;
}

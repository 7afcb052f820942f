//! Receivers that hang cost the others no time, and a claim takes no more than fits.
//!
//! Hanging attempts last an hour here, and no test waits for an hour: a delivery that
//! arrives has not waited for one of them to end.

use std::time::Duration;

use signet_engine::{
    Engine, Settings,
    deliver::ingest::NewEvent,
    service::{
        deliveries::Filter,
        endpoints::{Endpoint, EndpointDraft},
    },
    testing::{
        Hands, NoTypes, Receiver, TestDatabase, account, endpoint as resting_endpoint, engine, on_each_database,
        resting_engine,
    },
};
use signet_model::{
    AccountId, Subscriptions, Timestamp,
    delivery::State,
    endpoint::EndpointUrl,
    event::{BUILT_IN, EventType, Submission},
    time::Clock,
};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

const PER_ENDPOINT: usize = 2;

async fn endpoint(engine: &Engine, account: AccountId, url: EndpointUrl) -> Endpoint {
    let draft = EndpointDraft::new(url, Subscriptions::all());
    engine.as_operator_in(account).endpoints().create(draft, &engine.new_secret()).await.expect("an endpoint")
}

/// A port where the system accepts connections and no program answers.
struct Silence(TcpListener);

impl Silence {
    async fn start() -> Self {
        Self(TcpListener::bind(("127.0.0.1", 0)).await.expect("a free port"))
    }

    fn url(&self, path: usize) -> EndpointUrl {
        let port = self.0.local_addr().expect("an address").port();
        format!("https://localhost:{port}/{path}").parse().expect("a URL")
    }
}

/// So many endpoints of an account that hang, with an event for all of them.
async fn hang(engine: &Engine, silence: &Silence, name: &str, endpoints: usize) -> AccountId {
    let account = account(engine, name).await;
    for number in 0..endpoints {
        endpoint(engine, account, silence.url(number)).await;
    }
    engine.ingest(event(account)).await.expect("accepted");
    account
}

/// Takes in so many events one after the other, each when the one before has arrived.
async fn arrive(engine: &Engine, account: AccountId, receiver: &Receiver, events: usize) {
    let before = receiver.arrivals().len();
    for count in 1..=events {
        engine.ingest(event(account)).await.expect("accepted");
        receiver.arrived(before + count).await;
    }
}

async fn stop_at_once(running: signet_engine::Running, engine: &Engine) {
    let hurry = CancellationToken::new();
    hurry.cancel();
    running.stop(hurry).await;
    engine.close().await;
}

fn event(account: AccountId) -> NewEvent {
    NewEvent { account, body: BUILT_IN[0].sample(Timestamp::from_unix_seconds(0)), idempotency: None, trace: None }
}

on_each_database!(a_hanging_receiver_with_a_backlog_delays_no_other);
async fn a_hanging_receiver_with_a_backlog_delays_no_other(database: TestDatabase) {
    let receiver = Receiver::start().await;
    // Accepts connections (the system does) and never says a word.
    let silent = TcpListener::bind(("127.0.0.1", 0)).await.expect("a free port");
    let port = silent.local_addr().expect("an address").port();
    let settings = Settings {
        // All slots of the process but one can hang and the rest still goes.
        max_in_flight: PER_ENDPOINT + 1,
        max_in_flight_per_endpoint: PER_ENDPOINT,
        budget: Duration::from_hours(1),
        lease: Duration::from_hours(2),
        ..Settings::default()
    };
    let (engine, _) = engine(&database, settings, vec![receiver.authority.clone()]);
    let running = engine.start().expect("a new engine");
    let (slow, quick) = (account(&engine, "slow").await, account(&engine, "quick").await);
    let hanging = endpoint(&engine, slow, format!("https://localhost:{port}/").parse().expect("a URL")).await;
    endpoint(&engine, quick, receiver.url("quick")).await;

    // Far more than may wait in the lane: the rest is due in the store.
    let backlog = vec![event(slow); 600];
    assert!(engine.ingest_batch(backlog).await.iter().all(Result::is_ok));
    for count in 1..=20 {
        engine.ingest(event(quick)).await.expect("accepted");
        receiver.arrived(count).await;
    }

    let filter = Filter { state: Some(State::Pending), ..Filter::default() };
    let waiting =
        engine.as_operator_in(slow).endpoint(hanging.id).log(&filter, None, 1_000).await.expect("the log").deliveries;
    assert_eq!(waiting.len(), 600, "none of the hanging attempts has ended");
    let hurry = CancellationToken::new();
    hurry.cancel();
    running.stop(hurry).await;
    engine.close().await;
}

on_each_database!(however_many_webhooks_hang_those_of_others_are_attempted_at_once);
async fn however_many_webhooks_hang_those_of_others_are_attempted_at_once(database: TestDatabase) {
    let (receiver, silence) = (Receiver::start().await, Silence::start().await);
    let settings = Settings {
        max_in_flight: 16,
        max_hanging: 64,
        budget: Duration::from_hours(1),
        lease: Duration::from_hours(2),
        ..Settings::default()
    };
    let (engine, _) = engine(&database, settings, vec![receiver.authority.clone()]);
    let running = engine.start().expect("a new engine");
    let healthy = account(&engine, "healthy").await;
    endpoint(&engine, healthy, receiver.url("known")).await;
    arrive(&engine, healthy, &receiver, 3).await;

    // One account with far more than it may have, and others with one each.
    hang(&engine, &silence, "greedy", 90).await;
    for number in 0..20 {
        hang(&engine, &silence, &format!("other {number}"), 1).await;
    }
    arrive(&engine, healthy, &receiver, 20).await;
    let newcomer = account(&engine, "newcomer").await;
    endpoint(&engine, newcomer, receiver.url("new")).await;
    arrive(&engine, newcomer, &receiver, 3).await;
    assert!(engine.check().await.expect("a ledger").is_clean());
    stop_at_once(running, &engine).await;
}

on_each_database!(a_test_passes_by_a_backlog_that_hangs);
async fn a_test_passes_by_a_backlog_that_hangs(database: TestDatabase) {
    let receiver = Receiver::start().await;
    receiver.answer_by(|arrival| async move {
        if !arrival.headers.contains_key("x-webhook-test") {
            std::future::pending::<()>().await;
        }
        200
    });
    let settings = Settings {
        max_in_flight: 2,
        max_hanging: 2,
        budget: Duration::from_hours(1),
        lease: Duration::from_hours(2),
        ..Settings::default()
    };
    let (engine, _) = engine(&database, settings, vec![receiver.authority.clone()]);
    let running = engine.start().expect("a new engine");
    let account = account(&engine, "acme").await;
    let hanging = endpoint(&engine, account, receiver.url("hanging")).await;
    let backlog = vec![event(account); 1_000];
    assert!(engine.ingest_batch(backlog).await.iter().all(Result::is_ok));
    receiver.arrived(1).await;

    let test =
        engine.as_operator_in(account).endpoint(hanging.id).send_test(&EventType::TASK_FAILED).await.expect("sent");
    let detail = engine.as_operator_in(account).delivery(test).await_test().await.expect("a delivery");
    assert_eq!(detail.delivery.state, State::Delivered);
    stop_at_once(running, &engine).await;
}

on_each_database!(one_account_has_a_few_tests_at_a_time_and_is_told_so);
async fn one_account_has_a_few_tests_at_a_time_and_is_told_so(database: TestDatabase) {
    let silence = Silence::start().await;
    let settings = Settings { budget: Duration::from_hours(1), lease: Duration::from_hours(2), ..Settings::default() };
    let (engine, _) = engine(&database, settings, vec![]);
    let running = engine.start().expect("a new engine");
    let account = account(&engine, "acme").await;
    let hanging = endpoint(&engine, account, silence.url(1)).await;
    let kind = EventType::TASK_FAILED;
    let send = || engine.as_operator_in(account).endpoint(hanging.id).send_test(&kind);
    for _ in 0..4 {
        send().await.expect("sent");
    }
    let refused = send().await.expect_err("too many").to_string();
    assert_eq!(refused, "4 test events are under way. Wait until one of them has ended, and send another.");
    assert!(engine.check().await.expect("a ledger").is_clean(), "nothing of it is stored");
    stop_at_once(running, &engine).await;
}

on_each_database!(a_claim_takes_no_more_bytes_than_there_is_room_for);
async fn a_claim_takes_no_more_bytes_than_there_is_room_for(database: TestDatabase) {
    const EVENTS: usize = 40;
    let (engine, clock) = resting_engine(&database);
    let (hands, account) = (Hands(&engine), account(&engine, "acme").await);
    resting_endpoint(&engine, account).await;
    let large =
        format!(r#"{{"event":"task.completed","taskId":"1","solution":{{"text":"{}"}}}}"#, "a".repeat(1_000_000));
    let body = Submission::parse(&large, clock.now(), &NoTypes).expect("an event").body;
    for _ in 0..EVENTS {
        // Its process dies.
        drop(hands.ingest(NewEvent { account, body: body.clone(), idempotency: None, trace: None }).await);
    }
    clock.advance(Settings::default().lease);
    let mut claimed = 0;
    while claimed < EVENTS {
        let in_flight = hands.claim().await;
        assert!((1..=5).contains(&in_flight.len()), "{}: an account may have 4 MiB", in_flight.len());
        claimed += in_flight.len();
        for one in in_flight {
            hands.finish(one, 200).await;
        }
    }
    assert_eq!(claimed, EVENTS);
    assert!(engine.check().await.expect("a ledger").is_clean());
}

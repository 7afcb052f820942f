//! A receiver that hangs costs the others nothing.

use std::time::Duration;

use signet_engine::{
    Engine, Settings,
    deliver::ingest::NewEvent,
    store::{
        deliveries::Filter,
        endpoints::{Endpoint, EndpointDraft},
    },
    testing::{Receiver, account, databases, engine},
};
use signet_model::{
    AccountId, Subscriptions, Timestamp, delivery::State, endpoint::EndpointUrl, event::EventType, text::Description,
};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

const PER_ENDPOINT: usize = 2;

async fn endpoint(engine: &Engine, account: AccountId, url: EndpointUrl) -> Endpoint {
    let draft = EndpointDraft { url, description: Description::default(), event_types: Subscriptions::all() };
    engine.create_endpoint(account, draft, &engine.new_secret()).await.expect("an endpoint")
}

fn event(account: AccountId) -> NewEvent {
    NewEvent { account, body: EventType::TaskCompleted.sample(Timestamp::from_unix_seconds(0)), idempotency: None }
}

#[tokio::test]
async fn a_hanging_receiver_with_a_backlog_costs_the_others_nothing() {
    for database in databases().await {
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
        let waiting = engine.deliveries(slow, hanging.id, filter, 1_000).await.expect("the log");
        assert_eq!(waiting.len(), 600, "none of the hanging attempts has ended");
        let hurry = CancellationToken::new();
        hurry.cancel();
        running.stop(hurry).await;
        engine.close().await;
    }
}

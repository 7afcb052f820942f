//! What becomes of deliveries while this side is at fault: the database is away for
//! longer than a lease, or the network is.

use std::time::Duration;

use signet_engine::{
    Settings,
    store::{
        deliveries::{Delivery, Filter},
        endpoints::EndpointDraft,
    },
    testing::{Hands, Receiver, account, completed, databases, endpoint, engine, log, resting_engine},
};
use signet_model::{Subscriptions, delivery::State, retry::Schedule, text::Description};
use tokio_util::sync::CancellationToken;

const DELIVERIES: usize = 30;

#[tokio::test]
async fn what_is_in_hand_when_its_lease_runs_out_is_recorded_and_not_attempted_again() {
    for database in databases().await {
        let (engine, clock) = resting_engine(&database);
        let (hands, account) = (Hands(&engine), account(&engine, "acme").await);
        let endpoint = endpoint(&engine, account).await;
        let mut in_flight = Vec::new();
        for number in 0..DELIVERIES {
            in_flight.extend(hands.ingest(completed(&engine, account, &number.to_string())).await.1);
        }
        // The database is away, and these have ended meanwhile.
        clock.advance(2 * Settings::default().lease);
        assert!(hands.claim().await.is_empty());
        for one in in_flight {
            hands.finish(one, 200).await;
        }
        let stored = log(&engine, account, endpoint, Filter::default(), 100).await;
        assert!(stored.iter().all(|it| it.state == State::Delivered && it.attempts == 1), "{stored:?}");
        assert_eq!(stored.len(), DELIVERIES);
        clock.advance(2 * Settings::default().lease);
        assert!(hands.claim().await.is_empty());
        assert!(engine.check().await.expect("a ledger").is_clean());
    }
}

#[tokio::test]
async fn what_another_process_has_claimed_since_is_its_own() {
    for database in databases().await {
        let (slow, clock) = resting_engine(&database);
        let account = account(&slow, "acme").await;
        endpoint(&slow, account).await;
        let mut in_flight = Hands(&slow).ingest(completed(&slow, account, "1")).await.1;
        let (other, its_clock) = resting_engine(&database);
        for clock in [clock, its_clock] {
            clock.advance(2 * Settings::default().lease);
        }
        let claimed = Hands(&other).claim().await;
        assert_eq!(claimed.len(), 1);
        Hands(&slow).finish(in_flight.remove(0), 500).await;
        for one in claimed {
            Hands(&other).finish(one, 200).await;
        }
        assert!(slow.check().await.expect("a ledger").is_clean());
    }
}

/// So many webhooks that fail alike are hardly at fault.
const WEBHOOKS: usize = 12;

#[tokio::test]
async fn no_webhook_is_disabled_while_most_that_worked_fail_alike() {
    for database in databases().await {
        let receiver = Receiver::start().await;
        let settings = Settings { schedule: Schedule::new(vec![Duration::from_secs(30)], 0), ..Settings::default() };
        let (engine, clock) = engine(&database, settings, vec![receiver.authority.clone()]);
        let running = engine.start().expect("a new engine");
        let account = account(&engine, "acme").await;
        let mut webhooks = Vec::new();
        for number in 0..WEBHOOKS {
            let draft = EndpointDraft {
                url: receiver.url(&number.to_string()),
                description: Description::default(),
                event_types: Subscriptions::all(),
            };
            webhooks.push(engine.create_endpoint(account, draft, &engine.new_secret()).await.expect("an endpoint").id);
        }
        let newest =
            async |webhook| -> Delivery { log(&engine, account, webhook, Filter::default(), 1).await.remove(0) };
        engine.ingest(completed(&engine, account, "works")).await.expect("accepted");
        for &webhook in &webhooks {
            while newest(webhook).await.state != State::Delivered {
                tokio::task::yield_now().await;
            }
        }
        clock.advance(Duration::from_secs(1));
        // Ends its connection without an answer.
        receiver.answer_by(|_| async { std::panic::resume_unwind(Box::new("no answer")) });
        engine.ingest(completed(&engine, account, "fails")).await.expect("accepted");
        for round in 1..=4 {
            for &webhook in &webhooks {
                while newest(webhook).await.attempts < round {
                    engine.wake();
                    tokio::task::yield_now().await;
                }
                assert_eq!(newest(webhook).await.state, State::Pending, "in round {round}");
            }
            clock.advance(Duration::from_secs(31));
        }
        running.stop(CancellationToken::new()).await;
        engine.close().await;
    }
}

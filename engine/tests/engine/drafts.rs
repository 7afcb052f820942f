//! Tests with an edited body, of webhooks that are not saved yet, and of the next secret.

use std::time::Duration;

use signet_engine::{
    Engine, Settings,
    clock::ManualClock,
    limits::DRAFT_TESTS_PER_MINUTE,
    service::{
        deliveries::{DraftTest, DraftTestError, TestError},
        endpoints::{EndpointDraft, EndpointOptions, HeaderDraft, UrlCheck},
    },
    testing::{Receiver, TestDatabase, account, endpoint_at, engine, on_each_database},
};
use signet_model::{
    AccountId, Subscriptions,
    delivery::Attempt,
    event::EventType,
    rotation::Overlap,
    signature::{Secret, verify_hex, verify_standard},
};
use tokio_util::sync::CancellationToken;

struct World {
    engine: Engine,
    clock: ManualClock,
    receiver: Receiver,
    account: AccountId,
    database: TestDatabase,
}

impl World {
    async fn new(database: TestDatabase) -> Self {
        let receiver = Receiver::start().await;
        let (engine, clock) = engine(&database, Settings::default(), vec![receiver.authority.clone()]);
        let account = account(&engine, "acme").await;
        Self { engine, clock, receiver, account, database }
    }

    fn draft(&self) -> DraftTest {
        DraftTest { url: self.receiver.url("draft"), secret: None, event_type: EventType::TASK_FAILED, body: None }
    }

    async fn test(&self, draft: DraftTest) -> Result<Attempt, DraftTestError> {
        self.engine.as_operator_in(self.account).test_draft(draft).await
    }

    /// Asserts that this secret alone signed the last arrival.
    fn assert_signed(&self, secret: &Secret) {
        let arrival = self.receiver.arrivals().pop().expect("an arrival");
        let header = |name: &str| arrival.headers.get(name).cloned().unwrap_or_default();
        assert!(verify_hex(secret, arrival.body.as_bytes(), &header("x-webhook-signature")));
        let (id, at, standard) = (header("webhook-id"), header("webhook-timestamp"), header("webhook-signature"));
        assert!(verify_standard(secret, &id, &at, arrival.body.as_bytes(), &standard) && !standard.contains(' '));
        assert_eq!(header("x-webhook-test"), "true");
    }
}

const EDITED: &str = r#"{"taskId":"mine","errorId":7,"errorCode":"ERROR_MINE"}"#;

on_each_database!(a_draft_is_tested_with_its_secret_and_an_edited_body_and_nothing_is_stored);
async fn a_draft_is_tested_with_its_secret_and_an_edited_body_and_nothing_is_stored(database: TestDatabase) {
    let world = World::new(database).await;
    world.receiver.answer(418);
    let secret = world.engine.new_secret();
    let draft = DraftTest { secret: Some(secret.clone()), body: Some(EDITED.to_owned()), ..world.draft() };
    let exchange = world.test(draft).await.expect("an exchange");
    assert_eq!(exchange.response.map(|answer| answer.status), Some(418));
    world.assert_signed(&secret);
    let arrival = world.receiver.arrivals().pop().expect("an arrival");
    assert_eq!(arrival.path, "/draft");
    assert!(arrival.body.starts_with(r#"{"event":"task.failed","taskId":"mine""#), "{}", arrival.body);
    world.test(world.draft()).await.expect("signed by some secret");
    for table in ["events", "deliveries", "attempts"] {
        assert_eq!(world.database.count(&format!("SELECT count(*) FROM {table}")).await, 0, "{table}");
    }
}

on_each_database!(a_draft_test_is_refused_for_a_bad_body_an_unknown_type_or_an_address_that_is_not_public);
async fn a_draft_test_is_refused_for_a_bad_body_an_unknown_type_or_an_address_that_is_not_public(
    database: TestDatabase,
) {
    let world = World::new(database).await;
    let bad = world.test(DraftTest { body: Some("{}".to_owned()), ..world.draft() }).await;
    assert!(matches!(bad, Err(DraftTestError::Test(TestError::Body(_)))), "{bad:?}");
    let unknown = DraftTest { event_type: "no.such".parse().expect("a name"), ..world.draft() };
    let unknown = world.test(unknown).await;
    assert!(matches!(unknown, Err(DraftTestError::Test(TestError::UnknownType))), "{unknown:?}");
    let inside = DraftTest { url: "https://10.0.0.1/".parse().expect("a URL"), ..world.draft() };
    let inside = world.test(inside).await;
    assert!(matches!(inside, Err(DraftTestError::Address(_))), "{inside:?}");
    assert!(world.receiver.arrivals().is_empty());
}

on_each_database!(an_account_tests_a_few_drafts_a_minute);
async fn an_account_tests_a_few_drafts_a_minute(database: TestDatabase) {
    let world = World::new(database).await;
    for _ in 0..DRAFT_TESTS_PER_MINUTE {
        world.test(world.draft()).await.expect("an exchange");
    }
    let refused = world.test(world.draft()).await;
    assert!(matches!(refused, Err(DraftTestError::TooMany)), "{refused:?}");
    let other = account(&world.engine, "other").await;
    world.engine.as_operator_in(other).test_draft(world.draft()).await.expect("another account has its own");
    world.clock.advance(Duration::from_mins(1));
    world.test(world.draft()).await.expect("a minute later");
}

on_each_database!(the_next_secret_alone_signs_a_test_of_it);
async fn the_next_secret_alone_signs_a_test_of_it(database: TestDatabase) {
    let world = World::new(database).await;
    let id = endpoint_at(&world.engine, world.account, world.receiver.url("webhook")).await;
    let endpoint = world.engine.as_operator_in(world.account).endpoint(id);
    let refused = endpoint.test_next_secret(&EventType::TASK_FAILED, None).await;
    assert!(matches!(refused, Err(DraftTestError::NoNextSecret)), "{refused:?}");
    let next = endpoint.rotate(Overlap::Day).await.expect("begun").next;
    endpoint.test_next_secret(&EventType::TASK_FAILED, Some(EDITED)).await.expect("an exchange");
    world.assert_signed(&next);
    let other = account(&world.engine, "other").await;
    let foreign = world.engine.as_operator_in(other).endpoint(id);
    let refused = foreign.test_next_secret(&EventType::TASK_FAILED, None).await;
    assert!(refused.is_err(), "another account has no such webhook");
}

on_each_database!(a_test_of_a_webhook_can_have_an_edited_body);
async fn a_test_of_a_webhook_can_have_an_edited_body(database: TestDatabase) {
    let world = World::new(database).await;
    let running = world.engine.start().expect("a new engine");
    let id = endpoint_at(&world.engine, world.account, world.receiver.url("webhook")).await;
    let account = world.engine.as_operator_in(world.account);
    let delivery = account.endpoint(id).send_edited_test(&EventType::TASK_FAILED, Some(EDITED)).await.expect("sent");
    let detail = account.delivery(delivery).await_test().await.expect("the delivery");
    assert!(detail.body.is_some_and(|body| body.contains("ERROR_MINE")));
    let refused = account.endpoint(id).send_edited_test(&EventType::TASK_FAILED, Some("[]")).await;
    assert!(matches!(refused, Err(TestError::Body(_))), "{refused:?}");
    running.stop(CancellationToken::new()).await;
}

fn with_header(world: &World, path: &str, value: Option<&str>) -> EndpointDraft {
    let value = value.map(|value| value.parse().expect("a value"));
    let headers = vec![HeaderDraft { name: "x-key".parse().expect("a name"), value }];
    let options = EndpointOptions { headers, ..EndpointOptions::default() };
    EndpointDraft { options, ..EndpointDraft::new(world.receiver.url(path), Subscriptions::all()) }
}

on_each_database!(a_changed_webhook_is_tested_with_what_it_keeps_and_nothing_is_changed);
async fn a_changed_webhook_is_tested_with_what_it_keeps_and_nothing_is_changed(database: TestDatabase) {
    let world = World::new(database).await;
    let owner = world.engine.as_operator_in(world.account);
    let secret = world.engine.new_secret();
    let made = owner.endpoints().create(with_header(&world, "before", Some("hunter2")), &secret).await.expect("made");
    let changed = with_header(&world, "after", None);
    owner.endpoint(made.id).test_unsaved(&changed, &EventType::TASK_FAILED).await.expect("an exchange");
    world.assert_signed(&secret);
    let arrival = world.receiver.arrivals().pop().expect("an arrival");
    assert_eq!((&*arrival.path, arrival.headers.get("x-key").map(String::as_str)), ("/after", Some("hunter2")));
    assert_eq!(owner.endpoint(made.id).get().await.expect("the webhook").url, made.url, "nothing is saved");

    // Another port is another host.
    let elsewhere = Receiver::start().await;
    let moved = EndpointDraft { url: elsewhere.url("moved"), ..changed };
    let _refused = owner.endpoint(made.id).test_unsaved(&moved, &EventType::TASK_FAILED).await;
    assert!(elsewhere.arrivals().iter().all(|arrival| !arrival.headers.contains_key("x-key")));

    let other = account(&world.engine, "other").await;
    let foreign = world.engine.as_operator_in(other).endpoint(made.id);
    let refused = foreign.test_unsaved(&moved, &EventType::TASK_FAILED).await;
    assert!(refused.is_err(), "another account has no such webhook");
}

on_each_database!(urls_are_checked_before_they_are_saved_and_not_without_end);
async fn urls_are_checked_before_they_are_saved_and_not_without_end(database: TestDatabase) {
    let world = World::new(database).await;
    let endpoints = world.engine.as_operator_in(world.account).endpoints();
    let check = async |url: &str| endpoints.check_url(&url.parse().expect("a URL")).await.expect("checked");
    assert_eq!(check("https://93.184.215.14/hooks").await, UrlCheck::Fine);
    assert!(matches!(check("https://10.0.0.1/hooks").await, UrlCheck::Refused(_)));
    for _ in 0..30 {
        assert_ne!(check("https://localhost/hooks").await, UrlCheck::TooMany);
    }
    assert_eq!(check("https://localhost/hooks").await, UrlCheck::TooMany);
}

//! Tests with an edited body, of webhooks that are not saved yet, and of the next secret.

use std::time::Duration;

use signet_engine::{
    Engine, Settings,
    clock::ManualClock,
    limits::DRAFT_TESTS_PER_MINUTE,
    service::deliveries::{DraftTest, DraftTestError, TestError},
    testing::{Receiver, TestDatabase, account, endpoint_at, engine, on_each_database},
};
use signet_model::{
    AccountId,
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
    let foreign = world.engine.as_operator_in(other).endpoint(id).test_next_secret(&EventType::TASK_FAILED, None).await;
    assert!(matches!(foreign, Err(DraftTestError::Test(TestError::Store(_)))), "{foreign:?}");
    assert_eq!(world.receiver.arrivals().len(), 1);
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

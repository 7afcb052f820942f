//! Webhooks that cannot be used as they are stored.

use signet_engine::{
    Unusable,
    deliver::ingest::IngestError,
    service::{
        deliveries::{ResendError, TestError},
        endpoints::{EndpointDraft, LostSecret},
    },
    testing::{TestDatabase, on_each_database, sqlite},
};
use signet_model::{Subscriptions, delivery::State, event::EventType};

use super::world::World;

/// Columns that make a webhook unusable; SQLite can hold more of them.
fn spoilt(world: &World<'_>) -> Vec<String> {
    let good = world.database.literal(world.good.uuid());
    let bytes = if world.is_sqlite() { "X'00'" } else { "'\\x00'" };
    let mut all = vec![
        "url = 'https://a..b/'".to_owned(),
        "url = 'https://'".to_owned(),
        "url = 'gopher://example.com/'".to_owned(),
        format!("secret = {bytes}"),
        format!("secret = (SELECT secret FROM endpoints WHERE id = {good})"),
        format!("headers = {bytes}"),
        "throttle = 1001".to_owned(),
        "filter = '[{}]'".to_owned(),
        format!("next_secret = {bytes}, next_secret_at = created_at"),
    ];
    if world.is_sqlite() {
        all.push("url = CAST(X'68747470733A2F2FFF' AS TEXT)".to_owned());
    }
    all
}

on_each_database!(new_events_are_held_for_a_webhook_that_cannot_be_used_and_reach_all_others);
async fn new_events_are_held_for_a_webhook_that_cannot_be_used_and_reach_all_others(database: TestDatabase) {
    let first = World::new(&database).await;
    for nth in 0..spoilt(&first).len() {
        let world = first.beside(&nth.to_string()).await;
        let how = spoilt(&world).swap_remove(nth);
        world.spoil_endpoint(&how).await;
        let in_flight = world.ingest("task").await;
        world.deliver(in_flight, vec![world.good, world.other]).await;
        assert_eq!(world.states(world.acme, world.bad).await, [State::Held], "{how}");

        let listed = world.engine.as_operator_in(world.acme).endpoints().list().await.expect("a list");
        let unusable: Vec<_> = listed.iter().filter(|it| it.unusable.is_some()).map(|it| it.id).collect();
        assert_eq!(unusable, [world.bad], "{how}");
        let (rows, example) = world.unusable().await;
        assert!(rows == 1 && example.starts_with(&world.bad.to_string()), "{how}: {example}");
        world.assert_only_unusable().await;
        world.engine.as_operator_in(world.acme).endpoint(world.bad).delete().await.expect("deleted");
    }
}

on_each_database!(a_claim_holds_the_deliveries_of_an_unusable_webhook_and_takes_all_others);
async fn a_claim_holds_the_deliveries_of_an_unusable_webhook_and_takes_all_others(database: TestDatabase) {
    let world = World::new(&database).await;
    world.crash(world.ingest("before").await);
    world.spoil_endpoint("url = 'https://a..b/'").await;
    world.deliver(world.hands().claim().await, vec![world.good, world.other]).await;
    assert_eq!(world.states(world.acme, world.bad).await, [State::Held]);
    world.assert_only_unusable().await;
}

on_each_database!(an_attempt_under_way_at_a_webhook_that_became_unusable_is_held_when_it_fails);
async fn an_attempt_under_way_at_a_webhook_that_became_unusable_is_held_when_it_fails(database: TestDatabase) {
    let world = World::new(&database).await;
    let in_flight = world.ingest("task").await;
    world.spoil_endpoint("url = 'https://a..b/'").await;
    for one in in_flight {
        world.hands().finish(one, 500).await;
    }
    assert_eq!(world.states(world.acme, world.bad).await, [State::Held]);
    assert_eq!(world.states(world.acme, world.good).await, [State::Pending]);
    assert_eq!(world.states(world.neighbour, world.other).await, [State::Pending]);
}

on_each_database!(entering_the_url_again_makes_a_webhook_usable_and_its_held_deliveries_can_be_sent);
async fn entering_the_url_again_makes_a_webhook_usable_and_its_held_deliveries_can_be_sent(database: TestDatabase) {
    let world = World::new(&database).await;
    world.spoil_endpoint("url = 'https://a..b/'").await;
    world.deliver(world.ingest("task").await, vec![world.good, world.other]).await;
    let types = Subscriptions::all();
    let released = world.engine.as_operator_in(world.acme).endpoint(world.bad).release(&types).await;
    assert_eq!(released.expect("an answer"), 0, "an unusable webhook gets no delivery");

    let url = "https://127.0.0.1/webhooks".parse().expect("a URL");
    let draft = EndpointDraft::new(url, types.clone());
    let saved = world.engine.as_operator_in(world.acme).endpoint(world.bad).update(draft).await.expect("saved");
    assert_eq!(saved.unusable, None);
    let released = world.engine.as_operator_in(world.acme).endpoint(world.bad).release(&types).await;
    assert_eq!(released.expect("an answer"), 1);
    world.deliver(world.hands().claim().await, vec![world.bad]).await;
    assert!(world.engine.check().await.expect("a ledger").is_clean());
}

on_each_database!(a_lost_secret_can_be_replaced_and_one_that_opens_cannot);
async fn a_lost_secret_can_be_replaced_and_one_that_opens_cannot(database: TestDatabase) {
    let world = World::new(&database).await;
    let acme = world.engine.as_operator_in(world.acme);
    let good = acme.endpoint(world.good);
    let before = good.reveal_secret().await.expect("a secret");
    assert_eq!(good.replace_lost_secret().await.expect("an answer"), LostSecret::NotLost);
    assert_eq!(good.reveal_secret().await.expect("a secret"), before);

    let bytes = if world.is_sqlite() { "X'00'" } else { "'\\x00'" };
    world.spoil_endpoint(&format!("secret = {bytes}")).await;
    let new = acme.endpoint(world.bad).replace_lost_secret().await.expect("an answer");
    assert_eq!(new, LostSecret::Replaced(acme.endpoint(world.bad).reveal_secret().await.expect("a secret")));
    world.deliver(world.ingest("task").await, vec![world.bad, world.good, world.other]).await;
}

on_each_database!(selectors_that_cannot_be_read_are_passed_over_and_counted);
async fn selectors_that_cannot_be_read_are_passed_over_and_counted(database: TestDatabase) {
    let world = World::new(&database).await;
    world.spoil_endpoint("event_types = 'ORDER.PAID task.completed'").await;
    world.deliver(world.ingest("one").await, vec![world.bad, world.good, world.other]).await;
    world.spoil_endpoint("event_types = 'ORDER.PAID'").await;
    world.deliver(world.ingest("two").await, vec![world.good, world.other]).await;
    assert_eq!(world.states(world.acme, world.bad).await, [State::Delivered], "it has no selector that can be read");
    let listed = world.engine.as_operator_in(world.acme).endpoints().list().await.expect("a list");
    assert_eq!((listed[0].event_types.iter().count(), listed[0].event_types.unreadable()), (0, 1));
    assert!(world.engine.check().await.expect("a ledger").is_clean());
}

on_each_database!(a_reason_of_a_newer_version_leaves_a_webhook_disabled);
async fn a_reason_of_a_newer_version_leaves_a_webhook_disabled(database: TestDatabase) {
    let world = World::new(&database).await;
    world.spoil_endpoint("disabled_at = created_at, disabled_reason = 'quarantined'").await;
    world.deliver(world.ingest("task").await, vec![world.good, world.other]).await;
    let found = world.engine.as_operator_in(world.acme).endpoint(world.bad).get().await.expect("an endpoint");
    assert_eq!(found.disabled.map(|disabled| disabled.reason), Some(None));
    assert_eq!(world.states(world.acme, world.bad).await, [State::Held]);
}

on_each_database!(no_test_is_sent_to_a_webhook_that_cannot_be_used);
async fn no_test_is_sent_to_a_webhook_that_cannot_be_used(database: TestDatabase) {
    let world = World::new(&database).await;
    let (waiting, in_flight) = world.hands().ingest_test(world.acme, world.bad).await;
    drop(in_flight);
    world.spoil_endpoint("url = 'https://a..b/'").await;
    let refused = world.engine.as_operator_in(world.acme).endpoint(world.bad).send_test(&EventType::TASK_FAILED).await;
    assert!(matches!(refused, Err(TestError::Unusable(Unusable::Url(_)))), "{refused:?}");
    assert!(matches!(
        world.engine.as_operator_in(world.acme).delivery(waiting).resend().await,
        Err(ResendError::Pending | ResendError::Disabled)
    ));
}

#[tokio::test]
async fn on_sqlite_an_answer_that_cannot_be_read_any_more_is_refused_alone() {
    let database = sqlite().await;
    let world = World::new(&database).await;
    let event = |account| signet_engine::deliver::ingest::NewEvent {
        idempotency: Some(signet_engine::deliver::ingest::Idempotency { key: "k".into(), request_hash: [1; 32] }),
        ..signet_engine::testing::completed(&world.engine, account, "task")
    };
    world.hands().ingest(event(world.acme)).await.0.expect("accepted");
    database.run("UPDATE idempotency_keys SET event_id = X'01'").await;
    let (answers, _) = world.hands().ingest_together(vec![event(world.acme), event(world.neighbour)]).await;
    assert_eq!(answers[0], Err(IngestError::AnswerUnreadable));
    assert!(answers[1].is_ok());
}

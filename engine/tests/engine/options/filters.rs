//! Filters: an endpoint gets only the events whose bodies match.

use std::sync::Arc;

use signet_engine::{
    Engine,
    deliver::ingest::{Accepted, NewEvent},
    service::{
        deliveries,
        endpoints::{EndpointDraft, EndpointOptions},
    },
    testing::{Hands, TestDatabase, account, assert_adds_up, completed, endpoint, engine_by, on_each_database},
};
use signet_model::{Filter, Subscriptions, delivery::State, event::EventType};
use tokio_util::sync::CancellationToken;

use super::world::World;

fn filter(json: &str) -> Filter {
    serde_json::from_str(json).expect("a filter")
}

/// The filter for the events of one task.
fn of_task(task: &str) -> EndpointOptions {
    let filter = filter(&format!(r#"[{{"pointer":"/taskId","equals":"{task}"}}]"#));
    EndpointOptions { filter: Some(filter), ..EndpointOptions::default() }
}

async fn taken_in(engine: &Engine, event: NewEvent) -> Accepted {
    Hands(engine).ingest(event).await.0.expect("accepted")
}

on_each_database!(an_event_becomes_deliveries_to_the_endpoints_whose_filters_it_matches);
async fn an_event_becomes_deliveries_to_the_endpoints_whose_filters_it_matches(database: TestDatabase) {
    let world = World::new(&database, of_task("mine")).await;
    let unfiltered = endpoint(&world.engine, world.account).await;
    for (task, deliveries) in [("mine", 2), ("other", 1), ("mine", 2)] {
        assert_eq!(taken_in(&world.engine, completed(&world.engine, world.account, task)).await.deliveries, deliveries);
    }
    let count = |log: Vec<_>| log.len();
    assert_eq!(count(world.log().await), 2);
    let unfiltered = world.engine.as_operator_in(world.account).endpoint(unfiltered);
    assert_eq!(unfiltered.deliveries(&deliveries::Filter::default(), 10).await.expect("a log").len(), 3);
    assert_adds_up(&world.engine).await;
}

on_each_database!(a_filter_is_set_changed_and_removed_and_holds_in_every_process);
async fn a_filter_is_set_changed_and_removed_and_holds_in_every_process(database: TestDatabase) {
    let world = World::new(&database, EndpointOptions::default()).await;
    let other = engine_by(&database, Arc::new(world.clock.clone()));
    let handle = world.engine.as_operator_in(world.account).endpoint(world.endpoint);
    let draft =
        |options| EndpointDraft { options, ..EndpointDraft::new(world.receiver.url("webhooks"), Subscriptions::all()) };
    for (options, expected) in
        [(of_task("a"), [1, 0]), (of_task("b"), [0, 1]), (EndpointOptions::default(), [1, 1]), (of_task("c"), [0, 0])]
    {
        let saved = handle.update(draft(options.clone())).await.expect("saved");
        assert_eq!(saved.filter, options.filter);
        for engine in [&other, &world.engine] {
            for (task, deliveries) in ["a", "b"].into_iter().zip(expected) {
                assert_eq!(taken_in(engine, completed(engine, world.account, task)).await.deliveries, deliveries);
            }
        }
    }
    assert_adds_up(&world.engine).await;
}

on_each_database!(events_of_one_request_are_each_judged_before_they_reach_the_writer);
async fn events_of_one_request_are_each_judged_before_they_reach_the_writer(database: TestDatabase) {
    let world = World::new(&database, of_task("mine")).await;
    let running = world.engine.start().expect("a new engine");
    let send = async || {
        let events = ["mine", "other", "mine"].map(|task| completed(&world.engine, world.account, task));
        let answers = world.engine.ingest_batch(events.into()).await;
        answers.into_iter().map(|answer| answer.expect("accepted").deliveries).collect::<Vec<_>>()
    };
    // At first the writer judges, because the cache has yet to be filled.
    assert_eq!(send().await, [1, 0, 1]);
    assert_eq!(send().await, [1, 0, 1]);
    world.receiver.arrived(4).await;
    running.stop(CancellationToken::new()).await;
    assert_adds_up(&world.engine).await;
    world.engine.close().await;
}

on_each_database!(a_test_event_and_a_resend_pass_the_filter);
async fn a_test_event_and_a_resend_pass_the_filter(database: TestDatabase) {
    let world = World::new(&database, EndpointOptions::default()).await;
    let sent = world.ingest("other").await.remove(0);
    world.hands().finish(sent, 200).await;
    let handle = world.engine.as_operator_in(world.account).endpoint(world.endpoint);
    let draft = EndpointDraft::new(world.receiver.url("webhooks"), Subscriptions::all());
    handle.update(EndpointDraft { options: of_task("mine"), ..draft }).await.expect("saved");
    assert_eq!(world.hands().ingest_test(world.account, world.endpoint).await.1.len(), 1);
    let delivery = world.log().await.into_iter().find(|delivery| !delivery.is_test).expect("the first one");
    world.engine.as_operator_in(world.account).delivery(delivery.id).resend().await.expect("sent again");
    assert_eq!(world.hands().claim().await.len(), 1);
    assert_eq!(world.log().await.iter().filter(|delivery| delivery.state == State::Pending).count(), 2);
}

on_each_database!(a_preview_judges_the_latest_events_of_the_types_that_are_wanted);
async fn a_preview_judges_the_latest_events_of_the_types_that_are_wanted(database: TestDatabase) {
    let world = World::new(&database, EndpointOptions::default()).await;
    let neighbour = account(&world.engine, "neighbour").await;
    for number in 0..120 {
        let event = completed(&world.engine, world.account, &number.to_string());
        taken_in(&world.engine, event).await;
        world.clock.advance(std::time::Duration::from_millis(1));
    }
    taken_in(&world.engine, completed(&world.engine, neighbour, "119")).await;
    world.hands().ingest_test(world.account, world.endpoint).await;
    let endpoints = world.engine.as_operator_in(world.account).endpoints();
    let late = filter(r#"[{"pointer":"/taskId","oneOf":["119","118","0"]}]"#);
    let preview = endpoints.preview_filter(&late, &Subscriptions::all()).await.expect("a preview");
    assert_eq!((preview.matching, preview.judged()), (2, 100), "the first events are too old");
    assert!(preview.others.is_sorted_by(|newer, older| newer.accepted_at > older.accepted_at));

    database.run("UPDATE events SET body = '{' WHERE fanout = 1 AND task_id = '119'").await;
    database.run("UPDATE events SET body = NULL WHERE fanout = 1 AND task_id = '118'").await;
    let preview = endpoints.preview_filter(&late, &Subscriptions::all()).await.expect("a preview");
    assert_eq!((preview.matching, preview.judged()), (0, 100), "a body that cannot be read matches nothing");
    let others = Subscriptions::of_types([EventType::BALANCE_LOW]).expect("a type");
    assert_eq!(endpoints.preview_filter(&late, &others).await.expect("a preview").judged(), 0);
    let theirs = world.engine.as_operator_in(neighbour).endpoints().preview_filter(&late, &Subscriptions::all()).await;
    assert_eq!(theirs.expect("a preview").judged(), 1, "each account previews its own events");
}

//! The events of an account, listed and read.

use std::time::Duration;

use signet_engine::{
    service::{Error, events::EventFilter},
    testing::{Hands, TestDatabase, account, completed, endpoint, on_each_database, resting_engine},
};
use signet_model::{EventId, time::Clock};

on_each_database!(events_are_listed_by_type_time_and_task_page_by_page_and_read_with_their_deliveries);
async fn events_are_listed_by_type_time_and_task_page_by_page_and_read_with_their_deliveries(database: TestDatabase) {
    let (engine, clock) = resting_engine(&database);
    let (acme, other) = (account(&engine, "acme").await, account(&engine, "other").await);
    let mut ids = Vec::new();
    for (nth, task) in ["a", "b", "a", "c"].into_iter().enumerate() {
        clock.advance(Duration::from_secs(1));
        if nth == 1 {
            // The first event has gone to no webhook.
            endpoint(&engine, acme).await;
            endpoint(&engine, acme).await;
        }
        let (accepted, _) = Hands(&engine).ingest(completed(&engine, acme, task)).await;
        ids.push(accepted.expect("accepted").id);
        Hands(&engine).ingest(completed(&engine, other, "a")).await.0.expect("accepted");
    }
    let list = async |filter: EventFilter, limit| {
        let (mut all, mut after): (Vec<EventId>, _) = (Vec::new(), None);
        loop {
            let page = engine.as_operator_in(acme).events(&filter, after, limit).await.expect("a page");
            all.extend(page.events.iter().map(|event| event.id));
            after = page.next;
            if after.is_none() {
                return all;
            }
        }
    };
    let newest_first = |wanted: &[usize]| wanted.iter().map(|&nth| ids[nth]).collect::<Vec<_>>();
    let types = |name: &str| Some([name.parse().expect("a name")].into());
    for limit in [1, 3, 100] {
        assert_eq!(list(EventFilter::default(), limit).await, newest_first(&[3, 2, 1, 0]));
        let of_type = EventFilter { event_types: types("task.completed"), ..EventFilter::default() };
        assert_eq!(list(of_type, limit).await, newest_first(&[3, 2, 1, 0]));
    }
    let none = EventFilter { event_types: types("task.failed"), ..EventFilter::default() };
    assert_eq!(list(none, 10).await, []);
    let task = EventFilter { task: Some("a".to_owned()), ..EventFilter::default() };
    assert_eq!(list(task, 10).await, newest_first(&[2, 0]));
    let middle = clock.now() - Duration::from_millis(1_500);
    assert_eq!(list(EventFilter { since: Some(middle), ..EventFilter::default() }, 10).await, newest_first(&[3, 2]));
    assert_eq!(list(EventFilter { until: Some(middle), ..EventFilter::default() }, 10).await, newest_first(&[1, 0]));

    let read = engine.as_operator_in(acme).event(ids[2]).await.expect("an event");
    assert_eq!((read.event.deliveries, read.deliveries.deliveries.len()), (2, 2));
    assert_eq!(read.event.task.as_deref(), Some("a"));
    assert!(read.body.is_some_and(|body| body.contains("task.completed")));
    let foreign = engine.as_operator_in(other).event(ids[2]).await;
    assert!(matches!(foreign, Err(Error::EventNotFound)), "{foreign:?}");
}

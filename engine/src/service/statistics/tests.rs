use signet_model::AccountId;

use super::*;
use crate::{
    Engine,
    clock::ManualClock,
    testing::{Hands, TestDatabase, account, completed, endpoint, on_each_database, resting_engine},
};

struct World {
    engine: Engine,
    clock: ManualClock,
    account: AccountId,
    endpoint: EndpointId,
}

impl World {
    async fn new(database: &TestDatabase) -> Self {
        let (engine, clock) = resting_engine(database);
        let account = account(&engine, "acme").await;
        let endpoint = endpoint(&engine, account).await;
        Self { engine, clock, account, endpoint }
    }

    /// Takes an event in, whose deliveries get this answer.
    async fn deliver(&self, status: u16) {
        let hands = Hands(&self.engine);
        for in_flight in hands.ingest(completed(&self.engine, self.account, "task")).await.1 {
            hands.finish(in_flight, status).await;
        }
    }

    /// The last days and the present one, by the hour, not split.
    fn filter(&self, days: u64) -> StatisticsFilter {
        let now = self.engine.0.clock.now();
        StatisticsFilter {
            from: now - Duration::from_hours(24 * days),
            until: now + HOUR,
            step: Step::Hour,
            endpoint: None,
            event_type: None,
            by_endpoint: false,
            by_event_type: false,
        }
    }

    async fn points(&self, filter: &StatisticsFilter) -> Vec<Point> {
        let statistics = self.engine.as_operator_in(self.account).statistics(filter).await.expect("statistics");
        assert_eq!(statistics.rest, None);
        statistics.points
    }
}

/// Delivered, failed attempts, failed deliveries.
fn counts(point: &Point) -> (u64, u64, u64) {
    (point.figures.delivered(), point.figures.failed_attempts, point.figures.failed_deliveries)
}

on_each_database!(attempts_are_counted_in_their_hour);
async fn attempts_are_counted_in_their_hour(database: TestDatabase) {
    let world = World::new(&database).await;
    let first = world.engine.0.clock.now();
    for status in [200, 500, 204] {
        world.deliver(status).await;
    }
    world.clock.advance(2 * HOUR);
    // Gone: the delivery fails for good.
    world.deliver(410).await;
    let points = world.points(&world.filter(1)).await;
    assert_eq!(points.iter().map(counts).collect::<Vec<_>>(), [(2, 1, 0), (0, 1, 1)]);
    assert_eq!(points.iter().map(|point| point.start).collect::<Vec<_>>(), [first, first + 2 * HOUR]);
    assert_eq!(points[0].figures.latencies.count(), 3);

    let by_day = world.points(&StatisticsFilter { step: Step::Day, ..world.filter(1) }).await;
    assert_eq!(by_day.iter().map(counts).collect::<Vec<_>>(), [(2, 2, 1)]);
    assert_eq!(by_day[0].start, first.beginning(DAY));
}

on_each_database!(tests_are_not_counted);
async fn tests_are_not_counted(database: TestDatabase) {
    let world = World::new(&database).await;
    let hands = Hands(&world.engine);
    for status in [200, 500] {
        let (_, mut in_flight) = hands.ingest_test(world.account, world.endpoint).await;
        hands.finish(in_flight.remove(0), status).await;
    }
    assert_eq!(world.points(&world.filter(1)).await, []);
}

on_each_database!(points_are_split_and_narrowed_by_endpoint_and_type);
async fn points_are_split_and_narrowed_by_endpoint_and_type(database: TestDatabase) {
    let world = World::new(&database).await;
    let second = endpoint(&world.engine, world.account).await;
    world.deliver(200).await;
    let split = StatisticsFilter { by_endpoint: true, by_event_type: true, ..world.filter(1) };
    let points = world.points(&split).await;
    let kind: EventType = "task.completed".parse().expect("a type");
    assert_eq!(points.iter().map(|it| it.endpoint).collect::<Vec<_>>(), [Some(world.endpoint), Some(second)]);
    assert!(points.iter().all(|it| it.event_type.as_ref() == Some(&kind) && counts(it) == (1, 0, 0)), "{points:?}");

    assert_eq!(counts(&world.points(&world.filter(1)).await[0]), (2, 0, 0));
    let one = StatisticsFilter { endpoint: Some(second), ..world.filter(1) };
    assert_eq!(world.points(&one).await.iter().map(counts).collect::<Vec<_>>(), [(1, 0, 0)]);
    let by_day = StatisticsFilter { step: Step::Day, ..one };
    assert_eq!(world.points(&by_day).await.iter().map(counts).collect::<Vec<_>>(), [(1, 0, 0)]);
    let typed = StatisticsFilter { event_type: Some(kind), ..world.filter(1) };
    assert_eq!(world.points(&typed).await.len(), 1);
    let other_type = Some("task.failed".parse().expect("a type"));
    assert_eq!(world.points(&StatisticsFilter { event_type: other_type, ..world.filter(1) }).await, []);
}

on_each_database!(another_account_has_statistics_of_its_own);
async fn another_account_has_statistics_of_its_own(database: TestDatabase) {
    let world = World::new(&database).await;
    world.deliver(200).await;
    let other = account(&world.engine, "other").await;
    for endpoint in [None, Some(world.endpoint)] {
        let filter = StatisticsFilter { endpoint, ..world.filter(1) };
        let statistics = world.engine.as_operator_in(other).statistics(&filter).await.expect("statistics");
        assert_eq!(statistics.points, []);
    }
}

on_each_database!(an_outcome_without_its_lease_is_not_counted);
async fn an_outcome_without_its_lease_is_not_counted(database: TestDatabase) {
    let world = World::new(&database).await;
    let hands = Hands(&world.engine);
    let (_, mut late) = hands.ingest(completed(&world.engine, world.account, "task")).await;
    world.clock.advance(Duration::from_mins(2));
    let (other, other_clock) = resting_engine(&database);
    other_clock.advance(Duration::from_mins(2));
    let mut claimed = Hands(&other).claim().await;
    Hands(&other).finish(claimed.remove(0), 200).await;
    hands.finish(late.remove(0), 500).await;
    assert_eq!(world.points(&world.filter(1)).await.iter().map(counts).collect::<Vec<_>>(), [(1, 0, 0)]);
}

on_each_database!(an_answer_adds_up_so_many_rows_and_names_the_rest);
async fn an_answer_adds_up_so_many_rows_and_names_the_rest(database: TestDatabase) {
    let world = World::new(&database).await;
    let second = endpoint(&world.engine, world.account).await;
    let first_hour = world.engine.0.clock.now();
    for _ in 0..3 {
        world.deliver(200).await;
        world.clock.advance(HOUR);
    }
    let account = world.engine.as_operator_in(world.account);
    for (endpoint, most, hours) in [(None, 5, 2), (None, 4, 2), (Some(second), 1, 1)] {
        let filter = StatisticsFilter { endpoint, ..world.filter(1) };
        let statistics = account.statistics_of(&filter, most).await.expect("statistics");
        assert_eq!(statistics.points.len(), hours, "{most}");
        let rest = first_hour + u32::try_from(hours).expect("few") * HOUR;
        assert_eq!(statistics.rest, Some(rest), "{most}");
        let next = StatisticsFilter { from: rest, ..filter };
        assert_eq!(account.statistics_of(&next, 4).await.expect("statistics").points.len(), 3 - hours);
    }
    let one_hour = StatisticsFilter { from: first_hour, ..world.filter(1) };
    let answer = account.statistics_of(&one_hour, 1).await;
    assert!(matches!(answer, Err(StatisticsError::TooMany(Step::Hour))), "{answer:?}");
}

on_each_database!(a_range_has_an_end_after_its_beginning_and_a_longest_length);
async fn a_range_has_an_end_after_its_beginning_and_a_longest_length(database: TestDatabase) {
    let world = World::new(&database).await;
    let account = world.engine.as_operator_in(world.account);
    let empty = StatisticsFilter { until: Timestamp::from_unix_micros(0), ..world.filter(1) };
    assert!(matches!(account.statistics(&empty).await, Err(StatisticsError::EmptyRange)));
    for (step, days) in [(Step::Hour, 31), (Step::Day, 400)] {
        let longest =
            StatisticsFilter { step, until: world.filter(days).from + step.longest_range(), ..world.filter(days) };
        assert!(account.statistics(&longest).await.is_ok());
        let longer = StatisticsFilter { step, ..world.filter(days + 2) };
        let answer = account.statistics(&longer).await;
        assert!(matches!(&answer, Err(StatisticsError::TooLong(it)) if *it == step), "{answer:?}");
    }
}

on_each_database!(old_statistics_are_removed);
async fn old_statistics_are_removed(database: TestDatabase) {
    let world = World::new(&database).await;
    let other = account(&world.engine, "other").await;
    for account in [world.account, other] {
        if account == other {
            endpoint(&world.engine, other).await;
        }
        let hands = Hands(&world.engine);
        for in_flight in hands.ingest(completed(&world.engine, account, "task")).await.1 {
            hands.finish(in_flight, 200).await;
        }
    }
    let count = || database.count("SELECT count(*) FROM statistics");
    let keep = world.engine.0.settings.keep_statistics;
    world.clock.advance(keep);
    Hands(&world.engine).believe_the_clock().await;
    world.engine.sweep().await.expect("swept");
    assert_eq!(count().await, 2, "they are not older than that, but just so old");
    world.clock.advance(HOUR);
    world.deliver(200).await;
    Hands(&world.engine).believe_the_clock().await;
    world.engine.sweep().await.expect("swept");
    assert_eq!(count().await, 1, "of this hour");
}

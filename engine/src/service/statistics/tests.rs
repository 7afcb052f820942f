use signet_model::{AccountId, delivery::Outcome};

use super::*;
use crate::{
    Engine,
    clock::ManualClock,
    db::Database,
    service::deliveries::ResultClass,
    testing::{self, Hands, TestDatabase, account, completed, endpoint, on_each_database, resting_engine},
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

/// Stores a row for each of so many hours before an instant, at an endpoint of the account and of
/// this type: three attempts an hour, one of which failed.
async fn store_hours(database: &TestDatabase, of: (AccountId, EndpointId), kind: &str, until: Timestamp, hours: u32) {
    let (account, endpoint) = (database.literal(of.0.uuid()), database.literal(of.1.uuid()));
    for ago in 0..hours {
        let hour = (until.beginning(HOUR) - ago * HOUR).unix_micros();
        let hour = match &database.db {
            Database::Sqlite(_) => hour.to_string(),
            Database::Postgres(_) => format!("to_timestamp({})", hour / 1_000_000),
        };
        database
            .run(&format!(
                "INSERT INTO statistics VALUES ({account}, {hour}, {endpoint}, '{kind}', 1, 1, 1, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0)"
            ))
            .await;
    }
}

/// What the attempts of an account came to in the last 24 hours.
async fn day_totals(account: AccountHandle<'_>) -> DayTotals {
    account.day_totals().await.expect("totals")
}

on_each_database!(a_day_is_added_up_with_its_present_hour);
async fn a_day_is_added_up_with_its_present_hour(database: TestDatabase) {
    let world = World::new(&database).await;
    let now = world.engine.0.clock.now();
    let neighbour = account(&world.engine, "neighbour").await;
    store_hours(&database, (neighbour, world.endpoint), "a.neighbours", now, 30).await;
    store_hours(&database, (world.account, world.endpoint), "task.completed", now, 30).await;
    let account = world.engine.as_operator_in(world.account);
    let totals = day_totals(account).await;
    assert_eq!((totals.since, totals.is_partial), (now.beginning(HOUR) - 23 * HOUR, false));
    assert_eq!((totals.figures.delivered(), totals.figures.failed_deliveries), (48, 24));
    assert_eq!(totals.figures.attempts().success_per_mille(), Some(666));

    // Hours that have ended are remembered; what comes in is added to the present one.
    database.run("DELETE FROM statistics").await;
    world.deliver(200).await;
    let totals = day_totals(account).await;
    assert_eq!(totals.figures.delivered(), 22 * 2 + 1, "the last hour could still have changed");
    world.clock.advance(25 * HOUR);
    assert_eq!(day_totals(account).await.figures, Figures::default());
    let theirs = day_totals(world.engine.as_operator_in(neighbour)).await;
    assert_eq!(theirs.figures, Figures::default());
}

on_each_database!(the_last_day_of_some_endpoints_is_told_by_the_hour);
async fn the_last_day_of_some_endpoints_is_told_by_the_hour(database: TestDatabase) {
    let world = World::new(&database).await;
    let (second, third) = (endpoint(&world.engine, world.account).await, endpoint(&world.engine, world.account).await);
    let now = world.engine.0.clock.now();
    let neighbour = account(&world.engine, "neighbour").await;
    store_hours(&database, (neighbour, second), "task.completed", now, 24).await;
    for kind in ["task.completed", "task.failed"] {
        store_hours(&database, (world.account, second), kind, now, 2).await;
    }
    store_hours(&database, (world.account, third), "task.completed", now, 2).await;
    let account = world.engine.as_operator_in(world.account);
    let recent = account.recent_of(&[world.endpoint, second]).await.expect("figures");
    assert_eq!((recent.hours.len(), recent.hours[23], recent.is_partial), (24, now.beginning(HOUR), false));
    let delivered: Vec<_> = recent.of(second).into_iter().map(Attempts::delivered).collect();
    assert_eq!(delivered[21..], [0, 4, 4]);
    assert_eq!(recent.total_of(second), Attempts { all: 12, failed: 4 });
    assert_eq!(recent.total_of(world.endpoint), Attempts::default());
    assert_eq!(recent.total_of(third), Attempts::default(), "it was not asked for");
    assert_eq!(account.recent_of(&[]).await.expect("nothing").hours.len(), 24);
}

on_each_database!(a_chart_has_a_bar_for_each_step_of_its_range);
async fn a_chart_has_a_bar_for_each_step_of_its_range(database: TestDatabase) {
    let world = World::new(&database).await;
    let second = endpoint(&world.engine, world.account).await;
    let now = world.engine.0.clock.now();
    let neighbour = account(&world.engine, "neighbour").await;
    store_hours(&database, (neighbour, world.endpoint), "task.completed", now, 800).await;
    store_hours(&database, (world.account, second), "task.completed", now, 800).await;
    for kind in ["task.completed", "task.failed"] {
        store_hours(&database, (world.account, world.endpoint), kind, now, 800).await;
    }
    let handle = world.engine.as_operator_in(world.account).endpoint(world.endpoint);
    for (window, bars, each) in [(Window::Day, 24, 4), (Window::Week, 28, 24), (Window::Month, 30, 96)] {
        let chart = handle.bars_from(&window.starts(now), None).await.expect("bars");
        assert_eq!((chart.bars.len(), chart.rest), (bars, None));
        assert_eq!((chart.bars[0].0, chart.bars[1].1.delivered()), (window.since(now), each), "{window:?}");
        let sum: u64 = chart.bars.iter().map(|(_, figures)| figures.delivered()).sum();
        assert_eq!(chart.total.delivered(), sum);
        assert_eq!(chart.total.latencies.percentile(50), Some(Duration::from_micros(13_750)));
        assert_eq!(window.as_str().parse(), Ok(window));
    }
    // Days of a zone, of which one has 23 hours, and one begins at half an hour.
    let starts =
        [now.beginning(HOUR) - 60 * HOUR, now.beginning(HOUR) - 37 * HOUR, now.beginning(HOUR) - 14 * HOUR + HOUR / 2];
    let days = handle.bars_from(&starts, None).await.expect("bars");
    let delivered: Vec<_> = days.bars.iter().map(|(start, figures)| (*start, figures.delivered())).collect();
    assert_eq!(delivered, [(starts[0], 92), (starts[1], 96), (starts[2], 56)]);
    let too_old = handle.bars_from(&[now - 300 * DAY], None).await.expect("bars");
    assert_eq!(too_old.total.delivered(), (31 * 24 + 1) * 4, "as long as a chart can be");
    let kind: EventType = "task.failed".parse().expect("a type");
    let typed = handle.bars_from(&Window::Day.starts(now), Some(kind)).await.expect("bars");
    assert_eq!(typed.total.delivered(), 48);
    let cut = handle.bars_of(&Window::Day.starts(now), None, 10).await.expect("bars");
    assert_eq!(cut.rest, Some(now.beginning(HOUR) - 18 * HOUR));
    assert_eq!(cut.total.delivered(), 20, "as far as was added up");
    let theirs = world
        .engine
        .as_operator_in(neighbour)
        .endpoint(second)
        .bars_from(&Window::Month.starts(now), None)
        .await
        .expect("bars");
    assert_eq!(theirs.total, Figures::default());
}

on_each_database!(the_causes_of_failures_are_those_of_the_last_attempts);
async fn the_causes_of_failures_are_those_of_the_last_attempts(database: TestDatabase) {
    let world = World::new(&database).await;
    let neighbour = account(&world.engine, "neighbour").await;
    let their_endpoint = endpoint(&world.engine, neighbour).await;
    database.store_backlog(neighbour, their_endpoint, crate::testing::Backlog::Failed, 1..20_001).await;
    for status in [500, 200, 404, 500] {
        world.clock.advance(Duration::from_secs(1));
        world.deliver(status).await;
    }
    let handle = world.engine.as_operator_in(world.account).endpoint(world.endpoint);
    let told =
        |causes: Vec<Cause>| causes.into_iter().map(|it| (it.outcome, it.class, it.deliveries)).collect::<Vec<_>>();
    let answered = Outcome::Answered;
    let expected =
        [(answered(500), Some(ResultClass::ServerError), 2), (answered(404), Some(ResultClass::ClientError), 1)];
    assert_eq!(told(handle.causes(Window::Day).await.expect("causes")), expected);
    handle.pause().await.expect("paused");
    assert_eq!(told(handle.causes(Window::Day).await.expect("causes")), expected, "they are held now");
    world.clock.advance(48 * HOUR);
    assert_eq!(told(handle.causes(Window::Day).await.expect("causes")), []);
    assert_eq!(told(handle.causes(Window::Week).await.expect("causes")), expected);
    let theirs = world.engine.as_operator_in(neighbour).endpoint(world.endpoint).causes(Window::Week).await;
    assert_eq!(told(theirs.expect("causes")), []);
}

/// Stores further rows of an hour, each with three attempts, one of which failed.
async fn store_parts(database: &TestDatabase, of: (AccountId, EndpointId), kind: &str, hour: Timestamp, parts: u32) {
    let (account, endpoint) = (database.literal(of.0.uuid()), database.literal(of.1.uuid()));
    let hour = hour.unix_micros() / 1_000_000;
    database
        .run(&format!(
            "INSERT INTO statistics SELECT {account}, to_timestamp({hour}) + part * interval '1 microsecond', {endpoint},
               '{kind}', 1, 1, 1, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0 FROM generate_series(1, {parts}) AS part"
        ))
        .await;
}

#[tokio::test]
async fn an_hour_in_several_rows_is_read_as_one_and_becomes_one_when_it_has_ended() {
    let Some(database) = testing::postgres().await else { return };
    let world = World::new(&database).await;
    let now = world.engine.0.clock.now();
    let present = now.beginning(HOUR);
    let neighbour = account(&world.engine, "neighbour").await;
    let theirs = (neighbour, endpoint(&world.engine, neighbour).await);
    for of in [(world.account, world.endpoint), theirs] {
        // Nothing but parts is stored of the hour before the last one.
        store_hours(&database, of, "task.completed", now, 2).await;
        store_parts(&database, of, "task.completed", present - 2 * HOUR, 1_200).await;
        store_parts(&database, of, "task.failed", present - 2 * HOUR, 2).await;
        store_parts(&database, of, "task.completed", present, 4).await;
    }
    let account = world.engine.as_operator_in(world.account);
    let read = async || {
        let by_endpoint = StatisticsFilter { endpoint: Some(world.endpoint), ..world.filter(1) };
        let of_all: Vec<_> = world.points(&world.filter(1)).await.iter().map(counts).collect();
        let of_one: Vec<_> = world.points(&by_endpoint).await.iter().map(counts).collect();
        let recent = account.recent_of(&[world.endpoint]).await.expect("hours").of(world.endpoint);
        let recent: Vec<_> = recent[21..].iter().map(|it| (it.delivered(), it.failed)).collect();
        (of_all, of_one, recent, day_totals(account).await.figures.delivered())
    };
    let points = vec![(2_404, 1_202, 1_202), (2, 1, 1), (10, 5, 5)];
    let expected = (points.clone(), points, vec![(2_404, 1_202), (2, 1), (10, 5)], 2_416);
    assert_eq!(read().await, expected);

    let rows = async |of: &str| database.count(&format!("SELECT count(*) FROM statistics WHERE {of}")).await;
    let part = "hour <> date_trunc('hour', hour)";
    let Database::Postgres(db) = &database.db else { unreachable!("asked for PostgreSQL") };
    let mut held = db.pool.begin().await.expect("a transaction");
    let lock = "SELECT 1 FROM statistics WHERE hour <> date_trunc('hour', hour) ORDER BY hour LIMIT 1 FOR UPDATE";
    sqlx::query(lock).execute(&mut *held).await.expect("a lock");
    Hands(&world.engine).believe_the_clock().await;
    world.engine.sweep().await.expect("swept");
    assert_eq!(read().await, expected);
    assert_eq!(rows(part).await, 2 * 4 + 1, "those of the present hour, and the locked one");
    held.rollback().await.expect("rolled back");
    world.engine.sweep().await.expect("swept");
    assert_eq!((rows(part).await, rows("TRUE").await), (2 * 4, 2 * (4 + 4)));
    assert_eq!(read().await, expected);
}

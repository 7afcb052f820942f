//! `GET /v1/accounts/{account}/statistics`: what attempts came to, by the hour or the day.

use std::{fmt, str::FromStr, time::Duration};

use serde::{Deserialize, Serialize};
use signet_engine::service::statistics::{Point, StatisticsError, StatisticsFilter, Step};
use signet_model::{
    EndpointId, Timestamp,
    event::EventType,
    latency::{BOUNDS_MS, Latencies},
    time::InvalidTimestamp,
};
use utoipa::{IntoParams, ToSchema};

use crate::{
    access::{DeliveriesRead, InAccount},
    ids::schema,
    json::members,
    list::{Entries, List, Page, PageParams},
    problem::{Problem, problems},
    time::Time,
};

problems!(IN_ACCOUNT, LIST);

/// The range without a choice.
const DAY: Duration = Duration::from_hours(24);

/// Selects statistics.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Selection {
    /// The first step is that of this instant; by default the one of 24 hours ago.
    #[serde(default, deserialize_with = "members::parsed_if_given")]
    #[param(value_type = Option<Time>)]
    from: Option<Time>,
    /// The steps end here; by default with the present one. By the hour 31 days at most, by the day 400.
    #[serde(default, deserialize_with = "members::parsed_if_given")]
    #[param(value_type = Option<Time>)]
    until: Option<Time>,
    /// The length of a step, in UTC.
    #[serde(default)]
    #[param(inline)]
    step: Length,
    /// Only attempts at this webhook.
    #[serde(default, deserialize_with = "members::parsed_if_given")]
    #[param(value_type = Option<schema::EndpointId>)]
    endpoint: Option<EndpointId>,
    /// Only attempts with events of this type.
    #[serde(default, deserialize_with = "members::parsed_if_given")]
    #[param(value_type = Option<String>)]
    event_type: Option<EventType>,
    /// Gives each webhook entries of its own.
    #[serde(default, deserialize_with = "members::parsed_if_given")]
    by_endpoint: Option<bool>,
    /// Gives each event type entries of its own.
    #[serde(default, deserialize_with = "members::parsed_if_given")]
    by_event_type: Option<bool>,
}

/// The length of a step.
#[derive(Debug, Clone, Copy, Default, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
enum Length {
    #[default]
    Hour,
    Day,
}

/// What the attempts of one step came to.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Entry {
    /// The beginning of the step.
    start: Time,
    /// The webhook, with `byEndpoint`.
    #[schema(value_type = Option<schema::EndpointId>)]
    endpoint: Option<EndpointId>,
    /// The event type, with `byEventType`.
    event_type: Option<String>,
    /// Attempts that delivered.
    delivered: u64,
    /// Attempts that failed.
    failed_attempts: u64,
    /// Deliveries that failed for good.
    failed_deliveries: u64,
    /// The durations of all attempts.
    latency: Latency,
}

/// The durations of attempts, in milliseconds.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct Latency {
    /// The duration that half of the attempts did not exceed, estimated.
    p50: Option<u64>,
    /// The duration that 95 of 100 attempts did not exceed, estimated.
    p95: Option<u64>,
    /// The attempts by their duration.
    buckets: Vec<Bucket>,
}

/// Attempts that took longer than the bucket before allows, and no longer than this one does.
#[derive(Debug, Serialize, ToSchema)]
struct Bucket {
    /// The longest duration; `null` without a limit.
    most: Option<u32>,
    /// The number of attempts.
    count: u64,
}

impl From<Latencies> for Latency {
    fn from(latencies: Latencies) -> Self {
        let millis = |percent| {
            let duration = latencies.percentile(percent)?;
            u64::try_from(duration.as_millis()).ok()
        };
        let bounds = BOUNDS_MS.into_iter().map(Some).chain([None]);
        let buckets = bounds.zip(latencies.0).map(|(most, count)| Bucket { most, count }).collect();
        Self { p50: millis(50), p95: millis(95), buckets }
    }
}

impl From<Point> for Entry {
    fn from(point: Point) -> Self {
        Self {
            start: point.start.into(),
            endpoint: point.endpoint,
            event_type: point.event_type.map(|it| it.to_string()),
            delivered: point.figures.delivered(),
            failed_attempts: point.figures.failed_attempts,
            failed_deliveries: point.figures.failed_deliveries,
            latency: point.figures.latencies.into(),
        }
    }
}

/// The beginning of the first step of the next page.
#[derive(Debug, Clone, Copy)]
pub struct Next(Timestamp);

impl fmt::Display for Next {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for Next {
    type Err = InvalidTimestamp;

    fn from_str(text: &str) -> Result<Self, InvalidTimestamp> {
        Timestamp::parse_rfc3339(text).map(Self)
    }
}

/// Read statistics.
///
/// One entry for each step with attempts, and with `byEndpoint` and `byEventType` for each
/// webhook and event type in it. Tests are not counted. A page ends with the step in which it
/// reaches its limit.
#[utoipa::path(
    get, path = "/v1/accounts/{account}/statistics", operation_id = "readStatistics", tag = "Statistics",
    security(("key" = ["deliveries:read"])), params(PageParams, Selection),
    responses((status = 200, body = Entries<Entry>, description = "A page of statistics."), Problems)
)]
pub async fn read_statistics(
    caller: InAccount<DeliveriesRead>,
    list: List<Next, Selection>,
) -> Result<Page<Entry>, Problem> {
    let filter = filter(&list, caller.engine().clock().now());
    let statistics = caller.account().statistics(&filter).await.map_err(problem)?;
    let mut points = statistics.points;
    let limit = list.rows() as usize - 1;
    let final_start = points.get(limit.saturating_sub(1)).map(|point| point.start);
    let end =
        final_start.map_or(points.len(), |final_start| points.partition_point(|point| point.start <= final_start));
    let next = points.get(end).map(|point| point.start).or(statistics.rest);
    points.truncate(end);
    Ok(list.page_until(points.into_iter().map(Entry::from).collect(), next.map(Next).as_ref()))
}

fn filter(list: &List<Next, Selection>, now: Timestamp) -> StatisticsFilter {
    let Selection { from, until, step, endpoint, event_type, by_endpoint, by_event_type } = &list.filter;
    StatisticsFilter {
        from: list.after.map(|next| next.0).or(from.map(|from| from.0)).unwrap_or(now - DAY),
        // The present step is one of them, even if it has just begun.
        until: until.map_or(now + Duration::from_micros(1), |until| until.0),
        step: match step {
            Length::Hour => Step::Hour,
            Length::Day => Step::Day,
        },
        endpoint: *endpoint,
        event_type: event_type.clone(),
        by_endpoint: by_endpoint.unwrap_or_default(),
        by_event_type: by_event_type.unwrap_or_default(),
    }
}

fn problem(error: StatisticsError) -> Problem {
    match error {
        StatisticsError::Store(error) => error.into(),
        error @ (StatisticsError::EmptyRange | StatisticsError::TooLong(_)) => {
            Problem::parameter("from", &error.to_string())
        }
        error @ StatisticsError::TooMany(_) => Problem::parameter("step", &error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use axum::http::StatusCode;
    use serde_json::json;
    use signet_engine::testing::{Hands, TestDatabase, completed, on_each_database};

    use crate::testing::TestApi;

    const PATH: &str = "/v1/accounts/acme/statistics";

    /// Two webhooks of the account; the deliveries of one event get these answers.
    async fn deliver(api: &TestApi, statuses: [u16; 2]) {
        let hands = Hands(api.engine());
        for status in statuses {
            for in_flight in hands.ingest(completed(api.engine(), api.acme, "task")).await.1 {
                hands.finish(in_flight, status).await;
            }
        }
    }

    on_each_database!(an_account_reads_what_its_attempts_came_to);
    async fn an_account_reads_what_its_attempts_came_to(database: TestDatabase) {
        let api = TestApi::on(database).await;
        let endpoint = api.subscribe(api.acme).await;
        deliver(&api, [200, 500]).await;
        let answer = api.get(PATH).await;
        assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
        let entry = &answer.json["data"][0];
        assert_eq!(entry["start"], "2026-03-28T12:00:00Z");
        assert_eq!(
            (&entry["delivered"], &entry["failedAttempts"], &entry["failedDeliveries"]),
            (&json!(1), &json!(1), &json!(0))
        );
        assert_eq!(entry["latency"]["buckets"][0], json!({"most": 5, "count": 2}));
        assert_eq!(answer.json["nextCursor"], json!(null));

        let split = api.get(&format!("{PATH}?step=day&byEndpoint=true&byEventType=true&endpoint={endpoint}")).await;
        let entry = &split.json["data"][0];
        assert_eq!((&entry["endpoint"], &entry["eventType"]), (&json!(endpoint.to_string()), &json!("task.completed")));
        assert_eq!(entry["start"], "2026-03-28T00:00:00Z");

        let other = api.with_key_of(api.other).await;
        assert_eq!(other.get("/v1/accounts/other/statistics").await.json["data"], json!([]));
        assert_eq!(other.get(PATH).await.status, StatusCode::NOT_FOUND);
    }

    on_each_database!(a_page_of_statistics_ends_with_a_step);
    async fn a_page_of_statistics_ends_with_a_step(database: TestDatabase) {
        let api = TestApi::on(database).await;
        for _ in 0..2 {
            api.subscribe(api.acme).await;
        }
        for _ in 0..2 {
            deliver(&api, [200, 204]).await;
            api.clock.advance(std::time::Duration::from_hours(1));
        }
        let first = api.get(&format!("{PATH}?byEndpoint=true&limit=1")).await;
        assert_eq!(first.json["data"].as_array().map(Vec::len), Some(2), "{first:?}");
        let cursor = first.json["nextCursor"].as_str().expect("a cursor");
        let second = api.get(&format!("{PATH}?byEndpoint=true&limit=1&cursor={cursor}")).await;
        assert_eq!(second.json["data"].as_array().map(Vec::len), Some(2));
        assert_eq!((&second.json["data"][0]["start"], &second.json["nextCursor"]), (&json!(cursor), &json!(null)));
        for (query, name) in
            [("from=2020-01-01T00:00:00Z", "from"), ("until=2020-01-01T00:00:00Z", "from"), ("step=year", "step")]
        {
            let refused = api.get(&format!("{PATH}?{query}")).await;
            assert_eq!(
                (&refused.json["code"], &refused.json["errors"][0]["parameter"]),
                (&json!("invalid_parameter"), &json!(name))
            );
        }
        api.assert_problems("GET /v1/accounts/{account}/statistics");
    }
}

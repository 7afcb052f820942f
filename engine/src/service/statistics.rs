//! Statistics of an account: what attempts came to, by the hour or the day.
//!
//! Attempts are counted in the transaction of their outcomes
//! (`engine/src/queue/records/statistics.rs`), in the hour in which they began. Tests are not counted.

mod bars;
mod causes;
mod day;
mod parts;
mod recent;
mod settled;
#[cfg(test)]
mod tests;

use std::time::Duration;

use const_format::formatcp;
use signet_model::{EndpointId, Timestamp, event::EventType, latency::Latencies, sql::Stored};

use super::{AccountHandle, Error};
use crate::{
    db::{self, Conn, Pool, Sql},
    queue::HOUR,
};

pub use bars::{Bars, UnknownWindow, Window};
#[cfg(test)]
pub(super) use causes::CAUSES;
pub use causes::{CAUSES_FROM, Cause};
#[cfg(test)]
pub(super) use day::ADD_UP_HOURS;
pub use day::DayTotals;
pub(super) use parts::merge as merge_parts;
use parts::{HOUR_OF, IS_PART};
#[cfg(test)]
pub(super) use parts::{MERGE, NEXT};
#[cfg(test)]
pub(super) use recent::RECENT;
pub use recent::{Attempts, Recent};
pub(crate) use settled::Settled;

const DAY: Duration = Duration::from_hours(24);
/// The hours of a day.
const HOURS: u32 = 24;

/// The number of stored rows that one answer adds up.
pub const ADDED_UP: u32 = 50_000;

/// Selects statistics of an account.
#[derive(Debug, Clone)]
pub struct StatisticsFilter {
    /// Of the steps that begin from here on; rounded down to the beginning of a step.
    pub from: Timestamp,
    /// Of the steps before this instant; rounded up to the end of a step.
    pub until: Timestamp,
    /// The span of one point.
    pub step: Step,
    /// Only attempts at this endpoint.
    pub endpoint: Option<EndpointId>,
    /// Only attempts with events of this type.
    pub event_type: Option<EventType>,
    /// Gives each endpoint points of its own.
    pub by_endpoint: bool,
    /// Gives each event type points of its own.
    pub by_event_type: bool,
}

/// The span of one point, in UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// An hour.
    Hour,
    /// A day.
    Day,
}

impl Step {
    /// The length of the span.
    pub const fn length(self) -> Duration {
        match self {
            Self::Hour => HOUR,
            Self::Day => DAY,
        }
    }

    /// The longest range that can be asked for: 31 days by the hour, and 400 by the day.
    pub const fn longest_range(self) -> Duration {
        match self {
            Self::Hour => Duration::from_hours(31 * 24),
            Self::Day => Duration::from_hours(400 * 24),
        }
    }

    /// The word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Hour => "hour",
            Self::Day => "day",
        }
    }
}

/// What the attempts of one step came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Point {
    /// The beginning of the step.
    pub start: Timestamp,
    /// The endpoint, if each has points of its own.
    pub endpoint: Option<EndpointId>,
    /// The event type, if each has points of its own.
    pub event_type: Option<EventType>,
    /// The counts.
    pub figures: Figures,
}

/// Counts of attempts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Figures {
    /// Attempts that failed.
    pub failed_attempts: u64,
    /// Deliveries that failed for good, by their last attempt.
    pub failed_deliveries: u64,
    /// The durations of all attempts.
    pub latencies: Latencies,
}

impl Figures {
    /// Attempts that delivered. A delivery that was sent again counts each time.
    pub fn delivered(&self) -> u64 {
        self.latencies.count().saturating_sub(self.failed_attempts)
    }

    /// The same without the durations.
    pub fn attempts(&self) -> Attempts {
        Attempts { all: self.latencies.count(), failed: self.failed_attempts }
    }
}

impl std::ops::AddAssign for Figures {
    fn add_assign(&mut self, more: Self) {
        self.failed_attempts = self.failed_attempts.saturating_add(more.failed_attempts);
        self.failed_deliveries = self.failed_deliveries.saturating_add(more.failed_deliveries);
        self.latencies += more.latencies;
    }
}

/// An answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statistics {
    /// By time, endpoint and event type. A step without attempts has no point.
    pub points: Vec<Point>,
    /// The steps from this instant on were not added up: ask for them next.
    pub rest: Option<Timestamp>,
}

/// Statistics were not read.
#[derive(Debug, thiserror::Error)]
pub enum StatisticsError {
    /// The range ends before it begins.
    #[error("the range must end after it begins")]
    EmptyRange,
    /// The range is longer than the step allows.
    #[error("statistics by the {} cover at most {} days", .0.as_str(), .0.longest_range().as_secs() / 86_400)]
    TooLong(Step),
    /// One step has more rows than an answer adds up.
    #[error("one {} has too many webhooks and event types to add up; ask for one webhook, or by the hour", .0.as_str())]
    TooMany(Step),
    /// The database failed.
    #[error(transparent)]
    Store(#[from] Error),
}

impl From<db::Error> for StatisticsError {
    fn from(error: db::Error) -> Self {
        Self::Store(error.into())
    }
}

/// The rows of an account (`$1`) from an hour (`$2`) to another (`$3`). PostgreSQL takes few rows to
/// be in hours of which it has no statistics yet, and would read those of all accounts along the
/// index by hour: the hours are compared together with the account.
const OF_ACCOUNT: Sql = Sql {
    sqlite: "FROM statistics WHERE account_id = $1 AND hour >= $2 AND hour < $3",
    postgres: "FROM statistics WHERE account_id = $1 AND (account_id, hour) >= ($1, $2) AND (account_id, hour) < ($1, $3)",
};
/// The rows of an endpoint (`$2`) in each of some hours (`$3`): the rows of other endpoints in
/// the same hours are not looked at.
const OF_ENDPOINT: Sql = Sql {
    sqlite: "FROM statistics WHERE account_id = $1 AND endpoint_id = $2 AND hour IN (SELECT value FROM json_each($3))",
    postgres: formatcp!(
        "FROM (SELECT * FROM statistics WHERE account_id = $1 AND endpoint_id = $2 AND hour = ANY($3)
             UNION ALL SELECT * FROM statistics WHERE account_id = $1 AND endpoint_id = $2 AND {IS_PART}
               AND {HOUR_OF} = ANY($3)) AS rows WHERE TRUE"
    ),
};

/// The columns that count, as they are, and added up.
macro_rules! counters {
    ($first:literal $($column:literal)*) => {
        const COUNTERS: &str = concat!($first $(, ", ", $column)*);
        const SUMS: &str = concat!(
            ", CAST(sum(", $first, ") AS BIGINT) AS ", $first $(, ", CAST(sum(", $column, ") AS BIGINT) AS ", $column)*
        );
    };
}

counters!(
    "failed_attempts" "failed_deliveries" "within_5ms" "within_10ms" "within_25ms" "within_50ms" "within_100ms"
    "within_250ms" "within_500ms" "within_1s" "within_2500ms" "within_5s" "within_10s" "longer"
);

/// Adds rows up by steps (`$4`, in microseconds), and also by endpoint (`$5`) and type (`$6`)
/// if that is asked for, of one type (`$7`) or all.
macro_rules! adding_up {
    ($start:literal, $rows:expr) => {
        formatcp!(
            "SELECT {} AS start, CASE WHEN CAST($5 AS BOOLEAN) THEN endpoint_id END AS endpoint_id,
               CASE WHEN CAST($6 AS BOOLEAN) THEN event_type END AS event_type{}
             {} AND (CAST($7 AS TEXT) IS NULL OR event_type = $7) GROUP BY 1, 2, 3 ORDER BY 1, 2, 3",
            $start,
            SUMS,
            $rows
        )
    };
}

/// Selects the hour of the first row beyond so many (`$4`).
macro_rules! beyond {
    ($rows:expr) => {
        formatcp!("SELECT hour {} ORDER BY hour, endpoint_id, event_type LIMIT 1 OFFSET $4", $rows)
    };
}

/// The statements for the rows of an account.
pub(crate) const BEYOND_OF_ACCOUNT: Sql =
    Sql { sqlite: beyond!(OF_ACCOUNT.sqlite), postgres: beyond!(OF_ACCOUNT.postgres) };
pub(crate) const ADD_UP_ACCOUNT: Sql = Sql {
    sqlite: adding_up!("hour - hour % $4", OF_ACCOUNT.sqlite),
    postgres: adding_up!("date_bin($4 * INTERVAL '1 microsecond', hour, TIMESTAMPTZ 'epoch')", OF_ACCOUNT.postgres),
};
/// The statements for the rows of an endpoint.
pub(crate) const BEYOND_OF_ENDPOINT: Sql =
    Sql { sqlite: beyond!(OF_ENDPOINT.sqlite), postgres: beyond!(OF_ENDPOINT.postgres) };
pub(crate) const ADD_UP_ENDPOINT: Sql = Sql {
    sqlite: adding_up!("hour - hour % $4", OF_ENDPOINT.sqlite),
    postgres: adding_up!("date_bin($4 * INTERVAL '1 microsecond', hour, TIMESTAMPTZ 'epoch')", OF_ENDPOINT.postgres),
};

#[derive(sqlx_macros::FromRow)]
struct Row {
    start: Timestamp,
    endpoint_id: Option<Stored<EndpointId>>,
    event_type: Option<Stored<EventType>>,
    failed_attempts: i64,
    failed_deliveries: i64,
    within_5ms: i64,
    within_10ms: i64,
    within_25ms: i64,
    within_50ms: i64,
    within_100ms: i64,
    within_250ms: i64,
    within_500ms: i64,
    within_1s: i64,
    within_2500ms: i64,
    within_5s: i64,
    within_10s: i64,
    longer: i64,
}

impl Row {
    /// Reads the point. An id or a type that cannot be read is left out.
    fn read(self) -> Point {
        let latencies = [
            self.within_5ms,
            self.within_10ms,
            self.within_25ms,
            self.within_50ms,
            self.within_100ms,
            self.within_250ms,
            self.within_500ms,
            self.within_1s,
            self.within_2500ms,
            self.within_5s,
            self.within_10s,
            self.longer,
        ];
        Point {
            start: self.start,
            endpoint: self.endpoint_id.and_then(Stored::ok),
            event_type: self.event_type.and_then(Stored::ok),
            figures: Figures {
                failed_attempts: self.failed_attempts.unsigned_abs(),
                failed_deliveries: self.failed_deliveries.unsigned_abs(),
                latencies: Latencies(latencies.map(i64::unsigned_abs)),
            },
        }
    }
}

impl AccountHandle<'_> {
    /// Reads statistics of the account, as far as one answer adds up ([`ADDED_UP`]).
    pub async fn statistics(self, filter: &StatisticsFilter) -> Result<Statistics, StatisticsError> {
        self.statistics_of(filter, ADDED_UP).await
    }

    /// Adds up at most `most` rows.
    async fn statistics_of(self, filter: &StatisticsFilter, most: u32) -> Result<Statistics, StatisticsError> {
        let step = filter.step;
        let mut range = Range::of(filter)?;
        let mut conn = self.service.db.read(Pool::Pages).await?;
        let beyond = self.beyond(&mut conn, range, filter.endpoint, most).await?;
        let rest = beyond.map(|hour| hour.beginning(step.length()));
        if let Some(rest) = rest {
            if rest <= range.from {
                return Err(StatisticsError::TooMany(step));
            }
            range.until = rest;
        }
        Ok(Statistics { points: self.add_up(&mut conn, range, step.length(), filter).await?, rest })
    }

    /// Reads the hour of the first row that is too many.
    async fn beyond(
        self,
        conn: &mut Conn,
        range: Range,
        endpoint: Option<EndpointId>,
        most: u32,
    ) -> db::Result<Option<Timestamp>> {
        let query = match endpoint {
            None => conn.query(BEYOND_OF_ACCOUNT).bind(self.id).bind(range.from).bind(range.until),
            Some(endpoint) => conn.query(BEYOND_OF_ENDPOINT).bind(self.id).bind(endpoint).bind_instants(&range.hours()),
        };
        query.bind(i64::from(most)).fetch_optional_value().await
    }

    /// Adds the rows of a range up by steps of this length.
    async fn add_up(
        self,
        conn: &mut Conn,
        range: Range,
        step: Duration,
        filter: &StatisticsFilter,
    ) -> db::Result<Vec<Point>> {
        let query = match filter.endpoint {
            None => conn.query(ADD_UP_ACCOUNT).bind(self.id).bind(range.from).bind(range.until),
            Some(endpoint) => conn.query(ADD_UP_ENDPOINT).bind(self.id).bind(endpoint).bind_instants(&range.hours()),
        };
        let step = i64::try_from(step.as_micros()).unwrap_or(i64::MAX);
        let query = query.bind(step).bind(filter.by_endpoint).bind(filter.by_event_type);
        let rows: Vec<Row> = query.bind(filter.event_type.as_ref().map(EventType::as_str)).fetch_all().await?;
        Ok(rows.into_iter().map(Row::read).collect())
    }
}

/// Whole steps.
#[derive(Debug, Clone, Copy)]
struct Range {
    from: Timestamp,
    until: Timestamp,
}

impl Range {
    fn of(filter: &StatisticsFilter) -> Result<Self, StatisticsError> {
        let length = filter.step.length();
        let from = filter.from.beginning(length);
        let last = filter.until.beginning(length);
        let until = if last == filter.until { last } else { last + length };
        if until <= from {
            return Err(StatisticsError::EmptyRange);
        }
        // A range that begins and ends within a step covers one step more than its length.
        if until.since(from) > filter.step.longest_range() + length {
            return Err(StatisticsError::TooLong(filter.step));
        }
        Ok(Self { from, until })
    }

    fn hours(self) -> Vec<Timestamp> {
        let mut hours = Vec::new();
        let mut hour = self.from;
        while hour < self.until {
            hours.push(hour);
            hour = hour + HOUR;
        }
        hours
    }
}

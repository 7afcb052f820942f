//! Hourly statistics, as they are written and read.

use std::{collections::BTreeMap, hash::Hash, sync::LazyLock, time::Duration};

use signet_model::{
    AccountId, EndpointId, Timestamp,
    delivery::Attempt,
    event::EventType,
    latency::{BUCKETS, Latencies},
};

use crate::queue::record::{Column, Record, Value};

/// The span of one row.
pub(crate) const HOUR: Duration = Duration::from_hours(1);

/// The attempts of a batch at one endpoint, with events of one type, begun in one hour.
#[derive(Debug)]
pub(crate) struct StatisticsRow {
    key: Key,
    /// The number of the row among those of its key, which are added up: 0 unless the driver
    /// shares them out.
    part: u32,
    counts: Counts,
}

/// In the order of the primary key.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    account: AccountId,
    hour: Timestamp,
    endpoint: EndpointId,
    event_type: EventType,
}

#[derive(Debug, Default)]
struct Counts {
    failed_attempts: i32,
    failed_deliveries: i32,
    attempts: [i32; BUCKETS],
}

/// Adds up the attempts of a batch.
#[derive(Debug, Default)]
pub(crate) struct Tally(BTreeMap<Key, Counts>);

/// The meaning of an attempt for its delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Counted {
    Delivered,
    /// The delivery goes on.
    FailedAttempt,
    /// The delivery has failed for good.
    FailedDelivery,
}

impl Tally {
    /// Counts an attempt.
    pub(crate) fn add(
        &mut self,
        (account, endpoint): (AccountId, EndpointId),
        event_type: &EventType,
        attempt: &Attempt,
        counted: Counted,
    ) {
        let hour = attempt.started_at.beginning(HOUR);
        let counts = self.0.entry(Key { account, hour, endpoint, event_type: event_type.clone() }).or_default();
        counts.failed_attempts += i32::from(counted != Counted::Delivered);
        counts.failed_deliveries += i32::from(counted == Counted::FailedDelivery);
        counts.attempts[Latencies::bucket_of(attempt.duration)] += 1;
    }

    /// Returns the rows, in the order of their keys: each process locks in this order, so that
    /// no two wait for each other.
    pub(crate) fn into_rows(self) -> Vec<StatisticsRow> {
        self.0.into_iter().map(|(key, counts)| StatisticsRow { key, part: 0, counts }).collect()
    }
}

/// The column of a bucket.
macro_rules! bucket {
    ($name:literal, $index:literal) => {
        Column($name, Value::Int(|row: &StatisticsRow| Some(row.counts.attempts[$index])))
    };
}

impl Record for StatisticsRow {
    const TABLE: &'static str = "statistics";
    const COLUMNS: &'static [Column<Self>] = &[
        Column("account_id", Value::Uuid(|row| Some(row.key.account.uuid()))),
        // A part is told by so many microseconds.
        Column("hour", Value::Instant(|row| Some(row.key.hour + Duration::from_micros(row.part.into())))),
        Column("endpoint_id", Value::Uuid(|row| Some(row.key.endpoint.uuid()))),
        Column("event_type", Value::Text(|row| Some(row.key.event_type.as_str()))),
        Column("failed_attempts", Value::Int(|row| Some(row.counts.failed_attempts))),
        Column("failed_deliveries", Value::Int(|row| Some(row.counts.failed_deliveries))),
        bucket!("within_5ms", 0),
        bucket!("within_10ms", 1),
        bucket!("within_25ms", 2),
        bucket!("within_50ms", 3),
        bucket!("within_100ms", 4),
        bucket!("within_250ms", 5),
        bucket!("within_500ms", 6),
        bucket!("within_1s", 7),
        bucket!("within_2500ms", 8),
        bucket!("within_5s", 9),
        bucket!("within_10s", 10),
        bucket!("longer", 11),
    ];
}

impl StatisticsRow {
    /// The number of columns of the primary key.
    const KEY_COLUMNS: usize = 4;

    /// Returns the names of the columns that count.
    pub(crate) fn counters() -> impl Iterator<Item = &'static str> {
        Self::COLUMNS[Self::KEY_COLUMNS..].iter().map(|column| column.0)
    }

    /// The beginning of its hour.
    pub(in crate::queue) const fn hour(&self) -> Timestamp {
        self.key.hour
    }

    /// Returns what tells the row from the others of its hour.
    pub(in crate::queue) fn place(&self) -> impl Hash {
        (self.key.endpoint, self.key.event_type.as_str())
    }

    /// The number of its part.
    #[cfg(test)]
    pub(in crate::queue) const fn part(&self) -> u32 {
        self.part
    }

    /// Makes it a part.
    pub(in crate::queue) const fn move_to(&mut self, part: u32) {
        self.part = part;
    }

    /// Adds a row to the stored one of the same hour.
    pub(crate) fn on_conflict() -> &'static str {
        static SQL: LazyLock<String> = LazyLock::new(|| {
            let sums: Vec<_> =
                StatisticsRow::counters().map(|name| format!("{name} = statistics.{name} + excluded.{name}")).collect();
            format!("ON CONFLICT (account_id, hour, endpoint_id, event_type) DO UPDATE SET\n       {}", sums.join(", "))
        });
        &SQL
    }
}

//! Hourly statistics of a busy endpoint in several rows.
//!
//! PostgreSQL keeps each version of a row for as long as somebody holds a snapshot, and who changes
//! the row reads all of them. The statistics of a busy endpoint change with each commit: within an
//! hour one row would get a million versions. So a row gets so many versions, and the next commits
//! go to another part of the hour. Parts are rows whose `hour` is some microseconds later; what reads
//! an hour adds them up, and once it has ended they become one row
//! (`service/statistics/parts.rs`).

use std::hash::{BuildHasher, RandomState};

use signet_model::Timestamp;

use crate::queue::StatisticsRow;

/// The versions that a row gets from one process.
const VERSIONS: u32 = 500;
/// The number of counters. Rows that fall on the same one share it, and get fewer versions.
const COUNTERS: usize = 16_384;

/// Counts the versions of rows of the present hour.
#[derive(Debug, Default)]
pub(super) struct Parts {
    hour: Option<Timestamp>,
    /// Empty until the first row.
    versions: Vec<u32>,
    hasher: RandomState,
}

impl Parts {
    /// Decides for each row which part gets it.
    pub(super) fn share_out(&mut self, rows: &mut [StatisticsRow]) {
        if let Some(hour) = rows.iter().map(StatisticsRow::hour).max()
            && self.hour.is_none_or(|present| present < hour)
        {
            self.hour = Some(hour);
            self.versions.clear();
            self.versions.resize(COUNTERS, 0);
        }
        for row in rows {
            row.move_to(self.next_part(row));
        }
    }

    fn next_part(&mut self, row: &StatisticsRow) -> u32 {
        let counters = u64::try_from(self.versions.len()).unwrap_or(u64::MAX).max(1);
        let place = usize::try_from(self.hasher.hash_one(row.place()) % counters).unwrap_or_default();
        let Some(versions) = self.versions.get_mut(place) else { return 0 };
        let part = *versions / VERSIONS;
        *versions = versions.saturating_add(1);
        part
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use signet_model::{
        AccountId, EndpointId,
        delivery::{Attempt, Phases},
        event::EventType,
    };
    use uuid::Uuid;

    use super::*;
    use crate::queue::{Counted, HOUR, Tally};

    /// The part of the row of an endpoint in an hour, which gets one more version.
    fn part(parts: &mut Parts, endpoint: u128, hour: u32) -> u32 {
        let started_at = Timestamp::from_unix_seconds(0) + hour * HOUR;
        let attempt = Attempt {
            number: 1,
            started_at,
            duration: Duration::ZERO,
            first_byte: None,
            phases: Phases::default(),
            request_headers: Vec::new(),
            response: None,
            failure: None,
            failure_detail: None,
            retry_after: None,
        };
        let address = (AccountId::from_uuid(Uuid::nil()), EndpointId::from_uuid(Uuid::from_u128(endpoint)));
        let mut tally = Tally::default();
        tally.add(address, &EventType::TASK_COMPLETED, &attempt, Counted::Delivered);
        let mut rows = tally.into_rows();
        parts.share_out(&mut rows);
        rows[0].part()
    }

    #[test]
    fn a_row_gets_so_many_versions_and_then_another_part_does() {
        let mut parts = Parts::default();
        for version in 0..3 * VERSIONS {
            assert_eq!(part(&mut parts, 1, 5), version / VERSIONS);
        }
        assert_eq!(part(&mut parts, 1, 6), 0, "the next hour begins with its first row");
        assert_eq!(part(&mut parts, 1, 5), 0, "what comes late goes where few have been");
    }

    #[test]
    fn many_endpoints_share_few_counters() {
        let mut parts = Parts::default();
        let first: u32 = (0..10_000).map(|endpoint| part(&mut parts, endpoint, 5)).sum();
        assert_eq!(first, 0);
        assert_eq!(parts.versions.len(), COUNTERS);
    }
}

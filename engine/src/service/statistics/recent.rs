//! The last 24 hours of some endpoints, hour by hour, in one statement.

use std::collections::BTreeMap;

use const_format::formatcp;
use signet_model::{EndpointId, Timestamp, sql::Stored};

use super::{
    ADDED_UP, HOURS,
    parts::{HOUR_OF, IS_PART},
    settled::settled,
};
use crate::{
    db::{Pool, Sql},
    queue::HOUR,
    service::{AccountHandle, Result},
};

/// Adds up, by hour and endpoint, rows of an account (`$1`) at some endpoints (`$2`) in some
/// hours (`$3`), at most `$4`, and counts them.
macro_rules! recent {
    ($rows:expr) => {
        formatcp!(
            "SELECT hour AS start, endpoint_id, count(*) AS added_up,
               CAST(sum(failed_attempts) AS BIGINT) AS failed_attempts, CAST(sum(attempts) AS BIGINT) AS attempts
             FROM ({} LIMIT $4) AS looked_at
             GROUP BY 1, 2",
            $rows
        )
    };
}

/// Selects the attempts of rows, with the hour that each counts for.
macro_rules! attempts {
    ($hour:expr, $of:expr) => {
        formatcp!(
            "SELECT {} AS hour, endpoint_id, failed_attempts, within_5ms + within_10ms + within_25ms + within_50ms
               + within_100ms + within_250ms + within_500ms + within_1s + within_2500ms + within_5s + within_10s
               + longer AS attempts
             FROM statistics WHERE account_id = $1 AND {}",
            $hour,
            $of
        )
    };
}

/// The statement.
pub(crate) const RECENT: Sql = Sql {
    sqlite: recent!(attempts!(
        "hour",
        "hour IN (SELECT value FROM json_each($3)) AND endpoint_id IN (SELECT unhex(value) FROM json_each($2))"
    )),
    postgres: recent!(formatcp!(
        "{} UNION ALL {}",
        attempts!("hour", "hour = ANY($3) AND endpoint_id = ANY($2)"),
        attempts!(HOUR_OF, formatcp!("endpoint_id = ANY($2) AND {IS_PART} AND {HOUR_OF} = ANY($3)"))
    )),
};

/// Counts of attempts, without their durations.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Attempts {
    /// All of them.
    pub all: u64,
    /// Those that failed.
    pub failed: u64,
}

impl Attempts {
    /// Those that delivered.
    pub const fn delivered(self) -> u64 {
        self.all.saturating_sub(self.failed)
    }

    /// The part that delivered, in thousandths, rounded down so that only all of them are a
    /// thousand; `None` without attempts.
    pub const fn success_per_mille(self) -> Option<u64> {
        self.delivered().saturating_mul(1_000).checked_div(self.all)
    }
}

/// The last 24 hours of some endpoints; the present hour is the last one.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Recent {
    /// The beginnings of the hours, oldest first.
    pub hours: Vec<Timestamp>,
    /// There is more than was added up.
    pub is_partial: bool,
    attempts: ByHour,
}

type ByHour = BTreeMap<(EndpointId, Timestamp), Attempts>;

impl Recent {
    /// The attempts at an endpoint, hour by hour, oldest first.
    pub fn of(&self, endpoint: EndpointId) -> Vec<Attempts> {
        let at = |&hour: &Timestamp| self.attempts.get(&(endpoint, hour)).copied().unwrap_or_default();
        self.hours.iter().map(at).collect()
    }

    /// All attempts at an endpoint together.
    pub fn total_of(&self, endpoint: EndpointId) -> Attempts {
        let add = |sum: Attempts, hour: Attempts| Attempts {
            all: sum.all.saturating_add(hour.all),
            failed: sum.failed.saturating_add(hour.failed),
        };
        self.of(endpoint).into_iter().fold(Attempts::default(), add)
    }
}

#[derive(sqlx_macros::FromRow)]
struct Row {
    start: Timestamp,
    endpoint_id: Stored<EndpointId>,
    added_up: i64,
    failed_attempts: i64,
    attempts: i64,
}

impl Row {
    /// The counts with their place; `None` for an id that cannot be read.
    fn read(self) -> Option<((EndpointId, Timestamp), Attempts)> {
        let counts = Attempts { all: self.attempts.unsigned_abs(), failed: self.failed_attempts.unsigned_abs() };
        Some(((self.endpoint_id.ok()?, self.start), counts))
    }
}

/// The last 24 hours, oldest first; the present one is the last.
pub(super) fn last_hours(now: Timestamp) -> Vec<Timestamp> {
    let present = now.beginning(HOUR);
    (0..HOURS).rev().map(|ago| present - ago * HOUR).collect()
}

impl AccountHandle<'_> {
    /// Reads the last 24 hours of these endpoints, hour by hour.
    pub(in crate::service) async fn recent_of(self, endpoints: &[EndpointId]) -> Result<Recent> {
        let now = self.service.clock.now();
        let hours = last_hours(now);
        if endpoints.is_empty() {
            return Ok(Recent { hours, ..Recent::default() });
        }
        let settled_hours = &self.service.settled_hours_of_endpoints;
        let of = |endpoint: &EndpointId| (*endpoint, settled_hours.of(&(self.id, *endpoint), &hours));
        let known: Vec<_> = endpoints.iter().map(of).collect();
        let is_known = |hour: &Timestamp| known.iter().all(|(_, known)| known.contains_key(hour));
        let unknown: Vec<_> = hours.iter().copied().filter(|hour| !is_known(hour)).collect();
        let (mut attempts, is_partial) = self.attempts_in(endpoints, &unknown).await?;
        for (endpoint, mut known) in known {
            if !is_partial {
                for hour in settled(&unknown, now) {
                    known.insert(hour, attempts.get(&(endpoint, hour)).copied().unwrap_or_default());
                }
                settled_hours.remember((self.id, endpoint), known.clone());
            }
            attempts.extend(known.into_iter().map(|(hour, counts)| ((endpoint, hour), counts)));
        }
        Ok(Recent { hours, is_partial, attempts })
    }

    /// Reads some hours of some endpoints, and tells if there is more than is added up.
    async fn attempts_in(self, endpoints: &[EndpointId], hours: &[Timestamp]) -> Result<(ByHour, bool)> {
        let mut conn = self.service.db.read(Pool::Planned).await?;
        let query = conn.query(RECENT).bind(self.id).bind_ids(endpoints).bind_instants(hours);
        let rows: Vec<Row> = query.bind(i64::from(ADDED_UP)).fetch_all().await?;
        let added_up: i64 = rows.iter().map(|row| row.added_up).sum();
        Ok((rows.into_iter().filter_map(Row::read).collect(), added_up >= i64::from(ADDED_UP)))
    }
}

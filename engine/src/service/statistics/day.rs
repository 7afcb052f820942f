//! What all attempts of an account came to in the last 24 hours.
//!
//! An account with 1,000 endpoints has tens of thousands of rows for a day. Those of hours that
//! have ended change no more, so that a process remembers their sums: a page adds up the present
//! hour alone, and the last one for some minutes.

use std::{
    collections::{BTreeMap, HashMap},
    fmt,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use const_format::formatcp;
use signet_model::{AccountId, Timestamp};

use super::{
    ADDED_UP, COUNTERS, Figures, OF_ACCOUNT, SUMS, Statistics, StatisticsError, StatisticsFilter, Step,
    recent::last_hours,
};
use crate::{
    db::{Conn, Sql},
    queue::HOUR,
    service::{AccountHandle, Result},
};

/// The accounts whose hours are remembered.
const ACCOUNTS: usize = 1_000;
/// The time after the end of an hour by which the outcomes of its attempts are recorded.
const SETTLES_AFTER: Duration = Duration::from_mins(10);

/// What the attempts of the last 24 hours came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DayTotals {
    /// The beginning of the first hour; the present hour is the 24th.
    pub since: Timestamp,
    /// The counts.
    pub figures: Figures,
    /// There is more than was added up.
    pub is_partial: bool,
}

type Hours = BTreeMap<Timestamp, Figures>;

/// Adds up, hour by hour, rows of an account (`$1`) from an hour (`$2`) to another (`$3`), at most
/// `$4`, and counts them.
macro_rules! add_up_hours {
    ($rows:expr) => {
        formatcp!(
            "SELECT hour AS start, NULL AS endpoint_id, NULL AS event_type, count(*) AS added_up{}
             FROM (SELECT hour, {} {} LIMIT $4) AS looked_at GROUP BY hour",
            SUMS,
            COUNTERS,
            $rows
        )
    };
}

/// The statement.
pub(crate) const ADD_UP_HOURS: Sql =
    Sql { sqlite: add_up_hours!(OF_ACCOUNT.sqlite), postgres: add_up_hours!(OF_ACCOUNT.postgres) };

#[derive(sqlx::FromRow)]
struct Row {
    added_up: i64,
    #[sqlx(flatten)]
    sums: super::Row,
}

/// The sums of hours that change no more, by account.
#[derive(Default)]
pub(crate) struct SettledHours(Mutex<HashMap<AccountId, Hours>>);

impl fmt::Debug for SettledHours {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SettledHours")
    }
}

impl SettledHours {
    fn of(&self, account: AccountId) -> Hours {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(&account).cloned().unwrap_or_default()
    }

    /// Remembers hours of an account; if there is no room, others are forgotten.
    fn remember(&self, account: AccountId, hours: Hours) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if all.len() >= ACCOUNTS && !all.contains_key(&account) {
            all.clear();
        }
        all.insert(account, hours);
    }
}

impl AccountHandle<'_> {
    /// Reads what all attempts of the account came to in the last 24 hours.
    pub(in crate::service) async fn day_totals(self, conn: &mut Conn) -> Result<DayTotals> {
        let now = self.service.clock.now();
        let hours = last_hours(now);
        let since = hours.first().copied().unwrap_or(now);
        let mut known = self.service.settled_hours.of(self.id);
        known.retain(|hour, _| hours.contains(hour));
        let from = hours.iter().copied().find(|hour| !known.contains_key(hour)).unwrap_or(now.beginning(HOUR));
        let (read, rest) = self.hours_from(conn, from, now).await?;
        let mut figures = Figures::default();
        let before = known.range(..from).map(|(_, figures)| *figures);
        for one in before.chain(read.values().copied()) {
            figures += one;
        }
        let is_settled = |hour: Timestamp| hour + HOUR + SETTLES_AFTER <= now && rest.is_none_or(|rest| hour < rest);
        for hour in hours.into_iter().filter(|&hour| hour >= from && is_settled(hour)) {
            known.insert(hour, read.get(&hour).copied().unwrap_or_default());
        }
        self.service.settled_hours.remember(self.id, known);
        Ok(DayTotals { since, figures, is_partial: rest.is_some() })
    }

    /// Adds the hours from one up to the present one up, and tells from where on there is more.
    async fn hours_from(self, conn: &mut Conn, from: Timestamp, now: Timestamp) -> Result<(Hours, Option<Timestamp>)> {
        let until = now.beginning(HOUR) + HOUR;
        let query = conn.query(ADD_UP_HOURS).bind(self.id).bind(from).bind(until).bind(i64::from(ADDED_UP));
        let rows: Vec<Row> = query.fetch_all().await?;
        if rows.iter().map(|row| row.added_up).sum::<i64>() < i64::from(ADDED_UP) {
            return Ok((rows.into_iter().map(|row| (row.sums.start, row.sums.read().figures)).collect(), None));
        }
        // There is more than one statement adds up: as many whole hours as can be.
        let filter = StatisticsFilter {
            from,
            until,
            step: Step::Hour,
            endpoint: None,
            event_type: None,
            by_endpoint: false,
            by_event_type: false,
        };
        match self.statistics_of(&filter, ADDED_UP).await {
            Ok(Statistics { points, rest }) => {
                Ok((points.into_iter().map(|it| (it.start, it.figures)).collect(), rest))
            }
            Err(StatisticsError::Store(error)) => Err(error),
            // One hour alone has too many rows.
            Err(_) => Ok((Hours::new(), Some(from))),
        }
    }
}

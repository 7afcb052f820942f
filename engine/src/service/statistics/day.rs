//! What all attempts of an account came to in the last 24 hours.
//!
//! An account with 1,000 endpoints has tens of thousands of rows for a day. The sums of settled hours
//! are remembered: a page adds up the present hour alone, and the last one for some minutes.

use std::collections::BTreeMap;

use const_format::formatcp;
use signet_model::Timestamp;

use super::{
    ADDED_UP, COUNTERS, Figures, HOUR_OF, OF_ACCOUNT, SUMS, Statistics, StatisticsError, StatisticsFilter, Step,
    recent::last_hours, settled::settled,
};
use crate::{
    db::{Pool, Sql},
    queue::HOUR,
    service::{AccountHandle, Result},
};

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
    ($hour:expr, $rows:expr) => {
        formatcp!(
            "SELECT hour AS start, NULL AS endpoint_id, NULL AS event_type, count(*) AS added_up{}
             FROM (SELECT {} AS hour, {} {} LIMIT $4) AS looked_at GROUP BY hour",
            SUMS,
            $hour,
            COUNTERS,
            $rows
        )
    };
}

/// The statement.
pub(crate) const ADD_UP_HOURS: Sql =
    Sql { sqlite: add_up_hours!("hour", OF_ACCOUNT.sqlite), postgres: add_up_hours!(HOUR_OF, OF_ACCOUNT.postgres) };

#[derive(sqlx_macros::FromRow)]
struct Row {
    added_up: i64,
    #[sqlx(flatten)]
    sums: super::Row,
}

impl AccountHandle<'_> {
    /// Reads what all attempts of the account came to in the last 24 hours.
    pub(in crate::service) async fn day_totals(self) -> Result<DayTotals> {
        let now = self.service.clock.now();
        let hours = last_hours(now);
        let since = hours.first().copied().unwrap_or(now);
        let mut known = self.service.settled_hours.of(&self.id, &hours);
        let from = hours.iter().copied().find(|hour| !known.contains_key(hour)).unwrap_or(now.beginning(HOUR));
        let (read, rest) = self.hours_from(from, now).await?;
        let mut figures = Figures::default();
        let before = known.range(..from).map(|(_, figures)| *figures);
        for one in before.chain(read.values().copied()) {
            figures += one;
        }
        let is_whole = |hour: Timestamp| rest.is_none_or(|rest| hour < rest);
        for hour in settled(&hours, now).filter(|&hour| hour >= from && is_whole(hour)) {
            known.insert(hour, read.get(&hour).copied().unwrap_or_default());
        }
        self.service.settled_hours.remember(self.id, known);
        Ok(DayTotals { since, figures, is_partial: rest.is_some() })
    }

    /// Adds the hours from one up to the present one up, and tells from where on there is more.
    async fn hours_from(self, from: Timestamp, now: Timestamp) -> Result<(Hours, Option<Timestamp>)> {
        let until = now.beginning(HOUR) + HOUR;
        let rows = self.rows_between(from, until).await?;
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

    /// Reads the sums of the hours from one to another.
    async fn rows_between(self, from: Timestamp, until: Timestamp) -> Result<Vec<Row>> {
        let mut conn = self.service.db.read(Pool::Planned).await?;
        let query = conn.query(ADD_UP_HOURS).bind(self.id).bind(from).bind(until).bind(i64::from(ADDED_UP));
        Ok(query.fetch_all().await?)
    }
}

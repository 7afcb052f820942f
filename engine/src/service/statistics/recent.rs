//! The last 24 hours of some endpoints, hour by hour, in one statement.

use std::collections::BTreeMap;

use const_format::formatcp;
use signet_model::{EndpointId, Timestamp};

use super::{ADDED_UP, Figures, HOURS, Row, SUMS};
use crate::{
    db::{Pool, Sql},
    queue::HOUR,
    service::{AccountHandle, Result},
};

/// Adds up, by hour and endpoint, rows of an account (`$1`) at some endpoints (`$2`) in some
/// hours (`$3`), at most `$4`, and counts them.
macro_rules! recent {
    ($hours:literal, $endpoints:literal) => {
        formatcp!(
            "SELECT hour AS start, endpoint_id, CAST(NULL AS TEXT) AS event_type, count(*) AS added_up{}
             FROM (SELECT * FROM statistics WHERE account_id = $1 AND hour {} AND endpoint_id {} LIMIT $4) AS looked_at
             GROUP BY 1, 2",
            SUMS,
            $hours,
            $endpoints
        )
    };
}

/// The statement.
pub(crate) const RECENT: Sql = Sql {
    sqlite: recent!("IN (SELECT value FROM json_each($3))", "IN (SELECT unhex(value) FROM json_each($2))"),
    postgres: recent!("= ANY($3)", "= ANY($2)"),
};

/// The last 24 hours of some endpoints; the present hour is the last one.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Recent {
    /// The beginnings of the hours, oldest first.
    pub hours: Vec<Timestamp>,
    /// There is more than was added up.
    pub is_partial: bool,
    figures: BTreeMap<(EndpointId, Timestamp), Figures>,
}

impl Recent {
    /// The figures of an endpoint, one for each hour, oldest first.
    pub fn of(&self, endpoint: EndpointId) -> Vec<Figures> {
        let at = |&hour: &Timestamp| self.figures.get(&(endpoint, hour)).copied().unwrap_or_default();
        self.hours.iter().map(at).collect()
    }

    /// All figures of an endpoint together.
    pub fn total_of(&self, endpoint: EndpointId) -> Figures {
        let mut total = Figures::default();
        for figures in self.of(endpoint) {
            total += figures;
        }
        total
    }
}

#[derive(sqlx::FromRow)]
struct RecentRow {
    added_up: i64,
    #[sqlx(flatten)]
    row: Row,
}

/// The last 24 hours, oldest first; the present one is the last.
pub(super) fn last_hours(now: Timestamp) -> Vec<Timestamp> {
    let present = now.beginning(HOUR);
    (0..HOURS).rev().map(|ago| present - ago * HOUR).collect()
}

impl AccountHandle<'_> {
    /// Reads the last 24 hours of these endpoints, hour by hour.
    pub async fn recent_of(self, endpoints: &[EndpointId]) -> Result<Recent> {
        let hours = last_hours(self.service.clock.now());
        if endpoints.is_empty() {
            return Ok(Recent { hours, ..Recent::default() });
        }
        let mut conn = self.service.db.read(Pool::Pages).await?;
        let query = conn.query(RECENT).bind(self.id).bind_ids(endpoints).bind_instants(&hours);
        let rows: Vec<RecentRow> = query.bind(i64::from(ADDED_UP)).fetch_all().await?;
        let added_up: i64 = rows.iter().map(|row| row.added_up).sum();
        let points = rows.into_iter().map(|row| row.row.read());
        let figures = points.filter_map(|it| Some(((it.endpoint?, it.start), it.figures))).collect();
        Ok(Recent { hours, is_partial: added_up >= i64::from(ADDED_UP), figures })
    }
}

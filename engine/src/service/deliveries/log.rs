//! The delivery log, newest first.
//!
//! Without a filter it follows `deliveries_by_endpoint`. Failed, held and discarded
//! deliveries are merged from parts of `deliveries_by_state`, one for each type that the
//! endpoint has in that state, each read no further than the page is long. Pending deliveries are in the
//! order in which they are due: of these, a slice is searched. For all other filters, the
//! next part of the log is searched, and the page tells where the search ended.

use std::collections::BTreeSet;

use const_format::{concatcp, formatcp};
use signet_model::{EventId, delivery::State, event::EventType};
use sqlx::AssertSqlSafe;

use super::{
    Delivery, Filter,
    row::{DELIVERIES, Row},
};
use crate::{
    UnusableDelivery,
    db::Pool,
    service::{EFFECTIVE_STATE, EndpointHandle, Result},
};

/// The number of types up to which parts of the index are merged.
const MERGED_TYPES: u32 = 100;

/// The number of an endpoint's pending deliveries that a filter looks at: those due first.
pub const PENDING_SEARCHED: u32 = 1_000;
/// The number of deliveries of the log that a filter looks at if no index serves it.
pub const SEARCHED: u32 = 10_000;

/// A page of the log.
#[derive(Debug)]
pub struct Log {
    /// The deliveries, newest first, with those that cannot be used among them.
    pub deliveries: Vec<Result<Delivery, UnusableDelivery>>,
    /// The deliveries that were not looked at.
    pub rest: Option<Rest>,
}

/// The deliveries that a filter has not looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rest {
    /// More are pending.
    Pending,
    /// The deliveries of events before this one.
    After(EventId),
}

/// Of an endpoint (`$1`, `$2`): at most `$4` of events before one (`$3`).
pub(crate) const UNFILTERED: &str = formatcp!(
    "{DELIVERIES} WHERE d.account_id = $1 AND d.endpoint_id = $2 AND d.event_id < $3
     ORDER BY d.event_id DESC LIMIT $4"
);

/// Likewise of a state (`$5`) and a type (`$6`), among `{candidates}`.
const FILTERED: &str = concatcp!(
    DELIVERIES,
    " WHERE d.account_id = $1 AND d.id IN ({candidates}) AND d.event_id < $3 AND (CAST($5 AS TEXT) IS NULL OR ",
    EFFECTIVE_STATE,
    " = $5) AND (CAST($6 AS TEXT) IS NULL OR d.event_type = $6) ORDER BY d.event_id DESC LIMIT $4"
);

/// Counts the pending deliveries of an endpoint (`$1`, `$2`), up to `$3`.
pub(crate) const COUNT_PENDING: &str = "SELECT count(*) FROM (SELECT 1 FROM deliveries
     WHERE account_id = $1 AND endpoint_id = $2 AND state = 'pending' ORDER BY due_at LIMIT $3) AS pending";

/// The last event that a search of the log (`$4` deliveries before `$3`) looks at, if that
/// is not all.
pub(crate) const LAST_SEARCHED: &str = "SELECT event_id FROM deliveries
     WHERE account_id = $1 AND endpoint_id = $2 AND event_id < $3 ORDER BY event_id DESC LIMIT 1 OFFSET $4 - 1";

/// The way in which deliveries are found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    /// All of them.
    All,
    /// By their state, as stored.
    Index(&'static [State]),
    /// One after the other.
    Search,
}

impl Filter {
    pub(crate) const fn way(&self) -> Way {
        match (self.state, &self.event_type) {
            (None, None) => Way::All,
            (None, Some(_)) | (Some(State::Delivered), _) => Way::Search,
            (Some(State::Pending), _) => Way::Index(&[]),
            (Some(State::Failed), _) => Way::Index(&[State::Failed]),
            (Some(State::Held), _) => Way::Index(&[State::Held]),
            // Held deliveries of an endpoint that was deleted just now are told to be discarded.
            (Some(State::Discarded), _) => Way::Index(&[State::Discarded, State::Held]),
        }
    }

    /// The statement that reads a page, if the endpoint has deliveries of these types in the
    /// states of the filter.
    pub(crate) fn sql(&self, way: Way, types: &[EventType]) -> String {
        match way {
            Way::All => UNFILTERED.to_owned(),
            Way::Index(states) => FILTERED.replace("{candidates}", &self.candidates(states, types)),
            Way::Search => FILTERED.replace("{candidates}", &searched()),
        }
    }

    fn candidates(&self, states: &[State], types: &[EventType]) -> String {
        let parts = states.iter().flat_map(|state| types.iter().map(move |kind| part(*state, kind)));
        let pending = (self.state != Some(State::Failed)).then(pending);
        let none = "SELECT id FROM deliveries WHERE account_id = $1 AND id IS NULL".to_owned();
        parts.chain(pending).reduce(|all, part| format!("{all} UNION ALL {part}")).unwrap_or(none)
    }
}

/// Names of types have no letter that a text in SQL could not have.
fn part(state: State, kind: &EventType) -> String {
    let (state, kind) = (state.as_str(), kind.as_str());
    format!(
        "SELECT id FROM (SELECT id FROM deliveries WHERE account_id = $1 AND endpoint_id = $2 AND state = '{state}'
           AND state IN ('failed', 'held', 'discarded') AND event_type = '{kind}' AND event_id < $3
           ORDER BY event_id DESC LIMIT $4) AS of_state"
    )
}

fn pending() -> String {
    format!(
        "SELECT id FROM (SELECT id FROM deliveries WHERE account_id = $1 AND endpoint_id = $2 AND state = 'pending'
           ORDER BY due_at LIMIT {PENDING_SEARCHED}) AS pending"
    )
}

fn searched() -> String {
    format!(
        "SELECT id FROM (SELECT id FROM deliveries WHERE account_id = $1 AND endpoint_id = $2 AND event_id < $3
           ORDER BY event_id DESC LIMIT {SEARCHED}) AS searched"
    )
}

impl EndpointHandle<'_> {
    /// Lists the endpoint's deliveries, newest first, at most `limit`, with those that cannot
    /// be used among them.
    pub async fn deliveries(self, filter: &Filter, limit: u32) -> Result<Vec<Result<Delivery, UnusableDelivery>>> {
        let (way, types) = self.way(filter).await?;
        // Made of constants, and of names of types.
        let sql = AssertSqlSafe(filter.sql(way, &types));
        let mut conn = self.service.db.read(Pool::Pages).await?;
        let rows: Vec<Row> = conn
            .query(sql)
            .bind(self.account)
            .bind(self.id)
            .bind(filter.before())
            .bind(i64::from(limit))
            .bind(filter.state)
            .bind(filter.event_type.as_ref().map(EventType::as_str))
            .fetch_all()
            .await?;
        Ok(rows.into_iter().filter_map(Row::read).collect())
    }

    /// Lists deliveries likewise, and tells the rest that was not looked at.
    pub async fn log(self, filter: &Filter, limit: u32) -> Result<Log> {
        let deliveries = self.deliveries(filter, limit).await?;
        let is_full = deliveries.len() >= limit as usize;
        let (way, _) = self.way(filter).await?;
        let rest = match way {
            Way::Search if !is_full => self.last_searched(filter).await?.map(Rest::After),
            Way::Index(_) if filter.state != Some(State::Failed) => {
                (self.count_pending().await? > i64::from(PENDING_SEARCHED)).then_some(Rest::Pending)
            }
            _ => None,
        };
        Ok(Log { deliveries, rest })
    }

    /// The way that this filter goes at the endpoint, with the types that are merged.
    async fn way(self, filter: &Filter) -> Result<(Way, Vec<EventType>)> {
        let (Way::Index(states), None) = (filter.way(), &filter.event_type) else {
            return Ok((filter.way(), filter.event_type.iter().cloned().collect()));
        };
        let mut types = BTreeSet::new();
        for state in states {
            types.extend(self.types_in(*state, MERGED_TYPES + 1).await?);
        }
        let way = if types.len() > MERGED_TYPES as usize { Way::Search } else { filter.way() };
        Ok((way, types.into_iter().collect()))
    }

    async fn last_searched(self, filter: &Filter) -> Result<Option<EventId>> {
        let mut conn = self.service.db.read(Pool::Pages).await?;
        let query = conn.query(LAST_SEARCHED).bind(self.account).bind(self.id);
        Ok(query.bind(filter.before()).bind(i64::from(SEARCHED)).fetch_optional_value().await?)
    }

    async fn count_pending(self) -> Result<i64> {
        let mut conn = self.service.db.read(Pool::Pages).await?;
        let most = i64::from(PENDING_SEARCHED) + 1;
        Ok(conn.query(COUNT_PENDING).bind(self.account).bind(self.id).bind(most).fetch_value().await?)
    }
}

impl Filter {
    fn before(&self) -> EventId {
        self.before.unwrap_or(EventId::from_uuid(uuid::Uuid::max()))
    }
}

//! The delivery log, newest first.
//!
//! Without a filter it follows `deliveries_by_endpoint`. What has failed, is held or was
//! discarded is merged from parts of `deliveries_by_state`, one for each type that is
//! asked for, each read no further than the page is long. What is pending is in the
//! order in which it is due: of that, a slice is searched. For everything else, the next
//! part of the log is searched, and the page tells where the search ended.

use const_format::{concatcp, formatcp};
use signet_model::{AccountId, EndpointId, EventId, delivery::State, event::EventType};
use sqlx::AssertSqlSafe;

use super::{DELIVERIES, Delivery, Filter, Row};
use crate::{
    Engine, UnusableDelivery,
    db::{Pool, Result},
    store::EFFECTIVE_STATE,
};

/// How many of an endpoint's pending deliveries a filter looks at: those due first.
pub const PENDING_SEARCHED: u32 = 1_000;
/// How many deliveries of the log a filter looks at that no index serves.
pub const SEARCHED: u32 = 10_000;

/// A page of the log.
#[derive(Debug)]
pub struct Log {
    /// The deliveries, newest first, with those that cannot be used among them.
    pub deliveries: Vec<Result<Delivery, UnusableDelivery>>,
    /// What was not looked at.
    pub rest: Option<Rest>,
}

/// What a filter has not looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rest {
    /// More are pending.
    Pending,
    /// What comes after this event.
    After(EventId),
}

/// Of an endpoint (`$1`, `$2`): at most `$4` of events before one (`$3`).
pub(crate) const UNFILTERED: &str = formatcp!(
    "{DELIVERIES} WHERE d.account_id = $1 AND d.endpoint_id = $2 AND d.event_id < $3
     ORDER BY d.event_id DESC LIMIT $4"
);

/// The same of a state (`$5`) and a type (`$6`), among `{candidates}`.
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

/// How deliveries are found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    /// All of them.
    All,
    /// By their state, as stored.
    Index(&'static [State]),
    /// One after the other.
    Search,
}

impl Filter {
    const fn way(&self) -> Way {
        match (self.state, self.event_type) {
            (None, None) => Way::All,
            (None, Some(_)) | (Some(State::Delivered), _) => Way::Search,
            (Some(State::Pending), _) => Way::Index(&[]),
            (Some(State::Failed), _) => Way::Index(&[State::Failed]),
            (Some(State::Held), _) => Way::Index(&[State::Held]),
            // What is held for an endpoint that was deleted just now.
            (Some(State::Discarded), _) => Way::Index(&[State::Discarded, State::Held]),
        }
    }

    /// The statement that reads a page.
    pub(crate) fn sql(&self) -> String {
        match self.way() {
            Way::All => UNFILTERED.to_owned(),
            Way::Index(states) => FILTERED.replace("{candidates}", &self.candidates(states)),
            Way::Search => FILTERED.replace("{candidates}", &searched()),
        }
    }

    fn candidates(&self, states: &[State]) -> String {
        let types = self.event_type.map_or(EventType::ALL.to_vec(), |kind| vec![kind]);
        let parts = states.iter().flat_map(|state| types.iter().map(move |kind| part(*state, *kind)));
        let pending = (self.state != Some(State::Failed)).then(pending);
        parts.chain(pending).collect::<Vec<_>>().join(" UNION ALL ")
    }
}

fn part(state: State, kind: EventType) -> String {
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

impl Engine {
    /// The endpoint's deliveries, newest first, at most `limit`, with those that cannot
    /// be used among them.
    pub async fn deliveries(
        &self,
        account: AccountId,
        endpoint: EndpointId,
        filter: Filter,
        limit: u32,
    ) -> Result<Vec<Result<Delivery, UnusableDelivery>>> {
        // Made of constants alone.
        let sql = AssertSqlSafe(filter.sql());
        let mut conn = self.0.db.read(Pool::Pages).await?;
        let rows: Vec<Row> = conn
            .query(sql)
            .bind(account)
            .bind(endpoint)
            .bind(filter.before())
            .bind(i64::from(limit))
            .bind(filter.state)
            .bind(filter.event_type)
            .fetch_all()
            .await?;
        Ok(rows.into_iter().filter_map(Row::read).collect())
    }

    /// The same, and what was not looked at.
    pub async fn log(&self, account: AccountId, endpoint: EndpointId, filter: Filter, limit: u32) -> Result<Log> {
        let deliveries = self.deliveries(account, endpoint, filter, limit).await?;
        let is_full = deliveries.len() >= limit as usize;
        let rest = match filter.way() {
            Way::Search if !is_full => self.last_searched(account, endpoint, filter).await?.map(Rest::After),
            Way::Index(_) if filter.state != Some(State::Failed) => {
                let pending = self.count_pending(account, endpoint).await?;
                (pending > i64::from(PENDING_SEARCHED)).then_some(Rest::Pending)
            }
            _ => None,
        };
        Ok(Log { deliveries, rest })
    }

    async fn last_searched(&self, account: AccountId, endpoint: EndpointId, filter: Filter) -> Result<Option<EventId>> {
        let mut conn = self.0.db.read(Pool::Pages).await?;
        let query = conn.query(LAST_SEARCHED).bind(account).bind(endpoint);
        query.bind(filter.before()).bind(i64::from(SEARCHED)).fetch_optional_value().await
    }

    async fn count_pending(&self, account: AccountId, endpoint: EndpointId) -> Result<i64> {
        let mut conn = self.0.db.read(Pool::Pages).await?;
        let most = i64::from(PENDING_SEARCHED) + 1;
        conn.query(COUNT_PENDING).bind(account).bind(endpoint).bind(most).fetch_value().await
    }
}

impl Filter {
    fn before(&self) -> EventId {
        self.before.unwrap_or(EventId::from_uuid(uuid::Uuid::max()))
    }
}

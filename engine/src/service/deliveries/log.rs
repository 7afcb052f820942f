//! The delivery log of an account or of one of its endpoints, newest first.
//!
//! # How deliveries are found
//! No index leads through an account: each begins with an endpoint. A page is therefore a
//! merge over the account's endpoints, of as many deliveries of each as the page is long.
//! Its *edge* is found first: of each endpoint the event that is the last one on a full page,
//! and of these events the newest. No delivery beyond the edge can be on the page.
//!
//! - All deliveries follow `deliveries_by_endpoint`.
//! - Failed, held and discarded ones follow `deliveries_set_aside`, or, of a few types,
//!   `deliveries_by_state`.
//! - Pending ones are in the order in which they are due: a number of each endpoint is looked at.
//! - Those of a task follow `events_by_task`, those with one id the primary key.
//!
//! Where no index serves the rest of a filter, the deliveries up to an edge are *searched*,
//! in rounds, and the answer tells where the search ended.

mod counts;

use const_format::formatcp;
use signet_model::{AccountId, DeliveryId, EndpointId, EventId, Timestamp, delivery::State};
use uuid::Uuid;

use super::{
    Delivery,
    filter::{Filter, IdPrefix, Position, ResultClass},
    row::{DELIVERIES, Row},
};
use crate::{
    UnusableDelivery,
    db::{MadeSql, Pool, Sql, Tx},
    service::{AccountHandle, EFFECTIVE_STATE, EndpointHandle, Error, Result},
};

pub use counts::{AtLeast, StateCounts};

/// The number of pending deliveries that a filter looks at: of each endpoint those due first,
/// a thousand at most.
pub const PENDING_SEARCHED: u32 = 1_000;
/// The number of deliveries that a filter looks at, more or less, if no index serves it.
pub const SEARCHED: u32 = 10_000;
/// The same for a page that a person waits for: it takes a few milliseconds.
const SEARCHED_BY_PAGE: u32 = 1_000;
/// The same if the last attempt of each has to be read too.
const ATTEMPTS_SEARCHED_BY_PAGE: u32 = 200;

/// The part of a search that its first round is: if many match, they fill the page.
const FIRST_ROUND: u32 = 4;
/// The number of events of one task that a filter looks at.
const TASK_EVENTS: i64 = 100;
/// The number of types of which each has its own part of an index read.
const TYPES_MERGED: usize = 8;
/// The number of endpoints that are merged: all that there are, and then the deleted ones
/// that are newest.
const ENDPOINTS_MERGED: i64 = 1_000;
/// The time by which the event of a test can be newer than its delivery.
const TEST_LAG: std::time::Duration = std::time::Duration::from_mins(1);

/// The instant after which ids have no room for more milliseconds.
const END_OF_IDS: Timestamp = Timestamp::from_unix_micros((1 << 48) * 1_000);

/// A page of the log.
#[derive(Debug)]
pub struct Log {
    /// The deliveries, newest first, with those that cannot be used among them.
    pub deliveries: Vec<Result<Delivery, UnusableDelivery>>,
    /// The place at which the next page begins, unless the log ends here.
    pub next: Option<Position>,
    /// The reason for which deliveries of this page can be missing.
    pub rest: Option<Rest>,
}

/// The deliveries that a filter has not looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rest {
    /// More are pending.
    Pending,
    /// The task has more events.
    Task,
    /// The search ended at the place where the next page begins, after so many deliveries, more or
    /// less.
    Searched(u32),
}

/// The order of the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Order {
    NewestFirst,
    OldestFirst,
}

impl Order {
    const fn sql(self) -> &'static str {
        match self {
            Self::NewestFirst => "DESC",
            Self::OldestFirst => "ASC",
        }
    }
}

/// A part of the log in which both ends are looked at.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Span {
    pub(crate) first: EventId,
    /// Only deliveries before this place.
    pub(crate) before: Position,
    /// No endpoint has more deliveries there, of one state and type where an index has parts
    /// for them.
    pub(crate) each: u32,
}

/// The way to deliveries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Walk {
    /// All of them.
    All,
    /// By their states, as stored, and perhaps by a few types.
    Aside(&'static [State], bool),
    /// By events.
    Events,
    /// By an id.
    One,
}

/// Endpoints, and the way to their deliveries.
#[derive(Debug)]
struct Part {
    walk: Walk,
    endpoints: Vec<EndpointId>,
}

/// All that a filter looks at.
#[derive(Debug)]
pub(crate) struct Search<'f> {
    account: AccountId,
    filter: &'f Filter,
    order: Order,
    parts: Vec<Part>,
    /// The endpoints of which pending deliveries are looked at.
    pending: Vec<EndpointId>,
    /// The pending deliveries that are looked at in all.
    pending_in_all: u32,
    /// The events of the task.
    events: Vec<EventId>,
    /// The filter restricts more than the parts do.
    is_residual: bool,
}

#[derive(sqlx_macros::FromRow)]
struct KnownEndpoint {
    id: EndpointId,
    /// It is disabled, or what waited when it was may be on its way to being held.
    is_stopped: bool,
    is_deleted: bool,
}

/// The endpoints (`$2`) as rows.
const SOURCES: Sql =
    Sql { sqlite: "(SELECT unhex(value) AS id FROM json_each($2)) AS s", postgres: "unnest($2) AS s (id)" };
/// The types (`$8`) as rows, and as a condition.
const TYPES: Sql = Sql { sqlite: "(SELECT value AS name FROM json_each($8)) AS k", postgres: "unnest($8) AS k (name)" };
const IN_TYPES: Sql = Sql { sqlite: "IN (SELECT value FROM json_each($8))", postgres: "= ANY($8)" };
/// The events (`$12`) as a condition.
const IN_EVENTS: Sql = Sql { sqlite: "IN (SELECT unhex(value) FROM json_each($12))", postgres: "= ANY($12)" };
/// The account of the candidates. On SQLite, whose indexes begin with the endpoint, the
/// account would be read from each row; all endpoints are the account's own.
const OWN: Sql = Sql { sqlite: "", postgres: "x.account_id = $1 AND " };
/// Around the deliveries of each source. PostgreSQL follows the index that is in order.
const OPEN: Sql =
    Sql { sqlite: "CROSS JOIN ", postgres: "CROSS JOIN LATERAL (SELECT x.id, x.event_id, x.endpoint_id FROM " };
/// The same, of which only the entries of the index are read.
const OPEN_ENTRIES: Sql = Sql { sqlite: "CROSS JOIN ", postgres: "CROSS JOIN LATERAL (SELECT x.event_id FROM " };
const CLOSE: Sql = Sql { sqlite: "", postgres: " ORDER BY x.event_id {order} LIMIT $14) AS x" };
/// Around the statement that finds candidates. PostgreSQL finishes an array before it reads
/// the rows; a join could be turned around.
const AMONG: Sql = Sql { sqlite: "IN (", postgres: "= ANY(ARRAY(" };
const END: Sql = Sql { sqlite: ")", postgres: "))" };
/// The first pending deliveries of each endpoint.
const PENDING: Sql = Sql {
    sqlite: "SELECT p.id FROM (SELECT unhex(value) AS id FROM json_each($2)) AS s CROSS JOIN deliveries p
              WHERE p.id IN (SELECT x.id FROM deliveries x WHERE x.endpoint_id = s.id AND x.state = 'pending'
                              ORDER BY x.due_at LIMIT $13)",
    postgres: "SELECT p.id FROM unnest($2) AS s (id) CROSS JOIN LATERAL
                 (SELECT x.id FROM deliveries x WHERE x.account_id = $1 AND x.endpoint_id = s.id AND x.state = 'pending'
                   ORDER BY x.due_at LIMIT $13) AS p",
};
/// Counts the endpoints with more pending deliveries than those.
const OVERFLOWING: &str = "SELECT count(*) FROM {sources} WHERE EXISTS (SELECT 1 FROM deliveries x
     WHERE {own}x.endpoint_id = s.id AND x.state = 'pending' ORDER BY x.due_at LIMIT 1 OFFSET $3)";

/// Events of an account (`$1`) about a task (`$2`), at most `$3`.
pub(crate) const OF_TASK: &str = "SELECT id FROM events WHERE account_id = $1 AND task_id = $2 LIMIT $3";
/// Events about tasks from one (`$2`) to before another (`$4`) in the order of their letters: the
/// first of them, so that the task whose id is all of the text is among them.
pub(crate) const OF_TASKS: Sql = Sql {
    sqlite: "SELECT id FROM events WHERE account_id = $1 AND task_id >= $2 AND task_id < $4 ORDER BY task_id LIMIT $3",
    postgres: "SELECT id FROM events WHERE account_id = $1 AND task_id ~>=~ $2 AND task_id ~<~ $4
                ORDER BY task_id USING ~<~ LIMIT $3",
};

/// The deliveries from an event (`$5`) to before a place (`$3`, `$4`). A row is compared and not each
/// column: PostgreSQL would follow an index for each side of an `OR`, and sort all that it finds.
const RANGE: &str = "{x}.event_id >= $5 AND {x}.event_id <= $3 AND ({x}.event_id, {x}.endpoint_id) < ($3, $4)";
/// The conditions on a part of `deliveries_set_aside`, with the predicate of the index.
const SET_ASIDE: &str = "x.state = t.state AND x.state IN ('failed', 'held', 'discarded') AND ";
/// The conditions on a part of `deliveries_by_state`, likewise.
const TYPED: &str = formatcp!("{SET_ASIDE}x.event_type = k.name AND ");

fn made(text: &str) -> MadeSql {
    let with = |pick: fn(Sql) -> &'static str| {
        text.replace("{sources}", pick(SOURCES))
            .replace("{types}", pick(TYPES))
            .replace("{in_types}", pick(IN_TYPES))
            .replace("{in_events}", pick(IN_EVENTS))
            .replace("{own}", pick(OWN))
            .replace("{pending}", pick(PENDING))
            .replace("{open}", pick(OPEN))
            .replace("{open entries}", pick(OPEN_ENTRIES))
            .replace("{close DESC}", &pick(CLOSE).replace("{order}", "DESC"))
            .replace("{close ASC}", &pick(CLOSE).replace("{order}", "ASC"))
            .replace("{among}", pick(AMONG))
            .replace("{end}", pick(END))
    };
    MadeSql { sqlite: with(|sql| sql.sqlite), postgres: with(|sql| sql.postgres) }
}

impl Walk {
    /// Tells if it leads to no more deliveries than a page may look at.
    const fn is_short(self) -> bool {
        matches!(self, Self::One | Self::Events)
    }

    /// Endpoints `s`, with states `t` and types `k` where an index has parts for them, and the
    /// conditions on a delivery `x` of such a part, in a part of the log.
    fn sources(self) -> (String, String) {
        let range = RANGE.replace("{x}", "x");
        let (more, conditions) = match self {
            Self::Events => (String::new(), "x.event_id {in_events} AND "),
            Self::All | Self::One => (String::new(), ""),
            Self::Aside(states, is_typed) => {
                let states = states.iter().map(|state| format!("SELECT '{}' AS state", state.as_str()));
                let states = states.collect::<Vec<_>>().join(" UNION ALL ");
                let types = if is_typed { " CROSS JOIN {types}" } else { "" };
                (format!(" CROSS JOIN ({states}) AS t{types}"), if is_typed { TYPED } else { SET_ASIDE })
            }
        };
        (format!("{{sources}}{more}"), format!("{{own}}x.endpoint_id = s.id AND {conditions}{range}"))
    }

    /// The deliveries `x`.
    fn candidates(self, order: Order) -> String {
        if self == Self::One {
            let range = RANGE.replace("{x}", "x");
            return format!(
                "FROM deliveries x WHERE x.account_id = $1 AND x.id = $10 AND {range}
                   AND EXISTS (SELECT 1 FROM {{sources}} WHERE s.id = x.endpoint_id)"
            );
        }
        let (sources, conditions) = self.sources();
        format!("FROM {sources} {{open}}deliveries x WHERE {conditions}{{close {}}}", order.sql())
    }

    /// The deliveries `x` as entries of the index.
    fn entries(self, order: Order) -> String {
        self.candidates(order).replace("{open}", "{open entries}")
    }

    /// The statement that finds the edge: the event up to which the deliveries are read that
    /// can be among the next `$6`.
    fn edge(self, order: Order) -> Option<String> {
        if self.is_short() {
            return None;
        }
        let ((sources, conditions), order) = (self.sources(), order.sql());
        Some(format!(
            "SELECT edge FROM (SELECT (SELECT x.event_id FROM deliveries x WHERE {conditions}
               ORDER BY x.event_id {order} LIMIT 1 OFFSET $6 - 1) AS edge FROM {sources}) AS edges
              ORDER BY edge {order} NULLS LAST LIMIT 1"
        ))
    }

    /// The statement that counts the deliveries up to an edge.
    fn count(self, order: Order) -> String {
        format!("SELECT count(*) {}", self.entries(order))
    }
}

impl Search<'_> {
    /// The statement that reads a page of a part: by the index alone, or by searching.
    fn page(&self, walk: Walk) -> String {
        let (order, candidates) = (self.order.sql(), walk.candidates(self.order));
        if self.is_residual || matches!(walk, Walk::One | Walk::Events) {
            return format!(
                "{DELIVERIES} WHERE d.account_id = $1 AND d.id {{among}}SELECT x.id {candidates}{{end}}{}
                 ORDER BY d.event_id {order}, d.endpoint_id {order} LIMIT $6",
                self.residual()
            );
        }
        format!(
            "{DELIVERIES} WHERE d.account_id = $1 AND d.id {{among}}SELECT id FROM (SELECT x.id {candidates}
               ORDER BY x.event_id {order}, x.endpoint_id {order} LIMIT $6) AS page{{end}}
             ORDER BY d.event_id {order}, d.endpoint_id {order}"
        )
    }

    /// The statement that reads pending deliveries.
    fn pending_page(&self) -> String {
        let order = self.order.sql();
        format!(
            "{DELIVERIES} WHERE d.account_id = $1 AND d.id {{among}}{{pending}}{{end}} AND {}{}
             ORDER BY d.event_id {order}, d.endpoint_id {order} LIMIT $6",
            RANGE.replace("{x}", "d"),
            self.residual()
        )
    }

    fn residual(&self) -> String {
        let Filter { state, event_types, result, status, id, .. } = self.filter;
        let mut text = String::new();
        if state.is_some() {
            text.push_str(formatcp!(" AND {EFFECTIVE_STATE} = $7"));
        }
        if event_types.is_some() {
            text.push_str(" AND d.event_type {in_types}");
        }
        if let Some(IdPrefix::Delivery(..)) = id {
            text.push_str(" AND d.id >= $10 AND d.id <= $11");
        }
        if let Some(class) = result {
            text.push_str(" AND ");
            text.push_str(&class.condition());
        }
        if status.is_some() {
            text.push_str(" AND a.failure IS NULL AND COALESCE(a.status, 0) = $9");
        }
        text
    }

    /// Tells if deliveries are searched that do not match.
    pub(crate) const fn is_residual(&self) -> bool {
        self.is_residual
    }

    fn pending_max(&self) -> u32 {
        let endpoints = u32::try_from(self.pending.len()).unwrap_or(u32::MAX).max(1);
        (self.pending_in_all / endpoints).clamp(2, PENDING_SEARCHED)
    }

    fn endpoints(&self) -> usize {
        self.parts.iter().map(|part| part.endpoints.len()).sum::<usize>().max(1)
    }
}

/// Where a search may end: another round for the rest would take as long as the others.
const fn nearly(searched: u32) -> u32 {
    searched - searched / 4
}

/// The deliveries of each of some sources in the next round, so that it looks at the `rest`. A round
/// that found few was cut at one source of which all others have fewer, or began with so few of each
/// that it says nothing about them: it grows by steps, and at once as far as all sources together stay
/// within eight times of what is wanted.
fn grown(each: u32, rest: u32, looked_at: u32, sources: u32) -> u32 {
    let wanted = each.saturating_mul(rest / looked_at.max(1));
    let most = (each.saturating_mul(4)).max(rest.saturating_mul(8) / sources.max(1));
    wanted.min(most).max(each)
}

/// The values of a statement.
struct Values<'a> {
    endpoints: &'a [EndpointId],
    span: Span,
    most: u32,
}

impl AccountHandle<'_> {
    /// Lists deliveries of the account, newest first, at most `limit`, from a place on.
    ///
    /// # Errors
    /// The filter names an endpoint that the account does not have.
    pub async fn deliveries(self, filter: &Filter, from: Option<Position>, limit: u32) -> Result<Log> {
        self.deliveries_among(SEARCHED, filter, from, limit).await
    }

    /// Lists them likewise. Where no index serves the filter, about `searched` deliveries are
    /// looked at.
    ///
    /// # Errors
    /// The filter names an endpoint that the account does not have.
    pub async fn deliveries_among(
        self,
        searched: u32,
        filter: &Filter,
        from: Option<Position>,
        limit: u32,
    ) -> Result<Log> {
        let mut tx = self.service.db.snapshot(Pool::Planned).await?;
        let mut search = self.search(&mut tx, filter, Order::NewestFirst).await?;
        search.pending_in_all = searched;
        let mut span = filter.span();
        span.before = from.map_or(span.before, |from| from.min(span.before));
        let (mut rows, mut next, mut is_searched) = (Vec::new(), None, false);
        // Enough to fill the page at once if an index serves the filter.
        let mut each = if search.is_residual { search.each_of(searched / FIRST_ROUND) } else { limit + 1 };
        let mut looked_at = 0;
        loop {
            let edge = search.edge(&mut tx, span, each).await?;
            let part = Span { first: edge.unwrap_or(span.first), each, ..span };
            rows.extend(search.rows(&mut tx, part, limit + 1).await?);
            if rows.len() > limit as usize {
                break;
            }
            let Some(edge) = edge else { break };
            if !search.is_residual {
                break;
            }
            let count = search.count(&mut tx, part).await?;
            looked_at += count;
            span.before = Position::before(edge);
            if looked_at >= nearly(searched) {
                (next, is_searched) = (Some(span.before), true);
                break;
            }
            let sources = u32::try_from(search.endpoints()).unwrap_or(u32::MAX);
            each = grown(each, searched.saturating_sub(looked_at), count, sources);
        }
        if rows.len() > limit as usize {
            rows.truncate(limit as usize);
            next = rows.iter().rev().find_map(Row::position);
        }
        let rest = if is_searched { Some(Rest::Searched(searched)) } else { search.rest(&mut tx).await? };
        tx.commit().await?;
        Ok(Log { deliveries: rows.into_iter().filter_map(Row::read).collect(), next, rest })
    }

    /// The ways to the deliveries that a filter selects. All that a page needs is read from one
    /// snapshot: a delivery that changes its state between two statements would be on none, or
    /// on two of the ways.
    pub(crate) async fn search<'f>(self, tx: &mut Tx<'_>, filter: &'f Filter, order: Order) -> Result<Search<'f>> {
        let known = self.known_endpoints(tx, filter.endpoint).await?;
        let events = self.events_about(tx, filter).await?;
        Ok(filter.search(self.id, &known, events, order))
    }

    async fn known_endpoints(self, tx: &mut Tx<'_>, only: Option<EndpointId>) -> Result<Vec<KnownEndpoint>> {
        const ALL: &str = "SELECT id, disabled_at IS NOT NULL OR hold_through IS NOT NULL AS is_stopped,
             deleted_at IS NOT NULL AS is_deleted FROM endpoints WHERE account_id = $1 ORDER BY is_deleted, id DESC LIMIT $2";
        const ONE: &str = "SELECT id, disabled_at IS NOT NULL OR hold_through IS NOT NULL AS is_stopped,
             deleted_at IS NOT NULL AS is_deleted FROM endpoints WHERE account_id = $1 AND id = $2";
        let Some(id) = only else {
            return Ok(tx.query(ALL).bind(self.id).bind(ENDPOINTS_MERGED).fetch_all().await?);
        };
        let one: Option<KnownEndpoint> = tx.query(ONE).bind(self.id).bind(id).fetch_optional().await?;
        Ok(vec![one.ok_or(Error::EndpointNotFound)?])
    }

    /// Some events of the task that a filter names, or of the tasks whose ids begin so.
    async fn events_about(self, tx: &mut Tx<'_>, filter: &Filter) -> Result<Vec<EventId>> {
        // PostgreSQL refuses to compare with NUL.
        let Some(task) = filter.task.as_deref().filter(|task| !task.contains('\0')) else { return Ok(Vec::new()) };
        if !filter.task_begins {
            return Ok(tx.query(OF_TASK).bind(self.id).bind(task).bind(TASK_EVENTS).fetch_values().await?);
        }
        let after = format!("{task}{}", char::MAX);
        let query = tx.query(OF_TASKS).bind(self.id).bind(task).bind(TASK_EVENTS).bind(&*after);
        Ok(query.fetch_values().await?)
    }
}

impl Search<'_> {
    /// The event at which a round ends, so that `most` deliveries of one source are in it.
    pub(crate) async fn edge(&self, tx: &mut Tx<'_>, span: Span, most: u32) -> Result<Option<EventId>> {
        let mut edges = Vec::new();
        for Part { walk, endpoints } in &self.parts {
            let Some(sql) = walk.edge(self.order) else { continue };
            let values = Values { endpoints, span, most };
            edges.extend(self.edge_by(tx, &sql, &values).await?);
        }
        Ok(match self.order {
            Order::NewestFirst => edges.into_iter().max(),
            Order::OldestFirst => edges.into_iter().min(),
        })
    }

    async fn edge_by(&self, tx: &mut Tx<'_>, sql: &str, values: &Values<'_>) -> Result<Option<EventId>> {
        Ok(self.query(tx, sql, values).fetch_optional_value::<Option<EventId>>().await?.flatten())
    }

    /// The first `most` deliveries of a span that match.
    pub(crate) async fn rows(&self, tx: &mut Tx<'_>, span: Span, most: u32) -> Result<Vec<Row>> {
        let mut rows: Vec<Row> = Vec::new();
        for Part { walk, endpoints } in &self.parts {
            let values = Values { endpoints, span, most };
            rows.extend(self.query(tx, &self.page(*walk), &values).fetch_all::<Row>().await?);
        }
        if !self.pending.is_empty() {
            let values = Values { endpoints: &self.pending, span, most };
            rows.extend(self.query(tx, &self.pending_page(), &values).fetch_all::<Row>().await?);
        }
        rows.sort_by_key(Row::position);
        if self.order == Order::NewestFirst {
            rows.reverse();
        }
        rows.truncate(most as usize);
        Ok(rows)
    }

    async fn count(&self, tx: &mut Tx<'_>, span: Span) -> Result<u32> {
        let mut count = 0_i64;
        for Part { walk, endpoints } in &self.parts {
            let values = Values { endpoints, span, most: 0 };
            count += self.query(tx, &walk.count(self.order), &values).fetch_value::<i64>().await?;
        }
        Ok(u32::try_from(count).unwrap_or(u32::MAX))
    }

    async fn rest(&self, tx: &mut Tx<'_>) -> Result<Option<Rest>> {
        if self.events.len() == usize::try_from(TASK_EVENTS).unwrap_or(usize::MAX) {
            return Ok(Some(Rest::Task));
        }
        if self.pending.is_empty() {
            return Ok(None);
        }
        let query = tx.query(made(OVERFLOWING)).bind(self.account).bind_ids(&self.pending);
        let overflowing: i64 = query.bind(i64::from(self.pending_max())).fetch_value().await?;
        Ok((overflowing > 0).then_some(Rest::Pending))
    }

    /// The deliveries of each endpoint in a round.
    fn each_of(&self, round: u32) -> u32 {
        let endpoints = u32::try_from(self.endpoints()).unwrap_or(u32::MAX);
        (round / endpoints).max(2)
    }

    fn query<'c>(&self, tx: &'c mut Tx<'_>, sql: &str, values: &Values<'_>) -> crate::db::Query<'c> {
        let filter = self.filter;
        let types: Vec<_> = filter.event_types.iter().flatten().map(signet_model::event::EventType::as_str).collect();
        let (first, last) = match filter.id {
            Some(IdPrefix::Delivery(first, last)) => (first, last),
            _ => (DeliveryId::from_uuid(Uuid::nil()), DeliveryId::from_uuid(Uuid::max())),
        };
        tx.query(made(sql))
            .bind(self.account)
            .bind_ids(values.endpoints)
            .bind(values.span.before.event)
            .bind(values.span.before.endpoint)
            .bind(values.span.first)
            .bind(i64::from(values.most))
            .bind(filter.state)
            .bind_texts(&types)
            .bind(filter.status.map(i32::from))
            .bind(first)
            .bind(last)
            .bind_ids(&self.events)
            .bind(i64::from(self.pending_max()))
            .bind(i64::from(values.span.each).max(TASK_EVENTS))
    }
}

impl EndpointHandle<'_> {
    /// Lists the endpoint's newest deliveries, at most `limit`, with those that cannot be used
    /// among them.
    pub async fn deliveries(self, filter: &Filter, limit: u32) -> Result<Vec<Result<Delivery, UnusableDelivery>>> {
        Ok(self.log(filter, None, limit).await?.deliveries)
    }

    /// Lists the endpoint's deliveries, newest first, at most `limit`, from a place on.
    pub async fn log(self, filter: &Filter, from: Option<Position>, limit: u32) -> Result<Log> {
        let filter = Filter { endpoint: Some(self.id), ..filter.clone() };
        AccountHandle::new(self.service, self.actor).deliveries(&filter, from, limit).await
    }
}

impl Filter {
    /// The number of deliveries that a page looks at, more or less, if no index serves the filter.
    pub const fn searched_by_page(&self) -> u32 {
        if self.reads_attempts() { ATTEMPTS_SEARCHED_BY_PAGE } else { SEARCHED_BY_PAGE }
    }

    /// Tells if the filter is about the last attempt.
    const fn reads_attempts(&self) -> bool {
        self.result.is_some() || self.status.is_some()
    }

    /// Tells if the filter is about a last attempt that failed. The last attempt at a delivery
    /// that has arrived was answered with a 2xx.
    fn is_of_failed_attempts(&self) -> bool {
        self.result.is_some_and(|class| class != ResultClass::Success)
            || self.status.is_some_and(|status| !(200..300).contains(&status))
    }

    /// The part of the log that the filter is about.
    pub(crate) fn span(&self) -> Span {
        let first_id = |at: Timestamp| EventId::new(at, [0; 10]);
        let mut first = self.since.map_or(EventId::from_uuid(Uuid::nil()), first_id);
        let mut before = self.until.map_or(Position::NEWEST, |until| Position::before(first_id(until)));
        match self.id {
            Some(IdPrefix::Event(from, to)) => {
                first = first.max(from);
                before = before.min(Position::beyond(to));
            }
            // A delivery is made with its event, and a test a little earlier.
            Some(IdPrefix::Delivery(from, to)) => {
                first = first.max(first_id(from.created_at()));
                let last = to.created_at() + TEST_LAG;
                if last < END_OF_IDS {
                    before = before.min(Position::before(first_id(last)));
                }
            }
            None => {}
        }
        Span { first, before, each: u32::MAX }
    }

    fn search(&self, account: AccountId, known: &[KnownEndpoint], events: Vec<EventId>, order: Order) -> Search<'_> {
        const FAILED: &[State] = &[State::Failed];
        const HELD: &[State] = &[State::Held];
        const DISCARDED: &[State] = &[State::Discarded];
        // Held deliveries of an endpoint that was deleted just now are told to be discarded.
        const DROPPED: &[State] = &[State::Discarded, State::Held];
        const ASIDE: &[State] = &[State::Failed, State::Held, State::Discarded];
        let ids = |which: fn(&KnownEndpoint) -> bool| {
            known.iter().filter(|one| which(one)).map(|one| one.id).collect::<Vec<_>>()
        };
        let (all, live, deleted) = (ids(|_| true), ids(|one| !one.is_deleted), ids(|one| one.is_deleted));
        // What is pending at an endpoint that is or was disabled can be told to be held.
        let stopped = ids(|one| one.is_stopped && !one.is_deleted);
        let is_typed = self.event_types.as_ref().is_some_and(|types| types.len() <= TYPES_MERGED);
        let part = |walk, endpoints: &Vec<EndpointId>| Part { walk, endpoints: endpoints.clone() };
        let aside = |states, endpoints| part(Walk::Aside(states, is_typed), endpoints);
        let is_one = matches!(self.id, Some(IdPrefix::Delivery(first, last)) if first == last);
        let (parts, pending) = match self.state {
            _ if is_one => (vec![part(Walk::One, &all)], Vec::new()),
            _ if self.task.is_some() => (vec![part(Walk::Events, &all)], Vec::new()),
            None if self.is_of_failed_attempts() => (vec![aside(ASIDE, &all)], all.clone()),
            Some(State::Delivered) if self.is_of_failed_attempts() => (Vec::new(), Vec::new()),
            None | Some(State::Delivered) => (vec![part(Walk::All, &all)], Vec::new()),
            Some(State::Pending) => (Vec::new(), all.clone()),
            Some(State::Failed) => (vec![aside(FAILED, &all)], Vec::new()),
            Some(State::Held) => (vec![aside(HELD, &live)], stopped),
            Some(State::Discarded) => (vec![aside(DISCARDED, &live), aside(DROPPED, &deleted)], deleted.clone()),
        };
        let parts: Vec<_> = parts.into_iter().filter(|part| !part.endpoints.is_empty()).collect();
        let serves_types = |part: &Part| matches!(part.walk, Walk::Aside(_, true));
        let is_residual = self.reads_attempts()
            || self.state == Some(State::Delivered)
            || matches!(self.id, Some(IdPrefix::Delivery(..)))
            || (self.event_types.is_some() && !parts.iter().all(serves_types));
        let pending_in_all = SEARCHED;
        Search { account, filter: self, order, parts, pending, pending_in_all, events, is_residual }
    }
}

#[cfg(test)]
pub(crate) mod plans {
    use sqlx::{FromRow, Row as _, postgres::PgRow, sqlite::SqliteRow};

    use super::*;

    /// A statement with the lines of its plan.
    pub(crate) type Plan = (String, Vec<String>);

    struct Line(String);

    impl FromRow<'_, SqliteRow> for Line {
        fn from_row(row: &SqliteRow) -> sqlx::Result<Self> {
            row.try_get("detail").map(Self)
        }
    }

    impl FromRow<'_, PgRow> for Line {
        fn from_row(row: &PgRow) -> sqlx::Result<Self> {
            row.try_get(0).map(Self)
        }
    }

    /// The plan of a statement, which PostgreSQL makes once for all values.
    async fn general(conn: &mut sqlx::PgConnection, sql: &str) -> Vec<Line> {
        const PARAMETERS: &str =
            "uuid, uuid[], uuid, uuid, uuid, bigint, text, text[], int, uuid, uuid, uuid[], bigint, bigint";
        let nothing = vec!["NULL"; PARAMETERS.split(',').count()].join(", ");
        let text = format!("PREPARE it ({PARAMETERS}) AS {sql}; EXPLAIN EXECUTE it ({nothing}); DEALLOCATE it");
        let rows = sqlx::raw_sql(sqlx::AssertSqlSafe(text)).fetch_all(conn).await.expect(sql);
        rows.iter().map(|row| Line::from_row(row).expect("a line")).collect()
    }

    /// The plans of all statements that read a page by a filter, and a step of a resend.
    pub(crate) async fn of(account: AccountHandle<'_>, filter: &Filter) -> Vec<Plan> {
        let mut tx = account.service.db.snapshot(Pool::Planned).await.expect("a transaction");
        let mut plans = Vec::new();
        for order in [Order::NewestFirst, Order::OldestFirst] {
            let search = account.search(&mut tx, filter, order).await.expect("a search");
            let mut statements = Vec::new();
            let mut span = Span { each: 26, ..filter.span() };
            if let Some(edge) = search.edge(&mut tx, span, 26).await.expect("an edge") {
                match order {
                    Order::NewestFirst => span.first = edge,
                    Order::OldestFirst => span.before = Position::beyond(edge),
                }
            }
            for part in &search.parts {
                let walk = part.walk;
                statements.extend(walk.edge(order).map(|sql| (sql, &part.endpoints)));
                statements.extend([walk.count(order), search.page(walk)].map(|sql| (sql, &part.endpoints)));
                statements.extend([walk.count_some(order), search.count_among(walk)].map(|sql| (sql, &part.endpoints)));
            }
            if !search.pending.is_empty() {
                statements.extend([search.pending_page(), search.count_pending()].map(|sql| (sql, &search.pending)));
            }
            for (sql, endpoints) in statements {
                let lines = match &mut tx {
                    Tx::Sqlite(_) => {
                        let values = Values { endpoints, span, most: 26 };
                        let explained = format!("EXPLAIN QUERY PLAN {sql}");
                        search.query(&mut tx, &explained, &values).fetch_all().await.expect(&explained)
                    }
                    Tx::Postgres(tx) => general(tx, &made(&sql).postgres).await,
                };
                plans.push((sql, lines.into_iter().map(|Line(text)| text).collect()));
            }
        }
        plans
    }
}

//! Events: the list of an account, and one event with its deliveries.

use std::collections::BTreeSet;

use const_format::formatcp;
use signet_model::{
    EventId, Timestamp,
    event::EventType,
    sql::{Lossy, Stored},
};
use uuid::Uuid;

use super::{
    AccountHandle, Error, Result,
    deliveries::{Filter, IdPrefix, Log},
};
use crate::db::{Pool, Sql};

/// The events that a filter by type looks at.
pub const EVENTS_SEARCHED: u32 = 10_000;
/// The events of a task that are looked at.
const TASK_EVENTS: i64 = 100;
/// The deliveries of an event that are read with it.
const DELIVERIES: u32 = 1_000;

/// An event, without its body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// Its id.
    pub id: EventId,
    /// The name of its type, as it is stored.
    pub event_type: String,
    /// The task that it is about.
    pub task: Option<String>,
    /// The instant at which it happened.
    pub occurred_at: Timestamp,
    /// The instant of its acceptance.
    pub accepted_at: Timestamp,
    /// The number of endpoints that it went to.
    pub deliveries: u32,
    /// True if a person sent it as a test.
    pub is_test: bool,
}

/// One event with its body and its deliveries.
#[derive(Debug)]
pub struct EventDetail {
    /// The event.
    pub event: Event,
    /// The body; `None` once retention removed it.
    pub body: Option<String>,
    /// Its deliveries.
    pub deliveries: Log,
}

/// Selects events of an account. What is empty does not restrict.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EventFilter {
    /// Only those of one of these types.
    pub event_types: Option<BTreeSet<EventType>>,
    /// Only those accepted at this instant or later.
    pub since: Option<Timestamp>,
    /// Only those accepted before this instant.
    pub until: Option<Timestamp>,
    /// Only those about this task.
    pub task: Option<String>,
}

/// A page of events.
#[derive(Debug)]
pub struct EventPage {
    /// The events, newest first.
    pub events: Vec<Event>,
    /// The event behind which the next page begins, unless the list ends here.
    pub next: Option<EventId>,
}

const COLUMNS: &str = "v.id, v.event_type, v.task_id, v.occurred_at, v.accepted_at, v.fanout, v.is_test";

/// Events of an account (`$1`) from one (`$3`) to before another (`$2`), of some types (`$5`,
/// unless `$6`), at most `$4`, among the next `$7`.
pub(crate) const LIST: Sql = Sql {
    sqlite: formatcp!(
        "SELECT {COLUMNS} FROM (SELECT * FROM events WHERE account_id = $1 AND id < $2 AND id >= $3
            ORDER BY id DESC LIMIT $7) AS v WHERE ($6 OR v.event_type IN (SELECT value FROM json_each($5)))
         ORDER BY v.id DESC LIMIT $4"
    ),
    postgres: formatcp!(
        "SELECT {COLUMNS} FROM (SELECT * FROM events WHERE account_id = $1 AND id < $2 AND id >= $3
            ORDER BY id DESC LIMIT $7) AS v WHERE ($6 OR v.event_type = ANY($5))
         ORDER BY v.id DESC LIMIT $4"
    ),
};

/// The last event among the next `$4`.
pub(crate) const LAST: &str = "SELECT id FROM events WHERE account_id = $1 AND id < $2 AND id >= $3
     ORDER BY id DESC LIMIT 1 OFFSET $4 - 1";

/// The events of an account (`$1`) about a task (`$2`), at most `$3`.
pub(crate) const ABOUT: &str =
    formatcp!("SELECT {COLUMNS} FROM events v WHERE v.account_id = $1 AND v.task_id = $2 LIMIT $3");

#[derive(sqlx_macros::FromRow)]
struct Row {
    id: EventId,
    event_type: Lossy,
    task_id: Option<Lossy>,
    occurred_at: Timestamp,
    accepted_at: Timestamp,
    fanout: Stored<i32>,
    is_test: bool,
}

impl From<Row> for Event {
    fn from(row: Row) -> Self {
        Self {
            id: row.id,
            event_type: row.event_type.0,
            task: row.task_id.map(String::from),
            occurred_at: row.occurred_at,
            accepted_at: row.accepted_at,
            deliveries: row.fanout.ok().unwrap_or_default().unsigned_abs(),
            is_test: row.is_test,
        }
    }
}

impl AccountHandle<'_> {
    /// Lists events of the account, newest first, at most `limit`, behind one.
    pub async fn events(self, filter: &EventFilter, after: Option<EventId>, limit: u32) -> Result<EventPage> {
        let (first, before) = filter.span(after);
        let mut events = match &filter.task {
            Some(task) => self.events_of(task, filter, first, before).await?,
            None => self.search_events(filter, first, before, limit + 1).await?,
        };
        let is_full = events.len() > limit as usize;
        events.truncate(limit as usize);
        let next = match (is_full, &filter.event_types) {
            (true, _) => events.last().map(|event| event.id),
            (false, Some(_)) if filter.task.is_none() => self.last_searched(first, before).await?,
            (false, _) => None,
        };
        Ok(EventPage { events, next })
    }

    async fn search_events(
        self,
        filter: &EventFilter,
        first: EventId,
        before: EventId,
        most: u32,
    ) -> Result<Vec<Event>> {
        let types: Vec<_> = filter.event_types.iter().flatten().map(EventType::as_str).collect();
        let searched = if filter.event_types.is_some() { EVENTS_SEARCHED } else { most };
        let mut conn = self.service.db.read(Pool::Pages).await?;
        let query = conn.query(LIST).bind(self.id).bind(before).bind(first).bind(i64::from(most));
        let query = query.bind_texts(&types).bind(filter.event_types.is_none()).bind(i64::from(searched));
        Ok(query.fetch_all::<Row>().await?.into_iter().map(Event::from).collect())
    }

    /// Some events of a task, which are few.
    async fn events_of(self, task: &str, filter: &EventFilter, first: EventId, before: EventId) -> Result<Vec<Event>> {
        // PostgreSQL refuses to compare with NUL.
        if task.contains('\0') {
            return Ok(Vec::new());
        }
        let mut conn = self.service.db.read(Pool::Pages).await?;
        let rows: Vec<Row> = conn.query(ABOUT).bind(self.id).bind(task).bind(TASK_EVENTS).fetch_all().await?;
        let mut events: Vec<Event> = rows.into_iter().map(Event::from).collect();
        let has_type =
            |event: &Event| filter.event_types.as_ref().is_none_or(|types| types.contains(event.event_type.as_str()));
        events.retain(|event| (first..before).contains(&event.id) && has_type(event));
        events.sort_by_key(|event| std::cmp::Reverse(event.id));
        Ok(events)
    }

    async fn last_searched(self, first: EventId, before: EventId) -> Result<Option<EventId>> {
        let mut conn = self.service.db.read(Pool::Pages).await?;
        let query = conn.query(LAST).bind(self.id).bind(before).bind(first);
        Ok(query.bind(i64::from(EVENTS_SEARCHED)).fetch_optional_value().await?)
    }

    /// One event of the account, with its deliveries.
    pub async fn event(self, id: EventId) -> Result<EventDetail> {
        const EVENT: &str = formatcp!("SELECT {COLUMNS} FROM events v WHERE v.account_id = $1 AND v.id = $2");
        const BODY: &str = "SELECT body FROM events WHERE account_id = $1 AND id = $2";
        let mut conn = self.service.db.read(Pool::Pages).await?;
        let row: Option<Row> = conn.query(EVENT).bind(self.id).bind(id).fetch_optional().await?;
        let event = row.map(Event::from).ok_or(Error::EventNotFound)?;
        let body: Option<Option<Lossy>> = conn.query(BODY).bind(self.id).bind(id).fetch_optional_value().await?;
        drop(conn);
        let filter = Filter { id: Some(IdPrefix::Event(id, id)), ..Filter::default() };
        let deliveries = self.deliveries(&filter, None, DELIVERIES).await?;
        Ok(EventDetail { event, body: body.flatten().map(String::from), deliveries })
    }
}

impl EventFilter {
    /// The first event, and the one before which the last is.
    fn span(&self, after: Option<EventId>) -> (EventId, EventId) {
        let first_id = |at: Timestamp| EventId::new(at, [0; 10]);
        let first = self.since.map_or(EventId::from_uuid(Uuid::nil()), first_id);
        let before = self.until.map_or(EventId::from_uuid(Uuid::max()), first_id);
        (first, after.map_or(before, |after| after.min(before)))
    }
}

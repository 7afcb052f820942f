//! The preview of a filter: the latest events of the account that would, or would not, match.

use signet_model::{
    EventId, Filter, Subscriptions, Timestamp,
    event::EventType,
    filter::Subject,
    payload,
    sql::{Lossy, Stored},
};

use super::Endpoints;
use crate::{db::Pool, service::Result};

/// The events that a preview judges.
const JUDGED_MAX: usize = 100;
/// The bytes of bodies that it reads: beyond them it judges fewer events.
const JUDGED_BYTES_MAX: usize = 8 * 1024 * 1024;
/// The events among which it looks for those of the types that are wanted.
const SEARCHED: i64 = 1_000;

/// The latest events (`$2`) of an account (`$1`), of which tests and those without a body are
/// left out then.
pub(crate) const LATEST: &str = "SELECT id, event_type, accepted_at FROM
       (SELECT id, event_type, accepted_at, is_test, body IS NULL AS is_empty FROM events
        WHERE account_id = $1 ORDER BY id DESC LIMIT $2) latest
     WHERE NOT is_test AND NOT is_empty ORDER BY id DESC";

/// The body of one event.
const BODY: &str = "SELECT body FROM events WHERE account_id = $1 AND id = $2 AND body IS NOT NULL";

/// The judgement of a filter on the latest events.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FilterPreview {
    /// The number of events that match.
    pub matching: usize,
    /// The events that do not, newest first.
    pub others: Vec<PreviewedEvent>,
}

/// An event that a filter leaves out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PreviewedEvent {
    /// Its id.
    pub id: EventId,
    /// Its type.
    pub event_type: EventType,
    /// The instant at which it was accepted.
    pub accepted_at: Timestamp,
}

#[derive(sqlx_macros::FromRow)]
struct Row {
    id: Stored<EventId>,
    event_type: Stored<EventType>,
    accepted_at: Timestamp,
}

impl Row {
    /// The event; `None` if it cannot be read, or is not wanted.
    fn read(self, types: &Subscriptions) -> Option<PreviewedEvent> {
        let event =
            PreviewedEvent { id: self.id.ok()?, event_type: self.event_type.ok()?, accepted_at: self.accepted_at };
        types.contains(&event.event_type).then_some(event)
    }
}

impl Endpoints<'_> {
    /// Judges the last hundred events of the account of these types, of the last thousand of
    /// all types; fewer if their bodies are large.
    pub async fn preview_filter(self, filter: &Filter, types: &Subscriptions) -> Result<FilterPreview> {
        let mut conn = self.service.db.read(Pool::Pages).await?;
        let rows: Vec<Row> = conn.query(LATEST).bind(self.account).bind(SEARCHED).fetch_all().await?;
        let (mut preview, mut bytes) = (FilterPreview::default(), 0);
        for event in rows.into_iter().filter_map(|row| row.read(types)).take(JUDGED_MAX) {
            let body: Option<Lossy> = conn.query(BODY).bind(self.account).bind(event.id).fetch_optional_value().await?;
            // Retention may just have removed it.
            let Some(Lossy(body)) = body else { continue };
            preview.judge(filter, event, &body);
            bytes += body.len();
            if bytes > JUDGED_BYTES_MAX {
                break;
            }
        }
        Ok(preview)
    }
}

impl FilterPreview {
    /// The number of events that were judged.
    pub const fn judged(&self) -> usize {
        self.matching + self.others.len()
    }

    fn judge(&mut self, filter: &Filter, event: PreviewedEvent, body: &str) {
        if payload::parse(body).is_ok_and(|body| filter.matches(&mut Subject::new(&body))) {
            self.matching += 1;
        } else {
            self.others.push(event);
        }
    }
}

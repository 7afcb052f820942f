//! The events of an account, or what reaches one webhook, as they happen.
//!
//! A stream is not a subscription of the database: it looks for events behind its place
//! ([`progress`]), at once when this process has committed one and otherwise every second,
//! so that events of other processes come as well. Between two looks a stream holds no
//! connection; a reader that is slow only looks later.

mod places;
mod progress;

use std::{collections::VecDeque, sync::Arc, time::Duration};

use signet_model::{
    AccountId, DeliveryId, EndpointId, EventId, Timestamp,
    event::EventType,
    sql::{Lossy, Stored},
};
use tokio::time::{Instant, sleep_until, timeout_at};

pub(crate) use places::{Place, Places};
pub use places::{STREAMS, STREAMS_PER_ACCOUNT, TooManyStreams};
use progress::{Progress, Seen, first_id_at};

use super::{AccountHandle, EndpointHandle, Error, Result, Service};
use crate::db::{self, Pool};

/// The time for which a client may be away and miss nothing.
pub const RESUMED_FOR: Duration = Duration::from_hours(1);

/// The most ids that are read at a time.
const PAGE: u32 = 500;
/// The time after which to look for events that other processes have committed.
const LOOK_AGAIN: Duration = Duration::from_secs(1);
/// The time between two looks of one stream: a burst of events is found by one.
const PAUSE: Duration = Duration::from_millis(100);

/// Of an account (`$1`): events behind one (`$2`), at most `$3`.
pub(super) const NEXT_EVENTS: &str = "SELECT id FROM events WHERE account_id = $1 AND id > $2 ORDER BY id LIMIT $3";
/// Likewise those that have a delivery to an endpoint (`$4`).
pub(super) const NEXT_DELIVERIES: &str = "SELECT event_id FROM deliveries
     WHERE account_id = $1 AND endpoint_id = $4 AND event_id > $2 ORDER BY event_id LIMIT $3";
/// An event (`$2`) of an account (`$1`).
const EVENT: &str = "SELECT event_type, body, is_test, accepted_at FROM events WHERE account_id = $1 AND id = $2";
/// The delivery of an event (`$2`) to an endpoint (`$3`) of an account (`$1`).
const DELIVERY: &str = "SELECT id FROM deliveries WHERE account_id = $1 AND event_id = $2 AND endpoint_id = $3";

/// An event, as it was accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StreamedEvent {
    /// Its id.
    pub id: EventId,
    /// Its delivery to the webhook of the stream.
    pub delivery: Option<DeliveryId>,
    /// Its type.
    pub event_type: EventType,
    /// The bytes that are sent: compact JSON.
    pub body: String,
    /// True if a person sent it as a test.
    pub is_test: bool,
    /// The instant at which it was accepted.
    pub accepted_at: Timestamp,
}

/// The next thing that a stream has to tell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Next {
    /// An event.
    Event(StreamedEvent),
    /// Nothing has happened. A stream that is taken up behind this place misses nothing.
    Quiet(EventId),
    /// The process is stopping.
    Stopping,
}

/// A stream was not opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// There are as many as there may be.
    #[error(transparent)]
    TooMany(#[from] TooManyStreams),
    /// The database failed, or there is no such account or endpoint.
    #[error(transparent)]
    Store(#[from] Error),
}

/// The events of an account, as they happen.
#[derive(Debug)]
pub struct EventStream {
    service: Arc<Service>,
    account: AccountId,
    /// Only the events that reach this endpoint.
    endpoint: Option<EndpointId>,
    progress: Progress,
    /// The events that were found and not yet told.
    waiting: VecDeque<EventId>,
    looked_at: Option<Instant>,
    missed_since: Option<Timestamp>,
    _place: Place,
}

impl AccountHandle<'_> {
    /// Opens a stream of the events that are accepted from now on, or, for a client that was
    /// away, of those since the last one that it has seen.
    pub async fn stream_events(self, last_seen: Option<EventId>) -> Result<EventStream, OpenError> {
        self.get().await?;
        Ok(EventStream::open(self, None, last_seen)?)
    }
}

impl EndpointHandle<'_> {
    /// Opens a stream of the events that reach this endpoint, likewise.
    pub async fn stream_deliveries(self, last_seen: Option<EventId>) -> Result<EventStream, OpenError> {
        self.get().await?;
        Ok(EventStream::open(AccountHandle::new(self.service, self.actor), Some(self.id), last_seen)?)
    }
}

impl EventStream {
    fn open(
        account: AccountHandle<'_>,
        endpoint: Option<EndpointId>,
        last_seen: Option<EventId>,
    ) -> Result<Self, TooManyStreams> {
        let place = account.service.streams.take(account.id)?;
        let now = account.service.clock.now();
        let oldest = now - RESUMED_FOR;
        let (progress, missed_since) = match last_seen {
            None => (Progress::from(now), None),
            Some(last) if last.created_at() < oldest => (Progress::from(oldest), Some(last.created_at())),
            Some(last) => (Progress::behind(last.min(first_id_at(now))), None),
        };
        Ok(Self {
            service: Arc::clone(account.service),
            account: account.id,
            endpoint,
            progress,
            waiting: VecDeque::new(),
            looked_at: None,
            missed_since,
            _place: place,
        })
    }

    /// The instant of the last event that a client has seen which was away for more than
    /// [`RESUMED_FOR`]: of what followed, the stream only tells the last hour.
    pub const fn missed_since(&self) -> Option<Timestamp> {
        self.missed_since
    }

    /// The next event. Waits for one for at most `limit`.
    ///
    /// # Errors
    /// The database failed; the next call goes on at the same place.
    pub async fn next(&mut self, limit: Duration) -> Result<Next> {
        let service = Arc::clone(&self.service);
        let stopping = service.delivery.shutdown.begun.clone();
        let next = stopping.run_until_cancelled(self.next_until(Instant::now() + limit)).await;
        next.unwrap_or(Ok(Next::Stopping))
    }

    async fn next_until(&mut self, deadline: Instant) -> Result<Next> {
        let service = Arc::clone(&self.service);
        let watcher = service.delivery.event_watchers.watch(self.account);
        loop {
            let committed = watcher.notified();
            while self.waiting.is_empty() {
                let now = service.clock.now();
                let is_all = self.look(now).await?;
                if self.waiting.is_empty() && is_all {
                    if Instant::now() >= deadline {
                        return Ok(Next::Quiet(first_id_at(now)));
                    }
                    break;
                }
            }
            while let Some(&id) = self.waiting.front() {
                let event = self.read(id).await?;
                self.waiting.pop_front();
                if let Some(event) = event {
                    return Ok(Next::Event(event));
                }
            }
            let _ = timeout_at(deadline.min(Instant::now() + LOOK_AGAIN), committed).await;
        }
    }

    /// Looks for events behind the place of the stream. Returns true if there were no more.
    async fn look(&mut self, now: Timestamp) -> db::Result<bool> {
        if let Some(before) = self.looked_at {
            sleep_until(before + PAUSE).await;
        }
        let page = self.ids_behind(self.progress.settled()).await?;
        let (new, seen) = self.progress.note(&page.ids, page.is_full, now);
        self.waiting.extend(new);
        let is_all = match seen {
            Seen::All => true,
            Seen::Part => return Ok(false),
            Seen::Repeated => {
                let newest = self.ids_behind(self.progress.newest()).await?;
                self.waiting.extend(self.progress.note_newest(&newest.ids));
                !newest.is_full
            }
        };
        // A backlog is read without pauses.
        self.looked_at = is_all.then(Instant::now);
        Ok(is_all)
    }

    async fn ids_behind(&self, place: EventId) -> db::Result<Page> {
        let mut conn = self.service.db.read(Pool::Pages).await?;
        let query = match self.endpoint {
            None => conn.query(NEXT_EVENTS).bind(self.account).bind(place).bind(i64::from(PAGE)),
            Some(endpoint) => {
                conn.query(NEXT_DELIVERIES).bind(self.account).bind(place).bind(i64::from(PAGE)).bind(endpoint)
            }
        };
        let ids: Vec<Stored<EventId>> = query.fetch_values().await?;
        Ok(Page { is_full: ids.len() >= PAGE as usize, ids: ids.into_iter().filter_map(Stored::ok).collect() })
    }

    /// Reads one event. Returns `None` if retention has taken its body, or if it is erased or
    /// cannot be read.
    async fn read(&self, id: EventId) -> db::Result<Option<StreamedEvent>> {
        let mut conn = self.service.db.read(Pool::Pages).await?;
        let row: Option<Row> = conn.query(EVENT).bind(self.account).bind(id).fetch_optional().await?;
        let delivery: Option<Stored<DeliveryId>> = match self.endpoint {
            None => None,
            Some(endpoint) => {
                conn.query(DELIVERY).bind(self.account).bind(id).bind(endpoint).fetch_optional_value().await?
            }
        };
        let delivery = delivery.and_then(Stored::ok);
        if self.endpoint.is_some() && delivery.is_none() {
            return Ok(None);
        }
        Ok(row.and_then(|row| row.read(id, delivery)))
    }
}

/// The ids that one statement has read, in order.
struct Page {
    ids: Vec<EventId>,
    /// There may be more behind them.
    is_full: bool,
}

#[derive(sqlx_macros::FromRow)]
struct Row {
    event_type: Stored<EventType>,
    body: Option<Lossy>,
    is_test: bool,
    accepted_at: Timestamp,
}

impl Row {
    fn read(self, id: EventId, delivery: Option<DeliveryId>) -> Option<StreamedEvent> {
        Some(StreamedEvent {
            id,
            delivery,
            event_type: self.event_type.ok()?,
            body: self.body?.into(),
            is_test: self.is_test,
            accepted_at: self.accepted_at,
        })
    }
}

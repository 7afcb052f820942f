//! The backlog of an endpoint: held deliveries, and failed ones. Both go out paced, so that a
//! receiver that has just come back is not knocked over.

pub(super) mod count;

use std::{sync::Arc, time::Duration};

use serde_json::json;
use signet_model::{
    AccountId, DeliveryId, EndpointId, EventId, Subscriptions, Timestamp, delivery::State, event::EventType,
    sql::Stored,
};

use super::{
    EndpointHandle, Error, Result, Service,
    change::{Change, Record},
    resends::Pace,
};
use crate::{
    actor::Actor,
    audit::Action,
    db::{self, Pool, Sql, Tx},
    deliver::{drain::drain, endpoint_cache::EndpointView},
    fault,
    queue::{Lock, QueueEntry},
};

pub use count::Count;

/// The number of deliveries that one statement looks at, and one transaction changes.
const BATCH: u32 = 500;

/// Held deliveries were not released.
#[derive(Debug, thiserror::Error)]
enum ReleaseError {
    /// The endpoint is disabled.
    #[error("This webhook is disabled. Re-enable it first.")]
    Disabled,
    /// The database failed, or there is no such endpoint.
    #[error(transparent)]
    Store(#[from] Error),
}

impl From<db::Error> for ReleaseError {
    fn from(error: db::Error) -> Self {
        Self::Store(error.into())
    }
}

/// The next deliveries of one endpoint (`$1`, `$2`) in a state (`$3`), of one type (`$4`),
/// of events newer than one (`$5`), at most so many (`$6`).
pub(crate) const NEXT: &str = "SELECT id, event_id, NOT is_test AND EXISTS
       (SELECT 1 FROM events WHERE events.account_id = $1 AND events.id = deliveries.event_id AND body IS NOT NULL)
       AS can_be_sent
     FROM deliveries WHERE account_id = $1 AND endpoint_id = $2 AND state = $3
       AND state IN ('failed', 'held', 'discarded') AND event_type = $4 AND event_id > $5
     ORDER BY event_id LIMIT $6";

/// Makes deliveries of an account (`$1`) pending that are still in one of some states (`$4`):
/// each (`$2`) at its instant (`$3`).
const SEND: Sql = Sql {
    sqlite: "UPDATE deliveries SET state = 'pending', failures = 0, completed_at = NULL, due_at = turn.due_at
               FROM (SELECT unhex(ids.value) AS id, dues.value AS due_at
                       FROM json_each($2) AS ids JOIN json_each($3) AS dues ON dues.key = ids.key) AS turn
              WHERE deliveries.account_id = $1 AND deliveries.id = turn.id AND deliveries.state IN (SELECT value FROM json_each($4))
                AND EXISTS (SELECT 1 FROM events WHERE events.account_id = $1 AND events.id = deliveries.event_id
                                                   AND body IS NOT NULL)",
    postgres: "UPDATE deliveries SET state = 'pending', failures = 0, completed_at = NULL, due_at = turn.due_at
                 FROM unnest($2::uuid[], $3::timestamptz[]) AS turn (id, due_at)
                WHERE deliveries.account_id = $1 AND deliveries.id = turn.id AND deliveries.state = ANY($4)
                  AND EXISTS (SELECT 1 FROM events WHERE events.account_id = $1 AND events.id = deliveries.event_id
                                                     AND body IS NOT NULL)",
};

/// Discards those of these deliveries (`$2`) of an account (`$1`) that are held, at an
/// instant (`$3`).
const DISCARD: Sql = Sql {
    sqlite: "UPDATE deliveries SET state = 'discarded', completed_at = $3
              WHERE account_id = $1 AND state = 'held' AND id IN (SELECT unhex(value) FROM json_each($2))",
    postgres: "UPDATE deliveries SET state = 'discarded', completed_at = $3
                WHERE account_id = $1 AND state = 'held' AND id = ANY($2)",
};

/// A delivery of a backlog.
#[derive(Debug, sqlx_macros::FromRow)]
struct Found {
    id: DeliveryId,
    event_id: Stored<EventId>,
    can_be_sent: bool,
}

impl Found {
    fn event(&self) -> Option<EventId> {
        self.event_id.0.as_ref().ok().copied()
    }
}

/// The event after which the search goes on; `None` at the end.
fn last_event(found: &[Found]) -> Option<EventId> {
    found.iter().rev().find_map(Found::event)
}

impl EndpointHandle<'_> {
    /// Releases held deliveries of these types: paced, in the order of acceptance, with a new
    /// round of retries. Returns how many those are; while the endpoint is disabled, none.
    pub async fn release(self, types: &Subscriptions) -> Result<u64> {
        self.actor.check(Action::HeldReleased.permission())?;
        drain(&self.service.delivery, self.account, self.id).await?;
        match self.send_paced(self.select(Action::HeldReleased, types).await?).await {
            Ok(released) => Ok(released),
            Err(ReleaseError::Disabled) => Ok(0),
            Err(ReleaseError::Store(error)) => Err(error),
        }
    }

    /// All held deliveries of these types, for an action.
    async fn select(self, action: Action, types: &Subscriptions) -> Result<Selection> {
        let after = EventId::from_uuid(uuid::Uuid::nil());
        let types = self.types_among(State::Held, types).await?;
        let actor = self.actor.clone();
        Ok(Selection { actor, action, is_logged: false, account: self.account, endpoint: self.id, types, after })
    }

    /// Sends a selection to the end, even if no caller waits for it any more.
    async fn send_paced(self, selection: Selection) -> Result<u64, ReleaseError> {
        if self.get().await?.disabled.is_some() {
            return Err(ReleaseError::Disabled);
        }
        let service = Arc::clone(self.service);
        let sending = tokio::spawn(async move { selection.send(&service).await });
        sending.await.unwrap_or_else(|ended| match ended.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            Err(_) => Err(Error::Interrupted.into()),
        })
    }
}

/// Some deliveries of an endpoint.
#[derive(Debug, Clone)]
struct Selection {
    actor: Actor,
    action: Action,
    /// The audit log has the entry, which the first batch writes.
    is_logged: bool,
    account: AccountId,
    endpoint: EndpointId,
    types: Vec<EventType>,
    /// Only those of newer events.
    after: EventId,
}

impl Selection {
    /// Sends the selection in batches. Each goes on where the last one ended, so that
    /// deliveries that fail anew meanwhile are not taken up again.
    async fn send(mut self, service: &Service) -> Result<u64, ReleaseError> {
        let mut total = 0;
        loop {
            // Beside the traffic; a delivery that has changed by the time of sending is left alone.
            let found = self.next(service).await?;
            let Some(last) = last_event(&found) else { return Ok(total) };
            self.after = last;
            let ids: Vec<_> = found.iter().filter(|one| one.can_be_sent).map(|one| one.id).collect();
            total += self.send_batch(service, &ids).await?;
            service.delivery.wake.notify_one();
        }
    }

    /// Finds the next deliveries: of each type as many along its part of the index, and the
    /// first of these.
    async fn next(&self, service: &Service) -> Result<Vec<Found>> {
        let mut conn = service.db.read(Pool::Pages).await?;
        let mut found: Vec<Found> = Vec::new();
        for kind in &self.types {
            let query = conn.query(NEXT).bind(self.account).bind(self.endpoint).bind(State::Held).bind(kind);
            found.extend(query.bind(self.after).bind(i64::from(BATCH)).fetch_all::<Found>().await?);
        }
        found.sort_by_key(Found::event);
        found.truncate(BATCH as usize);
        Ok(found)
    }

    /// Makes one batch pending, behind earlier releases; returns how many deliveries those are.
    async fn send_batch(&mut self, service: &Service, ids: &[DeliveryId]) -> Result<u64, ReleaseError> {
        if ids.is_empty() {
            return Ok(0);
        }
        let &mut Self { account, endpoint, .. } = self;
        let mut change = service.change(&self.actor, self.action).await?;
        let tx = &mut change.tx;
        // One release at a time; and retention, which removes the bodies of closed
        // deliveries, shares the lock.
        let snapshot = service.delivery.endpoint_cache.load_locked(tx, &[account], Lock::Exclusive).await?;
        let view = snapshot.endpoint(account, endpoint).ok_or(Error::EndpointNotFound)?;
        if view.disabled || view.enabling {
            return Err(ReleaseError::Disabled);
        }
        let (sent, _) = send(service, tx, Line { account, view, states: &[State::Held], pace: None }, ids).await?;
        tx.notify().await?;
        self.commit(change).await?;
        fault::point("after_step");
        Ok(sent)
    }

    /// Commits a batch; the first one with the entry of the whole selection.
    async fn commit(&mut self, change: Change<'_>) -> db::Result<()> {
        if std::mem::replace(&mut self.is_logged, true) {
            return change.tx.commit().await;
        }
        let types: Vec<_> = self.types.iter().map(EventType::as_str).collect();
        change.commit(Record::of("endpoint", self.endpoint).after(json!({ "eventTypes": types }))).await
    }
}

/// Discards those of these deliveries that are held, in a transaction that has locked their
/// account. Returns how many those are.
pub(super) async fn discard(tx: &mut Tx<'_>, account: AccountId, ids: &[DeliveryId], now: Timestamp) -> Result<u64> {
    if ids.is_empty() {
        return Ok(0);
    }
    Ok(tx.query(DISCARD).bind(account).bind_ids(ids).bind(now).execute().await?)
}

/// Deliveries of an endpoint that are put into its line.
#[derive(Clone, Copy)]
pub(super) struct Line<'a> {
    pub(super) account: AccountId,
    pub(super) view: &'a EndpointView,
    /// Only those that are still in one of these states.
    pub(super) states: &'a [State],
    /// Slower than the server releases.
    pub(super) pace: Option<Pace>,
}

impl Line<'_> {
    /// The time until the turn of a delivery at this place.
    fn turn(self, place: u32, release_rate: u32) -> Duration {
        let turn = Duration::from_secs(1) * place / release_rate;
        self.pace.map_or(turn, |pace| pace.turn(place).max(turn))
    }
}

/// Makes deliveries pending, behind earlier releases, in a transaction that has locked their
/// account. Returns how many those are, and the instant at which the line ends.
pub(super) async fn send(
    service: &Service,
    tx: &mut Tx<'_>,
    line: Line<'_>,
    ids: &[DeliveryId],
) -> Result<(u64, Timestamp)> {
    let Line { account, view, states, .. } = line;
    let endpoint = view.id;
    service.delivery.release_rates.release(endpoint);
    let now = service.clock.now();
    let start = released_until(tx, line).await?.map_or(now, |until| until.max(now));
    let due_at = |place| start + line.turn(place, service.settings.release_rate);
    let turns: Vec<_> = (0..).map(due_at).take(ids.len()).collect();
    let states: Vec<_> = states.iter().map(|state| state.as_str()).collect();
    let sent = tx.query(SEND).bind(account).bind_ids(ids).bind_instants(&turns).bind_texts(&states).execute().await?;
    let until = due_at(u32::try_from(ids.len()).unwrap_or(BATCH));
    release_until(tx, line, until).await?;
    let look_at = view.rests_until(start).unwrap_or(start);
    tx.pull_forward(QueueEntry { account, endpoint, look_at, due_at: start }).await?;
    Ok((sent, until))
}

/// The instant until which earlier releases for the endpoint go out.
async fn released_until(tx: &mut Tx<'_>, line: Line<'_>) -> Result<Option<Timestamp>> {
    const SQL: &str = "SELECT released_until FROM endpoints WHERE account_id = $1 AND id = $2";
    Ok(tx.query(SQL).bind(line.account).bind(line.view.id).fetch_value().await?)
}

async fn release_until(tx: &mut Tx<'_>, line: Line<'_>, until: Timestamp) -> Result<()> {
    const SQL: &str = "UPDATE endpoints SET released_until = $3 WHERE account_id = $1 AND id = $2";
    tx.query(SQL).bind(line.account).bind(line.view.id).bind(until).execute().await?;
    Ok(())
}

/// The id that no event accepted at this instant or later undercuts.
fn first_id(since: Timestamp) -> EventId {
    EventId::new(since, [0; 10])
}

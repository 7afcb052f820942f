//! What was not delivered and can be sent later: what is held for an endpoint,
//! and what has failed. Both go out paced, so that a receiver that has just come
//! back is not knocked over.

pub(super) mod count;

use std::time::Duration;

use signet_model::{
    AccountId, DeliveryId, EndpointId, EventId, Subscriptions, Timestamp, delivery::State, sql::Stored,
};

use crate::{
    Engine,
    db::{Error, Pool, Result, Sql, Tx},
    deliver::drain::drain,
    fault,
    queue::{Lock, QueueEntry},
};

pub use count::Count;

/// How many deliveries are looked at by one statement, and change in one transaction.
const BATCH: u32 = 500;

/// What to do with what was held while the endpoint was disabled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HeldChoice {
    /// Send it, paced.
    Release,
    /// Drop it.
    Discard,
}

/// Why failed deliveries were not put back.
#[derive(Debug, thiserror::Error)]
pub enum RecoverError {
    /// The endpoint is disabled.
    #[error("This webhook is disabled. Re-enable it first.")]
    Disabled,
    /// The store failed, or there is no such endpoint.
    #[error(transparent)]
    Store(#[from] super::Error),
}

/// The next deliveries of one endpoint (`$1`, `$2`) in a state (`$3`), of one type (`$4`),
/// whose events are newer than one (`$5`), at most so many (`$6`).
pub(crate) const NEXT: &str = "SELECT id, event_id, NOT is_test AND EXISTS
       (SELECT 1 FROM events WHERE events.account_id = $1 AND events.id = deliveries.event_id AND body IS NOT NULL)
       AS can_be_sent
     FROM deliveries WHERE account_id = $1 AND endpoint_id = $2 AND state = $3
       AND state IN ('failed', 'held', 'discarded') AND event_type = $4 AND event_id > $5
     ORDER BY event_id LIMIT $6";

/// Makes deliveries of an account (`$1`) pending that are still in a state: each
/// (`$2`) at its instant (`$3`).
const SEND: Sql = Sql {
    sqlite: "UPDATE deliveries SET state = 'pending', failures = 0, completed_at = NULL, due_at = turn.due_at
               FROM (SELECT unhex(ids.value) AS id, dues.value AS due_at
                       FROM json_each($2) AS ids JOIN json_each($3) AS dues ON dues.key = ids.key) AS turn
              WHERE deliveries.account_id = $1 AND deliveries.id = turn.id AND deliveries.state = $4
                AND EXISTS (SELECT 1 FROM events WHERE events.account_id = $1 AND events.id = deliveries.event_id
                                                   AND body IS NOT NULL)",
    postgres: "UPDATE deliveries SET state = 'pending', failures = 0, completed_at = NULL, due_at = turn.due_at
                 FROM unnest($2::uuid[], $3::timestamptz[]) AS turn (id, due_at)
                WHERE deliveries.account_id = $1 AND deliveries.id = turn.id AND deliveries.state = $4
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

/// A delivery that was found.
#[derive(Debug, sqlx::FromRow)]
struct Found {
    id: DeliveryId,
    event_id: Stored<EventId>,
    can_be_sent: bool,
}

/// The event after which the search goes on; `None` at the end.
fn last_event(found: &[Found]) -> Option<EventId> {
    found.iter().rev().find_map(|one| one.event_id.0.as_ref().ok().copied())
}

/// Some deliveries of an endpoint.
#[derive(Debug, Clone, Copy)]
struct Selection {
    account: AccountId,
    endpoint: EndpointId,
    /// Held or failed.
    state: State,
    types: Subscriptions,
    /// Only those whose event is newer.
    after: EventId,
}

impl Engine {
    /// Sends or drops what is held, of these types. Sending is paced, in the
    /// order of acceptance, and begins a new round of retries. Returns how many
    /// deliveries it concerned. While the endpoint is disabled only dropping works.
    pub async fn settle_held(
        &self,
        account: AccountId,
        id: EndpointId,
        types: Subscriptions,
        choice: HeldChoice,
    ) -> Result<u64> {
        let after = EventId::from_uuid(uuid::Uuid::nil());
        let all = Selection { account, endpoint: id, state: State::Held, types, after };
        drain(&self.0, account, id).await?;
        match choice {
            HeldChoice::Discard => self.discard_held(all).await,
            HeldChoice::Release => match self.send_paced(all).await {
                Ok(released) => Ok(released),
                Err(RecoverError::Disabled) => Ok(0),
                Err(RecoverError::Store(error)) => Err(error),
            },
        }
    }

    /// How many deliveries of a backlog go out to one endpoint in a second.
    pub fn release_rate(&self) -> u32 {
        self.0.settings.release_rate
    }

    /// Puts failed deliveries of these types back, of events that were accepted
    /// since then: paced, in the order of acceptance, with a new round of
    /// retries. Tests and what has lost its body to retention stay as they are.
    /// Returns how many it were.
    pub async fn recover(
        &self,
        account: AccountId,
        endpoint: EndpointId,
        since: Timestamp,
        types: Subscriptions,
    ) -> Result<u64, RecoverError> {
        drain(&self.0, account, endpoint).await?;
        let state = State::Failed;
        self.send_paced(Selection { account, endpoint, state, types, after: first_id(since) }).await
    }

    /// Sends a backlog in batches. Each goes on where the last one ended, so that
    /// what fails anew meanwhile is not taken up again. Goes on to the end even if
    /// nobody waits for it any more.
    async fn send_paced(&self, mut selection: Selection) -> Result<u64, RecoverError> {
        let asked = self.endpoint(selection.account, selection.endpoint).await?.ok_or(Error::NotFound)?;
        if asked.disabled.is_some() {
            return Err(RecoverError::Disabled);
        }
        let this = self.clone();
        let sending = tokio::spawn(async move {
            let mut total = 0;
            loop {
                // Beside the traffic; what has changed by the time of sending is left alone.
                let found = this.next(selection).await?;
                let Some(last) = last_event(&found) else { return Ok(total) };
                selection.after = last;
                let ids: Vec<_> = found.iter().filter(|one| one.can_be_sent).map(|one| one.id).collect();
                total += this.send_batch(selection, &ids).await?;
                this.wake();
            }
        });
        sending.await.unwrap_or_else(|ended| match ended.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            Err(_) => Err(Error::Interrupted.into()),
        })
    }

    /// Finds the next of a backlog: of each type as many along its part of the index, and
    /// the first of these.
    async fn next(&self, selection: Selection) -> Result<Vec<Found>> {
        let Selection { account, endpoint, state, types, after } = selection;
        let mut conn = self.0.db.read(Pool::Pages).await?;
        let mut found: Vec<Found> = Vec::new();
        for kind in types.iter() {
            let query = conn.query(NEXT).bind(account).bind(endpoint).bind(state).bind(kind);
            found.extend(query.bind(after).bind(i64::from(BATCH)).fetch_all::<Found>().await?);
        }
        found.sort_by_key(|one| one.event_id.0.as_ref().ok().copied());
        found.truncate(BATCH as usize);
        Ok(found)
    }

    /// Makes one batch pending, behind what was released before; returns how many
    /// deliveries those are.
    async fn send_batch(&self, selection: Selection, ids: &[DeliveryId]) -> Result<u64, RecoverError> {
        if ids.is_empty() {
            return Ok(0);
        }
        let Selection { account, endpoint, state, .. } = selection;
        let mut tx = self.0.db.begin().await?;
        // One release at a time; and retention, which takes bodies from what is
        // closed, shares the lock.
        let snapshot = self.0.endpoint_cache.load_locked(&mut tx, &[account], Lock::Exclusive).await?;
        let view = snapshot.endpoint(account, endpoint).ok_or(Error::NotFound)?;
        if view.disabled || view.enabling {
            return Err(RecoverError::Disabled);
        }
        self.0.release_rates.release(endpoint);
        let now = self.0.clock.now();
        let start = released_until(&mut tx, account, endpoint).await?.map_or(now, |until| until.max(now));
        let due_at = |place| start + Duration::from_secs(1) * place / self.0.settings.release_rate;
        let turns: Vec<_> = (0..).map(due_at).take(ids.len()).collect();
        let sent = tx.query(SEND).bind(account).bind_ids(ids).bind_instants(&turns).bind(state).execute().await?;
        release_until(&mut tx, account, endpoint, due_at(u32::try_from(ids.len()).unwrap_or(BATCH))).await?;
        tx.pull_forward(QueueEntry { account, endpoint, due_at: start }).await?;
        tx.notify().await?;
        tx.commit().await?;
        fault::point("after_step");
        Ok(sent)
    }

    async fn discard_held(&self, mut selection: Selection) -> Result<u64> {
        let Selection { account, endpoint, .. } = selection;
        let now = self.0.clock.now();
        let mut total = 0;
        loop {
            let found = self.next(selection).await?;
            let mut tx = self.0.db.begin().await?;
            let snapshot = self.0.endpoint_cache.load_locked(&mut tx, &[account], Lock::Shared).await?;
            snapshot.endpoint(account, endpoint).ok_or(Error::NotFound)?;
            let Some(last) = last_event(&found) else { return Ok(total) };
            selection.after = last;
            let ids: Vec<_> = found.iter().map(|one| one.id).collect();
            total += tx.query(DISCARD).bind(account).bind_ids(&ids).bind(now).execute().await?;
            tx.commit().await?;
            fault::point("after_step");
        }
    }
}

/// Until when what was released for an endpoint goes out.
async fn released_until(tx: &mut Tx<'_>, account: AccountId, endpoint: EndpointId) -> Result<Option<Timestamp>> {
    const SQL: &str = "SELECT released_until FROM endpoints WHERE account_id = $1 AND id = $2";
    tx.query(SQL).bind(account).bind(endpoint).fetch_value().await
}

async fn release_until(tx: &mut Tx<'_>, account: AccountId, endpoint: EndpointId, until: Timestamp) -> Result<()> {
    const SQL: &str = "UPDATE endpoints SET released_until = $3 WHERE account_id = $1 AND id = $2";
    tx.query(SQL).bind(account).bind(endpoint).bind(until).execute().await.map(drop)
}

/// No event accepted at this instant or later has a smaller id.
fn first_id(since: Timestamp) -> EventId {
    EventId::new(since, [0; 10])
}

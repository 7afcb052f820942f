//! What was not delivered and can be sent later: what is held for an endpoint,
//! and what has failed. Both go out paced, so that a receiver that has just come
//! back is not knocked over.

use std::time::Duration;

use signet_model::{AccountId, EndpointId, EventId, Subscriptions, Timestamp, event::EventType, sql::Stored};

use super::{Error, Result, read};
use crate::{
    Engine,
    queue::{Lock, Touch, Tx, on},
};

/// How many deliveries change in one transaction.
const BATCH: u32 = 1_000;

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

impl From<sqlx::Error> for RecoverError {
    #[track_caller]
    fn from(error: sqlx::Error) -> Self {
        Self::Store(Error::from(error))
    }
}

/// What is to be sent later.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Backlog {
    Held,
    Failed,
}

/// Deliveries of one endpoint (`$1`, `$2`), of some types (`$3` to `$5`), whose
/// events are newer than one (`$6`).
macro_rules! held {
    () => {
        "account_id = $1 AND endpoint_id = $2 AND event_type IN ($3, $4, $5) AND event_id > $6 AND state = 'held'"
    };
}

/// The same of what has failed and can still be sent.
macro_rules! failed {
    () => {
        "account_id = $1 AND endpoint_id = $2 AND event_type IN ($3, $4, $5) AND event_id > $6 AND state = 'failed'
           AND NOT is_test AND EXISTS (SELECT 1 FROM events
             WHERE events.account_id = deliveries.account_id AND events.id = deliveries.event_id AND body IS NOT NULL)"
    };
}

/// Makes a batch (`$7`) pending, each in its turn; answers with the events, in no order.
macro_rules! send {
    ($which:expr, $state:literal, $due_at:literal) => {
        concat!(
            "WITH batch AS (SELECT id, event_id FROM deliveries WHERE ",
            $which,
            " ORDER BY event_id LIMIT $7),
                  turn AS (SELECT id, row_number() OVER (ORDER BY event_id) - 1 AS place FROM batch)
             UPDATE deliveries SET state = 'pending', failures = 0, completed_at = NULL, due_at = ",
            $due_at,
            " FROM turn WHERE deliveries.account_id = $1 AND deliveries.id = turn.id AND deliveries.state = ",
            $state,
            " RETURNING deliveries.event_id"
        )
    };
}

/// From an instant (`$8`) on, so many (`$9`) a second.
macro_rules! send_sqlite {
    ($which:expr, $state:literal) => {
        send!($which, $state, "$8 + turn.place * 1000000 / $9")
    };
}
macro_rules! send_postgres {
    ($which:expr, $state:literal) => {
        send!($which, $state, "CAST($8 AS TIMESTAMPTZ) + turn.place * 1000000 / $9 * INTERVAL '1 microsecond'")
    };
}

impl Backlog {
    /// The statement that sends a batch, for either database.
    const fn send(self, tx: &Tx<'_>) -> &'static str {
        match (self, tx) {
            (Self::Held, Tx::Sqlite(_)) => send_sqlite!(held!(), "'held'"),
            (Self::Held, Tx::Postgres(_)) => send_postgres!(held!(), "'held'"),
            (Self::Failed, Tx::Sqlite(_)) => send_sqlite!(failed!(), "'failed'"),
            (Self::Failed, Tx::Postgres(_)) => send_postgres!(failed!(), "'failed'"),
        }
    }
}

/// Some deliveries of an endpoint.
#[derive(Debug, Clone, Copy)]
struct Selection {
    account: AccountId,
    endpoint: EndpointId,
    types: Subscriptions,
    /// Only those whose event is newer.
    after: EventId,
}

impl Selection {
    fn kinds(&self) -> [Option<EventType>; 3] {
        EventType::ALL.map(|kind| self.types.contains(kind).then_some(kind))
    }
}

impl Engine {
    /// How many deliveries are held, by event type (only types with any, and only those
    /// that this version knows: it can send no others).
    pub async fn held_counts(&self, account: AccountId, id: EndpointId) -> Result<Vec<(EventType, u64)>> {
        const SQL: &str = "SELECT event_type, count(*) FROM deliveries
             WHERE account_id = $1 AND endpoint_id = $2 AND state = 'held' GROUP BY event_type ORDER BY event_type";
        let counts: Vec<(Stored<EventType>, i64)> =
            read!(&self.0.db, |conn| sqlx::query_as(SQL).bind(account).bind(id).fetch_all(&mut *conn).await?);
        Ok(counts.into_iter().filter_map(|(kind, count)| Some((kind.ok()?, count.unsigned_abs()))).collect())
    }

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
        let all = Selection { account, endpoint: id, types, after: EventId::from_uuid(uuid::Uuid::nil()) };
        match choice {
            HeldChoice::Discard => self.discard_held(all).await,
            HeldChoice::Release => match self.send_paced(all, Backlog::Held).await {
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

    /// How many failed deliveries of these types [`Engine::recover`] would put
    /// back, of events that were accepted since then.
    pub async fn recoverable(
        &self,
        account: AccountId,
        endpoint: EndpointId,
        since: Timestamp,
        types: Subscriptions,
    ) -> Result<u64> {
        const SQL: &str = concat!("SELECT count(*) FROM deliveries WHERE ", failed!());
        let selection = Selection { account, endpoint, types, after: first_id(since) };
        let [a, b, c] = selection.kinds();
        let count: i64 = read!(&self.0.db, |conn| sqlx::query_scalar(SQL)
            .bind(account)
            .bind(endpoint)
            .bind(a)
            .bind(b)
            .bind(c)
            .bind(selection.after)
            .fetch_one(&mut *conn)
            .await?);
        Ok(count.unsigned_abs())
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
        self.send_paced(Selection { account, endpoint, types, after: first_id(since) }, Backlog::Failed).await
    }

    /// Sends a backlog in batches. Each goes on where the last one ended, so that
    /// what fails anew meanwhile is not taken up again. Goes on to the end even if
    /// nobody waits for it any more.
    async fn send_paced(&self, mut selection: Selection, backlog: Backlog) -> Result<u64, RecoverError> {
        let this = self.clone();
        let sending = tokio::spawn(async move {
            let mut total = 0;
            loop {
                let sent = this.send_batch(selection, backlog).await?;
                total += sent.len() as u64;
                this.wake();
                if sent.len() < BATCH as usize {
                    return Ok(total);
                }
                selection.after = sent.into_iter().max().unwrap_or(selection.after);
            }
        });
        sending.await.unwrap_or_else(|ended| match ended.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            Err(_) => Err(Error::Interrupted.into()),
        })
    }

    /// Makes one batch pending, behind what was released before.
    async fn send_batch(&self, selection: Selection, backlog: Backlog) -> Result<Vec<EventId>, RecoverError> {
        let Selection { account, endpoint, after, .. } = selection;
        let [a, b, c] = selection.kinds();
        let rate = self.0.settings.release_rate;
        let mut tx = Tx::begin(&self.0.db).await?;
        // One release at a time; and retention, which takes bodies from what is
        // closed, shares the lock.
        let views = self.0.directory.look(&mut tx, &[account], Lock::Change).await?;
        let view = views.endpoint(account, endpoint).ok_or(Error::NotFound)?;
        if view.disabled {
            return Err(RecoverError::Disabled);
        }
        let now = self.0.clock.now();
        let start = released_until(&mut tx, account, endpoint).await?.map_or(now, |until| until.max(now));
        let sql = backlog.send(&tx);
        let sent: Vec<Stored<EventId>> = on!(&mut tx, |conn| sqlx::query_scalar(sql)
            .bind(account)
            .bind(endpoint)
            .bind(a)
            .bind(b)
            .bind(c)
            .bind(after)
            .bind(i64::from(BATCH))
            .bind(start)
            .bind(i64::from(rate))
            .fetch_all(conn)
            .await?);
        if !sent.is_empty() {
            let count = u32::try_from(sent.len()).unwrap_or(BATCH);
            release_until(&mut tx, account, endpoint, start + Duration::from_secs(1) * count / rate).await?;
            tx.touch(Touch { account, endpoint, due_at: start }).await?;
            tx.notify().await?;
        }
        tx.commit().await?;
        Ok(sent.into_iter().filter_map(Stored::ok).collect())
    }

    async fn discard_held(&self, selection: Selection) -> Result<u64> {
        const SQL: &str = concat!(
            "UPDATE deliveries SET state = 'discarded', completed_at = $8 WHERE account_id = $1 AND state = 'held' AND id IN
               (SELECT id FROM deliveries WHERE ",
            held!(),
            " LIMIT $7)"
        );
        let Selection { account, endpoint, after, .. } = selection;
        let [a, b, c] = selection.kinds();
        let now = self.0.clock.now();
        let mut total = 0;
        loop {
            let mut tx = Tx::begin(&self.0.db).await?;
            let views = self.0.directory.look(&mut tx, &[account], Lock::Share).await?;
            views.endpoint(account, endpoint).ok_or(Error::NotFound)?;
            let discarded = on!(&mut tx, |conn| sqlx::query(SQL)
                .bind(account)
                .bind(endpoint)
                .bind(a)
                .bind(b)
                .bind(c)
                .bind(after)
                .bind(i64::from(BATCH))
                .bind(now)
                .execute(conn)
                .await?
                .rows_affected());
            tx.commit().await?;
            total += discarded;
            if discarded < u64::from(BATCH) {
                return Ok(total);
            }
        }
    }
}

/// Until when what was released for an endpoint goes out.
async fn released_until(tx: &mut Tx<'_>, account: AccountId, endpoint: EndpointId) -> Result<Option<Timestamp>> {
    const SQL: &str = "SELECT released_until FROM endpoints WHERE account_id = $1 AND id = $2";
    Ok(on!(tx, |conn| sqlx::query_scalar(SQL).bind(account).bind(endpoint).fetch_one(conn).await?))
}

async fn release_until(tx: &mut Tx<'_>, account: AccountId, endpoint: EndpointId, until: Timestamp) -> Result<()> {
    const SQL: &str = "UPDATE endpoints SET released_until = $3 WHERE account_id = $1 AND id = $2";
    on!(tx, |conn| {
        sqlx::query(SQL).bind(account).bind(endpoint).bind(until).execute(conn).await?;
    });
    Ok(())
}

/// No event accepted at this instant or later has a smaller id.
fn first_id(since: Timestamp) -> EventId {
    EventId::new(since, [0; 10])
}

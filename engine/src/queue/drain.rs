//! What it means for the deliveries of an endpoint that it is closed, a step at a
//! time. Closing changes the endpoint's row alone and makes its row in
//! `endpoint_queues` due: that row is what remains to be done. Each step changes at
//! most a given number of deliveries in a transaction of its own, and the
//! endpoint's queue stays due until a step has found nothing more to change.

use std::time::Duration;

use signet_model::{AccountId, DeliveryId, EndpointId, Timestamp};

use super::{ADVANCE_QUEUE, REMOVE_QUEUE, Tx, on};
use crate::db::{Result, Sql};

/// The status of an endpoint, which decides about its queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EndpointStatus {
    /// It receives.
    Enabled,
    /// Waiting deliveries are to be held, except for tests.
    Disabled,
    /// It receives again, and deliveries that had waited before are still to be held.
    Enabling,
    /// Waiting and held deliveries are to be discarded.
    Deleted,
}

/// Holds at most `$4` of what waits for an endpoint (`$1`, `$2`) at an instant (`$3`).
/// What is leased is passed over, which is no more than processes have in hand.
/// On PostgreSQL what is being recorded at this moment is passed over as well.
macro_rules! hold {
    ($skip:literal) => {
        concat!(
            "UPDATE deliveries SET state = 'held', due_at = NULL, lease = NULL WHERE account_id = $1 AND id IN
               (SELECT id FROM deliveries WHERE account_id = $1 AND endpoint_id = $2 AND state = 'pending'
                   AND NOT is_test AND (lease IS NULL OR due_at <= $3) ORDER BY due_at LIMIT $4 ",
            $skip,
            ")"
        )
    };
}

/// The same, and discards.
macro_rules! discard_pending {
    ($skip:literal) => {
        concat!(
            "UPDATE deliveries SET state = 'discarded', due_at = NULL, lease = NULL, completed_at = $3
             WHERE account_id = $1 AND id IN
               (SELECT id FROM deliveries WHERE account_id = $1 AND endpoint_id = $2 AND state = 'pending'
                   AND (lease IS NULL OR due_at <= $3) ORDER BY due_at LIMIT $4 ",
            $skip,
            ")"
        )
    };
}

pub(crate) const HOLD: [&str; 2] = [hold!(""), hold!("FOR UPDATE SKIP LOCKED")];
pub(crate) const DISCARD_PENDING: [&str; 2] = [discard_pending!(""), discard_pending!("FOR UPDATE SKIP LOCKED")];

/// Discards at most `$4` of what is held for an endpoint (`$1`, `$2`) at an instant (`$3`).
pub(crate) const DISCARD_HELD: &str = "UPDATE deliveries SET state = 'discarded', completed_at = $3
     WHERE account_id = $1 AND state = 'held' AND id IN
       (SELECT id FROM deliveries WHERE account_id = $1 AND endpoint_id = $2 AND state = 'held' AND state IN ('failed', 'held', 'discarded')
         LIMIT $4)";

/// The next `$4` pending deliveries of an endpoint (`$1`, `$2`) from an instant (`$3`) on.
pub(crate) const NEXT_PENDING: &str =
    "SELECT id, due_at, created_at, lease IS NOT NULL AS leased, is_test FROM deliveries
      WHERE account_id = $1 AND endpoint_id = $2 AND state = 'pending' AND due_at >= $3 ORDER BY due_at LIMIT $4";

/// Finds an endpoint's queue (`$1`, `$2`) that is due at an instant (`$3`).
macro_rules! due {
    ($lock:literal) => {
        concat!(
            "SELECT 1 FROM endpoint_queues WHERE account_id = $1 AND endpoint_id = $2 AND next_due_at <= $3 ",
            $lock
        )
    };
}

/// Something that waits for an endpoint (`$1`, `$2`) and no process has in hand.
pub(crate) const WAITS: &str = "SELECT 1 FROM deliveries WHERE account_id = $1 AND endpoint_id = $2
     AND state = 'pending' AND lease IS NULL AND NOT is_test ORDER BY due_at LIMIT 1";

/// Holds deliveries (`$2`) of an account (`$1`) that still wait.
const HOLD_OLDER: Sql = Sql {
    sqlite: "UPDATE deliveries SET state = 'held', due_at = NULL
             WHERE account_id = $1 AND state = 'pending' AND lease IS NULL AND id IN (SELECT unhex(value) FROM json_each($2))",
    postgres: "UPDATE deliveries SET state = 'held', due_at = NULL
             WHERE account_id = $1 AND state = 'pending' AND lease IS NULL AND id = ANY($2)",
};

#[derive(sqlx::FromRow)]
struct Pending {
    id: DeliveryId,
    due_at: Timestamp,
    created_at: Timestamp,
    leased: bool,
    is_test: bool,
}

impl Pending {
    fn is_older(&self, progress: HoldProgress) -> bool {
        self.created_at <= progress.hold_through && !self.leased && !self.is_test
    }
}

/// How far an endpoint is settled.
#[derive(Debug, Clone, Copy, sqlx::FromRow)]
pub(crate) struct HoldProgress {
    /// What was created up to this instant is to be held.
    pub(crate) hold_through: Timestamp,
    /// That is done of what is due before this instant.
    held_to: Option<Timestamp>,
}

/// An endpoint at an instant.
#[derive(Debug, Clone, Copy)]
pub(crate) struct EndpointAt {
    pub(crate) account: AccountId,
    pub(crate) endpoint: EndpointId,
    pub(crate) now: Timestamp,
}

impl Tx<'_> {
    /// Takes hold of an endpoint's queue, if it is due and no other process has it.
    pub(crate) async fn lock_queue(&mut self, at: EndpointAt) -> Result<bool> {
        const TAKE: [&str; 2] = [due!(""), due!("FOR UPDATE SKIP LOCKED")];
        self.finds(self.dialect(TAKE), at).await
    }

    /// Whether an endpoint's queue is due.
    pub(crate) async fn is_due(&mut self, at: EndpointAt) -> Result<bool> {
        self.finds(due!(""), at).await
    }

    async fn finds(&mut self, sql: &'static str, at: EndpointAt) -> Result<bool> {
        let found: Option<i32> = on!(self, |conn| sqlx::query_scalar(sql)
            .bind(at.account)
            .bind(at.endpoint)
            .bind(at.now)
            .fetch_optional(conn)
            .await?);
        Ok(found.is_some())
    }

    /// Holds some of what waits; returns how many deliveries those are.
    pub(crate) async fn hold(&mut self, at: EndpointAt, most: u64) -> Result<u64> {
        self.change_some(self.dialect(HOLD), at, most).await
    }

    /// Discards some of what waits or is held; returns how many deliveries those are.
    pub(crate) async fn discard(&mut self, at: EndpointAt, most: u64) -> Result<u64> {
        let pending = self.change_some(self.dialect(DISCARD_PENDING), at, most).await?;
        Ok(pending + self.change_some(DISCARD_HELD, at, most - pending).await?)
    }

    async fn change_some(&mut self, sql: &'static str, at: EndpointAt, most: u64) -> Result<u64> {
        Ok(on!(self, |conn| sqlx::query(sql)
            .bind(at.account)
            .bind(at.endpoint)
            .bind(at.now)
            .bind(i64::try_from(most).unwrap_or(i64::MAX))
            .execute(conn)
            .await?
            .rows_affected()))
    }

    /// Looks at the next pending deliveries of an endpoint that is enabling, and holds
    /// those that were there before it was enabled; returns how many were looked at.
    pub(crate) async fn hold_older(&mut self, at: EndpointAt, progress: HoldProgress, most: u64) -> Result<u64> {
        let from = progress.held_to.unwrap_or(Timestamp::from_unix_micros(0));
        let pending: Vec<Pending> = on!(self, |conn| sqlx::query_as(NEXT_PENDING)
            .bind(at.account)
            .bind(at.endpoint)
            .bind(from)
            .bind(i64::try_from(most).unwrap_or(i64::MAX))
            .fetch_all(conn)
            .await?);
        let older: Vec<_> = pending.iter().filter(|one| one.is_older(progress)).map(|one| one.id).collect();
        self.query(HOLD_OLDER).bind(at.account).bind_ids(&older).execute().await?;
        // Where there is nothing but one instant and nothing to hold, the next one.
        let stays = older.is_empty() && pending.last().is_some_and(|last| last.due_at == from);
        let next = if stays { Some(from + Duration::from_micros(1)) } else { pending.last().map(|last| last.due_at) };
        if let Some(next) = next {
            self.mark(at, next).await?;
        }
        Ok(pending.len() as u64)
    }

    /// How far an endpoint is settled; `None` if it is not enabling.
    pub(crate) async fn progress(&mut self, at: EndpointAt) -> Result<Option<HoldProgress>> {
        const SQL: &str = "SELECT hold_through, held_to FROM endpoints
             WHERE account_id = $1 AND id = $2 AND hold_through IS NOT NULL";
        Ok(on!(self, |conn| sqlx::query_as(SQL).bind(at.account).bind(at.endpoint).fetch_optional(conn).await?))
    }

    async fn mark(&mut self, at: EndpointAt, held_to: Timestamp) -> Result<()> {
        const SQL: &str = "UPDATE endpoints SET held_to = $3 WHERE account_id = $1 AND id = $2";
        self.at(SQL, EndpointAt { now: held_to, ..at }).await
    }

    /// Whether something waits for an endpoint that no process has in hand.
    pub(crate) async fn waits(&mut self, account: AccountId, endpoint: EndpointId) -> Result<bool> {
        let found: Option<i32> =
            on!(self, |conn| sqlx::query_scalar(WAITS).bind(account).bind(endpoint).fetch_optional(conn).await?);
        Ok(found.is_some())
    }

    /// Ends the enabling of what was created up to an instant. The caller has locked
    /// the account for a change.
    pub(crate) async fn end_enabling(&mut self, at: EndpointAt, through: Timestamp) -> Result<()> {
        const SQL: &str = "UPDATE endpoints SET hold_through = NULL, held_to = NULL
             WHERE account_id = $1 AND id = $2 AND hold_through = $3";
        self.at(SQL, EndpointAt { now: through, ..at }).await?;
        self.revise(at.account).await
    }

    /// Leaves an endpoint's queue behind the others that are due.
    pub(crate) async fn move_back(&mut self, at: EndpointAt) -> Result<()> {
        const SQL: &str = "UPDATE endpoint_queues SET next_due_at = $3 WHERE account_id = $1 AND endpoint_id = $2";
        self.at(SQL, at).await
    }

    /// Moves an endpoint's queue on to what is pending next, or forgets it.
    pub(crate) async fn advance_queue(&mut self, at: EndpointAt) -> Result<()> {
        let removed = on!(self, |conn| {
            sqlx::query(REMOVE_QUEUE).bind(at.account).bind(at.endpoint).execute(conn).await?.rows_affected()
        });
        if removed == 0 { self.at(ADVANCE_QUEUE, at).await } else { Ok(()) }
    }

    async fn at(&mut self, sql: &'static str, at: EndpointAt) -> Result<()> {
        on!(self, |conn| {
            sqlx::query(sql).bind(at.account).bind(at.endpoint).bind(at.now).execute(conn).await?;
        });
        Ok(())
    }

    /// The statement for SQLite, or that for PostgreSQL.
    pub(crate) const fn dialect(&self, [sqlite, postgres]: [&'static str; 2]) -> &'static str {
        match self {
            Self::Sqlite(_) => sqlite,
            Self::Postgres(_) => postgres,
        }
    }
}

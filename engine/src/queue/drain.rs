//! The statements of drain steps: they hold the waiting deliveries of an endpoint that is
//! disabled, and discard those of one that is deleted.
//!
//! Disabling and deleting change the endpoint's row alone, and make its row in
//! `endpoint_queues` due, which stands for the work to be done. Each step changes a bounded
//! number of deliveries in a transaction of its own, and the queue stays due until a step
//! finds no more.

use std::time::Duration;

use const_format::formatcp;
use signet_model::{AccountId, DeliveryId, EndpointId, Timestamp};

use super::{
    ADVANCE_QUEUE, REMOVE_QUEUE,
    postgres::pending_from::{self, BEHIND_FINISHED},
};
use crate::db::{Result, Sql, Statement, Tx};

/// The status of an endpoint, which decides about its queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum EndpointStatus {
    /// It receives.
    Enabled,
    /// Waiting deliveries are to be held, except for tests.
    Disabled,
    /// It receives again, and deliveries that had waited before are still to be held.
    Enabling,
    /// Waiting and held deliveries are to be discarded.
    Deleted,
}

/// Passes over deliveries whose outcomes are being recorded at this moment.
const SKIP_LOCKED: &str = "FOR UPDATE SKIP LOCKED";

/// The waiting deliveries of an endpoint (`$1`, `$2`) that no process has leased at an
/// instant (`$3`), up to `$4`. Leased ones, which are passed over, are no more than processes
/// have in hand.
const WAITING: &str = "SELECT id FROM deliveries WHERE account_id = $1 AND endpoint_id = $2 AND state = 'pending'
       AND (lease IS NULL OR due_at <= $3)";
const IN_ORDER: &str = "ORDER BY due_at LIMIT $4";

const SET_HELD: &str =
    "UPDATE deliveries SET state = 'held', due_at = NULL, lease = NULL WHERE account_id = $1 AND id IN";
const SET_DISCARDED: &str = "UPDATE deliveries SET state = 'discarded', due_at = NULL, lease = NULL, completed_at = $3
     WHERE account_id = $1 AND id IN";

/// Holds waiting deliveries, except for tests.
pub(crate) const HOLD: Sql = Sql {
    sqlite: formatcp!("{SET_HELD} ({WAITING} AND NOT is_test {IN_ORDER})"),
    postgres: formatcp!("{SET_HELD} ({WAITING} AND NOT is_test {BEHIND_FINISHED} {IN_ORDER} {SKIP_LOCKED})"),
};

/// Discards waiting deliveries.
pub(crate) const DISCARD_PENDING: Sql = Sql {
    sqlite: formatcp!("{SET_DISCARDED} ({WAITING} {IN_ORDER})"),
    postgres: formatcp!("{SET_DISCARDED} ({WAITING} {BEHIND_FINISHED} {IN_ORDER} {SKIP_LOCKED})"),
};

/// Discards held deliveries of an endpoint (`$1`, `$2`) at an instant (`$3`), up to `$4`.
pub(crate) const DISCARD_HELD: &str = "UPDATE deliveries SET state = 'discarded', completed_at = $3
     WHERE account_id = $1 AND state = 'held' AND id IN
       (SELECT id FROM deliveries WHERE account_id = $1 AND endpoint_id = $2 AND state = 'held' AND state IN ('failed', 'held', 'discarded')
         LIMIT $4)";

/// Reads the next pending deliveries of an endpoint (`$1`, `$2`) from an instant (`$3`) on,
/// up to `$4`.
pub(crate) const NEXT_PENDING: &str =
    "SELECT id, due_at, created_at, lease IS NOT NULL AS leased, is_test FROM deliveries
      WHERE account_id = $1 AND endpoint_id = $2 AND state = 'pending' AND due_at >= $3 ORDER BY due_at LIMIT $4";

/// Holds deliveries (`$2`) of an account (`$1`) that still wait.
const HOLD_THESE: Sql = Sql {
    sqlite: formatcp!("{HOLD_WAITING} AND id IN (SELECT unhex(value) FROM json_each($2))"),
    postgres: formatcp!("{HOLD_WAITING} AND id = ANY($2)"),
};
const HOLD_WAITING: &str = "UPDATE deliveries SET state = 'held', due_at = NULL
     WHERE account_id = $1 AND state = 'pending' AND lease IS NULL";

/// Finds the queue of an endpoint (`$1`, `$2`) that is due at an instant (`$3`).
const DUE_QUEUE: &str =
    "SELECT 1 FROM endpoint_queues WHERE account_id = $1 AND endpoint_id = $2 AND next_due_at <= $3";
const LOCK_DUE_QUEUE: Sql = Sql { sqlite: DUE_QUEUE, postgres: formatcp!("{DUE_QUEUE} {SKIP_LOCKED}") };

/// Sets the instant (`$3`) by which claims look at an endpoint (`$1`, `$2`).
const PUT_OFF: &str = "UPDATE endpoint_queues SET next_due_at = $3 WHERE account_id = $1 AND endpoint_id = $2";

/// Finds a delivery of an endpoint (`$1`, `$2`) that waits and that no process has leased.
pub(crate) const ANY_WAITING: &str = "SELECT 1 FROM deliveries WHERE account_id = $1 AND endpoint_id = $2
     AND state = 'pending' AND lease IS NULL AND NOT is_test ORDER BY due_at LIMIT 1";

#[derive(sqlx_macros::FromRow)]
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

/// The progress of holding the deliveries that waited before their endpoint was enabled.
#[derive(Debug, Clone, Copy, sqlx_macros::FromRow)]
pub(crate) struct HoldProgress {
    /// Deliveries created up to this instant are to be held.
    pub(crate) hold_through: Timestamp,
    /// Those due before this instant are held already.
    held_to: Option<Timestamp>,
}

/// A step of that.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct HeldOlder {
    /// The deliveries that were looked at.
    pub(crate) read: u64,
    /// Those of them that are held now.
    pub(crate) held: u64,
}

/// An endpoint at an instant.
#[derive(Debug, Clone, Copy)]
pub(crate) struct EndpointAt {
    pub(crate) account: AccountId,
    pub(crate) endpoint: EndpointId,
    pub(crate) now: Timestamp,
}

impl Tx<'_> {
    /// Locks an endpoint's queue. Returns `false` if it is not due, or another process has
    /// locked it.
    pub(crate) async fn lock_queue(&mut self, at: EndpointAt) -> Result<bool> {
        self.finds(LOCK_DUE_QUEUE, at).await
    }

    /// Tells whether an endpoint's queue is due.
    pub(crate) async fn is_due(&mut self, at: EndpointAt) -> Result<bool> {
        self.finds(Sql::same(DUE_QUEUE), at).await
    }

    async fn finds(&mut self, sql: Sql, at: EndpointAt) -> Result<bool> {
        let query = self.query(sql).bind(at.account).bind(at.endpoint).bind(at.now);
        Ok(query.fetch_optional_value::<i32>().await?.is_some())
    }

    /// Holds up to `deliveries_max` waiting deliveries; returns their number.
    pub(crate) async fn hold(&mut self, at: EndpointAt, deliveries_max: u64) -> Result<u64> {
        self.change_some(HOLD, at, deliveries_max).await
    }

    /// Discards up to `deliveries_max` waiting or held deliveries; returns their number.
    pub(crate) async fn discard(&mut self, at: EndpointAt, deliveries_max: u64) -> Result<u64> {
        let pending = self.change_some(DISCARD_PENDING, at, deliveries_max).await?;
        Ok(pending + self.change_some(Sql::same(DISCARD_HELD), at, deliveries_max - pending).await?)
    }

    async fn change_some(&mut self, sql: Sql, at: EndpointAt, deliveries_max: u64) -> Result<u64> {
        let query = self.query(sql).bind(at.account).bind(at.endpoint).bind(at.now);
        query.bind(limit(deliveries_max)).execute().await
    }

    /// Reads the next pending deliveries of an endpoint that was enabled, and holds those that
    /// waited before.
    pub(crate) async fn hold_older(
        &mut self,
        at: EndpointAt,
        progress: HoldProgress,
        deliveries_max: u64,
    ) -> Result<HeldOlder> {
        let from = progress.held_to.unwrap_or(Timestamp::from_unix_micros(0));
        let query = self.query(NEXT_PENDING).bind(at.account).bind(at.endpoint).bind(from);
        let pending: Vec<Pending> = query.bind(limit(deliveries_max)).fetch_all().await?;
        let older: Vec<_> = pending.iter().filter(|one| one.is_older(progress)).map(|one| one.id).collect();
        let held = self.query(HOLD_THESE).bind(at.account).bind_ids(&older).execute().await?;
        // If all are due at one instant and none is to be held, the next step begins behind it.
        let stays = older.is_empty() && pending.last().is_some_and(|last| last.due_at == from);
        let next = if stays { Some(from + Duration::from_micros(1)) } else { pending.last().map(|last| last.due_at) };
        if let Some(next) = next {
            self.set_held_to(at, next).await?;
        }
        Ok(HeldOlder { read: pending.len() as u64, held })
    }

    /// Reads the progress of holding; `None` if no deliveries are left to be held.
    pub(crate) async fn hold_progress(&mut self, at: EndpointAt) -> Result<Option<HoldProgress>> {
        const SQL: &str = "SELECT hold_through, held_to FROM endpoints
             WHERE account_id = $1 AND id = $2 AND hold_through IS NOT NULL";
        self.query(SQL).bind(at.account).bind(at.endpoint).fetch_optional().await
    }

    async fn set_held_to(&mut self, at: EndpointAt, held_to: Timestamp) -> Result<()> {
        const SQL: &str = "UPDATE endpoints SET held_to = $3 WHERE account_id = $1 AND id = $2";
        self.run_at(SQL, EndpointAt { now: held_to, ..at }).await
    }

    /// Tells whether a delivery waits for an endpoint that no process has leased.
    pub(crate) async fn has_waiting(&mut self, account: AccountId, endpoint: EndpointId) -> Result<bool> {
        let query = self.query(ANY_WAITING).bind(account).bind(endpoint);
        Ok(query.fetch_optional_value::<i32>().await?.is_some())
    }

    /// Ends the holding of deliveries that were created up to an instant. The caller has
    /// locked the account for a change.
    pub(crate) async fn end_enabling(&mut self, at: EndpointAt, through: Timestamp) -> Result<()> {
        const SQL: &str = "UPDATE endpoints SET hold_through = NULL, held_to = NULL
             WHERE account_id = $1 AND id = $2 AND hold_through = $3";
        self.run_at(SQL, EndpointAt { now: through, ..at }).await?;
        self.revise(at.account).await
    }

    /// Moves an endpoint's queue, which this transaction has locked, behind the others that are
    /// due.
    pub(crate) async fn move_queue_back(&mut self, at: EndpointAt) -> Result<()> {
        self.run_at(Sql { sqlite: PUT_OFF, postgres: pending_from::MOVE_QUEUE_BACK }, at).await
    }

    /// Keeps claims away from an endpoint until an instant, which they may have reached.
    pub(crate) async fn put_queue_off(&mut self, at: EndpointAt) -> Result<()> {
        self.run_at(Sql::same(PUT_OFF), at).await
    }

    /// Moves an endpoint's queue, which this transaction has locked, on to its next due time, or
    /// removes it.
    pub(crate) async fn advance_queue(&mut self, at: EndpointAt) -> Result<()> {
        const REMOVE: Sql = Sql { sqlite: REMOVE_QUEUE, postgres: pending_from::REMOVE_QUEUE };
        const ADVANCE: Sql = Sql { sqlite: ADVANCE_QUEUE, postgres: pending_from::ADVANCE_QUEUE };
        let removed = self.query(REMOVE).bind(at.account).bind(at.endpoint).execute().await?;
        if removed == 0 { self.run_at(ADVANCE, at).await } else { Ok(()) }
    }

    async fn run_at(&mut self, sql: impl Statement, at: EndpointAt) -> Result<()> {
        self.query(sql).bind(at.account).bind(at.endpoint).bind(at.now).execute().await.map(drop)
    }
}

fn limit(deliveries_max: u64) -> i64 {
    i64::try_from(deliveries_max).unwrap_or(i64::MAX)
}

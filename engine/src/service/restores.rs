//! Restores of the database from a backup, and what they leave in doubt.
//!
//! A restore turns back what was known. A delivery that was made before it and was not known to be
//! delivered may have been sent in the time that was lost: it goes out all the same, with the same
//! `webhook-id`, and is marked. Who had signed out, or had used a link that works once, would be
//! let in again; so a restore ends all sessions and links.

use std::sync::Arc;

use serde_json::json;
use signet_model::Timestamp;

use super::{Result, Service, change::Record, retention::newest_event};
use crate::{
    actor::Operator,
    audit::Action,
    db::{self, Pool, Tx},
};

/// The restore since which a delivery `d` may be a repeat; `NULL` if there is none.
pub(crate) const RESTORED_AT: &str = "(SELECT max(r.restored_at) FROM restores r WHERE r.restored_at >= d.created_at
       AND (d.completed_at IS NULL OR d.completed_at > r.restored_at OR d.state <> 'delivered'))";

/// The last restore.
const LAST: &str = "SELECT max(restored_at) FROM restores";
/// What works once or ends by itself, and could be alive again.
const SESSIONS: [&str; 2] = ["DELETE FROM sessions", "DELETE FROM pending_sign_ins"];
const LINKS: [&str; 4] = [
    "DELETE FROM invitations",
    "DELETE FROM password_resets",
    "DELETE FROM portal_links",
    "DELETE FROM operator_links",
];

/// The restores of a database.
#[derive(Debug, Clone, Copy)]
pub struct Restores<'e>(pub(crate) &'e Arc<Service>);

/// What a restore leaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Marked {
    /// The instant of the restore.
    pub restored_at: Timestamp,
    /// The latest instant of which the backup is known to hold something.
    pub holds_to: Option<Timestamp>,
    /// Deliveries that will be sent, and may have been sent already.
    pub pending: i64,
    /// Deliveries that a person decides about, likewise.
    pub held: i64,
    /// Deliveries that had failed, and may have been sent again.
    pub failed: i64,
    /// Sessions that were ended.
    pub sessions: u64,
    /// One-time links that were ended.
    pub links: u64,
    /// API keys in force. Those that were revoked after the backup are among them.
    pub keys: i64,
}

impl Restores<'_> {
    /// Reads the last restore, which a server has to know before it sends.
    ///
    /// # Errors
    /// The database failed.
    pub async fn remember(self) -> db::Result<()> {
        if let Some(at) = self.last().await? {
            self.0.delivery.last_restore.set(at);
        }
        Ok(())
    }

    /// The last restore.
    ///
    /// # Errors
    /// The database failed.
    pub async fn last(self) -> db::Result<Option<Timestamp>> {
        self.0.db.read(Pool::Pages).await?.query(LAST).fetch_value().await
    }

    /// Notes that the database was restored from a backup, at an instant or now, while no server
    /// runs: what is stored and was not known to be delivered then may have been sent already.
    /// Ends all sessions and one-time links.
    ///
    /// # Errors
    /// The database failed.
    pub async fn mark(self, operator: &Operator, at: Option<Timestamp>) -> Result<Marked> {
        const NOTE: &str = "INSERT INTO restores (restored_at, holds_to) VALUES ($1, $2)
             ON CONFLICT (restored_at) DO NOTHING";
        let holds_to = self.holds_to().await?;
        // Everything that is stored is from before, also by a clock that is behind.
        let restored_at = at.unwrap_or_else(|| holds_to.map_or(self.0.clock.now(), |to| self.0.clock.now().max(to)));
        let mut change = self.0.change_installation(operator, Action::DatabaseRestored).await?;
        change.tx.query(NOTE).bind(restored_at).bind(holds_to).execute().await?;
        let sessions = delete(&mut change.tx, &SESSIONS).await?;
        let links = delete(&mut change.tx, &LINKS).await?;
        // The servers of before, for which a rotation of the sealing key would wait.
        delete(&mut change.tx, &["DELETE FROM key_holders"]).await?;
        let record = Record::of("restore", restored_at);
        let told = json!({ "holdsTo": holds_to.map(|at| at.to_string()), "sessions": sessions, "links": links });
        change.commit(record.after(told)).await?;
        self.0.delivery.last_restore.set(restored_at);
        let (pending, held) = (self.waiting("pending", restored_at).await?, self.waiting("held", restored_at).await?);
        let (failed, keys) = (self.waiting("failed", restored_at).await?, self.keys_in_force().await?);
        Ok(Marked { restored_at, holds_to, pending, held, failed, sessions, links, keys })
    }

    /// The latest instant of which the database holds something: its newest event, or what a
    /// server that ran last told of itself.
    async fn holds_to(self) -> db::Result<Option<Timestamp>> {
        const TOLD: &str = "SELECT max(seen_at) FROM key_holders";
        let event = newest_event(self.0).await?;
        let told: Option<Timestamp> = self.0.db.read(Pool::Pages).await?.query(TOLD).fetch_value().await?;
        Ok(event.max(told))
    }

    /// The number of deliveries from before in this state.
    async fn waiting(self, state: &'static str, before: Timestamp) -> db::Result<i64> {
        const SQL: &str = "SELECT count(*) FROM deliveries WHERE state = $1 AND created_at <= $2";
        self.0.db.read(Pool::Patient).await?.query(SQL).bind(state).bind(before).fetch_value().await
    }

    async fn keys_in_force(self) -> db::Result<i64> {
        const SQL: &str = "SELECT count(*) FROM api_keys WHERE revoked_at IS NULL";
        self.0.db.read(Pool::Patient).await?.query(SQL).fetch_value().await
    }
}

async fn delete(tx: &mut Tx<'_>, statements: &[&'static str]) -> db::Result<u64> {
    let mut count = 0;
    for &sql in statements {
        count += tx.query(sql).execute().await?;
    }
    Ok(count)
}

#[cfg(test)]
mod tests;

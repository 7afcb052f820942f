//! The rotation of the sealing key while servers run.
//!
//! A new key comes in as the *next* one, which opens and does not seal. Once every server has
//! it, it seals, and the old one only opens. Then all that is stored is sealed anew, in steps,
//! and the old key is of no use any more. Each server tells in the table `key_holders` which
//! keys it has, so that none meets a text that it cannot open.

mod columns;
mod reseal;

use std::{sync::Arc, time::Duration};

use uuid::Uuid;

use super::{Result, Service, change::Record, sealing_check};
use crate::{
    actor::Operator,
    audit::Action,
    db::{
        self, Pool,
        schema::{SERVER_GONE_AFTER as GONE_AFTER, own_schema},
    },
    seal::{KeyId, KeyRing},
};

use columns::SEALED;
pub use reseal::Resealed;

/// How often a server tells which keys it has.
pub const TOLD_EVERY: Duration = Duration::from_secs(10);

/// The sealing keys of all servers on one database.
#[derive(Debug, Clone, Copy)]
pub struct Sealing<'e>(pub(crate) &'e Arc<Service>);

impl Sealing<'_> {
    /// The keys of this process.
    pub fn ring(self) -> KeyRing {
        self.0.sealer.ring()
    }

    /// Goes on with other keys.
    pub fn replace(self, ring: KeyRing) {
        self.0.sealer.replace(ring);
    }

    /// Tells that this process, a server, runs with the keys that it has and with the schema of
    /// this version, and then looks whether it may: a migration that takes away what it needs
    /// raises the floor before it looks for servers, so that one of the two sees the other.
    ///
    /// # Errors
    /// The database failed, or needs a later version ([`db::Error::Schema`]).
    pub async fn tell(self, process: Uuid) -> db::Result<()> {
        const TELL: &str = "INSERT INTO key_holders (id, seals_with, opens_with, seen_at, schema_version)
             VALUES ($1, $2, $3, $4, $5)
             ON CONFLICT (id) DO UPDATE SET seals_with = excluded.seals_with, opens_with = excluded.opens_with,
                                            seen_at = excluded.seen_at";
        // One from far ahead died before the clock was set back; a process that lives comes again.
        const FORGET: &str = "DELETE FROM key_holders WHERE seen_at < $1 OR seen_at > $2";
        let now = self.0.clock.now();
        let ids = self.0.sealer.ids();
        let opens_with = ids.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ");
        let mut tx = self.0.db.begin().await?;
        tx.query(FORGET).bind(now - GONE_AFTER).bind(now + GONE_AFTER).execute().await?;
        let query = tx.query(TELL).bind(process).bind(ids[0].to_string()).bind(opens_with);
        query.bind(now).bind(own_schema()).execute().await?;
        tx.commit().await?;
        self.0.db.check_floor().await
    }

    /// Tells that this process ends.
    pub async fn leave(self, process: Uuid) -> db::Result<()> {
        let mut tx = self.0.db.begin().await?;
        tx.query("DELETE FROM key_holders WHERE id = $1").bind(process).execute().await?;
        tx.commit().await
    }

    /// The number of servers that cannot open what a key seals.
    pub async fn without(self, key: KeyId) -> db::Result<i64> {
        const SQL: &str = "SELECT count(*) FROM key_holders
             WHERE seen_at >= $1 AND ' ' || opens_with || ' ' NOT LIKE '% ' || $2 || ' %'";
        self.count(SQL, key).await
    }

    /// The number of servers that seal with another key.
    pub async fn sealing_without(self, key: KeyId) -> db::Result<i64> {
        self.count("SELECT count(*) FROM key_holders WHERE seen_at >= $1 AND seals_with <> $2", key).await
    }

    /// The number of servers that run, or did a short while ago.
    pub async fn servers(self) -> db::Result<i64> {
        const SQL: &str = "SELECT count(*) FROM key_holders WHERE seen_at >= $1";
        let mut conn = self.0.db.read(Pool::Pages).await?;
        conn.query(SQL).bind(self.0.clock.now() - GONE_AFTER).fetch_value().await
    }

    async fn count(self, sql: &'static str, key: KeyId) -> db::Result<i64> {
        let mut conn = self.0.db.read(Pool::Pages).await?;
        conn.query(sql).bind(self.0.clock.now() - GONE_AFTER).bind(key.to_string()).fetch_value().await
    }

    /// Seals the proof of the sealing key with the key that seals now, so that no server starts
    /// without it, and notes the rotation in the audit log.
    pub async fn note_rotation(self, operator: &Operator) -> Result<()> {
        let mut change = self.0.change_installation(operator, Action::SealingKeyRotated).await?;
        sealing_check::seal_anew(self.0, &mut change.tx).await?;
        let key = self.0.sealer.ring().seals_with().to_string();
        Ok(change.commit(Record::of("sealing_key", &key)).await?)
    }

    /// Seals everything anew that another key has sealed, a step at a time, and calls `told`
    /// with the number so far after each step. After an end in the middle, it is called again.
    pub async fn reseal(self, told: impl FnMut(u64)) -> db::Result<Resealed> {
        reseal::all(self.0, told).await
    }

    /// The number of sealed texts that need another key than the one that seals.
    pub async fn sealed_with_old_keys(self) -> db::Result<i64> {
        let (prefix, mut sum) = (self.0.sealer.prefix(), 0);
        let mut conn = self.0.db.read(Pool::Pages).await?;
        for column in SEALED {
            let count: i64 = conn.query(column.count()).bind(&prefix[..]).fetch_value().await?;
            sum += count;
        }
        Ok(sum)
    }
}

#[cfg(test)]
mod tests;

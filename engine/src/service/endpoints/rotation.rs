//! Rotating the signing secret of an endpoint.
//!
//! `X-Webhook-Signature` carries one signature, so that a rotation has two steps: a *next*
//! secret is made and shown, and takes over later, when a person switches or the overlap ends.
//! Until then `webhook-signature` carries both.
//!
//! No task moves a secret when an overlap ends: all who read the columns compare
//! `next_secret_at` with the present, and each change settles them first.

use serde_json::json;
use signet_model::{Timestamp, rotation::Overlap, signature::Secret};

use super::EndpointHandle;
use crate::{
    audit::Action,
    db::{self, Pool, Tx},
    service::{Error, Result, change::Change},
};

/// A secret that is about to take over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rotation {
    /// The next secret.
    pub next: Secret,
    /// The instant at which it signs alone.
    pub takes_over_at: Timestamp,
}

/// A rotation was not begun, finished or called off.
#[derive(Debug, thiserror::Error)]
pub enum RotateError {
    /// A next secret is waiting already.
    #[error("This webhook has a next secret already. Switch to it, or call it off first.")]
    UnderWay,
    /// No next secret is waiting.
    #[error("This webhook has no next secret. Its current one signs alone.")]
    NotUnderWay,
    /// The database failed, there is no such endpoint, or its secret cannot be opened.
    #[error(transparent)]
    Store(#[from] Error),
}

impl From<db::Error> for RotateError {
    fn from(error: db::Error) -> Self {
        Self::Store(error.into())
    }
}

/// The next secret as it is stored, and the instant at which it takes over.
#[derive(sqlx_macros::FromRow)]
struct Row {
    next_secret: Option<Vec<u8>>,
    next_secret_at: Option<Timestamp>,
}

impl EndpointHandle<'_> {
    /// Shows the rotation that is under way with its secret, which the audit log tells.
    pub async fn reveal_rotation(self) -> Result<Option<Rotation>> {
        let change = self.service.change(self.actor, Action::SecretRevealed).await?;
        let rotation = self.rotation().await?;
        match rotation {
            Some(_) => change.commit(self.record().after(json!({ "secret": "next" }))).await?,
            None => change.roll_back().await,
        }
        Ok(rotation)
    }

    /// The instant at which a next secret takes over, while one is waiting.
    pub async fn takes_over_at(self) -> Result<Option<Timestamp>> {
        const SQL: &str =
            "SELECT next_secret_at FROM endpoints WHERE account_id = $1 AND id = $2 AND deleted_at IS NULL";
        let now = self.service.clock.now();
        let mut conn = self.service.db.read(Pool::Pages).await?;
        let at: Option<Option<Timestamp>> =
            conn.query(SQL).bind(self.account).bind(self.id).fetch_optional_value().await?;
        Ok(at.ok_or(Error::EndpointNotFound)?.filter(|at| *at > now))
    }

    /// The rotation that is under way.
    pub(in crate::service) async fn rotation(self) -> Result<Option<Rotation>> {
        const SQL: &str = "SELECT next_secret, next_secret_at FROM endpoints
             WHERE account_id = $1 AND id = $2 AND deleted_at IS NULL";
        let now = self.service.clock.now();
        let mut conn = self.service.db.read(Pool::Pages).await?;
        let row: Option<Row> = conn.query(SQL).bind(self.account).bind(self.id).fetch_optional().await?;
        let Row { next_secret, next_secret_at } = row.ok_or(Error::EndpointNotFound)?;
        let next = next_secret.zip(next_secret_at).filter(|&(_, at)| at > now);
        let rotation = next.map(|(sealed, takes_over_at)| {
            let next = self.service.sealer.open_secret(self.id, &sealed)?;
            Ok(Rotation { next, takes_over_at })
        });
        rotation.transpose()
    }

    /// Makes the next secret, which takes over when the overlap ends.
    ///
    /// # Errors
    /// A next secret is waiting already, or the current one cannot be opened: then
    /// [`EndpointHandle::replace_lost_secret`] helps.
    pub async fn rotate(self, overlap: Overlap) -> Result<Rotation, RotateError> {
        const REPLACE: &str = "UPDATE endpoints SET secret = $3, updated_at = $4
             WHERE account_id = $1 AND id = $2 AND deleted_at IS NULL AND next_secret IS NULL";
        const BEGIN: &str = "UPDATE endpoints SET next_secret = $3, updated_at = $4, next_secret_at = $5
             WHERE account_id = $1 AND id = $2 AND deleted_at IS NULL AND next_secret IS NULL";
        self.secret().await?;
        let mut change = self.begin_change(Action::RotationBegun).await?;
        let tx = &mut change.tx;
        let now = self.service.clock.now();
        self.settle_rotation(tx, now).await?;
        let takes_over_at = now + overlap.duration();
        let (next, sealed) = self.new_secret();
        let changed = if takes_over_at > now {
            let query = tx.query(BEGIN).bind(self.account).bind(self.id).bind(sealed).bind(now);
            query.bind(takes_over_at).execute().await?
        } else {
            tx.query(REPLACE).bind(self.account).bind(self.id).bind(sealed).bind(now).execute().await?
        };
        if changed == 0 {
            return Err(self.refusal(change, RotateError::UnderWay).await);
        }
        let record = self.record().after(json!({ "overlapSeconds": overlap.duration().as_secs() }));
        self.commit_change(change, record).await?;
        Ok(Rotation { next, takes_over_at })
    }

    /// Has the next secret sign alone from now on.
    pub async fn switch_secret(self) -> Result<(), RotateError> {
        const SQL: &str =
            "UPDATE endpoints SET secret = next_secret, next_secret = NULL, next_secret_at = NULL, updated_at = $3
             WHERE account_id = $1 AND id = $2 AND deleted_at IS NULL AND next_secret_at > $3";
        self.end_rotation(Action::RotationSwitched, SQL).await
    }

    /// Drops the next secret; the current one goes on signing.
    pub async fn call_off_rotation(self) -> Result<(), RotateError> {
        const SQL: &str = "UPDATE endpoints SET next_secret = NULL, next_secret_at = NULL, updated_at = $3
             WHERE account_id = $1 AND id = $2 AND deleted_at IS NULL AND next_secret_at > $3";
        self.end_rotation(Action::RotationCalledOff, SQL).await
    }

    async fn end_rotation(self, action: Action, sql: &'static str) -> Result<(), RotateError> {
        let mut change = self.begin_change(action).await?;
        let now = self.service.clock.now();
        if change.tx.query(sql).bind(self.account).bind(self.id).bind(now).execute().await? == 0 {
            return Err(self.refusal(change, RotateError::NotUnderWay).await);
        }
        Ok(self.commit_change(change, self.record()).await?)
    }

    /// Stores the secret that has taken over as the current one; tells if there was one.
    pub(super) async fn settle_rotation(self, tx: &mut Tx<'_>, now: Timestamp) -> Result<bool> {
        const SQL: &str = "UPDATE endpoints SET secret = next_secret, next_secret = NULL, next_secret_at = NULL
             WHERE account_id = $1 AND id = $2 AND deleted_at IS NULL AND next_secret_at <= $3";
        Ok(tx.query(SQL).bind(self.account).bind(self.id).bind(now).execute().await? > 0)
    }

    /// The reason for which a change of the secrets found no row.
    async fn refusal(self, change: Change<'_>, reason: RotateError) -> RotateError {
        change.roll_back().await;
        self.get().await.map_or_else(RotateError::from, |_| reason)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use signet_model::{AccountId, EndpointId, signature::verify_hex, signature::verify_standard, time::Clock};

    use super::*;
    use crate::{
        Engine,
        clock::ManualClock,
        service::endpoints::LostSecret,
        testing::{TestDatabase, account, endpoint, on_each_database, resting_engine},
    };

    const BODY: &[u8] = b"{}";

    struct World {
        engine: Engine,
        clock: ManualClock,
        account: AccountId,
        id: EndpointId,
        /// The secret at the beginning.
        first: Secret,
    }

    impl World {
        async fn new(database: &TestDatabase) -> Self {
            let (engine, clock) = resting_engine(database);
            let account = account(&engine, "acme").await;
            let id = endpoint(&engine, account).await;
            let first = engine.as_operator_in(account).endpoint(id).secret().await.expect("a secret");
            Self { engine, clock, account, id, first }
        }

        fn endpoint(&self) -> EndpointHandle<'_> {
            self.engine.as_operator_in(self.account).endpoint(self.id)
        }

        /// Asserts which secret signs `X-Webhook-Signature`, and which ones `webhook-signature`;
        /// delivering and the page agree on it.
        async fn assert_signs(&self, current: &Secret, next: Option<&Secret>) {
            let now = self.clock.now();
            let mut tx = self.engine.0.db.begin().await.expect("a transaction");
            let accounts = [self.account];
            let cache = &self.engine.0.delivery.endpoint_cache;
            let snapshot = cache.load_locked(&mut tx, &accounts, crate::queue::Lock::Shared).await.expect("endpoints");
            tx.roll_back().await;
            let view = snapshot.endpoint(self.account, self.id).expect("the endpoint");
            let signed = view.target.as_ref().expect("a target").keys_at(now).sign("msg_1", now, BODY);
            assert!(verify_hex(current, BODY, &signed.hex));
            let timestamp = now.unix_seconds().to_string();
            let in_force = [Some(current), next];
            for secret in in_force.into_iter().flatten() {
                assert!(verify_standard(secret, "msg_1", &timestamp, BODY, &signed.standard));
            }
            assert_eq!(signed.standard.split(' ').count(), in_force.iter().flatten().count());
            assert_eq!(&self.endpoint().secret().await.expect("a secret"), current);
            let rotation = self.endpoint().rotation().await.expect("an answer");
            assert_eq!(rotation.as_ref().map(|rotation| &rotation.next), next);
        }
    }

    on_each_database!(the_next_secret_signs_beside_the_current_one_and_takes_over_when_the_overlap_ends);
    async fn the_next_secret_signs_beside_the_current_one_and_takes_over_when_the_overlap_ends(database: TestDatabase) {
        let world = World::new(&database).await;
        world.assert_signs(&world.first, None).await;
        let rotation = world.endpoint().rotate(Overlap::default()).await.expect("begun");
        assert_eq!(rotation.takes_over_at, world.clock.now() + Duration::from_hours(24));
        world.clock.advance(Duration::from_hours(24) - Duration::from_micros(1));
        world.assert_signs(&world.first, Some(&rotation.next)).await;
        world.clock.advance(Duration::from_micros(1));
        world.assert_signs(&rotation.next, None).await;
    }

    on_each_database!(a_rotation_after_one_that_ended_by_itself_starts_from_the_secret_that_took_over);
    async fn a_rotation_after_one_that_ended_by_itself_starts_from_the_secret_that_took_over(database: TestDatabase) {
        let world = World::new(&database).await;
        let second = world.endpoint().rotate(Overlap::Hour).await.expect("begun").next;
        world.clock.advance(Duration::from_hours(2));
        let third = world.endpoint().rotate(Overlap::Week).await.expect("begun").next;
        world.assert_signs(&second, Some(&third)).await;
        world.endpoint().call_off_rotation().await.expect("called off");
        world.assert_signs(&second, None).await;
        world.clock.advance(Duration::from_hours(24 * 8));
        world.assert_signs(&second, None).await;
    }

    on_each_database!(without_an_overlap_the_new_secret_signs_at_once);
    async fn without_an_overlap_the_new_secret_signs_at_once(database: TestDatabase) {
        let world = World::new(&database).await;
        let rotation = world.endpoint().rotate(Overlap::None).await.expect("begun");
        assert_eq!(rotation.takes_over_at, world.clock.now());
        world.assert_signs(&rotation.next, None).await;
        let refused = world.endpoint().switch_secret().await;
        assert!(matches!(refused, Err(RotateError::NotUnderWay)), "{refused:?}");
    }

    on_each_database!(a_person_switches_early_or_calls_off_and_only_one_rotation_is_under_way);
    async fn a_person_switches_early_or_calls_off_and_only_one_rotation_is_under_way(database: TestDatabase) {
        let world = World::new(&database).await;
        let next = world.endpoint().rotate(Overlap::Day).await.expect("begun").next;
        let refused = world.endpoint().rotate(Overlap::None).await;
        assert!(matches!(refused, Err(RotateError::UnderWay)), "{refused:?}");
        world.assert_signs(&world.first, Some(&next)).await;
        world.endpoint().switch_secret().await.expect("switched");
        world.assert_signs(&next, None).await;
        for refused in [world.endpoint().switch_secret().await, world.endpoint().call_off_rotation().await] {
            assert!(matches!(refused, Err(RotateError::NotUnderWay)), "{refused:?}");
        }
        world.endpoint().rotate(Overlap::Day).await.expect("begun");
        world.endpoint().call_off_rotation().await.expect("called off");
        world.assert_signs(&next, None).await;
    }

    on_each_database!(another_account_rotates_no_secret);
    async fn another_account_rotates_no_secret(database: TestDatabase) {
        let world = World::new(&database).await;
        let next = world.endpoint().rotate(Overlap::Day).await.expect("begun").next;
        let other = account(&world.engine, "other").await;
        let foreign = world.engine.as_operator_in(other).endpoint(world.id);
        let not_found = |error: &RotateError| matches!(error, RotateError::Store(Error::EndpointNotFound));
        assert!(matches!(foreign.rotation().await, Err(Error::EndpointNotFound)));
        assert!(foreign.rotate(Overlap::None).await.is_err_and(|error| not_found(&error)));
        assert!(foreign.switch_secret().await.is_err_and(|error| not_found(&error)));
        assert!(foreign.call_off_rotation().await.is_err_and(|error| not_found(&error)));
        world.assert_signs(&world.first, Some(&next)).await;
    }

    on_each_database!(a_secret_that_was_replaced_need_not_open_any_more);
    async fn a_secret_that_was_replaced_need_not_open_any_more(database: TestDatabase) {
        let world = World::new(&database).await;
        let next = world.endpoint().rotate(Overlap::Hour).await.expect("begun").next;
        let bytes = if matches!(database.db, crate::db::Database::Sqlite(_)) { "x'00'" } else { "'\\x00'" };
        database.run(&format!("UPDATE endpoints SET secret = {bytes}")).await;
        world.clock.advance(Duration::from_hours(1));
        let answer = world.endpoint().replace_lost_secret().await.expect("an answer");
        assert_eq!(answer, LostSecret::NotLost);
        world.assert_signs(&next, None).await;
    }
}

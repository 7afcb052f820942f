//! The fuse of an endpoint: which of its deliveries would be the first to use up its retries, and
//! so disable it.

use const_format::formatcp;
use signet_model::{DeliveryId, Timestamp, event::EventType, retry::Schedule, sql::Stored};

use super::EndpointHandle;
use crate::{
    db::{Conn, Pool, Sql},
    service::Result,
};

/// The deliveries that are looked at: those that are due first, and as many that are due last,
/// which have failed most often.
const LOOKED_AT: u32 = 500;

/// The pending deliveries of an endpoint (`$2`) of an account (`$1`).
const PENDING: &str = "FROM deliveries WHERE account_id = $1 AND endpoint_id = $2 AND state = 'pending'";

/// The first to fall due of those that have failed equally often, among `$3` pending deliveries of
/// an endpoint at one end of what waits: of two that have failed as often, the earlier one is the
/// first to use its retries up.
macro_rules! candidates {
    (sqlite, $order:literal) => {
        formatcp!(
            "SELECT id, event_type, is_test, failures, min(due_at) AS due_at FROM
               (SELECT id, event_type, is_test, failures, due_at {} ORDER BY {} LIMIT $3) AS looked_at
             GROUP BY is_test, failures",
            PENDING,
            $order
        )
    };
    (postgres, $order:literal) => {
        formatcp!(
            "SELECT DISTINCT ON (is_test, failures) id, event_type, is_test, failures, due_at FROM
               (SELECT id, event_type, is_test, failures, due_at {} ORDER BY {} LIMIT $3) AS looked_at
             ORDER BY is_test, failures, due_at",
            PENDING,
            $order
        )
    };
}

/// Those at the end that is due first, and those at the other end; with each the instant at which the
/// last of the first `$3` is due, if there are so many.
macro_rules! at_both_ends {
    ($dialect:ident) => {
        formatcp!(
            "SELECT c.*, (SELECT due_at {} ORDER BY due_at LIMIT 1 OFFSET $3 - 1) AS seen_to FROM
               (SELECT * FROM ({}) AS soon UNION ALL SELECT * FROM ({}) AS late) AS c",
            PENDING,
            candidates!($dialect, "due_at"),
            candidates!($dialect, "due_at DESC")
        )
    };
}

/// The statement.
pub(crate) const CANDIDATES: Sql = Sql { sqlite: at_both_ends!(sqlite), postgres: at_both_ends!(postgres) };

/// The delivery that would be the first to disable its endpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fuse {
    /// The delivery.
    pub delivery: DeliveryId,
    /// The type of its event.
    pub event_type: EventType,
    /// The attempts of this round that have failed.
    pub failed: u32,
    /// The attempts that a round has.
    pub of: u32,
    /// The next attempt.
    pub next_at: Timestamp,
    /// The last attempt, by the schedule without its jitter: the endpoint is disabled then
    /// unless one of the attempts succeeds.
    pub disables_at: Timestamp,
    /// False if another delivery, of the many that wait, may come first.
    pub is_first: bool,
}

#[derive(Debug, sqlx_macros::FromRow)]
struct Row {
    id: Stored<DeliveryId>,
    event_type: Stored<EventType>,
    is_test: bool,
    failures: Stored<i32>,
    due_at: Timestamp,
    seen_to: Option<Timestamp>,
}

impl EndpointHandle<'_> {
    /// The fuse, while a delivery of the endpoint fails; `None` if none does, or if the endpoint
    /// is disabled already.
    pub async fn fuse(self) -> Result<Option<Fuse>> {
        const ENABLED: &str = "SELECT resting_until FROM endpoints
             WHERE account_id = $1 AND id = $2 AND disabled_at IS NULL AND deleted_at IS NULL";
        let mut conn = self.service.db.read(Pool::Planned).await?;
        let enabled: Option<Option<Timestamp>> =
            conn.query(ENABLED).bind(self.account).bind(self.id).fetch_optional_value().await?;
        let Some(rests_until) = enabled else { return Ok(None) };
        self.fuse_among(&mut conn, LOOKED_AT, rests_until).await
    }

    /// The fuse of an endpoint that is enabled, among so many deliveries at either end of what waits.
    pub(super) async fn fuse_among(
        self,
        conn: &mut Conn,
        most: u32,
        rests_until: Option<Timestamp>,
    ) -> Result<Option<Fuse>> {
        let query = conn.query(CANDIDATES).bind(self.account).bind(self.id).bind(i64::from(most));
        let rows: Vec<Row> = query.fetch_all().await?;
        // Deliveries that were not looked at are due after this instant.
        let seen_to = rows.iter().find_map(|row| row.seen_to);
        let schedule = &self.service.settings.schedule;
        let fuses = rows.into_iter().filter_map(|row| row.fuse(schedule, rests_until));
        Ok(fuses
            .min_by_key(|fuse| fuse.disables_at)
            .map(|fuse| Fuse { is_first: seen_to.is_none_or(|seen_to| fuse.disables_at <= seen_to), ..fuse }))
    }
}

impl Row {
    /// The fuse of one delivery, if it fails. Tests disable nothing.
    fn fuse(self, schedule: &Schedule, rests_until: Option<Timestamp>) -> Option<Fuse> {
        let failed = u32::try_from(self.failures.ok()?).ok().filter(|failed| *failed > 0 && !self.is_test)?;
        let next_at = rests_until.map_or(self.due_at, |until| until.max(self.due_at));
        let delays = schedule.delays();
        let later = delays.get(usize::try_from(failed).ok()?..).unwrap_or_default();
        Some(Fuse {
            delivery: self.id.ok()?,
            event_type: self.event_type.ok()?,
            failed,
            of: u32::try_from(delays.len() + 1).unwrap_or(u32::MAX),
            next_at,
            disables_at: later.iter().fold(next_at, |at, delay| at + *delay),
            is_first: true,
        })
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use signet_model::time::Clock;

    use super::*;
    use crate::{
        Settings,
        testing::{Hands, TestDatabase, account, completed, endpoint, engine, on_each_database},
    };

    fn settings() -> Settings {
        Settings { schedule: Schedule::new(Schedule::default().delays().to_vec(), 0), ..Settings::default() }
    }

    on_each_database!(the_first_delivery_to_use_up_its_retries_is_the_fuse);
    async fn the_first_delivery_to_use_up_its_retries_is_the_fuse(database: TestDatabase) {
        let (engine, clock) = engine(&database, settings(), Vec::new());
        let (acme, other) = (account(&engine, "acme").await, account(&engine, "other").await);
        let webhook = endpoint(&engine, acme).await;
        let hands = Hands(&engine);
        let handle = engine.as_operator_in(acme).endpoint(webhook);
        assert_eq!(handle.fuse().await.expect("read"), None, "nothing fails");
        let (_, test) = hands.ingest_test(acme, webhook).await;
        drop(test);
        let began = clock.now();
        for one in hands.ingest(completed(&engine, acme, "first")).await.1 {
            hands.finish(one, 500).await;
        }
        clock.advance(Duration::from_secs(10));
        for one in hands.ingest(completed(&engine, acme, "second")).await.1 {
            hands.finish(one, 500).await;
        }
        let fuse = handle.fuse().await.expect("read").expect("a fuse");
        assert_eq!((fuse.failed, fuse.of, fuse.is_first), (1, 6, true));
        assert_eq!(fuse.next_at, began + Duration::from_secs(30));
        assert_eq!(fuse.disables_at, began + Duration::from_secs(30 + 120 + 600 + 3_600 + 14_400));
        assert_eq!(engine.as_operator_in(other).endpoint(webhook).fuse().await.expect("read"), None);

        clock.advance(Duration::from_secs(30));
        for one in hands.claim().await {
            hands.finish(one, 500).await;
        }
        let fuse = handle.fuse().await.expect("read").expect("a fuse");
        assert_eq!((fuse.failed, fuse.disables_at), (2, clock.now() + Duration::from_mins(2 + 10 + 60 + 240)));
    }

    on_each_database!(a_disabled_webhook_has_no_fuse);
    async fn a_disabled_webhook_has_no_fuse(database: TestDatabase) {
        let (engine, _) = engine(&database, settings(), Vec::new());
        let acme = account(&engine, "acme").await;
        let webhook = endpoint(&engine, acme).await;
        for one in Hands(&engine).ingest(completed(&engine, acme, "task")).await.1 {
            Hands(&engine).finish(one, 500).await;
        }
        let handle = engine.as_operator_in(acme).endpoint(webhook);
        assert!(handle.fuse().await.expect("read").is_some());
        handle.pause().await.expect("paused");
        assert_eq!(handle.fuse().await.expect("read"), None);
    }
}

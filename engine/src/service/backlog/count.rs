//! Counting a backlog, as far as that is worth it.

use std::{collections::BTreeMap, fmt};

use const_format::formatcp;
use signet_model::{Subscriptions, Timestamp, delivery::State, event::EventType, sql::Stored};

use super::first_id;
use crate::{
    db::Pool,
    service::{EFFECTIVE_STATE, EndpointHandle, Result},
};

/// Counting ends here.
const CAP: u64 = 10_000;
/// The number of types whose held deliveries are counted.
const COUNTED_TYPES: u32 = 200;
/// More types than a catalogue has.
const TYPES_MAX: u32 = 10_000;

/// A number of deliveries, up to which they were counted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Count {
    /// The number that was counted.
    pub counted: u64,
    /// True if there are more.
    pub more: bool,
}

impl Count {
    /// The number of those that count, among so many that were looked at, or more.
    const fn of(meant: u64, looked_at: u64) -> Self {
        Self { counted: if meant > CAP { CAP } else { meant }, more: meant > CAP || looked_at > CAP }
    }
}

impl Count {
    /// A number that was counted to one more than the cap at most.
    pub(crate) const fn up_to(counted: u64) -> Self {
        Self::of(counted, counted)
    }
}

impl From<u64> for Count {
    fn from(counted: u64) -> Self {
        Self { counted, more: false }
    }
}

impl fmt::Display for Count {
    /// `7`, or `more than 10000`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.more {
            f.write_str("more than ")?;
        }
        write!(f, "{}", self.counted)
    }
}

/// Deliveries of one endpoint (`$1`, `$2`) that are held, of one type (`$3`), at most `$4`.
pub(crate) const HELD: &str = "SELECT count(*) FROM (SELECT 1 FROM deliveries
     WHERE account_id = $1 AND endpoint_id = $2 AND state = 'held' AND state IN ('failed', 'held', 'discarded') AND event_type = $3
     LIMIT $4) AS held";

/// The first `$3` pending deliveries of one endpoint (`$1`, `$2`) by type, and by the
/// state that they are told to have.
pub(crate) const PENDING: &str = formatcp!(
    "SELECT d.event_type, {EFFECTIVE_STATE} AS told, count(*) FROM
       (SELECT * FROM deliveries WHERE account_id = $1 AND endpoint_id = $2 AND state = 'pending'
         ORDER BY due_at LIMIT $3) AS d
       JOIN endpoints e ON e.account_id = d.account_id AND e.id = d.endpoint_id GROUP BY d.event_type, told"
);

/// Deliveries of one endpoint (`$1`, `$2`) that have failed, of one type (`$3`), of events
/// newer than one (`$4`), at most `$5`: the number of those that can be sent, and of all.
pub(crate) const FAILED: &str = "SELECT COALESCE(sum(CASE WHEN NOT is_test AND EXISTS
       (SELECT 1 FROM events WHERE events.account_id = $1 AND events.id = failed.event_id AND body IS NOT NULL)
       THEN 1 ELSE 0 END), 0), count(*) FROM
     (SELECT event_id, is_test FROM deliveries
       WHERE account_id = $1 AND endpoint_id = $2 AND state = 'failed' AND state IN ('failed', 'held', 'discarded') AND event_type = $3
         AND event_id > $4 ORDER BY event_id LIMIT $5) AS failed";

/// The types of one endpoint's deliveries (`$1`, `$2`) in a state (`$3`), at most `$4`: each
/// is found behind the one before it in the index.
pub(crate) const TYPES_IN: &str = "WITH RECURSIVE kinds (kind) AS (
       SELECT min(event_type) FROM deliveries WHERE account_id = $1 AND endpoint_id = $2 AND state = $3
         AND state IN ('failed', 'held', 'discarded')
       UNION ALL
       SELECT (SELECT min(event_type) FROM deliveries WHERE account_id = $1 AND endpoint_id = $2 AND state = $3
                 AND state IN ('failed', 'held', 'discarded') AND event_type > kinds.kind)
         FROM kinds WHERE kind IS NOT NULL)
     SELECT kind FROM kinds WHERE kind IS NOT NULL LIMIT $4";

fn one_more() -> i64 {
    i64::try_from(CAP).unwrap_or(i64::MAX) + 1
}

impl EndpointHandle<'_> {
    /// Counts held deliveries by event type (only types with any).
    pub async fn held_counts(self) -> Result<Vec<(EventType, Count)>> {
        let pending = self.first_pending().await?;
        let looked_at: u64 = pending.iter().map(|(_, _, count)| count.unsigned_abs()).sum();
        let mut waiting: BTreeMap<EventType, u64> = BTreeMap::new();
        for (kind, told, count) in pending {
            if let (Ok(kind), Ok(State::Held)) = (kind.0, told.0) {
                *waiting.entry(kind).or_default() += count.unsigned_abs();
            }
        }
        let cut = if waiting.is_empty() { 0 } else { looked_at };
        for kind in self.types_in(State::Held, COUNTED_TYPES).await? {
            *waiting.entry(kind.clone()).or_default() += self.count_held(&kind).await?;
        }
        Ok(waiting.into_iter().map(|(kind, held)| (kind, Count::of(held, cut))).collect())
    }

    /// Lists the types of the endpoint's deliveries in a state that are selected.
    pub(in crate::service) async fn types_among(
        self,
        state: State,
        selected: &Subscriptions,
    ) -> Result<Vec<EventType>> {
        let mut types = self.types_in(state, TYPES_MAX).await?;
        types.retain(|kind| selected.contains(kind));
        Ok(types)
    }

    /// Lists the types of the endpoint's deliveries that are stored in a state, by name, at
    /// most `limit`. Names that cannot be read are left out.
    pub(in crate::service) async fn types_in(self, state: State, limit: u32) -> Result<Vec<EventType>> {
        let mut conn = self.service.db.read(Pool::Pages).await?;
        let query = conn.query(TYPES_IN).bind(self.account).bind(self.id).bind(state).bind(i64::from(limit));
        let types: Vec<Stored<EventType>> = query.fetch_values().await?;
        Ok(types.into_iter().filter_map(Stored::ok).collect())
    }

    /// Counts the failed deliveries of these types that [`EndpointHandle::recover`] would put
    /// back, of events that were accepted since then.
    pub async fn recoverable(self, since: Timestamp, types: &Subscriptions) -> Result<Count> {
        let types = self.types_among(State::Failed, types).await?;
        let mut conn = self.service.db.read(Pool::Pages).await?;
        let (mut meant, mut looked_at) = (0, 0);
        for kind in &types {
            let query = conn.query(FAILED).bind(self.account).bind(self.id).bind(kind);
            let (failed, all): (i64, i64) = query.bind(first_id(since)).bind(one_more()).fetch_one().await?;
            (meant, looked_at) = (meant + failed.unsigned_abs(), looked_at.max(all.unsigned_abs()));
        }
        Ok(Count::of(meant, looked_at))
    }

    /// Counts the failed deliveries that can be put back by event type (only types with any), of
    /// events that were accepted since then.
    pub async fn failed_counts(self, since: Timestamp) -> Result<Vec<(EventType, Count)>> {
        let types = self.types_in(State::Failed, COUNTED_TYPES).await?;
        let mut conn = self.service.db.read(Pool::Pages).await?;
        let mut counts = Vec::new();
        for kind in types {
            let query = conn.query(FAILED).bind(self.account).bind(self.id).bind(&kind);
            let (failed, all): (i64, i64) = query.bind(first_id(since)).bind(one_more()).fetch_one().await?;
            if all > 0 {
                counts.push((kind, Count::of(failed.unsigned_abs(), all.unsigned_abs())));
            }
        }
        Ok(counts)
    }

    async fn first_pending(self) -> Result<Vec<(Stored<EventType>, Stored<State>, i64)>> {
        let mut conn = self.service.db.read(Pool::Pages).await?;
        Ok(conn.query(PENDING).bind(self.account).bind(self.id).bind(one_more()).fetch_all().await?)
    }

    async fn count_held(self, kind: &EventType) -> Result<u64> {
        let mut conn = self.service.db.read(Pool::Pages).await?;
        let query = conn.query(HELD).bind(self.account).bind(self.id).bind(kind);
        Ok(query.bind(one_more()).fetch_value::<i64>().await?.unsigned_abs())
    }
}

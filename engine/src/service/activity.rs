//! What the servers on a database do at the moment, for an operator at a terminal. It is read
//! over a connection beside theirs, by statements with a limit each.

use std::time::Duration;

use const_format::formatcp;
use signet_model::{Timestamp, sql::Lossy, time::Clock};

use super::{
    backlog::Count,
    health::{self, DUE, Ill, IllRow, LATEST, TotalsRow},
};
use crate::{
    db::{Look, Result, Sql, schema::SERVER_GONE_AFTER as GONE_AFTER},
    queue::HOUR,
};

/// The rows of statistics that are looked at, the latest first.
const LOOKED_AT: u32 = 20_000;
/// The queues that are looked at.
const QUEUES: u32 = 1_000;
/// The disabled webhooks that are looked at, the latest first.
const DISABLED: u32 = 50;
/// Deliveries are counted so far.
const COUNTED: u32 = 10_000;
/// The servers that are listed.
const SERVERS: u32 = 100;
/// The webhooks that each list names.
const NAMED: u32 = 10;

/// The rows that were ever added to a table, which nothing has to count. On PostgreSQL each
/// process tells its part a second late; of a partitioned table all parts count, and a table
/// without parts is not among them itself.
const ADDED_EVENTS: Sql = Sql {
    sqlite: "SELECT COALESCE(max(rowid), 0) FROM events",
    postgres: "SELECT CAST(sum(pg_stat_get_tuples_inserted(relid)) AS BIGINT)
         FROM (SELECT relid FROM pg_partition_tree('events') UNION SELECT CAST('events' AS REGCLASS)) AS parts",
};
const ADDED_ATTEMPTS: Sql = Sql {
    sqlite: "SELECT COALESCE(max(rowid), 0) FROM attempts",
    postgres: "SELECT CAST(sum(pg_stat_get_tuples_inserted(relid)) AS BIGINT)
         FROM (SELECT relid FROM pg_partition_tree('attempts') UNION SELECT CAST('attempts' AS REGCLASS)) AS parts",
};

/// The deliveries that are due at an instant (`$1`), of the first `$2` queues that are, at most
/// `$3`.
pub(crate) const DUE_NOW: Sql = Sql {
    sqlite: "SELECT count(*) FROM (SELECT 1 FROM
          (SELECT endpoint_id FROM endpoint_queues WHERE next_due_at <= $1 ORDER BY next_due_at LIMIT $2) AS q
          CROSS JOIN deliveries d ON d.endpoint_id = q.endpoint_id AND d.state = 'pending' AND d.due_at <= $1
        LIMIT $3) AS due",
    // Looks at one queue after the other, and not at all that waits.
    postgres: "SELECT count(*) FROM (SELECT 1 FROM
          (SELECT endpoint_id FROM endpoint_queues WHERE next_due_at <= $1 ORDER BY next_due_at LIMIT $2) AS q
          CROSS JOIN LATERAL (SELECT 1 FROM deliveries d
            WHERE d.endpoint_id = q.endpoint_id AND d.state = 'pending' AND d.due_at <= $1 LIMIT $3) AS d
        LIMIT $3) AS due",
};

/// The instant since which a delivery has been due at another one (`$1`), by the first `$2`
/// queues.
pub(crate) const OLDEST: &str = formatcp!(
    "SELECT min(at) FROM (SELECT {DUE} FROM
       (SELECT endpoint_id FROM endpoint_queues WHERE next_due_at <= $1 ORDER BY next_due_at LIMIT $2) AS q) AS first
     WHERE at <= $1"
);

/// The deliveries that are held at webhooks that failures have disabled, of the `$1` latest of
/// these, at most `$2`.
pub(crate) const HELD: Sql = Sql {
    sqlite: "SELECT count(*) FROM (SELECT 1 FROM
          (SELECT id FROM endpoints WHERE disabled_reason <> 'paused' AND deleted_at IS NULL
            ORDER BY disabled_at DESC LIMIT $1) AS e
          CROSS JOIN deliveries d ON d.endpoint_id = e.id AND d.state = 'held'
            AND d.state IN ('failed', 'held', 'discarded')
        LIMIT $2) AS held",
    postgres: "SELECT count(*) FROM (SELECT 1 FROM
          (SELECT id FROM endpoints WHERE disabled_reason <> 'paused' AND deleted_at IS NULL
            ORDER BY disabled_at DESC LIMIT $1) AS e
          CROSS JOIN LATERAL (SELECT 1 FROM deliveries d WHERE d.endpoint_id = e.id AND d.state = 'held'
            AND d.state IN ('failed', 'held', 'discarded') LIMIT $2) AS d
        LIMIT $2) AS held",
};

/// The middle of a step of durations times its attempts, in microseconds.
const TIME: &str = "sum(within_5ms * 2500.0 + within_10ms * 7500.0 + within_25ms * 17500.0 + within_50ms * 37500.0
       + within_100ms * 75000.0 + within_250ms * 175000.0 + within_500ms * 375000.0 + within_1s * 750000.0
       + within_2500ms * 1750000.0 + within_5s * 3750000.0 + within_10s * 7500000.0 + longer * 12500000.0)";
/// The attempts of rows of statistics.
const ATTEMPTS: &str = "sum(within_5ms + within_10ms + within_25ms + within_50ms + within_100ms + within_250ms
       + within_500ms + within_1s + within_2500ms + within_5s + within_10s + longer)";

/// The webhooks of the latest `$2` rows of statistics since an hour (`$1`) whose attempts took the
/// longest, at most `$3`.
pub(crate) const SLOWEST: &str = formatcp!(
    "SELECT s.account_id, a.name AS account_name, s.endpoint_id, e.url, s.attempts, s.failed, s.mean_us
     FROM (SELECT account_id, endpoint_id, CAST({ATTEMPTS} AS BIGINT) AS attempts,
             CAST(sum(failed_attempts) AS BIGINT) AS failed,
             CAST({TIME} / {ATTEMPTS} AS BIGINT) AS mean_us
           FROM (SELECT * {LATEST}) AS latest GROUP BY account_id, endpoint_id HAVING {ATTEMPTS} > 0
           ORDER BY mean_us DESC, endpoint_id LIMIT $3) AS s
     JOIN endpoints e ON e.id = s.endpoint_id JOIN accounts a ON a.id = s.account_id
     ORDER BY s.mean_us DESC, s.endpoint_id"
);

/// The servers that were heard of since an instant (`$1`), at most `$2`.
const SERVING: &str = "SELECT id, seen_at FROM key_holders WHERE seen_at >= $1 ORDER BY id LIMIT $2";

/// The servers that were heard of of late.
///
/// # Errors
/// The database failed.
pub async fn servers(look: &mut Look, clock: &dyn Clock) -> Result<Vec<ServerSeen>> {
    let now = look.now(clock).await?;
    let rows: Vec<(uuid::Uuid, Timestamp)> =
        look.query(SERVING).bind(now - GONE_AFTER).bind(i64::from(SERVERS)).fetch_all().await?;
    Ok(rows.into_iter().map(|(id, seen_at)| ServerSeen { id, ago: now.since(seen_at) }).collect())
}

/// A server that runs, as it has told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ServerSeen {
    /// The random id of its process.
    pub id: uuid::Uuid,
    /// How long ago it told so.
    pub ago: Duration,
}

/// Counts that grow, at one instant. Two of them give the rates between.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Counts {
    /// The instant.
    pub at: Timestamp,
    /// Events that were ever accepted.
    events: i64,
    /// Attempts that were ever made.
    attempts: i64,
    /// The hour since which outcomes were added up.
    since: Timestamp,
    /// Attempts that delivered since then, and that failed; `None` where there are too many
    /// webhooks to add up.
    outcomes: Option<[i64; 2]>,
}

/// What happened in a second, on average.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rates {
    /// Events that were accepted.
    pub accepted: f64,
    /// Attempts, tests among them.
    pub attempts: f64,
    /// Attempts that delivered, and that failed.
    pub outcomes: Option<[f64; 2]>,
}

impl Counts {
    /// Reads the counts. `before` are those of before, for the rates.
    ///
    /// # Errors
    /// The database failed.
    pub async fn read(look: &mut Look, clock: &dyn Clock, before: Option<&Self>) -> Result<Self> {
        let at = look.now(clock).await?;
        // Outcomes since the same hour can be compared.
        let since = before.map_or(at, |before| before.at).beginning(HOUR);
        Ok(Self {
            at,
            events: look.query(ADDED_EVENTS).fetch_value().await?,
            attempts: look.query(ADDED_ATTEMPTS).fetch_value().await?,
            since,
            outcomes: outcomes(look, since).await?,
        })
    }

    /// The rates from earlier counts to these. `None` at the same instant.
    pub fn since(&self, before: &Self) -> Option<Rates> {
        let seconds = self.at.since(before.at).as_secs_f64();
        if seconds <= 0.0 {
            return None;
        }
        // What is seldom counted can be counted late, but never less than nothing.
        #[expect(clippy::cast_precision_loss, reason = "rates are shown with a digit behind the point")]
        let rate = |now: i64, before: i64| (now - before).max(0) as f64 / seconds;
        let outcomes = self.outcomes.zip(before.outcomes).filter(|_| self.since == before.since);
        Some(Rates {
            accepted: rate(self.events, before.events),
            attempts: rate(self.attempts, before.attempts),
            outcomes: outcomes
                .map(|([good, bad], [good_before, bad_before])| [rate(good, good_before), rate(bad, bad_before)]),
        })
    }
}

async fn outcomes(look: &mut Look, since: Timestamp) -> Result<Option<[i64; 2]>> {
    let row: TotalsRow = look.query(health::TOTALS).bind(since).bind(i64::from(LOOKED_AT)).fetch_one().await?;
    let is_whole = row.looked_at < i64::from(LOOKED_AT);
    Ok(is_whole.then_some([row.attempts - row.failed_attempts, row.failed_attempts]))
}

/// The deliveries that wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Waiting {
    /// Those that wait or are being sent.
    pub pending: Count,
    /// Those of them that are due.
    pub due: Count,
    /// How long the first of these has been due.
    pub oldest: Option<Duration>,
    /// Those that are held at the webhooks that failures have disabled, the 50 latest of these.
    pub held: Count,
}

impl Waiting {
    /// Reads what waits.
    ///
    /// # Errors
    /// The database failed.
    pub async fn read(look: &mut Look, clock: &dyn Clock) -> Result<Self> {
        let now = look.now(clock).await?;
        let (queues, most) = (i64::from(QUEUES), i64::from(COUNTED) + 1);
        let pending: i64 = look.query(health::QUEUED).bind(most).fetch_value().await?;
        let due: i64 = look.query(DUE_NOW).bind(now).bind(queues).bind(most).fetch_value().await?;
        let held: i64 = look.query(HELD).bind(i64::from(DISABLED)).bind(most).fetch_value().await?;
        let oldest: Option<Timestamp> = look.query(OLDEST).bind(now).bind(queues).fetch_value().await?;
        let count = |counted: i64| Count::up_to(counted.unsigned_abs());
        Ok(Self {
            pending: count(pending),
            due: count(due),
            oldest: oldest.map(|since| now.since(since)),
            held: count(held),
        })
    }
}

/// A webhook whose attempts take long.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Slow {
    /// The webhook, its account, and its host.
    pub webhook: Ill,
    /// The attempts of the last full hour and the present one.
    pub attempts: u64,
    /// Those of them that failed.
    pub failed: u64,
    /// How long they took, estimated from the steps of durations.
    pub mean: Duration,
}

/// Webhooks that need a look.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Troubles {
    /// The webhooks whose attempts took the longest on average, in the last full hour and the
    /// present one.
    pub slowest: Vec<Slow>,
    /// Webhooks that have failed since their last success, the latest failure first.
    pub failing: Vec<Ill>,
    /// Webhooks for which something has been due for long, the longest first.
    pub stuck: Vec<Ill>,
}

#[derive(sqlx_macros::FromRow)]
struct SlowRow {
    account_id: signet_model::AccountId,
    account_name: Lossy,
    endpoint_id: signet_model::EndpointId,
    url: Lossy,
    attempts: i64,
    failed: i64,
    mean_us: i64,
}

impl Troubles {
    /// Reads the lists.
    ///
    /// # Errors
    /// The database failed.
    pub async fn read(look: &mut Look, clock: &dyn Clock) -> Result<Self> {
        let now = look.now(clock).await?;
        let (since, rows, named) = ((now - HOUR).beginning(HOUR), i64::from(LOOKED_AT), i64::from(NAMED));
        let slowest: Vec<SlowRow> = look.query(SLOWEST).bind(since).bind(rows).bind(named).fetch_all().await?;
        let failing: Vec<IllRow> = look.query(health::FAILING).bind(since).bind(rows).bind(named).fetch_all().await?;
        let stuck = look.query(health::STUCK).bind(now - health::STUCK_AFTER).bind(i64::from(QUEUES)).bind(named);
        let stuck: Vec<IllRow> = stuck.fetch_all().await?;
        let slow = |row: SlowRow| Slow {
            webhook: Ill {
                account: row.account_id,
                account_name: row.account_name.0,
                endpoint: row.endpoint_id,
                url: row.url.0,
                at: now,
                reason: None,
                failures: 0,
            },
            attempts: row.attempts.unsigned_abs(),
            failed: row.failed.unsigned_abs(),
            mean: Duration::from_micros(row.mean_us.unsigned_abs()),
        };
        Ok(Self {
            slowest: slowest.into_iter().map(slow).collect(),
            failing: failing.into_iter().map(Ill::from).collect(),
            stuck: stuck.into_iter().map(Ill::from).collect(),
        })
    }
}

#[cfg(test)]
mod tests;

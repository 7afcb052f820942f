//! Statistics of an hour in several rows, on PostgreSQL (`engine/src/queue/postgres/parts.rs`): the
//! `hour` of a further row is some microseconds after the beginning of the hour. When the hour has
//! ended they become one row.

use std::sync::LazyLock;

use const_format::formatcp;
use signet_model::Timestamp;
use tokio::time::sleep;
use uuid::Uuid;

use super::COUNTERS;
use crate::{
    db::{Database, Pool, Result},
    queue::{HOUR, StatisticsRow},
    service::{Service, retention},
};

/// The beginning of the hour that a row counts for.
pub(super) const HOUR_OF: &str = "date_bin(INTERVAL '1 hour', hour, TIMESTAMPTZ 'epoch')";
/// Tells a further row of an hour from its first one. The index `statistics_parts` has these alone.
pub(super) const IS_PART: &str = formatcp!("hour <> {HOUR_OF}");

/// Rows that become one in one transaction.
const MERGED: i64 = 1_000;

/// A part, in the order of the index.
#[derive(Debug, sqlx_macros::FromRow)]
struct Part {
    account_id: Uuid,
    endpoint_id: Uuid,
    hour: Timestamp,
    event_type: String,
}

/// The first part after one (`$1` to `$4`) in an hour before another (`$5`).
pub(crate) const NEXT: &str = formatcp!(
    "SELECT account_id, endpoint_id, hour, event_type FROM statistics
     WHERE {IS_PART} AND (account_id, endpoint_id, hour, event_type) > ($1, $2, $3, $4) AND hour < $5
     ORDER BY account_id, endpoint_id, hour, event_type LIMIT 1"
);

/// Makes one row of some (`$5`) of the parts of an endpoint (`$1`, `$2`), hour (`$3`) and event type
/// (`$4`), and of the first row of the hour. Returns the number of parts. Rows of one endpoint, hour
/// and type alone are locked: a commit locks no more than one of these.
pub(crate) static MERGE: LazyLock<String> = LazyLock::new(|| {
    let sums: Vec<_> = StatisticsRow::counters().map(|name| format!("CAST(sum({name}) AS INTEGER)")).collect();
    format!(
        "WITH parts AS (DELETE FROM statistics WHERE ctid = ANY(ARRAY(
           SELECT ctid FROM statistics WHERE account_id = $1 AND endpoint_id = $2 AND {IS_PART}
              AND hour > $3 AND hour < $3 + INTERVAL '1 hour' AND event_type = $4
            LIMIT $5 FOR UPDATE SKIP LOCKED)) RETURNING *),
         merged AS (INSERT INTO statistics (account_id, endpoint_id, hour, event_type, {COUNTERS})
           SELECT $1, $2, $3, $4, {} FROM parts HAVING count(*) > 0 {})
         SELECT count(*) FROM parts",
        sums.join(", "),
        StatisticsRow::on_conflict()
    )
});

/// Makes one row of the parts of each hour that ended an hour before an instant. Attempts that
/// began in such an hour can be recorded later: their parts become one row the next time.
pub(in crate::service) async fn merge(service: &Service, now: Timestamp) -> Result<()> {
    let Database::Postgres(_) = &service.db else { return Ok(()) };
    let before = (now - HOUR).beginning(HOUR);
    let epoch = Timestamp::from_unix_seconds(0);
    let mut after = Part { account_id: Uuid::nil(), endpoint_id: Uuid::nil(), hour: epoch, event_type: String::new() };
    while let Some(part) = next(service, &after, before).await? {
        while merge_some(service, &part).await? == MERGED {
            sleep(retention::PAUSE).await;
        }
        // Parts that somebody had locked are left for the next time.
        after = part;
        sleep(retention::PAUSE).await;
    }
    Ok(())
}

async fn next(service: &Service, after: &Part, before: Timestamp) -> Result<Option<Part>> {
    let mut conn = service.db.read(Pool::Pages).await?;
    let query = conn.query(NEXT).bind(after.account_id).bind(after.endpoint_id).bind(after.hour);
    query.bind(after.event_type.as_str()).bind(before).fetch_optional().await
}

/// Makes one row of some of the parts beside this one.
async fn merge_some(service: &Service, part: &Part) -> Result<i64> {
    let mut tx = service.db.begin().await?;
    let sql: &'static str = &MERGE;
    let query = tx.query(sql).bind(part.account_id).bind(part.endpoint_id).bind(part.hour.beginning(HOUR));
    let merged = query.bind(part.event_type.as_str()).bind(MERGED).fetch_value().await?;
    tx.commit().await?;
    Ok(merged)
}

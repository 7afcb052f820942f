//! Partitions of attempts by the time of their deliveries, on PostgreSQL: they are made ahead, and
//! dropped when they are too old, so that the rows in them are not deleted.
//!
//! A partition is kept until all of it is too old. Then it *leaves*: its deliveries are removed as
//! all others are, without their attempts, and it is dropped when no delivery of it is left. One
//! that is still open keeps the partition; the attempts that others have left there are removed
//! then, and from then on attempts there go with their deliveries.

use std::time::Duration;

use signet_model::{AccountId, DeliveryId, EventId, Timestamp};
use sqlx::AssertSqlSafe;
use uuid::Uuid;

use super::{KEEP_KEYS, PAUSE, count, sweep_clock, sweep_clock::Turn};
use crate::{
    db::{Database, Error, Pool, Result, Tx},
    service::{Service, removal::Leaving},
};

const DAY: Duration = Duration::from_hours(24);
/// There are partitions for so many days to come: a server that could make none for two weeks, and
/// a clock that is set, find theirs.
const DAYS_AHEAD: u64 = 14;
/// About so many partitions are kept. All of them are locked and planned for by a statement that
/// does not tell which of them it reads.
const KEPT: u64 = 12;
/// The number of attempts that one statement looks at.
const LOOKED_AT: usize = 1_000;
/// The number of accounts that one statement looks at.
const ACCOUNTS: usize = 1_000;

/// What changes a partition takes locks for which others wait: as a migration it gives way soon.
const GIVES_WAY: [&str; 2] = ["SET LOCAL lock_timeout = '500ms'", "SET LOCAL statement_timeout = '5s'"];

/// Those with an end, in the order of time. The first of all has no beginning.
const ALL: &str = r"SELECT name, CAST(substring(bound FROM 'FROM \(''([0-9a-f-]{36})''\)') AS UUID) AS first,
       CAST(substring(bound FROM 'TO \(''([0-9a-f-]{36})''\)') AS UUID) AS before
     FROM (SELECT CAST(c.relname AS TEXT) AS name, pg_get_expr(c.relpartbound, c.oid) AS bound
             FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
            WHERE i.inhparent = CAST('attempts' AS REGCLASS)) AS partitions
    WHERE bound LIKE '% TO (''%' ORDER BY before";

/// Those that leave.
const LEAVING: &str = "SELECT partition AS name, first_id, before_id, by_row FROM leaving_attempts ORDER BY before_id";
const LEAVES: &str = "INSERT INTO leaving_attempts (partition, first_id, before_id) VALUES ($1, $2, $3)
     ON CONFLICT (partition) DO NOTHING";
const BY_ROW: &str = "UPDATE leaving_attempts SET by_row = TRUE WHERE partition = $1";
const GONE: &str = "DELETE FROM leaving_attempts WHERE partition = $1";

/// Some accounts (`$2`) after one (`$1`), each with the answer to whether it has deliveries from
/// one (`$3`) to the last one before another (`$4`).
pub(crate) const HAVE_DELIVERIES: &str = "SELECT page.id, EXISTS
       (SELECT 1 FROM deliveries d WHERE d.account_id = page.id AND d.id >= $3 AND d.id < $4) AS has_some
     FROM (SELECT id FROM accounts WHERE id > $1 ORDER BY id LIMIT $2) AS page ORDER BY page.id";

/// A partition of attempts that ends.
#[derive(Debug, Clone, sqlx_macros::FromRow)]
struct Partition {
    name: String,
    first: Option<Uuid>,
    before: Uuid,
}

impl Partition {
    fn first(&self) -> Uuid {
        self.first.unwrap_or(Uuid::nil())
    }

    fn has(&self, id: Uuid) -> bool {
        (self.first()..self.before).contains(&id)
    }
}

/// A partition that leaves.
#[derive(Debug, sqlx_macros::FromRow)]
struct Leaver {
    name: String,
    first_id: Uuid,
    before_id: Uuid,
    by_row: bool,
}

/// The end of a try to change a partition.
enum Tried {
    Done,
    /// It may succeed the next time.
    Later,
    /// The default partition has rows of it.
    Occupied,
    /// The table belongs to somebody else.
    Forbidden,
}

/// The first id of a day, counted from 1970 on.
fn first_of(day: u64) -> Uuid {
    let millis = u128::from(day) * DAY.as_millis();
    Uuid::from_u128(millis << 80)
}

/// The day in which an id was made.
fn day_of(id: Uuid) -> u64 {
    u64::try_from((id.as_u128() >> 80) / DAY.as_millis()).unwrap_or(u64::MAX)
}

/// The days that one partition is for, if deliveries are kept for so long.
fn width(keep: Duration) -> u64 {
    keep.as_secs().div_ceil(KEPT * DAY.as_secs()).clamp(1, 3_650)
}

async fn all(service: &Service) -> Result<Vec<Partition>> {
    service.db.read(Pool::Pages).await?.query(ALL).fetch_all().await
}

async fn leaving(service: &Service) -> Result<Vec<Leaver>> {
    service.db.read(Pool::Pages).await?.query(LEAVING).fetch_all().await
}

/// Makes the partitions of the next days, unless another process sweeps, which does so as well.
pub(super) async fn make_first(service: &Service) -> Result<()> {
    let Some(turn) = sweep_clock::turn(service).await? else { return Ok(()) };
    let made = make_ahead(service).await;
    turn.end().await;
    made
}

/// Makes the partitions of the next days that there are not. Until there are any, attempts go to the
/// default partition, and from there row by row.
pub(super) async fn make_ahead(service: &Service) -> Result<()> {
    if matches!(service.db, Database::Sqlite(_)) {
        return Ok(());
    }
    let there = all(service).await?;
    let width = width(service.settings.keep_deliveries.max(KEEP_KEYS));
    let today = day_of(EventId::new(service.clock.now(), [0; 10]).uuid());
    let mut day = today;
    while day < today + DAYS_AHEAD {
        if let Some(partition) = there.iter().find(|one| one.has(first_of(day))) {
            day = day_of(partition.before).max(day + 1);
            continue;
        }
        let next = there.iter().filter_map(|one| one.first.map(day_of)).filter(|&first| first > day).min();
        let end = next.map_or(day + width, |next| next.min(day + width));
        match make(service, day, end).await? {
            Tried::Done => day = end,
            Tried::Occupied => day += 1,
            Tried::Later => return Ok(()),
            Tried::Forbidden => {
                tracing::info!("only the owner of a table makes partitions: old attempts are deleted row by row");
                return Ok(());
            }
        }
    }
    Ok(())
}

/// Makes the partition of some days.
async fn make(service: &Service, first: u64, end: u64) -> Result<Tried> {
    let day = Timestamp::from_unix_seconds(0) + DAY * u32::try_from(first).unwrap_or(u32::MAX);
    let digits: String = day.to_string().chars().filter(char::is_ascii_digit).take(8).collect();
    let name = format!("attempts_{digits}");
    let (first, end) = (first_of(first), first_of(end));
    let tried = change(
        service,
        [
            // An index comes with the next one, which waits for no reader and no writer.
            format!("CREATE TABLE {name} (LIKE attempts INCLUDING DEFAULTS INCLUDING CONSTRAINTS INCLUDING STORAGE)"),
            format!("ALTER TABLE attempts ATTACH PARTITION {name} FOR VALUES FROM ('{first}') TO ('{end}')"),
        ],
    )
    .await?;
    if matches!(tried, Tried::Done) {
        tracing::info!(name, "made a partition of attempts");
    }
    Ok(tried)
}

/// Changes partitions, or gives way.
async fn change(service: &Service, statements: [String; 2]) -> Result<Tried> {
    let mut tx = service.db.begin().await?;
    let changed = run_all(&mut tx, statements).await;
    let Err(error) = changed else {
        tx.commit().await?;
        return Ok(Tried::Done);
    };
    tx.roll_back().await;
    match error.code().as_deref() {
        Some("42501") => Ok(Tried::Forbidden),
        Some("23514") => Ok(Tried::Occupied),
        // No lock, a deadlock, another process that was faster.
        Some("55P03" | "40P01" | "23505" | "42P07" | "42P17") => {
            tracing::info!(%error, "a partition of attempts could not be changed yet; trying again later");
            Ok(Tried::Later)
        }
        _ if matches!(error, Error::TooSlow) => Ok(Tried::Later),
        _ => Err(error),
    }
}

async fn run_all(tx: &mut Tx<'_>, statements: [String; 2]) -> Result<()> {
    for sql in GIVES_WAY {
        tx.query(sql).execute().await?;
    }
    // Made of names and ids of partitions alone.
    for sql in statements {
        tx.query(AssertSqlSafe(sql)).execute().await?;
    }
    Ok(())
}

/// Notes which partitions leave if whole events before one are removed. Returns the first event to
/// be kept, with which a partition begins, and what leaves.
pub(super) async fn begin(service: &Service, rows: EventId) -> Result<(EventId, Leaving)> {
    if matches!(service.db, Database::Sqlite(_)) {
        return Ok((rows, Leaving::default()));
    }
    let there = all(service).await?;
    for one in there.iter().filter(|one| one.before <= rows.uuid()) {
        let mut tx = service.db.begin().await?;
        tx.query(LEAVES).bind(&one.name).bind(one.first()).bind(one.before).execute().await?;
        tx.commit().await?;
    }
    let ids = |one: Leaver| DeliveryId::from_uuid(one.first_id)..DeliveryId::from_uuid(one.before_id);
    let whole = leaving(service).await?.into_iter().filter(|one| !one.by_row).map(ids).collect();
    Ok((kept(&there, rows), Leaving(whole)))
}

/// The first event that is kept. Those of a partition are kept until all of them are old, except for
/// the first partition, which is as long as the time before there were any.
fn kept(there: &[Partition], rows: EventId) -> EventId {
    let partition = there.iter().find(|one| one.has(rows.uuid()));
    partition.and_then(|one| one.first).map_or(rows, EventId::from_uuid)
}

/// The first event that [`begin`] would keep.
pub(super) async fn first_kept(service: &Service, rows: EventId) -> Result<EventId> {
    match service.db {
        Database::Sqlite(_) => Ok(rows),
        Database::Postgres(_) => Ok(kept(&all(service).await?, rows)),
    }
}

/// Drops the partitions of which no delivery is left, after all events of theirs that could be
/// removed were.
pub(super) async fn end(service: &Service, turn: &mut Turn) -> Result<()> {
    if matches!(service.db, Database::Sqlite(_)) {
        return Ok(());
    }
    let there = all(service).await?;
    for one in leaving(service).await? {
        turn.keep().await?;
        if !there.iter().any(|partition| partition.name == one.name) {
            // Somebody else has dropped it.
            note(service, GONE, &one.name).await?;
            continue;
        }
        let stays =
            any_delivery(service, &one).await? || matches!(drop_whole(service, &one.name).await?, Tried::Forbidden);
        if stays && !one.by_row {
            remove_left(service, turn, &one).await?;
            note(service, BY_ROW, &one.name).await?;
        }
    }
    Ok(())
}

async fn note(service: &Service, sql: &'static str, partition: &str) -> Result<()> {
    let mut tx = service.db.begin().await?;
    tx.query(sql).bind(partition).execute().await?;
    tx.commit().await
}

/// True if some account has a delivery whose attempts are in the partition.
async fn any_delivery(service: &Service, one: &Leaver) -> Result<bool> {
    let mut after = AccountId::from_uuid(Uuid::nil());
    loop {
        let mut conn = service.db.read(Pool::Pages).await?;
        let query = conn.query(HAVE_DELIVERIES).bind(after).bind(count(ACCOUNTS));
        let page: Vec<(AccountId, bool)> = query.bind(one.first_id).bind(one.before_id).fetch_all().await?;
        drop(conn);
        if page.iter().any(|&(_, has_some)| has_some) {
            return Ok(true);
        }
        match page.last() {
            Some(&(last, _)) if page.len() == ACCOUNTS => after = last,
            _ => return Ok(false),
        }
    }
}

/// Drops a partition, unless somebody reads the table for longer than others can wait.
async fn drop_whole(service: &Service, name: &str) -> Result<Tried> {
    // The lock of the whole table comes first: nothing else is held while it is waited for.
    let gone = format!("DELETE FROM leaving_attempts WHERE partition = '{name}'");
    let tried = change(service, [format!("DROP TABLE {}", quoted(name)), gone]).await?;
    if matches!(tried, Tried::Done) {
        tracing::info!(name, "dropped an old partition of attempts");
    }
    Ok(tried)
}

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// Removes the attempts of a partition whose deliveries are gone, some at a time.
async fn remove_left(service: &Service, turn: &mut Turn, one: &Leaver) -> Result<()> {
    let name = quoted(&one.name);
    let page = format!(
        "SELECT account_id, delivery_id FROM {name} WHERE (account_id, delivery_id) > ($1, $2)
          ORDER BY account_id, delivery_id LIMIT $3"
    );
    let remove = format!(
        "DELETE FROM {name} a USING unnest($1, $2) AS left_there (account_id, delivery_id)
          WHERE a.account_id = left_there.account_id AND a.delivery_id = left_there.delivery_id
            AND NOT EXISTS (SELECT 1 FROM deliveries d WHERE d.account_id = a.account_id AND d.id = a.delivery_id)"
    );
    let mut after = (Uuid::nil(), Uuid::nil());
    loop {
        turn.keep().await?;
        let mut conn = service.db.read(Pool::Pages).await?;
        let query = conn.query(AssertSqlSafe(page.clone())).bind(after.0).bind(after.1).bind(count(LOOKED_AT));
        let mut found: Vec<(Uuid, Uuid)> = query.fetch_all().await?;
        drop(conn);
        let Some(&last) = found.last() else { return Ok(()) };
        after = last;
        found.dedup();
        let (accounts, deliveries): (Vec<Uuid>, Vec<Uuid>) = found.into_iter().unzip();
        let mut tx = service.db.begin().await?;
        tx.query(AssertSqlSafe(remove.clone())).bind_ids(&accounts).bind_ids(&deliveries).execute().await?;
        tx.commit().await?;
        tokio::time::sleep(PAUSE).await;
    }
}

#[cfg(test)]
mod tests;

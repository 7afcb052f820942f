//! The prepared statements of the hot path's thread, and its two transactions.

use rusqlite::{Connection, Statement, ToSql, types::ValueRef};
use signet_model::{
    Throttle, Timestamp,
    sql::{Stored, Unreadable},
    trace::TraceContext,
};
use std::{fmt::Display, str::FromStr};

use super::statements::{self, HAS_REVISION, LEASE, NEXT_START, READ_DUE, SET_NEXT_START};
use crate::{
    db::{BEGIN_WRITING, Error, OpenFiles, Place, Result, located},
    queue::{
        ADVANCE_QUEUE, Batch, Claim, ClaimOrder, ClaimQuota, HOLD_QUEUE_BACK, HOLD_UNREADABLE, REMOVE_QUEUE, Revision,
        Write, WriteError,
        batch::FaultPoints,
        claims::{ClaimedBatch, ClaimedRow, RawId, due_again},
        record::{Column, Record, Value},
    },
};

/// The connection, with all statements prepared on it.
pub(super) struct Prepared<'c> {
    connection: &'c Connection,
    files: &'c OpenFiles,
    begin: Statement<'c>,
    commit: Statement<'c>,
    rollback: Statement<'c>,
    has_revision: Statement<'c>,
    write: statements::Write<Statement<'c>>,
    read_due: Statement<'c>,
    lease: Statement<'c>,
    hold_unreadable: Statement<'c>,
    remove_queue: Statement<'c>,
    advance_queue: Statement<'c>,
    next_start: Statement<'c>,
    set_next_start: Statement<'c>,
    hold_queue_back: Statement<'c>,
}

/// The end of a transaction, and its result.
enum Ending<T> {
    Commit(T),
    RollBack(T),
}

impl<'c> Prepared<'c> {
    pub(super) fn new(connection: &'c Connection, files: &'c OpenFiles) -> rusqlite::Result<Self> {
        // To SQLite `$1` is a name, and names are numbered as they come.
        let prepare = |sql: &str| connection.prepare(&sql.replace('$', "?"));
        Ok(Self {
            connection,
            files,
            begin: prepare(BEGIN_WRITING)?,
            commit: prepare("COMMIT")?,
            rollback: prepare("ROLLBACK")?,
            has_revision: prepare(HAS_REVISION)?,
            write: statements::WRITE.try_map(|sql| prepare(sql))?,
            read_due: prepare(READ_DUE)?,
            lease: prepare(LEASE)?,
            hold_unreadable: prepare(HOLD_UNREADABLE)?,
            remove_queue: prepare(REMOVE_QUEUE)?,
            advance_queue: prepare(ADVANCE_QUEUE)?,
            next_start: prepare(NEXT_START)?,
            set_next_start: prepare(SET_NEXT_START)?,
            hold_queue_back: prepare(HOLD_QUEUE_BACK)?,
        })
    }

    /// Writes a batch, unless it is stale or abandoned.
    pub(super) fn write(&mut self, batch: &Batch, is_abandoned: impl Fn() -> bool) -> Result<Write, WriteError> {
        self.transact(is_abandoned, batch.fault_points(), |this| {
            Ok(match this.write_rows(batch)? {
                Write::Committed => Ending::Commit(Write::Committed),
                Write::Stale => Ending::RollBack(Write::Stale),
            })
        })
    }

    /// Claims, unless the order is stale or abandoned.
    pub(super) fn claim(&mut self, order: &ClaimOrder, is_abandoned: impl Fn() -> bool) -> Result<Claim> {
        let claimed = self.transact(is_abandoned, FaultPoints::default(), |this| {
            if this.count_current(&order.accounts)? < order.accounts.len() {
                return Ok(Ending::RollBack(Claim::Stale));
            }
            this.claim_at_endpoints(order).map(|batch| Ending::Commit(Claim::Claimed(batch)))
        });
        claimed.map_err(WriteError::into_error)
    }

    /// Runs a transaction, and commits it if its body says so and the caller still waits.
    fn transact<T>(
        &mut self,
        is_abandoned: impl Fn() -> bool,
        fault_points: FaultPoints,
        body: impl FnOnce(&mut Self) -> Result<Ending<T>>,
    ) -> Result<T, WriteError> {
        if is_abandoned() {
            // No task reads the answer.
            return Err(Error::Abandoned.into());
        }
        self.files.check()?;
        located(self.begin.raw_execute())?;
        match body(self) {
            Ok(Ending::Commit(result)) if !is_abandoned() => {
                fault_points.before_commit();
                self.commit()?;
                fault_points.after_commit();
                Ok(result)
            }
            Ok(Ending::Commit(result) | Ending::RollBack(result)) => {
                self.roll_back();
                Ok(result)
            }
            Err(error) => {
                self.roll_back();
                Err(error.into())
            }
        }
    }

    /// Runs the statements of a batch. Those that can find the batch stale come first.
    fn write_rows(&mut self, batch: &Batch) -> Result<Write> {
        if self.count_current(&batch.accounts)? < batch.accounts.len()
            || run(&mut self.write.insert_key, &batch.keys)? < batch.keys.len()
            || run(&mut self.write.finish, &batch.outcomes)? < batch.outcomes.len()
        {
            return Ok(Write::Stale);
        }
        run(&mut self.write.insert_attempt, &batch.attempts)?;
        run(&mut self.write.update_health, &batch.health)?;
        run(&mut self.write.add_statistics, &batch.statistics)?;
        run(&mut self.write.insert_event, &batch.events)?;
        run(&mut self.write.insert_delivery, &batch.deliveries)?;
        run(&mut self.write.pull_forward, &batch.queue_entries())?;
        Ok(Write::Committed)
    }

    /// Counts the accounts that have these revisions.
    fn count_current(&mut self, revisions: &[Revision]) -> Result<usize> {
        let mut count = 0;
        for revision in revisions {
            bind_row(&mut self.has_revision, revision)?;
            count += usize::from(self.has_revision.raw_query().next()?.is_some());
        }
        Ok(count)
    }

    fn claim_at_endpoints(&mut self, order: &ClaimOrder) -> Result<ClaimedBatch> {
        let mut batch = ClaimedBatch::default();
        for quota in &order.endpoints {
            match quota.throttle {
                Some(throttle) => self.claim_throttled(*quota, throttle, order, &mut batch)?,
                None => self.claim_and_advance(quota, order, &mut batch)?,
            }
        }
        Ok(batch)
    }

    fn claim_and_advance(&mut self, quota: &ClaimQuota, order: &ClaimOrder, batch: &mut ClaimedBatch) -> Result<()> {
        let first = batch.deliveries.len();
        self.claim_at(quota, order, batch)?;
        let next_due_at = self.advance_queue(quota, due_again(batch.deliveries.len() > first, order.now))?;
        batch.advanced(quota.endpoint, next_due_at, order.now);
        Ok(())
    }

    /// Claims no more deliveries than may start by the schedule of the endpoint, and keeps
    /// claims away until the next ones may.
    fn claim_throttled(
        &mut self,
        mut quota: ClaimQuota,
        throttle: Throttle,
        order: &ClaimOrder,
        batch: &mut ClaimedBatch,
    ) -> Result<()> {
        let (account, endpoint) = (quota.account.uuid().into_bytes(), quota.endpoint.uuid().into_bytes());
        bind(&mut self.next_start, &[&account, &endpoint])?;
        let next: Option<i64> = match self.next_start.raw_query().next()? {
            Some(row) => row.get(0)?,
            None => None,
        };
        let next = next.map(Timestamp::from_unix_micros);
        quota.limit(throttle, next, order.now);
        self.claim_and_advance(&quota, order, batch)?;
        let next = throttle.after(next, order.now, batch.claimed_at(quota.endpoint));
        let look_at = Throttle::look_again(next, order.now);
        batch.throttled(quota.endpoint, look_at);
        execute(&mut self.set_next_start, &[&account, &endpoint, &next.unix_micros()])?;
        execute(&mut self.hold_queue_back, &[&account, &endpoint, &look_at.unix_micros()])?;
        Ok(())
    }

    fn claim_at(&mut self, quota: &ClaimQuota, order: &ClaimOrder, batch: &mut ClaimedBatch) -> Result<()> {
        let rows = self.read_due(quota, order.now, batch.deliveries.is_empty())?;
        for row in &rows {
            execute(&mut self.lease, &[&row.id.as_bytes(), &order.until.unix_micros(), &order.lease.0])?;
        }
        for row in rows {
            let delivery = row.read();
            if let Err(row) = &delivery {
                execute(&mut self.hold_unreadable, &[&row.id.as_bytes(), &row.account.uuid().into_bytes()])?;
            }
            batch.deliveries.push(delivery);
        }
        Ok(())
    }

    /// Reads the due deliveries of an endpoint as long as their bodies fit, and one in any
    /// case if it is the first of the claim.
    fn read_due(&mut self, quota: &ClaimQuota, now: Timestamp, is_first: bool) -> Result<Vec<ClaimedRow>> {
        let ClaimQuota { account, endpoint, deliveries_max, bytes_max, .. } = *quota;
        let mut bytes_left = usize::try_from(bytes_max).unwrap_or_default();
        let mut claimed = Vec::new();
        let (account_id, endpoint_id) = (account.uuid().into_bytes(), endpoint.uuid().into_bytes());
        bind(&mut self.read_due, &[&account_id, &endpoint_id, &now.unix_micros(), &deliveries_max])?;
        let mut rows = self.read_due.raw_query();
        while let Some(row) = rows.next()? {
            let body_len = row.get_ref("body")?.as_bytes_or_null().ok().flatten().map_or(0, <[u8]>::len);
            if body_len > bytes_left && !(is_first && claimed.is_empty()) {
                break;
            }
            bytes_left = bytes_left.saturating_sub(body_len);
            claimed.push(ClaimedRow {
                id: RawId::from(row.get_ref("id")?.as_bytes_or_null().ok().flatten().unwrap_or_default()),
                account_id: account,
                endpoint_id: endpoint,
                event_type: stored(row.get_ref("event_type")?.as_str().map_err(Unreadable::new).and_then(parse)),
                is_test: row.get_ref("is_test")? != ValueRef::Integer(0),
                attempts: stored(row.get("attempts")),
                failures: stored(row.get("failures")),
                body: stored(row.get("body")).transpose(),
                trace_context: trace_of(row.get_ref("trace_context")?),
            });
        }
        Ok(claimed)
    }

    /// Moves the endpoint's queue on to the next due time, which it returns, or removes it.
    fn advance_queue(&mut self, quota: &ClaimQuota, due_again: Timestamp) -> Result<Option<Timestamp>> {
        let (account, endpoint) = (quota.account.uuid().into_bytes(), quota.endpoint.uuid().into_bytes());
        if execute(&mut self.remove_queue, &[&account, &endpoint])? > 0 {
            return Ok(None);
        }
        bind(&mut self.advance_queue, &[&account, &endpoint, &due_again.unix_micros()])?;
        // The row is changed before the statement answers.
        let mut rows = self.advance_queue.raw_query();
        let next_due_at = rows.next()?.map(|row| row.get(0)).transpose()?;
        Ok(next_due_at.map(Timestamp::from_unix_micros))
    }

    fn commit(&mut self) -> Result<(), WriteError> {
        self.commit.raw_execute().map(drop).map_err(|error| {
            self.roll_back();
            WriteError::Unconfirmed(error.into())
        })
    }

    /// Rolls back, unless SQLite has done so by itself after an error.
    fn roll_back(&mut self) {
        if !self.connection.is_autocommit()
            && let Err(error) = self.rollback.raw_execute()
        {
            tracing::error!(%error, "a transaction could not be rolled back");
        }
    }
}

/// Returns the value of a column, or the reason for which it holds none of its type.
fn stored<T, E: Display>(column: Result<T, E>) -> Stored<T> {
    Stored(column.map_err(Unreadable::new))
}

/// Reads the trace of an event, if it has one.
fn trace_of(column: ValueRef<'_>) -> Option<Stored<TraceContext>> {
    let text = column.as_str_or_null().map_err(Unreadable::new).transpose()?;
    Some(stored(text.and_then(parse)))
}

fn parse<T: FromStr<Err: Display>>(text: &str) -> Result<T, Unreadable> {
    text.parse().map_err(Unreadable::new)
}

/// Runs a statement once for each row, and returns the number of rows that it changed.
fn run<R: Record>(statement: &mut Statement<'_>, rows: &[R]) -> Result<usize> {
    let mut changed = 0;
    for row in rows {
        let ran = bind_row(statement, row).and_then(|()| statement.raw_execute());
        changed += ran.map_err(|error| Error::Embedded { error, at: Place::Named(R::TABLE) })?;
    }
    Ok(changed)
}

fn bind_row<R: Record>(statement: &mut Statement<'_>, row: &R) -> rusqlite::Result<()> {
    for (index, Column(_, value)) in (1..).zip(R::COLUMNS) {
        match value {
            Value::Uuid(of) => statement.raw_bind_parameter(index, of(row).map(uuid::Uuid::into_bytes)),
            Value::Text(of) => statement.raw_bind_parameter(index, of(row)),
            Value::Bytes(of) => statement.raw_bind_parameter(index, of(row)),
            Value::Int(of) => statement.raw_bind_parameter(index, of(row)),
            Value::BigInt(of) => statement.raw_bind_parameter(index, of(row)),
            Value::Bool(of) => statement.raw_bind_parameter(index, of(row)),
            Value::Instant(of) => statement.raw_bind_parameter(index, of(row).map(Timestamp::unix_micros)),
        }?;
    }
    Ok(())
}

fn execute(statement: &mut Statement<'_>, parameters: &[&dyn ToSql]) -> rusqlite::Result<usize> {
    bind(statement, parameters)?;
    statement.raw_execute()
}

fn bind(statement: &mut Statement<'_>, parameters: &[&dyn ToSql]) -> rusqlite::Result<()> {
    for (index, parameter) in (1..).zip(parameters) {
        statement.raw_bind_parameter(index, parameter)?;
    }
    Ok(())
}

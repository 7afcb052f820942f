//! The thread that the hot path has to itself on SQLite: a whole transaction is one
//! trip to it, and all it takes is prepared.
//!
//! It holds a connection of its own, beside the one that writes everything else.
//! Who sends a command holds the turn to write, so that the two do not meet.

use std::{fmt::Display, path::PathBuf, str::FromStr, thread, time::Duration};

use rusqlite::{
    Connection, OpenFlags, ToSql,
    types::{ToSqlOutput, ValueRef},
};
use signet_model::{
    AccountId, Timestamp,
    sql::{Stored, Unreadable},
};
use tokio::sync::{
    mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel},
    oneshot,
};

use super::{
    DUE, TAKE,
    statements::{HAS_REVISION, Row, Statement, Value, rows},
};
use crate::{
    db::{BEGIN_WRITING, Error, OpenFiles, Place, Result, located},
    queue::{
        ADVANCE_QUEUE, Batch, Claim, ClaimOrder, ClaimQuota, Claims, HOLD_UNREADABLE, REMOVE_QUEUE, Write, WriteError,
        batch::FaultPoints,
        records::{ClaimedRow, RawId, due_again},
    },
};

/// How the connection is set up.
#[derive(Debug, Clone)]
pub(crate) struct Options {
    pub(crate) path: PathBuf,
    pub(crate) busy_timeout: Duration,
    pub(crate) checkpoint_pages: u32,
    pub(crate) log_max: u32,
    pub(crate) files: OpenFiles,
}

/// The way to the thread. Clones share it; it ends with the last of them. Those who
/// write take turns, so that hardly more than one command waits.
#[derive(Debug, Clone)]
pub(crate) struct Hot(UnboundedSender<Command>);

#[derive(Debug)]
enum Command {
    Write(Batch, oneshot::Sender<Result<Write, WriteError>>),
    Claim(ClaimOrder, oneshot::Sender<Result<Option<Claim>>>),
    Close(oneshot::Sender<()>),
}

impl Hot {
    /// Starts the thread, for a database that exists and is migrated.
    pub(crate) async fn open(options: Options) -> Result<Self> {
        let (commands, mut incoming) = unbounded_channel();
        let (opened, answer) = oneshot::channel();
        let thread = thread::Builder::new().name("signet-sqlite".into());
        thread.spawn(move || serve(&options, &mut incoming, opened)).map_err(sqlx::Error::Io)?;
        answer.await.map_err(|_| closed())??;
        Ok(Self(commands))
    }

    /// Writes a batch in a transaction of its own. Who no longer waits for the answer
    /// before the transaction has begun, or before it is committed, gets nothing written.
    pub(crate) async fn write(&self, batch: Batch) -> Result<Write, WriteError> {
        self.ask(|answer| Command::Write(batch, answer)).await?
    }

    /// Claims in a transaction of its own. `None`, and nothing is changed, if an account
    /// has another revision.
    pub(crate) async fn claim(&self, order: ClaimOrder) -> Result<Option<Claim>> {
        self.ask(|answer| Command::Claim(order, answer)).await?
    }

    /// Ends the thread; what is sent to it later is an error.
    pub(crate) async fn close(&self) {
        // It may have been closed before.
        let _ = self.ask(Command::Close).await;
    }

    /// Waits until the thread has ended.
    pub(crate) async fn ended(&self) {
        self.0.closed().await;
    }

    async fn ask<T>(&self, command: impl FnOnce(oneshot::Sender<T>) -> Command) -> Result<T> {
        let (answer, answered) = oneshot::channel();
        self.0.send(command(answer)).map_err(|_| closed())?;
        answered.await.map_err(|_| closed())
    }
}

fn closed() -> Error {
    sqlx::Error::PoolClosed.into()
}

/// Opens the connection, and does what is asked for until nobody can ask any more.
fn serve(options: &Options, commands: &mut UnboundedReceiver<Command>, opened: oneshot::Sender<Result<()>>) {
    let connection = match open(options) {
        Ok(connection) => connection,
        Err(error) => return drop(opened.send(Err(error.into()))),
    };
    let closing = match Statements::prepare(&connection, &options.files) {
        Ok(mut statements) => {
            let _ = opened.send(Ok(()));
            statements.serve(commands)
        }
        Err(error) => return drop(opened.send(Err(error.into()))),
    };
    drop(connection);
    if let Some(answer) = closing {
        let _ = answer.send(());
    }
}

fn open(options: &Options) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(&options.path, flags)?;
    connection.busy_timeout(options.busy_timeout)?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "wal_autocheckpoint", options.checkpoint_pages)?;
    connection.pragma_update(None, "journal_size_limit", options.log_max)?;
    Ok(connection)
}

/// What is prepared.
struct Statements<'c> {
    connection: &'c Connection,
    files: &'c OpenFiles,
    begin: rusqlite::Statement<'c>,
    commit: rusqlite::Statement<'c>,
    rollback: rusqlite::Statement<'c>,
    has_revision: rusqlite::Statement<'c>,
    /// One for each of [`Statement::ALL`].
    of_rows: Vec<rusqlite::Statement<'c>>,
    due: rusqlite::Statement<'c>,
    take: rusqlite::Statement<'c>,
    hold_unreadable: rusqlite::Statement<'c>,
    forget: rusqlite::Statement<'c>,
    advance: rusqlite::Statement<'c>,
}

impl<'c> Statements<'c> {
    fn prepare(connection: &'c Connection, files: &'c OpenFiles) -> rusqlite::Result<Self> {
        // To SQLite `$1` is a name, and names are numbered as they come.
        let prepare = |sql: &str| connection.prepare(&sql.replace('$', "?"));
        Ok(Self {
            connection,
            files,
            begin: prepare(BEGIN_WRITING)?,
            commit: prepare("COMMIT")?,
            rollback: prepare("ROLLBACK")?,
            has_revision: prepare(HAS_REVISION)?,
            of_rows: Statement::ALL.iter().map(|one| prepare(one.sql())).collect::<Result<_, _>>()?,
            due: prepare(DUE)?,
            take: prepare(TAKE)?,
            hold_unreadable: prepare(HOLD_UNREADABLE)?,
            forget: prepare(REMOVE_QUEUE)?,
            advance: prepare(ADVANCE_QUEUE)?,
        })
    }

    /// Returns who asked for the end.
    fn serve(&mut self, commands: &mut UnboundedReceiver<Command>) -> Option<oneshot::Sender<()>> {
        while let Some(command) = commands.blocking_recv() {
            match command {
                Command::Write(batch, answer) => {
                    let written = self.write(&batch, || answer.is_closed());
                    let _ = answer.send(written);
                }
                Command::Claim(order, answer) => {
                    let claimed =
                        self.transact(|this| this.claim(&order), || answer.is_closed(), FaultPoints::default());
                    let _ = answer.send(claimed.map_err(WriteError::into_error));
                }
                Command::Close(answer) => return Some(answer),
            }
        }
        None
    }

    fn write(&mut self, batch: &Batch, abandoned: impl Fn() -> bool) -> Result<Write, WriteError> {
        let written = self.transact(|this| Ok(this.apply(batch)?.then_some(())), abandoned, batch.fault_points())?;
        Ok(Write::committed_if(written.is_some()))
    }

    /// Runs a transaction, and commits it if it is of use: it came to something, and
    /// somebody still waits for it.
    fn transact<T>(
        &mut self,
        body: impl FnOnce(&mut Self) -> Result<Option<T>>,
        abandoned: impl Fn() -> bool,
        fault_points: FaultPoints,
    ) -> Result<Option<T>, WriteError> {
        if abandoned() {
            return Ok(None);
        }
        self.files.check()?;
        located(self.begin.raw_execute())?;
        match body(self) {
            Ok(Some(done)) if !abandoned() => {
                fault_points.before_commit();
                self.commit()?;
                fault_points.after_commit();
                Ok(Some(done))
            }
            Ok(_) => {
                self.roll_back();
                Ok(None)
            }
            Err(error) => {
                self.roll_back();
                Err(error.into())
            }
        }
    }

    /// Runs the statements of a batch as long as what it assumes is so.
    fn apply(&mut self, batch: &Batch) -> Result<bool> {
        if !self.have_revisions(&batch.accounts)? {
            return Ok(false);
        }
        let queue_entries = batch.queue_entries();
        let mut columns = Vec::new();
        for row in rows(batch, &queue_entries) {
            columns.clear();
            row.columns(&mut columns);
            let changed = self.run(row, &columns)?;
            if changed == 0 && row.statement().must_change() {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Whether these accounts have these revisions.
    fn have_revisions(&mut self, accounts: &[(AccountId, i64)]) -> rusqlite::Result<bool> {
        for &(account, revision) in accounts {
            bind(&mut self.has_revision, &[account.into(), revision.into()])?;
            if self.has_revision.raw_query().next()?.is_none() {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn run(&mut self, row: Row<'_>, columns: &[Value<'_>]) -> Result<usize> {
        let statement = row.statement();
        execute(&mut self.of_rows[statement as usize], columns)
            .map_err(|error| Error::Embedded { error, at: Place::Named(statement.name()) })
    }

    fn claim(&mut self, order: &ClaimOrder) -> Result<Option<Claim>> {
        if !self.have_revisions(&order.accounts)? {
            return Ok(None);
        }
        let mut claim = Claim::default();
        for due in &order.endpoints {
            let first = claim.claimed.len();
            self.claim_at(due, order, &mut claim.claimed)?;
            let next_due_at = self.advance(due, due_again(claim.claimed.len() > first, order.now))?;
            claim.advanced(due.endpoint, next_due_at, order.now);
        }
        Ok(Some(claim))
    }

    fn claim_at(&mut self, due: &ClaimQuota, order: &ClaimOrder, claims: &mut Claims) -> Result<()> {
        let rows = self.read_due(due, order.now, claims.is_empty())?;
        for row in &rows {
            execute(&mut self.take, &[row.id.as_bytes().into(), order.until.into(), order.lease.into()])?;
        }
        for row in rows {
            let claim = row.read();
            if let Err(unreadable) = &claim {
                execute(&mut self.hold_unreadable, &[unreadable.id.as_bytes().into(), unreadable.account_id.into()])?;
            }
            claims.push(claim);
        }
        Ok(())
    }

    /// Reads what is due at an endpoint, one by one, as long as the bodies fit, and one
    /// in any case if it is the first of the claim.
    fn read_due(&mut self, due: &ClaimQuota, now: Timestamp, is_first: bool) -> Result<Vec<ClaimedRow>> {
        let ClaimQuota { account, endpoint, most, bytes, .. } = *due;
        let mut left = usize::try_from(bytes).unwrap_or_default();
        let mut claimed = Vec::new();
        bind(&mut self.due, &[account.into(), endpoint.into(), now.into(), most.into()])?;
        let mut rows = self.due.raw_query();
        while let Some(row) = rows.next()? {
            let len = row.get_ref(5)?.as_bytes_or_null().ok().flatten().map_or(0, <[u8]>::len);
            if len > left && !(is_first && claimed.is_empty()) {
                break;
            }
            left = left.saturating_sub(len);
            claimed.push(ClaimedRow {
                id: RawId::from(row.get_ref(0)?.as_bytes_or_null().ok().flatten().unwrap_or_default()),
                account_id: account,
                endpoint_id: endpoint,
                event_type: stored(row.get_ref(1)?.as_str().map_err(Unreadable::new).and_then(parse)),
                is_test: row.get_ref(2)? != ValueRef::Integer(0),
                attempts: stored(row.get(3)),
                failures: stored(row.get(4)),
                body: stored(row.get(5)).transpose(),
            });
        }
        Ok(claimed)
    }

    /// Moves the endpoint's queue on, or removes it; returns when something is next due.
    fn advance(&mut self, due: &ClaimQuota, due_again: Timestamp) -> Result<Option<Timestamp>> {
        let place = [due.account.into(), due.endpoint.into(), due_again.into()];
        if execute(&mut self.forget, &place[..2])? > 0 {
            return Ok(None);
        }
        bind(&mut self.advance, &place)?;
        // The row is changed before the statement answers.
        let mut rows = self.advance.raw_query();
        let next_due_at = rows.next()?.map(|row| row.get(0)).transpose()?;
        Ok(next_due_at.map(Timestamp::from_unix_micros))
    }

    fn commit(&mut self) -> Result<(), WriteError> {
        self.commit.raw_execute().map(drop).map_err(|error| {
            self.roll_back();
            WriteError::Unconfirmed(error.into())
        })
    }

    /// SQLite has done so by itself after some errors.
    fn roll_back(&mut self) {
        if !self.connection.is_autocommit()
            && let Err(error) = self.rollback.raw_execute()
        {
            tracing::error!(%error, "a transaction could not be rolled back");
        }
    }
}

/// A column, or the reason for which it holds no value of its type.
fn stored<T, E: Display>(column: Result<T, E>) -> Stored<T> {
    Stored(column.map_err(Unreadable::new))
}

fn parse<T: FromStr<Err: Display>>(text: &str) -> Result<T, Unreadable> {
    text.parse().map_err(Unreadable::new)
}

fn execute(statement: &mut rusqlite::Statement<'_>, columns: &[Value<'_>]) -> rusqlite::Result<usize> {
    bind(statement, columns)?;
    statement.raw_execute()
}

fn bind(statement: &mut rusqlite::Statement<'_>, columns: &[Value<'_>]) -> rusqlite::Result<()> {
    for (place, column) in columns.iter().enumerate() {
        statement.raw_bind_parameter(place + 1, column)?;
    }
    Ok(())
}

impl ToSql for Value<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self {
            Self::Null => ValueRef::Null,
            Self::Integer(number) => ValueRef::Integer(*number),
            Self::Text(text) => ValueRef::Text(text.as_bytes()),
            Self::Blob(bytes) => ValueRef::Blob(bytes),
            Self::Id(id) => ValueRef::Blob(id.as_bytes()),
        }))
    }
}

//! The thread that the hot path has to itself on SQLite: a whole transaction is one
//! trip to it, and all it takes is prepared.
//!
//! It holds a connection of its own, beside the one that writes everything else.
//! Who sends a command holds the turn to write, so that the two do not meet.

use std::{
    path::PathBuf,
    sync::mpsc::{Receiver, Sender, channel},
    thread,
    time::Duration,
};

use rusqlite::{
    Connection, OpenFlags, ToSql,
    types::{ToSqlOutput, ValueRef},
};
use tokio::sync::oneshot;

use super::statements::{LOOK, Row, Statement, Value, rows};
use crate::{
    queue::{Batch, NotWritten},
    store::{Error, Result},
};

/// How the connection is set up.
#[derive(Debug, Clone)]
pub(crate) struct Options {
    pub(crate) path: PathBuf,
    pub(crate) busy_timeout: Duration,
    pub(crate) checkpoint_pages: u32,
}

/// The way to the thread. Clones share it; it ends with the last of them.
#[derive(Debug, Clone)]
pub(crate) struct Hot(Sender<Command>);

#[derive(Debug)]
enum Command {
    Write(Batch, oneshot::Sender<Result<bool, NotWritten>>),
    Close(oneshot::Sender<()>),
}

impl Hot {
    /// Starts the thread, for a database that exists and is migrated.
    pub(crate) async fn open(options: Options) -> Result<Self> {
        let (commands, incoming) = channel();
        let (opened, answer) = oneshot::channel();
        let thread = thread::Builder::new().name("signet-sqlite".into());
        thread.spawn(move || serve(&options, &incoming, opened)).map_err(sqlx::Error::Io)?;
        answer.await.map_err(|_| closed())??;
        Ok(Self(commands))
    }

    /// Writes a batch in a transaction of its own; returns whether what it assumes is
    /// so. If not, nothing is changed. Who no longer waits for the answer before
    /// the transaction has begun, or before it is committed, gets nothing written.
    pub(crate) async fn write(&self, batch: Batch) -> Result<bool, NotWritten> {
        self.ask(|answer| Command::Write(batch, answer)).await?
    }

    /// Ends the thread; what is sent to it later is an error.
    pub(crate) async fn close(&self) {
        // It may have been closed before.
        let _ = self.ask(Command::Close).await;
    }

    async fn ask<T>(&self, command: impl FnOnce(oneshot::Sender<T>) -> Command) -> Result<T> {
        let (answer, answered) = oneshot::channel();
        self.0.send(command(answer)).map_err(|_| closed())?;
        answered.await.map_err(|_| closed())
    }
}

fn closed() -> Error {
    Error::Database(sqlx::Error::PoolClosed)
}

/// Opens the connection, and does what is asked for until nobody can ask any more.
fn serve(options: &Options, commands: &Receiver<Command>, opened: oneshot::Sender<Result<()>>) {
    let connection = match open(options) {
        Ok(connection) => connection,
        Err(error) => return drop(opened.send(Err(error.into()))),
    };
    let closing = match Statements::prepare(&connection) {
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
    Ok(connection)
}

/// What is prepared.
struct Statements<'c> {
    connection: &'c Connection,
    begin: rusqlite::Statement<'c>,
    commit: rusqlite::Statement<'c>,
    rollback: rusqlite::Statement<'c>,
    look: rusqlite::Statement<'c>,
    /// One for each of [`Statement::ALL`].
    of_rows: Vec<rusqlite::Statement<'c>>,
}

impl<'c> Statements<'c> {
    fn prepare(connection: &'c Connection) -> rusqlite::Result<Self> {
        Ok(Self {
            connection,
            begin: connection.prepare(crate::store::database::BEGIN_WRITING)?,
            commit: connection.prepare("COMMIT")?,
            rollback: connection.prepare("ROLLBACK")?,
            look: connection.prepare(LOOK)?,
            of_rows: Statement::ALL.iter().map(|one| connection.prepare(one.sql())).collect::<Result<_, _>>()?,
        })
    }

    /// Returns who asked for the end.
    fn serve(&mut self, commands: &Receiver<Command>) -> Option<oneshot::Sender<()>> {
        while let Ok(command) = commands.recv() {
            match command {
                Command::Write(_, answer) if answer.is_closed() => {}
                Command::Write(batch, answer) => {
                    let written = self.write(&batch, &answer);
                    let _ = answer.send(written);
                }
                Command::Close(answer) => return Some(answer),
            }
        }
        None
    }

    fn write<T>(&mut self, batch: &Batch, answer: &oneshot::Sender<T>) -> Result<bool, NotWritten> {
        self.begin.raw_execute().map_err(Error::from)?;
        let passage = batch.passage();
        match self.apply(batch) {
            Ok(true) if !answer.is_closed() => {
                passage.before_commit();
                self.commit()?;
                passage.after_commit();
                Ok(true)
            }
            Ok(_) => {
                self.roll_back();
                Ok(false)
            }
            Err(error) => {
                self.roll_back();
                Err(Error::from(error).into())
            }
        }
    }

    /// Runs the statements of a batch as long as what it assumes is so.
    fn apply(&mut self, batch: &Batch) -> rusqlite::Result<bool> {
        for &(account, revision) in &batch.accounts {
            bind(&mut self.look, &[account.into(), revision.into()])?;
            let found = self.look.raw_query().next()?.is_some();
            if !found {
                return Ok(false);
            }
        }
        let touches = batch.touches();
        let mut columns = Vec::new();
        for row in rows(batch, &touches) {
            columns.clear();
            row.columns(&mut columns);
            let changed = self.run(row, &columns)?;
            if changed == 0 && row.statement().must_change() {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn run(&mut self, row: Row<'_>, columns: &[Value<'_>]) -> rusqlite::Result<usize> {
        let statement = &mut self.of_rows[row.statement() as usize];
        bind(statement, columns)?;
        statement.raw_execute()
    }

    fn commit(&mut self) -> Result<(), NotWritten> {
        self.commit.raw_execute().map(drop).map_err(|error| {
            self.roll_back();
            NotWritten::Unconfirmed(error.into())
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

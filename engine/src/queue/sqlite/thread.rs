//! The thread of the hot path on SQLite: a whole transaction is one trip to it, and all
//! statements are prepared.
//!
//! It has a connection of its own, beside the one for all other writes. A task that
//! sends a command holds the turn to write, so that the two never meet at the file's lock.

use std::thread;

use rusqlite::{Connection, OpenFlags};
use tokio::sync::{
    mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel},
    oneshot,
};

use super::prepared::Prepared;
use crate::{
    db::{Error, HotOptions, Result},
    queue::{Batch, Claim, ClaimOrder, Write, WriteError},
};

/// The channel to the thread. Clones share it, and the thread ends with the last of them.
/// Tasks that write take turns, so that hardly more than one command waits.
#[derive(Debug, Clone)]
pub(super) struct Thread(UnboundedSender<Command>);

#[derive(Debug)]
pub(super) enum Command {
    Write(Batch, oneshot::Sender<Result<Write, WriteError>>),
    Claim(ClaimOrder, oneshot::Sender<Result<Claim>>),
    Close(oneshot::Sender<()>),
}

impl Thread {
    /// Starts the thread on a database that exists and is migrated. If the connection cannot
    /// be opened the thread ends, and each command is answered with an error.
    pub(super) fn start(options: HotOptions) -> Self {
        let (commands, mut incoming) = unbounded_channel();
        let started = thread::Builder::new().name("signet-sqlite".into()).spawn(move || {
            if let Err(error) = run(&options, &mut incoming) {
                tracing::error!(%error, "the database could not be opened for the hot path");
            }
        });
        if let Err(error) = started {
            tracing::error!(%error, "the thread of the hot path could not be started");
        }
        Self(commands)
    }

    /// Writes a batch in a transaction of its own. If the caller no longer waits for the answer
    /// before the transaction begins, or before it commits, the batch is not written.
    pub(super) async fn write(&self, batch: Batch) -> Result<Write, WriteError> {
        self.ask(|answer| Command::Write(batch, answer)).await?
    }

    /// Claims in a transaction of its own.
    pub(super) async fn claim(&self, order: ClaimOrder) -> Result<Claim> {
        self.ask(|answer| Command::Claim(order, answer)).await?
    }

    /// Ends the thread; later commands are answered with an error.
    pub(super) async fn close(&self) {
        // The thread may have ended before.
        let _ = self.ask(Command::Close).await;
    }

    /// Waits until the thread has ended.
    pub(super) async fn ended(&self) {
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

/// Opens the connection, and runs commands until the channel closes or a command says so.
fn run(options: &HotOptions, commands: &mut UnboundedReceiver<Command>) -> Result<()> {
    let connection = open(options)?;
    let mut prepared = Prepared::new(&connection, &options.files)?;
    let mut closing = None;
    while closing.is_none()
        && let Some(command) = commands.blocking_recv()
    {
        match command {
            Command::Write(batch, answer) => {
                let written = prepared.write(&batch, || answer.is_closed());
                let _ = answer.send(written);
            }
            Command::Claim(order, answer) => {
                let claimed = prepared.claim(&order, || answer.is_closed());
                let _ = answer.send(claimed);
            }
            Command::Close(answer) => closing = Some(answer),
        }
    }
    drop(prepared);
    drop(connection);
    if let Some(answer) = closing {
        let _ = answer.send(());
    }
    Ok(())
}

fn open(options: &HotOptions) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(&options.path, flags)?;
    connection.busy_timeout(options.busy_timeout)?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "wal_autocheckpoint", options.checkpoint_pages)?;
    connection.pragma_update(None, "journal_size_limit", options.log_max)?;
    Ok(connection)
}

//! Copies the pages of one state of an SQLite file.

use std::{ffi::c_int, path::Path, thread::sleep, time::Duration};

use rusqlite::{
    Connection, OpenFlags,
    backup::{Backup, StepResult},
};

use super::{BackupError, Draft, Result};
use crate::fault;

/// The pages of one step: 4 MiB. An interruption is noticed between two steps.
const STEP: c_int = 1024;
/// The time that a statement waits for another process that has the file.
const PATIENCE: Duration = Duration::from_secs(10);
/// The time between two tries of what SQLite does not wait for by itself.
const PAUSE: Duration = Duration::from_millis(10);

/// How far the copy has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// Pages that are copied.
    pub pages: u64,
    /// Pages in all.
    pub of: u64,
}

/// Copies one state of an SQLite database, which others may write to meanwhile, and calls `told`
/// after each step. The copy is one file, without a log beside it.
///
/// # Errors
/// The database cannot be read, or the copy cannot be written.
pub fn copy(from: &Path, draft: &Draft, told: &mut dyn FnMut(Progress)) -> Result<()> {
    copy_pages(from, draft, told)?;
    fault::point("backup_copied");
    close_log(draft.path()).map_err(sqlite(draft.path()))
}

/// The failure of a statement at this file.
pub(super) fn sqlite(path: &Path) -> impl Fn(rusqlite::Error) -> BackupError {
    move |error| {
        let path = path.to_owned();
        if is_damage(&error) {
            return BackupError::Damaged { path, words: error.to_string() };
        }
        BackupError::Sqlite { path, error }
    }
}

fn is_damage(error: &rusqlite::Error) -> bool {
    use rusqlite::ErrorCode::{DatabaseCorrupt, NotADatabase};
    matches!(error.sqlite_error_code(), Some(DatabaseCorrupt | NotADatabase))
}

/// A connection that only reads.
pub(super) fn reader(path: &Path) -> Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags).map_err(sqlite(path))?;
    connection.busy_timeout(PATIENCE).map_err(sqlite(path))?;
    Ok(connection)
}

/// A connection to a file that exists.
pub(super) fn writer(path: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(PATIENCE)?;
    Ok(connection)
}

fn copy_pages(from: &Path, draft: &Draft, told: &mut dyn FnMut(Progress)) -> Result<()> {
    let source = reader(from)?;
    // The state of this instant is kept until the end. Without that, each commit of a server
    // would have the copy begin anew.
    let begun = source.execute_batch("BEGIN; SELECT count(*) FROM sqlite_schema");
    begun.map_err(sqlite(from))?;
    // What is damaged is the source.
    let failed = |error: rusqlite::Error| {
        let path = if is_damage(&error) { from } else { draft.path() };
        sqlite(path)(error)
    };
    let mut target = writer(draft.path()).map_err(failed)?;
    // The file is made durable as a whole, before it gets its name.
    target.execute_batch("PRAGMA synchronous = OFF; PRAGMA journal_mode = OFF").map_err(failed)?;
    let backup = Backup::new(&source, &mut target).map_err(failed)?;
    loop {
        fault::point("backup_step");
        let step = backup.step(STEP).map_err(failed)?;
        let at = backup.progress();
        told(Progress { pages: count(at.pagecount - at.remaining), of: count(at.pagecount) });
        match step {
            StepResult::Done => return Ok(()),
            StepResult::More => {}
            _ => return Err(BackupError::InUse(from.to_owned())),
        }
    }
}

fn count(pages: c_int) -> u64 {
    u64::try_from(pages).unwrap_or_default()
}

/// Has the file need no log: it can be read from where nothing can be written.
pub(super) fn close_log(path: &Path) -> rusqlite::Result<()> {
    let mode: String = writer(path)?.query_row("PRAGMA journal_mode = DELETE", [], |row| row.get(0))?;
    if mode == "delete" { Ok(()) } else { Err(busy()) }
}

/// [`close_log`] of a file that this process has had open a moment ago: its connections close in
/// threads of their own.
pub(super) fn close_log_in_time(path: &Path) -> rusqlite::Result<()> {
    let mut waited = Duration::ZERO;
    loop {
        match close_log(path) {
            Err(error) if is_busy(&error) && waited < PATIENCE => sleep(PAUSE),
            closed => return closed,
        }
        waited += PAUSE;
    }
}

/// Tells whether another connection has the file.
pub(super) fn is_busy(error: &rusqlite::Error) -> bool {
    use rusqlite::ErrorCode::{DatabaseBusy, DatabaseLocked};
    matches!(error.sqlite_error_code(), Some(DatabaseBusy | DatabaseLocked))
}

/// The failure of a statement for which another connection has the file.
fn busy() -> rusqlite::Error {
    rusqlite::Error::SqliteFailure(rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_BUSY), None)
}

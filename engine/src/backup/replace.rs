//! Puts a database in the place of another one, which is kept under another name.

use std::{
    fs::{self, File},
    io::{self, Read},
    path::{Path, PathBuf},
};

use signet_model::Timestamp;

use super::{
    BackupError, Draft, Result,
    copy::{close_log, close_log_in_time, is_busy, sqlite},
    draft::{beside, io_error, sync_folder, with_suffix},
};
use crate::fault;

const MAGIC: &[u8] = b"SQLite format 3\0";

/// Puts a database in its place, and returns the path at which the one before is kept. No server
/// has it open. There is a whole database at the place at any instant, the old or the new one.
///
/// # Errors
/// Another program has the database open, or the folder cannot be written.
pub fn replace(draft: Draft, now: Timestamp) -> Result<Option<PathBuf>> {
    let place = draft.place().to_owned();
    // It moves alone: nothing of it may be in a log.
    close_log_in_time(draft.path()).map_err(sqlite(draft.path()))?;
    let is_there = place.try_exists().map_err(io_error(&place))?;
    if is_there {
        settle(&place)?;
    }
    let kept = keep(&place, now, is_there)?;
    // The log of another database would be taken for the new one's.
    for (from, to) in beside(&place).into_iter().zip(beside(&kept)) {
        match fs::rename(&from, &to) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(io_error(&to)(error)),
            _ => {}
        }
    }
    sync_folder(&place)?;
    fault::point("restore_kept");
    draft.put_in_place(true)?;
    Ok(is_there.then_some(kept))
}

/// Gives a database that is there a second name: until the last step it has its own too.
fn keep(place: &Path, now: Timestamp, is_there: bool) -> Result<PathBuf> {
    let named = with_suffix(place, &format!(".replaced-{}", now.rfc3339_seconds().replace(':', "")));
    let (mut kept, mut number) = (named.clone(), 1);
    if !is_there {
        return Ok(kept);
    }
    loop {
        match fs::hard_link(place, &kept) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                number += 1;
                kept = with_suffix(&named, &format!("-{number}"));
            }
            linked => return linked.map(|()| kept.clone()).map_err(io_error(&kept)),
        }
    }
}

/// Brings what is in the log of a database into its file. One that is damaged is left as it is,
/// and kept with its log.
fn settle(place: &Path) -> Result<()> {
    // SQLite removes the log of a file that it does not know as a database.
    if !is_database(place).map_err(io_error(place))? {
        tracing::warn!("the file of before is no database any more, and kept as it is");
        return Ok(());
    }
    match close_log(place) {
        Err(error) if is_busy(&error) => Err(BackupError::InUse(place.to_owned())),
        Err(error) => {
            tracing::warn!(%error, "the database of before is damaged, and kept as it is");
            Ok(())
        }
        Ok(()) => Ok(()),
    }
}

/// True if the file begins as each SQLite database does (Database File Format, section 1.3.1).
fn is_database(path: &Path) -> io::Result<bool> {
    let mut begin = Vec::new();
    File::open(path)?.take(MAGIC.len() as u64).read_to_end(&mut begin)?;
    Ok(begin == MAGIC)
}

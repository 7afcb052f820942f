//! The SQLite file and its log: made for their owner alone, and watched while they are
//! open. The commits to a file that was removed or replaced are kept by no disk.

use std::{
    ffi::OsString,
    fs::{self, OpenOptions},
    io,
    os::unix::fs::{MetadataExt, OpenOptionsExt},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

use super::{Error, Result};

/// The least time between two looks of transactions at the files: a look takes some 20 µs, a
/// tenth of the processor's time of a small transaction.
const LOOK_AGAIN: Duration = Duration::from_millis(100);

/// Makes the database's file if it is missing, readable and writable by its owner alone
/// under any umask. SQLite gives its log the same mode.
pub(super) fn make_private(path: &Path) -> Result<()> {
    let made = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
    match made {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(unusable(path, error)),
        _ => Ok(()),
    }
}

fn unusable(path: &Path, error: io::Error) -> Error {
    Error::File { path: path.to_owned(), error }
}

/// The files of an open database. Clones share the last look.
#[derive(Debug, Clone)]
pub(crate) struct OpenFiles(Arc<Opened>);

#[derive(Debug)]
struct Opened {
    /// The database, and its log.
    files: [(PathBuf, Identity); 2],
    /// The last instant at which the files were seen in place.
    seen_at: Mutex<Option<Instant>>,
}

/// Device and inode of the file that a path leads to.
type Identity = (u64, u64);

impl OpenFiles {
    /// Remembers the files that the paths lead to, once connections are open.
    pub(super) fn at(path: &Path) -> Result<Self> {
        let mut log = OsString::from(path);
        log.push("-wal");
        let identified = |path: PathBuf| match identity(&path) {
            Ok(identity) => Ok((path, identity)),
            Err(error) => Err(unusable(&path, error)),
        };
        let files = [identified(path.to_owned())?, identified(log.into())?];
        Ok(Self(Arc::new(Opened { files, seen_at: Mutex::default() })))
    }

    /// Fails if a file was not in place at the last look, [`LOOK_AGAIN`] ago at most.
    pub(crate) fn check(&self) -> Result<()> {
        let now = Instant::now();
        if self.seen_at().is_some_and(|seen_at| now.duration_since(seen_at) < LOOK_AGAIN) {
            return Ok(());
        }
        self.look()?;
        *self.0.seen_at.lock().unwrap_or_else(PoisonError::into_inner) = Some(now);
        Ok(())
    }

    fn seen_at(&self) -> Option<Instant> {
        *self.0.seen_at.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Fails if a path leads to no file, or to another one than was opened.
    pub(crate) fn look(&self) -> Result<()> {
        let Some((path, _)) = self.0.files.iter().find(|(path, known)| identity(path).ok() != Some(*known)) else {
            return Ok(());
        };
        Err(Error::FileGone(path.clone()))
    }
}

fn identity(path: &Path) -> io::Result<Identity> {
    fs::metadata(path).map(|found| (found.dev(), found.ino()))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use signet_model::AccountId;

    use super::*;
    use crate::{
        Engine,
        db::{Database, DatabaseUrl, Pool, sqlite::LOG_MAX},
        deliver::ingest::IngestError,
        testing::{TestDatabase, account, completed, resting_engine, sqlite},
    };

    async fn started() -> (TestDatabase, PathBuf, Engine, AccountId) {
        let database = sqlite().await;
        let DatabaseUrl::Sqlite(path) = database.url.clone() else { unreachable!("it is SQLite") };
        let (engine, _) = resting_engine(&database);
        std::mem::forget(engine.start());
        let acme = account(&engine, "acme").await;
        engine.ingest(completed(&engine, acme, "before")).await.expect("accepted");
        (database, path, engine, acme)
    }

    #[tokio::test]
    async fn a_file_that_is_removed_or_replaced_takes_no_more_events() {
        for suffix in ["", "-wal"] {
            for replaced in [false, true] {
                let (_database, path, engine, acme) = started().await;
                let mut path = OsString::from(path);
                path.push(suffix);
                if replaced {
                    let mut copy = path.clone();
                    copy.push(".copy");
                    fs::copy(&path, &copy).expect("a copy");
                    fs::rename(&copy, &path).expect("replaced");
                } else {
                    fs::remove_file(&path).expect("removed");
                }
                let refused = loop {
                    if let Err(refused) = engine.ingest(completed(&engine, acme, "after")).await {
                        break refused;
                    }
                };
                assert_eq!(refused, IngestError::Store, "{suffix} {replaced}");
                assert!(matches!(engine.ready().await, Err(Error::FileGone(_))), "{suffix} {replaced}");
                let other = "other".parse().expect("a name");
                assert!(
                    engine.accounts().create(&crate::actor::Operator::signet(), &other).await.is_err(),
                    "a change by a page is refused as well"
                );
            }
        }
    }

    #[tokio::test]
    async fn after_a_long_reader_the_log_is_cut() {
        let (database, path, engine, acme) = started().await;
        let Database::Sqlite(db) = &database.db else { unreachable!("it is SQLite") };
        let mut log = OsString::from(path);
        log.push("-wal");
        let size = || fs::metadata(&log).expect("a log").len();
        let mut reader = db.readers.of(Pool::Pages).begin().await.expect("a reader");
        sqlx::query("SELECT count(*) FROM accounts").execute(&mut *reader).await.expect("an old state");
        database.run("CREATE TABLE large (bytes BLOB)").await;
        while size() <= LOG_MAX.into() {
            database.run("INSERT INTO large VALUES (zeroblob(10000000))").await;
        }
        reader.rollback().await.expect("ended");
        // One commit copies the pages of the log, and the next one begins it anew.
        for task in ["one", "two", "three"] {
            engine.ingest(completed(&engine, acme, task)).await.expect("accepted");
        }
        assert!(size() <= LOG_MAX.into(), "{}", size());
    }

    #[tokio::test]
    async fn the_files_are_for_their_owner_alone() {
        let (_database, path, ..) = started().await;
        for suffix in ["", "-wal", "-shm"] {
            let mut path = OsString::from(&path);
            path.push(suffix);
            let mode = fs::metadata(&path).expect("a file").permissions().mode();
            assert_eq!(mode & 0o777, 0o600, "{suffix}");
        }
    }
}

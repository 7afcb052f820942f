//! What keeps a database from working for everybody alike, and what an operator does about it.

use std::{
    fs, io,
    io::Write,
    path::{Path, PathBuf},
};

use rusqlite::ErrorCode;
use sqlx::postgres::PgDatabaseError;

use super::{DatabaseUrl, Error};

/// The bytes that must fit on the disk of an SQLite file: a log that grows by less helps nobody.
const ROOM: usize = 1024 * 1024;

/// The kind of a failure that all statements share. Those of one kind are one line in the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trouble {
    /// The file system of an SQLite file does not take what is written.
    Disk,
    /// Another process keeps an SQLite file locked.
    Locked,
    /// The SQLite file is not what it was: removed, replaced, or damaged.
    File,
    /// The server does not answer.
    Unreachable,
    /// The server answers, and lets nobody write.
    ReadOnly,
    /// The disk of the server is full, or fails.
    ServerDisk,
    /// The server takes no more connections.
    Crowded,
    /// The server lets this role in no more.
    Refused,
}

impl Error {
    /// The trouble that all statements have, or `None` if the failure is that of one statement.
    pub fn trouble(&self) -> Option<Trouble> {
        match self {
            Self::Embedded { error, .. } => match error.sqlite_error_code()? {
                ErrorCode::DiskFull | ErrorCode::ReadOnly | ErrorCode::SystemIoFailure | ErrorCode::CannotOpen => {
                    Some(Trouble::Disk)
                }
                ErrorCode::DatabaseBusy => Some(Trouble::Locked),
                ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase => Some(Trouble::File),
                _ => None,
            },
            Self::Database { error, .. } => of_driver(error),
            Self::FileGone(_) => Some(Trouble::File),
            _ => None,
        }
    }
}

impl Error {
    /// What is wrong with a database that cannot be opened, and the remedy; `None` if it is nothing
    /// that all statements share. Looks at the disk of an SQLite file, and so blocks the thread.
    pub fn advice(&self, url: &DatabaseUrl) -> Option<String> {
        let disk = if let DatabaseUrl::Sqlite(path) = url { Some(Disk::of(path)) } else { None };
        self.trouble().map(|trouble| trouble.words(disk.as_ref(), &self.to_string()))
    }
}

fn of_driver(error: &sqlx::Error) -> Option<Trouble> {
    let database = match error {
        sqlx::Error::Io(_) | sqlx::Error::Tls(_) | sqlx::Error::Protocol(_) | sqlx::Error::PoolTimedOut => {
            return Some(Trouble::Unreachable);
        }
        sqlx::Error::Database(database) => database,
        _ => return None,
    };
    let code = database.code()?;
    if database.try_downcast_ref::<PgDatabaseError>().is_some() { of_postgres(&code) } else { of_sqlite(&code) }
}

/// By the first digits of an SQLSTATE (PostgreSQL's appendix A).
fn of_postgres(code: &str) -> Option<Trouble> {
    match code {
        "25006" => Some(Trouble::ReadOnly),
        "53300" => Some(Trouble::Crowded),
        // The database is gone, or the role or its password.
        "3D000" => Some(Trouble::Refused),
        // Shut down, crashed, or starting up.
        "57P01" | "57P02" | "57P03" => Some(Trouble::Unreachable),
        _ => match code.get(..2)? {
            "08" => Some(Trouble::Unreachable),
            "28" => Some(Trouble::Refused),
            "53" | "58" => Some(Trouble::ServerDisk),
            _ => None,
        },
    }
}

/// By the low byte of SQLite's extended code.
fn of_sqlite(code: &str) -> Option<Trouble> {
    match code.parse::<i32>().ok()? & 0xff {
        // SQLITE_READONLY, SQLITE_IOERR, SQLITE_FULL, SQLITE_CANTOPEN
        8 | 10 | 13 | 14 => Some(Trouble::Disk),
        // SQLITE_BUSY
        5 => Some(Trouble::Locked),
        // SQLITE_CORRUPT, SQLITE_NOTADB
        11 | 26 => Some(Trouble::File),
        _ => None,
    }
}

/// The file system that an SQLite file is on.
#[derive(Debug, Clone)]
pub(crate) struct Disk {
    folder: PathBuf,
    /// The database.
    file: PathBuf,
    /// A file that is written and removed to see what the system says.
    tried: PathBuf,
}

impl Disk {
    pub(super) fn of(database: &Path) -> Self {
        let mut tried = database.as_os_str().to_owned();
        tried.push(".disk-check");
        let folder = match database.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder,
            _ => Path::new("."),
        };
        Self { folder: folder.to_owned(), file: database.to_owned(), tried: tried.into() }
    }

    /// Writes some bytes beside the database, and removes them. Blocks the thread.
    pub(crate) fn take(&self) -> io::Result<()> {
        let written = fs::File::create(&self.tried).and_then(|mut file| file.write_all(&vec![1; ROOM]));
        match fs::remove_file(&self.tried) {
            // It was not made.
            Err(error) if error.kind() == io::ErrorKind::NotFound => written,
            removed => written.and(removed),
        }
    }

    /// What is wrong with the disk, and the remedy. Blocks the thread.
    fn words(&self) -> String {
        let folder = self.folder.display();
        let Err(error) = self.take() else {
            if fs::OpenOptions::new()
                .write(true)
                .open(&self.file)
                .is_err_and(|error| error.kind() == io::ErrorKind::PermissionDenied)
            {
                return format!("the file {} cannot be written: see whether this user may", self.file.display());
            }
            return format!(
                "the disk under {folder} does not take what is written: look into the system's log for its faults"
            );
        };
        match error.kind() {
            io::ErrorKind::StorageFull => format!("the disk is full: free space under {folder}"),
            io::ErrorKind::QuotaExceeded => {
                format!("the quota of the disk is used up: raise it, or free space under {folder}")
            }
            io::ErrorKind::ReadOnlyFilesystem => format!(
                "the file system under {folder} can only be read: look into the system's log for the reason, and make it \
                 writable again"
            ),
            io::ErrorKind::PermissionDenied => {
                format!("the folder {folder} cannot be written: give it back to the user of this process")
            }
            _ => format!("the disk under {folder} fails: {error}"),
        }
    }
}

impl Trouble {
    /// What is wrong in words, with the remedy. Looks at the disk of an SQLite file, and so blocks
    /// the thread.
    pub(crate) fn words(self, disk: Option<&Disk>, error: &str) -> String {
        match (self, disk) {
            (Self::Disk, Some(disk)) => disk.words(),
            (Self::Disk | Self::ServerDisk, _) => {
                format!("the disk of the database's server is full, or fails ({error}): free space there")
            }
            (Self::Locked, _) => "another process keeps the database locked: end it, or its transaction".to_owned(),
            (Self::File, _) => format!("{error}: stop the server, put the file back, and start it again"),
            (Self::Unreachable, _) => {
                format!("the database does not answer ({error}): start it, or see to the way there")
            }
            (Self::ReadOnly, _) => {
                "the database can only be read: it is a standby, or was set so; promote it, or lead \
                 its address to the primary"
                    .to_owned()
            }
            (Self::Crowded, _) => {
                "the database takes no more connections: end some, or raise its max_connections".to_owned()
            }
            (Self::Refused, _) => format!("the database does not let this server in ({error}): see to its role"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::db::Place;

    #[test]
    fn failures_that_all_statements_share_are_told_from_those_of_one() {
        use Trouble::{Crowded, ReadOnly, Refused, ServerDisk, Unreachable};
        let codes = ["25006", "57P01", "08006", "53100", "53300", "28P01", "23505", "57014", "22003", "40001"];
        let troubles = [ReadOnly, Unreachable, Unreachable, ServerDisk, Crowded, Refused].map(Some);
        assert_eq!(codes.map(of_postgres)[..6], troubles);
        assert_eq!(codes.map(of_postgres)[6..], [None; 4]);
        // Full, an error of the disk while the shared memory grows, busy, a constraint.
        assert_eq!(
            ["13", "4874", "5", "2067"].map(of_sqlite),
            [Some(Trouble::Disk), Some(Trouble::Disk), Some(Trouble::Locked), None]
        );
        let timed_out = Error::Database { error: sqlx::Error::PoolTimedOut, at: Place::Named("acquire") };
        assert_eq!((timed_out.trouble(), Error::TooSlow.trouble()), (Some(Unreachable), None));
    }

    #[test]
    fn the_disk_is_asked_what_it_says() {
        let folder = tempfile::tempdir().expect("a folder");
        let disk = Disk::of(&folder.path().join("signet.db"));
        disk.take().expect("there is room");
        assert_eq!(fs::read_dir(folder.path()).expect("a folder").count(), 0, "nothing is left");
        let gone = Disk::of(&folder.path().join("gone/signet.db"));
        assert!(gone.words().contains("fails: No such file or directory"), "{}", gone.words());
        assert!(disk.words().contains("does not take what is written"), "{}", disk.words());
    }
}

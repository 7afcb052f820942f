//! Backups of an SQLite database: a copy of one state of the file, taken beside servers that
//! write to it, looked through before it counts, and put back.
//!
//! Every file is written under another name beside its place, and put there when it is whole
//! and on the disk: an end in the middle leaves what was there before.

mod copy;
mod draft;
mod look;
mod replace;
#[cfg(test)]
mod tests;

use std::{
    io,
    path::{Path, PathBuf},
};

pub use copy::{Progress, copy};
pub use draft::Draft;
pub use look::{Contents, look};
pub use replace::replace;

/// The result of a step.
pub type Result<T, E = BackupError> = std::result::Result<T, E>;

/// The reason for which a backup was not made, or not put back.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// SQLite cannot read or write a file.
    #[error("{} cannot be used: {error}", path.display())]
    Sqlite {
        /// The file.
        path: PathBuf,
        /// The words of SQLite.
        error: rusqlite::Error,
    },
    /// The system cannot read or write a file.
    #[error("{} cannot be used: {error}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// The words of the system.
        error: io::Error,
    },
    /// A file is where one is to be written.
    #[error("{} is there already", .0.display())]
    Exists(PathBuf),
    /// Another command writes to the same place.
    #[error("another command is writing {}", .0.display())]
    UnderWay(PathBuf),
    /// Another program has the database open.
    #[error("another program has the database {} open: stop it first", .0.display())]
    InUse(PathBuf),
    /// The file is no whole SQLite database.
    #[error("{} is damaged: {words}", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// The first complaint of SQLite.
        words: String,
    },
    /// The file is a database of another program.
    #[error("{} is no database of Signet", .0.display())]
    Foreign(PathBuf),
    /// A newer version wrote the database.
    #[error("{} has schema version {found}, and this version of Signet knows {known}: use the version that wrote it, or a newer one", path.display())]
    Newer {
        /// The file.
        path: PathBuf,
        /// The version of its schema.
        found: i64,
        /// The newest version that this program knows.
        known: i64,
    },
}

impl BackupError {
    /// The same complaint about the file of which this one is a copy.
    #[must_use]
    pub fn at(self, original: &Path) -> Self {
        let path = original.to_owned();
        match self {
            Self::Damaged { words, .. } => Self::Damaged { path, words },
            Self::Foreign(_) => Self::Foreign(path),
            Self::Newer { found, known, .. } => Self::Newer { path, found, known },
            other => other,
        }
    }
}

//! A file that is written beside its place, and put there when it is whole.

use std::{
    ffi::OsString,
    fs::{self, File, OpenOptions, TryLockError},
    io,
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

use super::{BackupError, Result};

/// The files that SQLite puts beside a database.
const BESIDE: [&str; 3] = ["-wal", "-shm", "-journal"];

/// An unfinished file, for its owner alone. It is removed unless it is put in its place; one that
/// a killed command left is taken over.
#[derive(Debug)]
pub struct Draft {
    path: PathBuf,
    place: PathBuf,
    /// Holds the lock that keeps another command away.
    file: File,
    /// It has left: a file by its name is another command's.
    is_placed: bool,
}

impl Draft {
    /// Begins a file that is to be at this place.
    ///
    /// # Errors
    /// Another command has begun one, or its folder cannot be written.
    pub fn beside(place: &Path) -> Result<Self> {
        let name = place.file_name().ok_or_else(|| no_file(place))?;
        let mut hidden = OsString::from(".");
        hidden.push(name);
        hidden.push(".unfinished");
        let draft = place.with_file_name(hidden);
        let made = OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(&draft);
        let file = made.map_err(io_error(&draft))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(BackupError::UnderWay(place.to_owned())),
            Err(TryLockError::Error(error)) => return Err(io_error(&draft)(error)),
        }
        let this = Self { path: draft, place: place.to_owned(), file, is_placed: false };
        this.remove_beside();
        this.file.set_len(0).map_err(io_error(&this.path))?;
        Ok(this)
    }

    /// The unfinished file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The place where it is to be.
    pub fn place(&self) -> &Path {
        &self.place
    }

    /// Makes the file durable and puts it in its place, where another one may be only if it `may_replace` it.
    ///
    /// # Errors
    /// Another file is there, or the folder cannot be written.
    pub fn put_in_place(mut self, may_replace: bool) -> Result<()> {
        if !may_replace && self.place.try_exists().map_err(io_error(&self.place))? {
            return Err(BackupError::Exists(self.place.clone()));
        }
        self.file.sync_all().map_err(io_error(&self.path))?;
        fs::rename(&self.path, &self.place).map_err(io_error(&self.place))?;
        self.is_placed = true;
        sync_folder(&self.place)
    }

    fn remove_beside(&self) {
        for path in beside(&self.path) {
            drop(fs::remove_file(path));
        }
    }
}

impl Drop for Draft {
    /// Removes what was not put in its place.
    fn drop(&mut self) {
        if !self.is_placed {
            drop(fs::remove_file(&self.path));
            self.remove_beside();
        }
    }
}

/// The files that SQLite puts beside a database.
pub(super) fn beside(path: &Path) -> [PathBuf; 3] {
    BESIDE.map(|suffix| with_suffix(path, suffix))
}

/// The path with more at its end.
pub(super) fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut path = path.as_os_str().to_owned();
    path.push(suffix);
    path.into()
}

/// Makes the names in the folder of a file durable.
pub(super) fn sync_folder(path: &Path) -> Result<()> {
    let folder = path.parent().filter(|parent| *parent != Path::new("")).unwrap_or_else(|| Path::new("."));
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(io_error(folder))
}

/// The failure of the system at this path.
pub(super) fn io_error(path: &Path) -> impl Fn(io::Error) -> BackupError {
    move |error| BackupError::Io { path: path.to_owned(), error }
}

fn no_file(place: &Path) -> BackupError {
    io_error(place)(io::Error::new(io::ErrorKind::InvalidInput, "this names no file"))
}

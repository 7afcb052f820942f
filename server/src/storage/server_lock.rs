//! One server for one SQLite file: the memory of a server holds as long as no other server
//! changes the file. Commands that finish by themselves may run beside it.

use std::{
    ffi::OsString,
    fs::{self, File, OpenOptions, TryLockError},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

use anyhow::{Context, bail};
use signet_engine::db::DatabaseUrl;

/// Keeps other servers away as long as it lives. The system takes it back at any end of the
/// process.
#[derive(Debug)]
pub struct ServerLock(#[expect(dead_code, reason = "it only has to stay open")] File);

impl ServerLock {
    /// Takes the lock of a database; PostgreSQL needs none.
    ///
    /// # Errors
    /// Another server has it, or its file cannot be made.
    pub fn take(database: &DatabaseUrl) -> anyhow::Result<Option<Self>> {
        let DatabaseUrl::Sqlite(database) = database else { return Ok(None) };
        let path = path(database);
        let file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(&path)
            .with_context(|| format!("{} cannot be made; choose another folder with --database", path.display()))?;
        match file.try_lock() {
            Ok(()) => Ok(Some(Self(file))),
            Err(TryLockError::WouldBlock) => bail!(
                "another server has the database {} open: stop it first, or give this one a database of its own with \
                 --database",
                database.display()
            ),
            Err(TryLockError::Error(error)) => {
                Err(error).with_context(|| format!("{} cannot be locked", path.display()))
            }
        }
    }
}

/// Beside the file that the path leads to in the end, so that it is the same by any way.
fn path(database: &Path) -> PathBuf {
    let mut path = fs::canonicalize(database).unwrap_or_else(|_| database.to_owned()).into_os_string();
    path.push(OsString::from(".lock"));
    path.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_one_server_has_an_sqlite_file() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("signet.db");
        fs::write(&file, "").expect("a database");
        let link = folder.path().join("link.db");
        std::os::unix::fs::symlink(&file, &link).expect("a link");
        let first = ServerLock::take(&DatabaseUrl::Sqlite(file.clone())).expect("free");
        for path in [&file, &link] {
            let error = ServerLock::take(&DatabaseUrl::Sqlite(path.clone())).expect_err("taken");
            assert!(error.to_string().contains("another server"), "{error}");
        }
        drop(first);
        assert!(ServerLock::take(&DatabaseUrl::Sqlite(link)).expect("free again").is_some());
    }
}

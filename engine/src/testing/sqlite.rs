//! SQLite files in temporary folders.
//!
//! Applying all migrations takes longer than many tests. So they are applied once, to a file beside
//! the program of the tests, which is copied.

use std::{
    fs,
    path::{Path, PathBuf},
};

use super::migrations::fingerprint;
use crate::db::{Database, DatabaseUrl, schema};

/// A file that is yet to be made, and its folder, which goes with the second value.
pub(super) fn empty() -> (DatabaseUrl, tempfile::TempDir) {
    let (path, folder) = place();
    (DatabaseUrl::Sqlite(path), folder)
}

/// A migrated file, and its folder.
pub(super) async fn migrated() -> (DatabaseUrl, tempfile::TempDir) {
    let (path, folder) = place();
    fs::copy(template().await, &path).expect("a copy");
    (DatabaseUrl::Sqlite(path), folder)
}

fn place() -> (PathBuf, tempfile::TempDir) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    (folder.path().join("signet.db"), folder)
}

/// The file that is copied, made if it is missing. Several tests may make it at once; it is whole
/// where it is there.
async fn template() -> PathBuf {
    let program = std::env::current_exe().expect("the program of the tests");
    let folder = program.parent().unwrap_or(Path::new("."));
    let file = folder.join(format!("signet-{}.db", fingerprint(&schema::FOR_SQLITE)));
    if !file.exists() {
        let draft = tempfile::tempdir_in(folder).expect("a folder beside the program of the tests");
        let path = draft.path().join("signet.db");
        let url = DatabaseUrl::Sqlite(path.clone());
        Database::migrate(&url, schema::LOCK_PATIENCE).await.expect("a new SQLite database");
        assert!(!path.with_extension("db-wal").exists(), "the file alone has all that was written");
        fs::rename(path, &file).expect("the file put in its place");
    }
    file
}

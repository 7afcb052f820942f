//! A clock that a test sets, for a process that runs: Debian's `faketime`.

use std::{
    fs::{self, Permissions},
    os::unix::fs::PermissionsExt,
    path::PathBuf,
};

use tempfile::TempDir;

/// The library for processes with threads, in a folder of each architecture.
const LIBRARY: &str = "faketime/libfaketimeMT.so.1";
const LIBRARIES: &str = "/usr/lib";

pub struct FakeTime {
    library: PathBuf,
    folder: TempDir,
}

impl FakeTime {
    /// A clock that is right. `None` without the library.
    pub fn right() -> Option<Self> {
        let folders = fs::read_dir(LIBRARIES).ok()?.flatten();
        let library = folders.map(|folder| folder.path().join(LIBRARY)).find(|library| library.is_file())?;
        let folder = tempfile::tempdir().expect("a folder");
        // PostgreSQL has a user of its own.
        fs::set_permissions(folder.path(), Permissions::from_mode(0o755)).expect("permissions");
        let this = Self { library, folder };
        this.set(0);
        Some(this)
    }

    /// Sets the clock to so many seconds ahead of what is right.
    pub fn set(&self, ahead: i64) {
        let (made, file) = (self.folder.path().join("made"), self.file());
        fs::write(&made, format!("{ahead:+}\n")).expect("a file");
        fs::rename(made, file).expect("replaced at once");
    }

    /// The variables of a process that goes by this clock. What it measures goes by the right one.
    pub fn variables(&self) -> Vec<(&'static str, String)> {
        let text = |path: &PathBuf| path.display().to_string();
        vec![
            ("LD_PRELOAD", text(&self.library)),
            ("FAKETIME_TIMESTAMP_FILE", text(&self.file())),
            ("FAKETIME_NO_CACHE", "1".to_owned()),
            ("FAKETIME_DISABLE_SHM", "1".to_owned()),
            ("DONT_FAKE_MONOTONIC", "1".to_owned()),
        ]
    }

    fn file(&self) -> PathBuf {
        self.folder.path().join("ahead")
    }
}

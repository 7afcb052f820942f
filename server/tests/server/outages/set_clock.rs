//! A clock that a test sets, for a process that runs. A small library does it, which is loaded
//! before the process: that of Debian's `faketime` does not get along with our allocator.

use std::{
    fs::{self, File, Permissions},
    os::unix::fs::{FileExt, PermissionsExt},
    path::PathBuf,
    process::Command,
};

use tempfile::TempDir;

/// The source of the library.
const SOURCE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/server/outages/set_clock.c");

pub struct SetClock {
    folder: TempDir,
    /// Seconds, which the library reads each time.
    ahead: File,
}

impl SetClock {
    /// A clock that is right. `None` without a C compiler.
    pub fn right() -> Option<Self> {
        let folder = tempfile::tempdir().expect("a folder");
        // PostgreSQL has a user of its own.
        fs::set_permissions(folder.path(), Permissions::from_mode(0o755)).expect("permissions");
        let ahead = File::create(folder.path().join("ahead")).expect("a file");
        let this = Self { folder, ahead };
        this.set(0);
        let mut compiler = Command::new("cc");
        compiler.args(["-shared", "-fPIC", "-O1", "-o"]).arg(this.library()).arg(SOURCE);
        let made = compiler.status().ok()?;
        assert!(made.success(), "{compiler:?}");
        Some(this)
    }

    /// Sets the clock to so many seconds ahead of what is right.
    pub fn set(&self, ahead: i64) {
        self.ahead.write_all_at(&ahead.to_ne_bytes(), 0).expect("written");
    }

    /// The variables of a process that goes by this clock. Spans go by the right one.
    pub fn variables(&self) -> Vec<(&'static str, String)> {
        let text = |path: PathBuf| path.display().to_string();
        vec![("LD_PRELOAD", text(self.library())), ("TEST_CLOCK_AHEAD", text(self.folder.path().join("ahead")))]
    }

    fn library(&self) -> PathBuf {
        self.folder.path().join("set_clock.so")
    }
}

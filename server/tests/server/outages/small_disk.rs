//! A file system of its own for a database: a `tmpfs` in a name space of mounts. The test runs
//! itself again in there, and the file system goes with it.

use std::{
    fs::{self, File},
    io::{self, Write},
    path::PathBuf,
};

use tempfile::TempDir;
use tokio::process::Command;

use super::left_out;

/// Names the folder to the test that runs in there.
const FOLDER: &str = "SIGNET_TEST_SMALL_DISK";
/// Mounts, and becomes the test.
const MOUNT: &str = r#"mount -t tmpfs -o "size=$1" none "$2" && shift 2 && exec "$@""#;
/// A user name space, for one who is not root.
const AS_ROOT: [&str; 2] = ["--user", "--map-root-user"];
/// The status of a test that has failed.
const FAILED: i32 = 101;
/// The bytes that are written at once.
const BLOCK: usize = 64 * 1024;

/// A small file system.
pub struct SmallDisk(PathBuf);

impl SmallDisk {
    /// A file system of such a size (`64m`), in the test with this name that runs on it. `None`
    /// outside: all is done then, or this machine lets nobody mount anything.
    pub async fn of(size: &str, test: &str) -> Option<Self> {
        if let Some(folder) = std::env::var_os(FOLDER) {
            return Some(Self(folder.into()));
        }
        let folder = TempDir::new().expect("a folder");
        let options = if rustix::process::geteuid().is_root() { &[][..] } else { &AS_ROOT };
        let mut inside = Command::new("unshare");
        inside.args(options).args(["--mount", "sh", "-c", MOUNT, "sh", size]).arg(folder.path());
        inside.arg(std::env::current_exe().expect("this test")).args(["--exact", test, "--nocapture"]);
        match inside.env(FOLDER, folder.path()).kill_on_drop(true).status().await {
            Ok(status) if status.success() => {}
            Ok(status) if status.code() == Some(FAILED) => panic!("{test} has failed on a small disk"),
            _ => left_out("no file system could be mounted: it takes unshare, and root or name spaces of users"),
        }
        None
    }

    /// A file in it.
    pub fn file(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    /// Fills what is free with another file.
    pub fn fill(&self) {
        let mut file = File::create(self.file("another")).expect("a file");
        let block = vec![1; BLOCK];
        let full = loop {
            if let Err(error) = file.write_all(&block) {
                break error;
            }
        };
        assert_eq!(full.kind(), io::ErrorKind::StorageFull, "{full}");
    }

    /// Removes that file.
    pub fn free(&self) {
        fs::remove_file(self.file("another")).expect("removed");
    }
}

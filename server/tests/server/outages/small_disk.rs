//! A file system of its own for a database: a `tmpfs` in a name space of mounts, which goes with
//! the process that holds it.

use std::{
    fs::{self, File},
    io::{self, Write},
    path::PathBuf,
    process::Stdio,
};

use tempfile::TempDir;
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::{Child, Command},
};

use crate::patience::within;

/// Mounts, says so, and stays.
const HOLD: &str = r#"mount -t tmpfs -o "size=$1" none "$2" && echo mounted && exec sleep infinity"#;
/// A mapped user name space, for one who is not root.
const AS_ROOT: [&str; 2] = ["--user", "--map-root-user"];
/// The bytes that are written at once.
const BLOCK: usize = 64 * 1024;

pub struct SmallDisk {
    _holder: Child,
    _mounted_on: TempDir,
    /// The file system, as it is seen from outside its name space.
    folder: PathBuf,
}

impl SmallDisk {
    /// Mounts a file system of such a size (`64m`). `None` if this machine does not let anybody.
    pub async fn of(size: &str) -> Option<Self> {
        let mounted_on = tempfile::tempdir().expect("a folder");
        let options = if rustix::process::geteuid().is_root() { &[][..] } else { &AS_ROOT };
        let mut holder = Command::new("unshare");
        holder.args(options).args(["--mount", "sh", "-c", HOLD, "sh", size]).arg(mounted_on.path());
        holder.stdin(Stdio::null()).stdout(Stdio::piped()).kill_on_drop(true);
        let mut holder = holder.spawn().ok()?;
        let (mut output, mut line) = (BufReader::new(holder.stdout.take()?), String::new());
        within("the mount", output.read_line(&mut line)).await.expect("text");
        if line != "mounted\n" {
            return None;
        }
        let inside = mounted_on.path().strip_prefix("/").expect("a whole path");
        let folder = PathBuf::from(format!("/proc/{}/root", holder.id()?)).join(inside);
        Some(Self { _holder: holder, _mounted_on: mounted_on, folder })
    }

    /// A file in it.
    pub fn file(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// Fills what is free with another file.
    pub fn fill(&self) {
        let mut file = File::create(self.file("another")).expect("a file");
        let full = loop {
            if let Err(error) = file.write_all(&[1; BLOCK]) {
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

//! A throw-away PgBouncer in front of a server of PostgreSQL. Dropping the [`Pooler`] ends it.

use std::{
    fs,
    net::TcpStream,
    os::unix::fs::chown,
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread::sleep,
};

use anyhow::{Context, Result, bail};
use tempfile::TempDir;

use crate::{Owner, POLL, PORT_TRIES, START_LIMIT, free_port, owner};

/// Where Debian installs the program, which may not be on the path of users.
const FOLDERS: [&str; 2] = ["/usr/sbin", "/usr/local/sbin"];

/// A running pooler in transaction mode.
#[derive(Debug)]
pub struct Pooler {
    /// Kept, and removed at the end.
    _folder: TempDir,
    port: u16,
    process: Child,
}

impl Pooler {
    /// Looks for the program.
    pub fn program() -> Option<PathBuf> {
        let on_path = std::env::var_os("PATH").map(|path| std::env::split_paths(&path).collect::<Vec<_>>());
        let folders = on_path.into_iter().flatten().chain(FOLDERS.map(PathBuf::from));
        folders.map(|folder| folder.join("pgbouncer")).find(|file| file.is_file())
    }

    /// Starts one in front of a server, on a free port, with so many sessions of each database.
    /// `settings` are lines for its file.
    ///
    /// # Errors
    /// PgBouncer is not installed or does not start.
    pub fn start(host: &str, server: u16, sessions: u32, settings: &str) -> Result<Self> {
        let program = Self::program().context("PgBouncer is not installed (on Debian: pgbouncer)")?;
        let folder = tempfile::Builder::new().prefix("signet-pgbouncer-").tempdir_in("/tmp")?;
        let owner = owner()?;
        if let Some(owner) = &owner {
            chown(folder.path(), Some(owner.uid), Some(owner.gid))?;
        }
        for _ in 0..PORT_TRIES {
            let port = free_port()?;
            let file = folder.path().join("pgbouncer.ini");
            fs::write(
                &file,
                format!(
                    "[databases]\n* = host={host} port={server} user=postgres\n[pgbouncer]\nlisten_addr = 127.0.0.1\n\
                     listen_port = {port}\nunix_socket_dir =\nauth_type = any\npool_mode = transaction\n\
                     max_client_conn = 1000\ndefault_pool_size = {sessions}\n{settings}\n"
                ),
            )?;
            if let Some(process) = launch(&program, &file, owner.as_ref(), folder.path(), port)? {
                return Ok(Self { _folder: folder, port, process });
            }
        }
        let log = fs::read_to_string(folder.path().join("log")).unwrap_or_default();
        bail!("PgBouncer does not start:\n{log}")
    }

    /// The port on which it listens, at 127.0.0.1.
    pub const fn port(&self) -> u16 {
        self.port
    }
}

/// Starts the program, and waits until it listens; `None` if it ends before.
fn launch(program: &Path, file: &Path, owner: Option<&Owner>, folder: &Path, port: u16) -> Result<Option<Child>> {
    let log = fs::File::create(folder.join("log"))?;
    let mut command = Command::new(program);
    command.arg(file).current_dir("/").stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
    if let Some(owner) = owner {
        command.uid(owner.uid).gid(owner.gid);
    }
    let mut process = command.spawn().context("PgBouncer cannot be started")?;
    for _ in 0..START_LIMIT.as_millis() / POLL.as_millis() {
        if process.try_wait()?.is_some() {
            return Ok(None);
        }
        if TcpStream::connect(("127.0.0.1", port)).is_ok() {
            return Ok(Some(process));
        }
        sleep(POLL);
    }
    process.kill()?;
    process.wait()?;
    Ok(None)
}

impl Drop for Pooler {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

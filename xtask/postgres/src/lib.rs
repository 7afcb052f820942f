//! A throw-away PostgreSQL server for the tests. Dropping the [`Server`] removes it.

mod pooler;
pub mod process;

use std::{
    fs,
    net::{Ipv4Addr, TcpListener},
    os::unix::{fs::chown, process::CommandExt},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread::sleep,
    time::Duration,
};

use anyhow::{Context, Result, bail, ensure};
use tempfile::TempDir;

pub use pooler::Pooler;
use process::{output, succeeds};

/// The environment variable that holds the server's URL.
pub const URL_VARIABLE: &str = "SIGNET_TEST_POSTGRES_URL";

/// Folders in which Debian and others install PostgreSQL, each version in its own.
const VERSION_FOLDERS: [&str; 3] = ["/usr/lib/postgresql", "/usr/pgsql", "/opt/homebrew/opt"];

/// A free port can be taken before the server has it, so another one is tried.
const PORT_TRIES: u32 = 5;

/// The server must answer within this time.
const START_LIMIT: Duration = Duration::from_secs(30);
const POLL: Duration = Duration::from_millis(50);

/// Options of a server for tests. Tests kill processes, never the operating system, and what a
/// process has written outlives it: a commit needs not reach the disk, and no page is half
/// written. Commits are written out before they are acknowledged, as always.
const FOR_TESTS: [&str; 4] = ["-c", "fsync=off", "-c", "full_page_writes=off"];

/// Names and values of environment variables.
type Variables = Vec<(&'static str, String)>;

/// A running server.
#[derive(Debug)]
pub struct Server {
    programs: Programs,
    folder: TempDir,
    port: u16,
    setup: Setup,
    /// Not detached: an interrupt from the terminal ends the server as well.
    process: Child,
}

/// What a server runs with.
#[derive(Debug, Clone, Default)]
struct Setup {
    variables: Variables,
    /// Commits reach the disk, as on a server that is in use.
    is_durable: bool,
}

impl Server {
    /// Makes a cluster for tests in a temporary folder and starts it on a free port.
    ///
    /// # Errors
    /// PostgreSQL is not installed or does not start.
    pub fn start() -> Result<Self> {
        Self::start_with(Setup::default())
    }

    /// The same with PostgreSQL's own settings, to be measured.
    ///
    /// # Errors
    /// PostgreSQL is not installed or does not start.
    pub fn start_durable() -> Result<Self> {
        Self::start_with(Setup { is_durable: true, ..Setup::default() })
    }

    /// The same, with variables in the environment of the server.
    ///
    /// # Errors
    /// PostgreSQL is not installed or does not start.
    pub fn start_among(variables: Variables) -> Result<Self> {
        Self::start_with(Setup { variables, ..Setup::default() })
    }

    fn start_with(setup: Setup) -> Result<Self> {
        let programs = Programs::find()?;
        let folder = programs.folder()?;
        let mut initdb = programs.command("initdb");
        initdb.args(["--username=postgres", "--auth=trust", "--encoding=UTF8", "--no-locale", "--no-sync", "--pgdata"]);
        output(initdb.arg(data(folder.path()))).context("the PostgreSQL cluster cannot be made")?;
        Self::launch_on_any_port(programs, folder, setup)
    }

    /// A standby of this server, which follows it and answers those who only read.
    ///
    /// # Errors
    /// The cluster cannot be copied, or the standby does not start.
    pub fn standby(&self) -> Result<Self> {
        let programs = Programs::find()?;
        let folder = programs.folder()?;
        let mut copy = programs.command("pg_basebackup");
        copy.args(["--write-recovery-conf", "--wal-method=stream", "--checkpoint=fast", "--no-sync", "--dbname"]);
        copy.arg(self.url()).arg("--pgdata").arg(data(folder.path()));
        output(&mut copy).context("the PostgreSQL cluster cannot be copied")?;
        Self::launch_on_any_port(programs, folder, self.setup.clone())
    }

    /// Makes a standby the primary.
    ///
    /// # Errors
    /// The server is no standby.
    pub fn promote(&mut self) -> Result<()> {
        let mut promote = self.programs.command("pg_ctl");
        promote.args(["promote", "--wait", "--silent", "--pgdata"]).arg(data(self.folder.path()));
        output(&mut promote)?;
        Ok(())
    }

    fn launch_on_any_port(programs: Programs, folder: TempDir, setup: Setup) -> Result<Self> {
        let mut tries = 1;
        loop {
            let port = free_port()?;
            match launch(&programs, folder.path(), port, &setup) {
                Ok(process) => return Ok(Self { programs, folder, port, setup, process }),
                Err(_) if tries < PORT_TRIES => tries += 1,
                Err(error) => return Err(error),
            }
        }
    }

    /// Stops the server as a power failure does: it loses uncommitted transactions
    /// and breaks all connections.
    ///
    /// # Errors
    /// The server does not stop, or has stopped already.
    pub fn stop_at_once(&mut self) -> Result<()> {
        let mut stop = self.programs.command("pg_ctl");
        stop.args(["stop", "--wait", "--silent", "--mode", "immediate", "--pgdata"]).arg(data(self.folder.path()));
        output(&mut stop)?;
        self.process.wait()?;
        Ok(())
    }

    /// Starts the server again after a stop, on the same port.
    ///
    /// # Errors
    /// PostgreSQL does not start.
    pub fn start_again(&mut self) -> Result<()> {
        self.process = launch(&self.programs, self.folder.path(), self.port, &self.setup)?;
        Ok(())
    }

    /// A program of this version, such as `pg_dump`, run by the user of the server.
    #[must_use]
    pub fn program(&self, name: &str) -> Command {
        self.programs.command(name)
    }

    /// The port on which the server listens.
    #[must_use]
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// The URL of the database `postgres`, for its superuser.
    pub fn url(&self) -> String {
        format!("postgres://postgres@127.0.0.1:{}/postgres", self.port)
    }
}

/// Starts the server and waits until it answers.
fn launch(programs: &Programs, folder: &Path, port: u16, setup: &Setup) -> Result<Child> {
    let mut process = spawn(programs, folder, port, setup)?;
    match wait_until_ready(programs, port, &mut process) {
        Ok(()) => Ok(process),
        Err(error) => {
            let log = fs::read_to_string(folder.join("log")).unwrap_or_default();
            Err(error.context(log))
        }
    }
}

fn spawn(programs: &Programs, folder: &Path, port: u16, setup: &Setup) -> Result<Child> {
    let log = fs::File::create(folder.join("log"))?;
    let mut postgres = programs.command("postgres");
    postgres.arg("-D").arg(data(folder)).args(["-p", &port.to_string(), "-h", "127.0.0.1", "-N", "500", "-k"]);
    postgres.arg(folder);
    if !setup.is_durable {
        postgres.args(FOR_TESTS);
    }
    postgres
        .envs(setup.variables.iter().map(|(name, value)| (name, value)))
        .stdin(Stdio::null())
        .stdout(log.try_clone()?)
        .stderr(log);
    postgres.spawn().context("PostgreSQL cannot be started")
}

fn wait_until_ready(programs: &Programs, port: u16, process: &mut Child) -> Result<()> {
    let mut waited = Duration::ZERO;
    while waited < START_LIMIT {
        if let Some(status) = process.try_wait()? {
            bail!("PostgreSQL does not start ({status})");
        }
        if succeeds(programs.command("pg_isready").args(["-h", "127.0.0.1", "-p", &port.to_string()])) {
            return Ok(());
        }
        sleep(POLL);
        waited += POLL;
    }
    process.kill()?;
    process.wait()?;
    bail!("PostgreSQL does not answer after {START_LIMIT:?}")
}

impl Drop for Server {
    fn drop(&mut self) {
        // An interrupt from the terminal may have stopped it already.
        if self.stop_at_once().is_err() {
            let _ = self.process.kill();
        }
        let _ = self.process.wait();
    }
}

fn data(folder: &Path) -> PathBuf {
    folder.join("data")
}

fn free_port() -> Result<u16> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port())
}

/// The server's programs, and the user that runs them.
#[derive(Debug)]
struct Programs {
    folder: PathBuf,
    /// The user `postgres` if this is root, as which PostgreSQL refuses to run.
    owner: Option<Owner>,
}

#[derive(Debug)]
struct Owner {
    uid: u32,
    gid: u32,
}

impl Programs {
    fn find() -> Result<Self> {
        let folder = folder().context("PostgreSQL is not installed: `initdb` is missing (on Debian: postgresql)")?;
        Ok(Self { folder, owner: owner()? })
    }

    /// A folder for a cluster, which the user that runs it owns.
    fn folder(&self) -> Result<TempDir> {
        let folder = tempfile::Builder::new().prefix("signet-postgres-").tempdir_in("/tmp")?;
        if let Some(owner) = &self.owner {
            chown(folder.path(), Some(owner.uid), Some(owner.gid))?;
        }
        Ok(folder)
    }

    fn command(&self, name: &str) -> Command {
        let mut command = Command::new(self.folder.join(name));
        command.current_dir("/");
        if let Some(owner) = &self.owner {
            command.uid(owner.uid).gid(owner.gid);
        }
        command
    }
}

/// The user as which the programs run, if this is root.
fn owner() -> Result<Option<Owner>> {
    if id("-u", None)? != 0 {
        return Ok(None);
    }
    let user = Some("postgres");
    Ok(Some(Owner { uid: id("-u", user)?, gid: id("-g", user)? }))
}

/// The folder with the newest version, among those installed and those on the path.
fn folder() -> Option<PathBuf> {
    let versions = VERSION_FOLDERS.iter().filter_map(|base| fs::read_dir(base).ok()).flatten().flatten();
    let installed = versions.map(|entry| entry.path().join("bin"));
    let on_path = std::env::var_os("PATH").map(|path| std::env::split_paths(&path).collect::<Vec<_>>());
    let mut folders: Vec<_> =
        installed.chain(on_path.into_iter().flatten()).filter(|it| it.join("initdb").is_file()).collect();
    folders.sort_by_key(|folder| version(folder));
    folders.pop()
}

/// The version in a path such as `/usr/lib/postgresql/15/bin`; 0 without one.
fn version(folder: &Path) -> u32 {
    let name = folder.parent().and_then(Path::file_name).map(|name| name.to_string_lossy().into_owned());
    name.and_then(|name| name.rsplit(['-', '@']).next().and_then(|version| version.parse().ok())).unwrap_or(0)
}

fn id(flag: &str, user: Option<&str>) -> Result<u32> {
    let text = output(Command::new("id").arg(flag).args(user))?;
    let id = text.trim().parse();
    ensure!(id.is_ok(), "`id {flag}` printed {text:?}");
    Ok(id?)
}

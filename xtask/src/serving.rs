//! A throw-away `signet serve`. Dropping the [`Serving`] ends it.

use std::{
    fs::File,
    io::{BufRead, BufReader, copy, sink},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
};

use anyhow::{Context, Result, bail};
use xtask_postgres::process::{output, run};

/// A server on a free port, with a database of its own.
#[derive(Debug)]
pub struct Serving {
    signet: PathBuf,
    database: String,
    key_file: PathBuf,
    process: Child,
    /// The address, such as `http://127.0.0.1:8080`.
    pub origin: String,
}

impl Serving {
    /// Starts the binary on a new database. The sealing key and the log are kept in `folder`.
    pub fn start(signet: &Path, database: &str, folder: &Path, options: &[&str]) -> Result<Self> {
        let key_file = folder.join("sealing-key");
        let log = File::create(folder.join("log"))?;
        let mut serve = command(signet, database, &["serve", "--listen", "127.0.0.1:0"]);
        serve.args(options).arg("--key-file").arg(&key_file).stdout(Stdio::piped()).stderr(log);
        let mut process = serve.spawn().with_context(|| format!("{} cannot be started", signet.display()))?;
        let mut printed = BufReader::new(process.stdout.take().context("a server prints its address")?);
        let Some(origin) = announced(&mut printed)? else {
            process.wait()?;
            bail!("the server did not start; see {}", folder.join("log").display());
        };
        // The server must not block on a full pipe.
        thread::spawn(move || copy(&mut printed, &mut sink()));
        Ok(Self { signet: signet.to_owned(), database: database.to_owned(), key_file, process, origin })
    }

    /// Runs another command on the database and returns what it prints.
    pub fn command(&self, arguments: &[&str]) -> Result<String> {
        Ok(output(&mut command(&self.signet, &self.database, arguments))?.trim().to_owned())
    }

    /// Fails unless the server runs and the ledger adds up.
    pub fn check(&mut self) -> Result<()> {
        if let Some(status) = self.process.try_wait()? {
            bail!("the server has ended ({status})");
        }
        run(command(&self.signet, &self.database, &["check"]).arg("--key-file").arg(&self.key_file))
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// The binary, without the variables of this process's environment that it reads.
fn command(signet: &Path, database: &str, arguments: &[&str]) -> Command {
    let mut command = Command::new(signet);
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("SIGNET_")) {
        command.env_remove(name);
    }
    command.args(arguments).args(["--database", database]).stdin(Stdio::null());
    command
}

/// The address that a server prints when it listens; `None` if it ends before.
fn announced(printed: &mut impl BufRead) -> Result<Option<String>> {
    let mut line = String::new();
    while printed.read_line(&mut line)? > 0 {
        if let Some((_, address)) = line.trim_end().split_once(" is running: ") {
            return Ok(Some(address.to_owned()));
        }
        line.clear();
    }
    Ok(None)
}

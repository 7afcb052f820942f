//! The measured process: `signet serve`.

use std::{net::SocketAddr, path::Path, process::Stdio, time::Duration};

use anyhow::{Context, bail};
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::{Child, Command},
    time::{Instant, timeout},
};

/// The server must listen within this time.
const START_LIMIT: Duration = Duration::from_secs(30);

#[derive(Debug)]
pub struct Server {
    process: Child,
    pub address: SocketAddr,
    /// The time from the start of the process until it listened.
    pub started_in: Duration,
}

impl Server {
    /// Starts the server on a free port and waits until it listens.
    pub async fn start(signet: &Path, database: &str, authority: &Path, key_file: &Path) -> anyhow::Result<Self> {
        Self::start_with(signet, database, authority, key_file, &[]).await
    }

    /// The same with more options.
    pub async fn start_with(
        signet: &Path,
        database: &str,
        authority: &Path,
        key_file: &Path,
        options: &[&str],
    ) -> anyhow::Result<Self> {
        let began = Instant::now();
        let mut process = Command::new(signet)
            .args(["serve", "--dev", "--listen", "127.0.0.1:0", "--log-level", "warn", "--database", database])
            // A load may be sent for one account, as fast as it is taken.
            .args(["--max-event-rate", "1000000"])
            .arg("--trust-ca")
            .arg(authority)
            .arg("--key-file")
            .arg(key_file)
            .args(options)
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .with_context(|| format!("{} cannot be started; build it first", signet.display()))?;
        let output = process.stdout.take().context("the server's output")?;
        let mut lines = BufReader::new(output).lines();
        let address = timeout(START_LIMIT, async {
            while let Some(line) = lines.next_line().await? {
                if let Some(address) = line.split("http://").nth(1) {
                    return Ok(address.trim().trim_end_matches('/').parse()?);
                }
            }
            bail!("the server ended before it listened")
        })
        .await??;
        let started_in = began.elapsed();
        tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
        Ok(Self { process, address, started_in })
    }

    pub fn id(&self) -> u32 {
        self.process.id().unwrap_or_default()
    }

    /// Kills the server at once, and waits for its end.
    pub async fn kill(mut self) -> anyhow::Result<()> {
        Ok(self.process.kill().await?)
    }

    /// Stops the server as an operator does, and waits for its end.
    pub async fn stop(mut self) -> anyhow::Result<()> {
        let stopped = Command::new("kill").arg(self.id().to_string()).status().await?;
        if stopped.success() {
            self.process.wait().await?;
        }
        Ok(())
    }
}

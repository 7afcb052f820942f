//! A server process.

use std::{
    fs::OpenOptions,
    net::SocketAddr,
    os::unix::process::ExitStatusExt,
    process::{ExitStatus, Stdio},
};

use rustix::process::{Pid, Signal, kill_process};
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    net::TcpStream,
    process::{Child, Command},
};

use crate::{
    patience::{until, within},
    world::World,
};

/// How long leases of [`QUICK`] last.
pub const QUICK_LEASE: &str = "3s";
/// Settings with which everything settles soon.
pub const QUICK: [&str; 8] = [
    "--budget",
    "1s",
    "--lease",
    QUICK_LEASE,
    "--retry-delays",
    "20ms,20ms,40ms,40ms,80ms,80ms,160ms,160ms,320ms,320ms",
    "--retry-jitter",
    "100",
];

/// Where a server is to die.
#[derive(Debug, Clone, Copy)]
pub struct Fault(pub &'static str);

/// A running `signet serve`; killed when dropped.
#[derive(Debug)]
pub struct Server {
    process: Child,
    pub address: SocketAddr,
}

impl Server {
    /// Starts a server with these options and waits until it listens.
    pub async fn start(world: &World, options: &[&str]) -> Self {
        Self::spawn(world, options, None).await.expect("it listens")
    }

    /// Starts one that dies when it first passes this place.
    pub async fn start_with(world: &World, fault: Fault) -> Self {
        Self::try_start_with(world, fault).await.expect("it listens")
    }

    /// The same, of one that may die before it listens.
    pub async fn try_start_with(world: &World, fault: Fault) -> Option<Self> {
        Self::spawn(world, &QUICK, Some(fault)).await
    }

    async fn spawn(world: &World, options: &[&str], fault: Option<Fault>) -> Option<Self> {
        let log = OpenOptions::new().create(true).append(true).open(world.log_file()).expect("a log file");
        let mut command = Command::new(env!("CARGO_BIN_EXE_signet"));
        command.args(["serve", "--dev", "--listen", "127.0.0.1:0"]).args(options);
        command.args(["--database", world.database(), "--key-file"]).arg(world.key_file());
        command.arg("--trust-ca").arg(world.authority());
        command.env_remove("SIGNET_FAULT").stdout(Stdio::piped()).stderr(log).kill_on_drop(true);
        if let Some(Fault(place)) = fault {
            command.env("SIGNET_FAULT", format!("{place}=1"));
        }
        let mut process = command.spawn().expect("the server starts");
        let output = process.stdout.take().expect("its output");
        let mut lines = BufReader::new(output).lines();
        let address = within("the server listens", async {
            while let Some(line) = lines.next_line().await.expect("a line") {
                if let Some(address) = line.split(" is running: http://").nth(1) {
                    return Some(address.parse().expect("an address"));
                }
            }
            None
        })
        .await?;
        // Nothing must block on a full pipe.
        tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
        Some(Self { process, address })
    }

    /// Kills it at once.
    pub async fn kill(mut self) {
        self.process.kill().await.expect("it was running");
    }

    /// Waits until it has died by itself.
    pub async fn dies(&mut self) {
        self.process.wait().await.expect("its status");
    }

    /// Asks it to stop.
    pub fn terminate(&self) {
        let id = self.process.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
        kill_process(id.expect("a running process"), Signal::TERM).expect("a signal");
    }

    /// Waits until it takes no connections any more.
    pub async fn refuses(&self) {
        until("the server takes no connections", async || TcpStream::connect(self.address).await.is_err()).await;
    }

    /// Waits until it has ended.
    pub async fn ended(mut self) -> ExitStatus {
        within("the server ends", self.process.wait()).await.expect("its status")
    }

    /// Waits until it has died of a fault.
    pub async fn died(self) {
        let status = self.ended().await;
        assert_eq!(status.signal(), Some(Signal::ABORT.as_raw()), "{status}");
    }

    /// Stops it in good order.
    pub async fn stop(self) {
        self.terminate();
        let status = self.ended().await;
        assert_eq!(status.code(), Some(0), "{status}");
    }

    /// The most memory that it has had, in bytes.
    pub fn peak_memory(&self) -> usize {
        let id = self.process.id().expect("a running process");
        let status = std::fs::read_to_string(format!("/proc/{id}/status")).expect("its status");
        let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("a peak");
        let kilobytes: usize = peak.trim().trim_end_matches(" kB").parse().expect("a number");
        kilobytes * 1024
    }
}

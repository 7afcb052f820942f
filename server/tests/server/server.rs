//! A server process.

use std::{
    net::SocketAddr,
    os::unix::process::ExitStatusExt,
    path::Path,
    process::{ExitStatus, Stdio},
};

use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process, waitid};
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, BufReader},
    net::TcpStream,
    process::{Child, ChildStderr, ChildStdout, Command},
};

use crate::patience::{until, within};

/// The binary with these arguments, without the variables of this process's environment
/// that it reads.
pub fn signet(arguments: &[&str]) -> Command {
    binary(Path::new(env!("CARGO_BIN_EXE_signet")), arguments)
}

/// The same of another version.
pub fn binary(program: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(program);
    command.args(arguments).kill_on_drop(true);
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("SIGNET_")) {
        command.env_remove(name);
    }
    // That of a server on this machine does not count here.
    command.env("SIGNET_CONFIG", "none");
    command
}

/// A running `signet serve`; killed when dropped.
#[derive(Debug)]
pub struct Server {
    process: Child,
    /// The socket on which the server listens.
    pub address: SocketAddr,
    /// The block that the server printed at its start.
    pub printed: String,
    log: Option<BufReader<ChildStderr>>,
}

impl Server {
    /// Starts a server and waits until it listens.
    pub async fn start(command: Command) -> Self {
        Self::try_start(command).await.expect("the server listens")
    }

    /// Starts a server and waits until it listens. `None` if it ends before.
    pub async fn try_start(mut command: Command) -> Option<Self> {
        let mut process = command.stdout(Stdio::piped()).spawn().expect("the server starts");
        let mut output = BufReader::new(process.stdout.take().expect("its output"));
        let printed = within("the server listens", announcement(&mut output)).await?;
        let mut urls = printed.split_whitespace().filter_map(|word| word.split_once("://"));
        // A public address stands before that of the socket.
        let address = urls.find_map(|(_, address)| address.parse().ok()).expect("an address");
        // The server must not block on a full pipe.
        tokio::spawn(async move { tokio::io::copy(&mut output, &mut tokio::io::sink()).await });
        let log = process.stderr.take().map(BufReader::new);
        Some(Self { process, address, printed, log })
    }

    /// Waits for a line of the log, and returns it.
    pub async fn wait_for_log(&mut self, text: &str) -> String {
        let (log, mut line) = (self.log.as_mut().expect("a log that is read here"), String::new());
        while !line.contains(text) {
            line.clear();
            let read = within(text, log.read_line(&mut line)).await.expect("text");
            assert_ne!(read, 0, "the log ended without {text:?}");
        }
        line
    }

    /// The rest of the log of a server that has ended.
    pub async fn rest_of_log(mut self) -> String {
        let (mut log, mut text) = (self.log.take().expect("a log that is read here"), String::new());
        within("the log ends", log.read_to_string(&mut text)).await.expect("text");
        text
    }

    /// Kills the server at once.
    pub async fn kill(mut self) {
        self.process.kill().await.expect("it was running");
    }

    /// Asks the server to stop.
    pub fn terminate(&self) {
        self.signal(Signal::TERM);
    }

    /// Freezes the server. The signal alone would leave its threads some time on the other cores.
    pub fn freeze(&self) {
        self.signal(Signal::STOP);
        let stopped = waitid(WaitId::Pid(self.pid()), WaitIdOptions::STOPPED);
        assert!(stopped.expect("a child").is_some_and(|status| status.stopped()), "all its threads are stopped");
    }

    /// Lets a frozen server go on.
    pub fn thaw(&self) {
        self.signal(Signal::CONT);
    }

    fn signal(&self, signal: Signal) {
        kill_process(self.pid(), signal).expect("a signal");
    }

    fn pid(&self) -> Pid {
        let id = self.process.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
        id.expect("a running process")
    }

    /// Returns true if the server has not ended.
    pub fn is_running(&mut self) -> bool {
        self.process.try_wait().expect("a state").is_none()
    }

    /// Waits until the server takes no connections any more.
    pub async fn refuses(&self) {
        until("the server takes no connections", async || TcpStream::connect(self.address).await.is_err()).await;
    }

    /// Waits until the server has ended.
    pub async fn ended(&mut self) -> ExitStatus {
        within("the server ends", self.process.wait()).await.expect("its status")
    }

    /// Waits until the server has died of a fault.
    pub async fn died(mut self) {
        let status = self.ended().await;
        assert_eq!(status.signal(), Some(Signal::ABORT.as_raw()), "{status}");
    }

    /// Stops the server in good order.
    pub async fn stop(&mut self) {
        self.terminate();
        let status = self.ended().await;
        assert_eq!(status.code(), Some(0), "{status}");
    }

    /// The id of the process.
    pub fn id(&self) -> u32 {
        self.process.id().expect("a running process")
    }

    /// The most memory that the server has had, in bytes.
    pub fn peak_memory(&self) -> usize {
        let id = self.id();
        let status = std::fs::read_to_string(format!("/proc/{id}/status")).expect("its status");
        let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("a peak");
        let kilobytes: usize = peak.trim().trim_end_matches(" kB").parse().expect("a number");
        kilobytes * 1024
    }
}

/// The block that a server prints at its start, between two empty lines. `None` if the server
/// ends before it is complete.
async fn announcement(output: &mut BufReader<ChildStdout>) -> Option<String> {
    let mut printed = String::new();
    while !(printed.contains(" is running: ") && printed.ends_with("\n\n")) {
        if output.read_line(&mut printed).await.expect("text") == 0 {
            return None;
        }
    }
    Some(printed)
}

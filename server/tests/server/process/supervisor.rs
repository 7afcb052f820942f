//! What a supervisor hears (`sd_notify`), and `signet health`.

use std::path::PathBuf;

use tokio::{net::UnixDatagram, process::Command};

use super::{Folder, LISTEN, refusal};
use crate::{patience::within, server::Server};

/// The supervisor's end.
struct Supervisor {
    socket: UnixDatagram,
    path: PathBuf,
}

impl Supervisor {
    fn new(folder: &Folder) -> Self {
        let path = folder.path().join("notify");
        Self { socket: UnixDatagram::bind(&path).expect("a socket"), path }
    }

    /// A server under this supervisor, which gives it up after `patience` microseconds.
    fn command(&self, folder: &Folder, patience: u32) -> Command {
        let mut command = folder.signet(&["serve"]);
        command.args(LISTEN).env("NOTIFY_SOCKET", &self.path).env("WATCHDOG_USEC", patience.to_string());
        command
    }

    /// The lines of the next message.
    async fn hears(&self) -> Vec<String> {
        let mut message = [0; 1024];
        let length = within("a message", self.socket.recv(&mut message)).await.expect("a message");
        String::from_utf8_lossy(&message[..length]).lines().map(str::to_owned).collect()
    }

    /// Waits for a message with this line, and returns all of its lines.
    async fn waits_for(&self, line: &str) -> Vec<String> {
        loop {
            let message = self.hears().await;
            if message.iter().any(|it| it.starts_with(line)) {
                return message;
            }
        }
    }
}

#[tokio::test]
async fn a_supervisor_hears_of_the_start_of_progress_and_of_the_stop() {
    let folder = Folder::new();
    let supervisor = Supervisor::new(&folder);
    let mut server = Server::start(supervisor.command(&folder, 400_000)).await;
    let first = supervisor.hears().await;
    assert_eq!(first[0], "READY=1");
    assert_eq!(first[1], format!("STATUS=Serving http://{}", server.address));
    for _ in 0..3 {
        supervisor.waits_for("WATCHDOG=1").await;
    }
    server.terminate();
    let last = supervisor.waits_for("STOPPING=1").await;
    assert!(last[1] == "EXTEND_TIMEOUT_USEC=17000000" && last[2].starts_with("STATUS=Stopping"), "{last:?}");
    assert!(server.ended().await.success());
}

#[tokio::test]
async fn a_server_whose_engine_is_stuck_does_not_feed_the_watchdog() {
    for task in ["writer", "dispatcher"] {
        let folder = Folder::new();
        let supervisor = Supervisor::new(&folder);
        let mut command = supervisor.command(&folder, 400_000);
        // The hanging task keeps a thread of the runtime for itself.
        command.env("SIGNET_FAULT", format!("hang:{task}_round=1")).env("TOKIO_WORKER_THREADS", "4");
        let server = Server::start(command).await;
        let mut heard = Vec::new();
        while heard.iter().filter(|line: &&String| line.contains(&format!("The {task} is stuck"))).count() < 5 {
            heard.extend(supervisor.hears().await);
        }
        assert!(heard.iter().any(|line| line == "READY=1"), "{heard:?}");
        assert!(!heard.iter().any(|line| line == "WATCHDOG=1"), "{task}: {heard:?}");
        server.kill().await;
    }
}

#[tokio::test]
async fn a_supervisor_is_told_what_is_wrong() {
    let folder = Folder::new();
    let supervisor = Supervisor::new(&folder);
    let _server = Server::start(supervisor.command(&folder, 400_000)).await;
    supervisor.waits_for("STATUS=Serving").await;
    std::fs::remove_file(folder.path().join("signet.db")).expect("removed");
    supervisor.waits_for("STATUS=Not ready: a file of the database was removed or replaced").await;
}

#[tokio::test]
async fn the_health_of_a_server_is_asked_by_a_command() {
    let folder = Folder::new();
    let server = folder.serve(&[]).await;
    let address = server.address.to_string();
    assert_eq!(folder.printed(&["health", "--listen", &address]).await, "ready");
    assert_eq!(folder.printed(&["health", "--server", &format!("http://{address}")]).await, "ready");
    std::fs::remove_file(folder.path().join("signet.db")).expect("removed");
    let gone = folder.run(&["health", "--listen", &address]).await;
    let error = String::from_utf8(gone.stderr).expect("text");
    assert!(gone.status.code() == Some(75) && error.contains("A file of the database was removed"), "{error}");
}

#[tokio::test]
async fn a_password_for_the_database_comes_from_a_file() {
    let folder = Folder::new();
    std::fs::write(folder.path().join("password"), "hunter2\n").expect("a file");
    let serve = |database: &str, file: &str| {
        let mut command = folder.signet(&["check", "--database", database]);
        command.args(["--database-password-file", file]);
        command
    };
    for (database, file, words) in [
        ("postgres://me@127.0.0.1:1/x", "none", "--database-password-file none cannot be read"),
        ("sqlite:a.db", "password", "is for a database like postgres://USER@HOST/NAME"),
        ("postgres://me:other@127.0.0.1:1/x", "password", "without a password"),
        // The password is taken, and nobody listens.
        ("postgres://me@127.0.0.1:1/x", "password", "cannot be used"),
    ] {
        let error = refusal(serve(database, file)).await;
        assert!(error.contains(words) && !error.contains("hunter2"), "{error}");
    }
}

//! The binary as an operator meets it: the texts that it prints, and how it ends.

mod acme;
mod backups;
mod commands;
mod configuration;
mod deliveries;
mod developer;
mod doctor;
mod event_types;
mod files;
mod leaks;
mod limits;
mod metrics;
mod migrate;
mod start;
mod stop;
mod supervisor;
mod top;
#[cfg(feature = "otlp")]
mod traces;

use std::{path::Path, process::Output};

use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    process::Command,
};

use crate::{
    patience::within,
    server::{Server, signet},
};

/// Any free port.
const LISTEN: [&str; 2] = ["--listen", "127.0.0.1:0"];

/// An empty folder, in which commands are run.
struct Folder(TempDir);

impl Folder {
    fn new() -> Self {
        Self(TempDir::new().expect("a folder"))
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn signet(&self, arguments: &[&str]) -> Command {
        let mut command = signet(arguments);
        command.current_dir(self.path());
        command
    }

    async fn run(&self, arguments: &[&str]) -> Output {
        within("the command ends", self.signet(arguments).output()).await.expect("the binary")
    }

    /// The text that a command prints, which must succeed.
    async fn printed(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments).await;
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).expect("text").trim().to_owned()
    }

    async fn serve(&self, options: &[&str]) -> Server {
        let mut command = self.signet(&["serve"]);
        command.args(LISTEN).args(options).stderr(std::process::Stdio::piped());
        Server::start(command).await
    }
}

/// The command as the last arguments of another program.
fn run_by(program: &[&str], command: &Command) -> Command {
    let (command, mut outer) = (command.as_std(), Command::new(program[0]));
    outer.args(&program[1..]).arg(command.get_program()).args(command.get_args()).kill_on_drop(true);
    outer.current_dir(command.get_current_dir().expect("a folder"));
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => outer.env(name, value),
            None => outer.env_remove(name),
        };
    }
    outer
}

/// The one line of standard error that a refused command prints.
async fn refusal(mut command: Command) -> String {
    let output = within("the command ends", command.env("RUST_BACKTRACE", "full").output()).await.expect("the binary");
    let error = String::from_utf8(output.stderr).expect("text");
    assert!(output.status.code() == Some(1) && error.trim_end().lines().count() == 1, "{command:?}: {error}");
    error
}

fn setup_link(server: &Server) -> Option<&str> {
    server.printed.split_whitespace().find(|word| word.contains("/setup/"))
}

/// Sends the beginning of a request, or all of it.
async fn send(server: &Server, text: &str) -> TcpStream {
    let mut stream = TcpStream::connect(server.address).await.expect("a connection");
    stream.write_all(text.as_bytes()).await.expect("a request");
    stream
}

/// Sends a request and returns the whole answer.
async fn ask(server: &Server, method: &str, path: &str, headers: &str, body: &str) -> String {
    ask_for(server, &server.address.to_string(), (method, path), headers, body).await
}

/// Asks likewise, for a host.
async fn ask_for(server: &Server, host: &str, (method, path): (&str, &str), headers: &str, body: &str) -> String {
    let length = body.len();
    let request = format!(
        "{method} {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\nContent-Length: {length}\r\n{headers}\r\n{body}"
    );
    let (mut stream, mut answer) = (send(server, &request).await, String::new());
    within("an answer", stream.read_to_string(&mut answer)).await.expect("text");
    answer
}

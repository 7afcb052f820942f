//! The commands of a developer, against a running server.

use std::process::Stdio;

use rustix::process::{Pid, Signal, kill_process};
use signet_model::signature::{Secret, verify_hex, verify_standard};
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader, Lines},
    net::{TcpListener, TcpStream},
    process::{Child, ChildStdout, Command},
    sync::mpsc,
};

use super::{Folder, refusal};
use crate::{patience::within, server::Server};

/// A server with the account `acme`, and a key of it.
pub struct Service {
    pub folder: Folder,
    pub server: Server,
    pub key: String,
}

impl Service {
    pub async fn start() -> Self {
        let folder = Folder::new();
        folder.printed(&["account", "add", "acme"]).await;
        let scopes = ["--scope", "events:write", "--scope", "deliveries:read"];
        let key = ["key", "add", "--account", "acme", "--name", "developer"];
        let key = folder.printed(&[&key[..], &scopes[..]].concat()).await;
        let server = folder.serve(&["--dev"]).await;
        Self { folder, server, key }
    }

    /// A command of a developer who has set the address and the key.
    pub fn signet(&self, arguments: &[&str]) -> Command {
        let mut command = self.folder.signet(arguments);
        command.env("SIGNET_SERVER", format!("http://{}", self.server.address)).env("SIGNET_API_KEY", &self.key);
        command
    }

    /// Ends the server, and starts another one at the same address.
    pub async fn stop_and_start_again(&mut self) {
        let address = self.server.address.to_string();
        self.server.stop().await;
        let mut again = self.folder.signet(&["serve", "--dev", "--listen", &address]);
        again.stderr(Stdio::null());
        self.server = Server::start(again).await;
    }

    pub async fn printed(&self, arguments: &[&str]) -> String {
        let output = within("the command ends", self.signet(arguments).output()).await.expect("the binary");
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).expect("text").trim().to_owned()
    }
}

/// The members of an event.
/// A whole key that no server has made.
const UNKNOWN_KEY: &str = "signet_sk_0123456789abcdefghijklmnopqrstuvwxyzABCDEFG32L9Jw";

pub const DATA: &str = r#"{"taskId":"task_1","solution":{"token":"0.mF7"}}"#;

#[tokio::test]
async fn an_event_is_sent_from_an_argument_or_a_file() {
    let service = Service::start().await;
    let sent = service.printed(&["send", "task.completed", "--data", DATA]).await;
    assert!(sent.starts_with("evt_") && sent.ends_with("  0 deliveries"), "{sent}");
    std::fs::write(service.folder.path().join("event.json"), DATA).expect("a file");
    let key = ["--idempotency-key", "order 1"];
    let first = service.printed(&[&["send", "task.completed", "--data", "@event.json"], &key[..]].concat()).await;
    let again = service.printed(&[&["send", "task.completed", "--data", DATA], &key[..]].concat()).await;
    assert!(first == again && first != sent, "{first} {again} {sent}");
}

#[tokio::test]
async fn a_refused_event_is_told_with_the_member_and_without_the_key() {
    let service = Service::start().await;
    let error = refusal(service.signet(&["send", "task.completed", "--data", "{\"taskId\":1}"])).await;
    assert!(error.contains("(422 Unprocessable Entity): /taskId"), "{error}");
    let mut unknown = service.signet(&["send", "task.completed", "--data", DATA]);
    unknown.env("SIGNET_API_KEY", UNKNOWN_KEY);
    let error = refusal(unknown).await;
    assert!(error.contains("give another with --key") && !error.contains(UNKNOWN_KEY), "{error}");
    let mut sealing = service.signet(&["send", "task.completed", "--data", DATA]);
    sealing.env("SIGNET_API_KEY", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=");
    let error = refusal(sealing).await;
    assert!(error.contains("those begin with signet_sk_") && !error.contains("AAAA"), "{error}");
}

#[tokio::test]
async fn a_server_that_does_not_answer_is_a_temporary_failure() {
    let mut service = Service::start().await;
    service.server.stop().await;
    let output = service.signet(&["send", "task.completed", "--data", DATA]).output().await.expect("the binary");
    let error = String::from_utf8(output.stderr).expect("text");
    assert_eq!(output.status.code(), Some(75), "{error}");
    assert!(error.contains("the server cannot be reached") && !error.contains(&service.key), "{error}");
}

#[tokio::test]
async fn a_key_is_not_sent_in_the_clear_to_another_machine() {
    let service = Service::start().await;
    let mut command = service.signet(&["send", "task.completed", "--server", "http://signet.example"]);
    let output = command.output().await.expect("the binary");
    let error = String::from_utf8(output.stderr).expect("text");
    assert_eq!(output.status.code(), Some(2), "{error}");
    assert!(error.contains("use https://") && !error.contains(&service.key), "{error}");
}

#[tokio::test]
async fn the_script_for_the_shell_and_the_manual_are_written() {
    let folder = Folder::new();
    assert!(folder.printed(&["completions", "bash"]).await.contains("signet__subcmd__serve"));
    assert!(folder.printed(&["man"]).await.contains(".TH signet 1"));
    folder.printed(&["man", "man1"]).await;
    assert!(folder.path().join("man1/signet-account-add.1").exists());
}

/// A program on this machine that takes what is posted to it.
struct Hooks {
    address: std::net::SocketAddr,
    posted: mpsc::UnboundedReceiver<Posted>,
}

/// A request that was posted.
#[derive(Debug)]
struct Posted {
    head: String,
    body: String,
}

impl Posted {
    fn header(&self, name: &str) -> &str {
        let mut lines = self.head.lines().filter_map(|line| line.split_once(": "));
        lines.find(|(given, _)| given.eq_ignore_ascii_case(name)).map_or("", |(_, value)| value)
    }
}

impl Hooks {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a socket");
        let (address, (sender, posted)) = (listener.local_addr().expect("an address"), mpsc::unbounded_channel());
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let Some(posted) = take(&mut stream).await else { continue };
                let answer = b"HTTP/1.1 202 Accepted\r\nConnection: close\r\nContent-Length: 6\r\n\r\nthanks";
                if sender.send(posted).is_err() || stream.write_all(answer).await.is_err() {
                    return;
                }
            }
        });
        Self { address, posted }
    }

    async fn next(&mut self) -> Posted {
        within("a request", self.posted.recv()).await.expect("a request")
    }
}

async fn take(stream: &mut TcpStream) -> Option<Posted> {
    let mut text = Vec::new();
    loop {
        let head = text.windows(4).position(|end| end == b"\r\n\r\n").map(|end| end + 4);
        if let Some(end) = head {
            let head = String::from_utf8(text[..end].to_vec()).ok()?;
            let mut posted = Posted { head, body: String::new() };
            let length: usize = posted.header("content-length").parse().ok()?;
            if text.len() >= end + length {
                posted.body = String::from_utf8(text[end..].to_vec()).ok()?;
                return Some(posted);
            }
        }
        if stream.read_buf(&mut text).await.ok()? == 0 {
            return None;
        }
    }
}

/// A running command that tells lines, such as `signet listen`; killed when dropped.
pub struct Listener {
    process: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Listener {
    pub fn start(mut command: Command) -> Self {
        let mut process = command.stdout(Stdio::piped()).spawn().expect("it starts");
        let lines = BufReader::new(process.stdout.take().expect("its output")).lines();
        Self { process, lines }
    }

    /// The next line with these words.
    pub async fn line(&mut self, words: &str) -> String {
        loop {
            let line = within(words, self.lines.next_line()).await.expect("text").expect(words);
            if line.contains(words) {
                return line;
            }
        }
    }

    pub async fn interrupt(mut self) {
        let id = self.process.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
        kill_process(id.expect("a running process"), Signal::INT).expect("a signal");
        let status = within("it ends", self.process.wait()).await.expect("a status");
        assert_eq!(status.code(), Some(0), "{status}");
    }
}

#[tokio::test]
async fn events_are_posted_to_a_program_on_this_machine_as_a_receiver_gets_them() {
    let (service, mut hooks) = (Service::start().await, Hooks::start().await);
    let forward = format!("http://{}/hooks", hooks.address);
    let mut listener = Listener::start(service.signet(&["listen", "--forward", &forward]));
    let secret = listener.line("a secret for this session: ").await;
    let secret: Secret = secret.rsplit(' ').next().expect("a secret").parse().expect("a secret");
    listener.line("Listening").await;
    let id = service.printed(&["send", "task.completed", "--data", DATA]).await;
    let posted = hooks.next().await;
    assert!(posted.head.starts_with("POST /hooks HTTP/1.1\r\n"), "{}", posted.head);
    assert!(
        posted.body.starts_with(r#"{"event":"task.completed","taskId":"task_1","status":"ready","#),
        "{}",
        posted.body
    );
    let (message, sent_at) = (posted.header("webhook-id"), posted.header("webhook-timestamp"));
    assert!(verify_hex(&secret, posted.body.as_bytes(), posted.header("X-Webhook-Signature")));
    assert!(verify_standard(&secret, message, sent_at, posted.body.as_bytes(), posted.header("webhook-signature")));
    assert_eq!((posted.header("X-Webhook-Event"), posted.header("X-Webhook-Attempt")), ("task.completed", "1"));
    assert!(message.starts_with("msg_") && message[4..] == id[4..30], "{message} {id}");
    let line = listener.line("task.completed").await;
    assert!(line.starts_with('✓') && line.contains("202 Accepted") && line.ends_with("thanks"), "{line}");
    listener.interrupt().await;
}

#[tokio::test]
async fn a_listener_outlives_its_server_and_misses_nothing() {
    let (mut service, mut hooks) = (Service::start().await, Hooks::start().await);
    let forward = format!("http://{}", hooks.address);
    let arguments = ["listen", "--forward", &forward, "--resume", "place"];
    let mut listener = Listener::start(service.signet(&arguments));
    listener.line("Listening").await;
    let mut sent = Vec::new();
    let send_one = async |service: &Service| {
        let printed = service.printed(&["send", "task.completed", "--data", DATA]).await;
        printed.split_whitespace().next().expect("an id")["evt_".len()..].to_owned()
    };
    sent.push(send_one(&service).await);
    listener.line("202").await;
    service.stop_and_start_again().await;
    sent.push(send_one(&service).await);
    listener.line("202").await;
    listener.interrupt().await;
    sent.push(send_one(&service).await);
    let mut listener = Listener::start(service.signet(&arguments));
    listener.line("202").await;
    let mut posted = Vec::new();
    while !sent.iter().all(|id| posted.contains(id)) {
        posted.push(hooks.next().await.header("webhook-id")["msg_".len()..].to_owned());
    }
    assert_eq!(posted[..2], sent[..2], "an event came twice while the listener lived");
}

#[tokio::test]
async fn a_listener_that_may_not_listen_says_so() {
    let service = Service::start().await;
    let arguments = ["listen", "--forward", "http://localhost:1", "--endpoint", "ep_01kmt0v1g0e0rg40r40m30e209"];
    let error = refusal(service.signet(&arguments)).await;
    assert!(error.contains("the server refuses"), "{error}");
    let mut unknown = service.signet(&["listen", "--forward", "http://localhost:1"]);
    unknown.env("SIGNET_API_KEY", UNKNOWN_KEY);
    assert!(refusal(unknown).await.contains("give another with --key"));
}

//! The binary as an operator meets it: what it prints, and how it ends.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    path::Path,
    process::{Child, ChildStderr, Command, ExitStatus, Output, Stdio},
};

use tempfile::TempDir;

/// An empty folder, in which commands are run.
struct Folder(TempDir);

impl Folder {
    fn new() -> Self {
        Self(TempDir::new().expect("a folder"))
    }

    fn signet(&self, arguments: &[&str]) -> Command {
        signet_in(self.0.path(), arguments)
    }

    fn run(&self, arguments: &[&str]) -> Output {
        self.signet(arguments).output().expect("the binary")
    }

    /// What a command prints that must succeed.
    fn printed(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).expect("text").trim().to_owned()
    }

    fn serve(&self, options: &[&str]) -> Server {
        Server::start(self.signet(&[&["serve", "--listen", "127.0.0.1:0"], options].concat()))
    }
}

fn signet_in(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_signet"));
    command.current_dir(folder).args(arguments);
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("SIGNET_")) {
        command.env_remove(name);
    }
    command
}

/// A running server, ended when it is dropped.
struct Server {
    process: Child,
    printed: String,
    log: BufReader<ChildStderr>,
}

impl Server {
    /// Starts the process and waits until it has printed where it is.
    fn start(mut command: Command) -> Self {
        let mut process = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the binary");
        let (mut printed, mut lines) = (String::new(), BufReader::new(process.stdout.take().expect("an output")));
        // An empty line stands before what is printed, and one after it.
        while !(printed.contains("is running: ") && printed.ends_with("\n\n")) {
            assert_ne!(lines.read_line(&mut printed).expect("text"), 0, "the server ended: {printed}");
        }
        let log = BufReader::new(process.stderr.take().expect("a log"));
        Self { process, printed, log }
    }

    fn address(&self) -> &str {
        let mut urls = self.printed.split_whitespace().filter_map(|word| word.strip_prefix("http://"));
        urls.next().expect("an address")
    }

    fn setup_link(&self) -> Option<&str> {
        self.printed.split_whitespace().find(|word| word.contains("/setup/"))
    }

    /// Sends the beginning of a request, or all of it.
    fn send(&self, text: &str) -> TcpStream {
        let mut stream = TcpStream::connect(self.address()).expect("a connection");
        stream.write_all(text.as_bytes()).expect("a request");
        stream
    }

    /// Sends a request and returns the whole answer.
    fn ask(&self, method: &str, path: &str, headers: &str, body: &str) -> String {
        let (host, length) = (self.address(), body.len());
        let mut stream = self.send(&format!(
            "{method} {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\nContent-Length: {length}\r\n{headers}\r\n{body}"
        ));
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("an answer");
        answer
    }

    fn signal(&self) {
        let sent = Command::new("kill").arg(self.process.id().to_string()).status().expect("kill");
        assert!(sent.success());
    }

    fn wait_for_log(&mut self, text: &str) {
        let mut line = String::new();
        while !line.contains(text) {
            line.clear();
            assert_ne!(self.log.read_line(&mut line).expect("text"), 0, "the log ended without {text:?}");
        }
    }

    fn wait(&mut self) -> ExitStatus {
        self.process.wait().expect("an end")
    }

    fn stop(&mut self) -> ExitStatus {
        self.signal();
        self.wait()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[test]
fn a_server_starts_in_an_empty_folder_and_stops_when_asked() {
    let folder = Folder::new();
    let mut server = folder.serve(&[]);
    assert!(server.ask("GET", "/healthz", "", "").starts_with("HTTP/1.1 200"));
    assert!(server.ask("GET", "/readyz", "", "").starts_with("HTTP/1.1 200"));
    assert!(server.ask("GET", "/login", "", "").contains("<!DOCTYPE html>"));
    assert_eq!(server.stop().code(), Some(0));
}

#[test]
fn the_one_time_link_is_printed_until_somebody_used_it() {
    let folder = Folder::new();
    let mut first = folder.serve(&[]);
    let old = first.setup_link().expect("a link").to_owned();
    first.stop();
    let mut second = folder.serve(&["--public-url", "https://signet.example"]);
    let link = second.setup_link().expect("a link again").to_owned();
    assert!(link.starts_with("https://signet.example/setup/") && !old.ends_with(&link[30..]));
    let path = link.strip_prefix("https://signet.example").expect("a path");
    let headers = "Origin: https://signet.example\r\nContent-Type: application/x-www-form-urlencoded\r\n";
    let answer = second.ask("POST", path, headers, "email=me%40example.com&password=correct+horse+battery");
    assert!(answer.starts_with("HTTP/1.1 303"), "{answer}");
    second.stop();
    assert_eq!(folder.serve(&[]).setup_link(), None);
}

#[test]
fn a_key_from_the_command_line_sends_events_of_its_account() {
    let folder = Folder::new();
    let link = folder.printed(&["account", "add", "acme", "--public-url", "https://signet.example"]);
    assert!(link.starts_with("https://signet.example/setup/"), "{link}");
    let key = folder.printed(&["key", "add", "--account", "acme", "--name", "backend"]);
    let server = folder.serve(&[]);
    let headers = format!("Authorization: Bearer {key}\r\nContent-Type: application/json\r\n");
    let event = r#"{"event":"balance.low","balance":1,"threshold":2}"#;
    let answer = server.ask("POST", "/v1/events", &headers, event);
    assert!(answer.starts_with("HTTP/1.1 202") && answer.contains("\"deliveries\":0"), "{answer}");
}

#[test]
fn what_cannot_be_added_is_said_in_words() {
    let folder = Folder::new();
    folder.printed(&["account", "add", "acme"]);
    for (arguments, words) in [
        (&["account", "add", "acme"][..], "an account with the name"),
        (&["key", "add", "--account", "nobody", "--name", "k"], "no account \"nobody\""),
        (&["serve", "--lease", "10s"], "--lease 10s is too short"),
        (&["serve", "--trust-ca", "missing.pem"], "missing.pem cannot be read"),
    ] {
        let output = folder.run(arguments);
        let error = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.code() == Some(1) && error.contains(words), "{arguments:?}: {output:?}");
    }
}

/// Runs a command with a limit of open files.
fn limited(folder: &Folder, limit: u32, arguments: &[&str]) -> Command {
    let signet = folder.signet(arguments);
    let mut command = Command::new("sh");
    command.args(["-c", &format!("ulimit -n {limit}; exec \"$0\" \"$@\"")]).arg(signet.get_program());
    command.args(signet.get_args()).current_dir(folder.0.path());
    for (name, _) in signet.get_envs() {
        command.env_remove(name);
    }
    command
}

#[test]
fn too_few_descriptors_are_refused_with_the_options_that_need_them() {
    let folder = Folder::new();
    let output = limited(&folder, 256, &["serve", "--listen", "127.0.0.1:0"]).output().expect("the binary");
    let error = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{error}");
    for words in ["256", "LimitNOFILE", "--max-in-flight 512"] {
        assert!(error.contains(words), "{error}");
    }
}

#[test]
fn connections_from_outside_get_the_descriptors_that_sending_leaves() {
    let folder = Folder::new();
    let arguments = ["serve", "--listen", "127.0.0.1:0", "--max-in-flight", "64", "--max-hanging", "64"];
    let mut server = Server::start(limited(&folder, 256, &arguments));
    // Of the 96 that 64 attempts at work and the reserve leave.
    server.wait_for_log("max_connections=48 max_hanging=24");
    // All of these fit into the limit of the process only because the first make room for the last.
    let _silent: Vec<_> = (0..330).map(|_| server.send("GET /healthz HT")).collect();
    assert!(server.ask("GET", "/healthz", "", "").starts_with("HTTP/1.1 200"));
    assert!(server.ask("GET", "/readyz", "", "").starts_with("HTTP/1.1 200"));
    server.wait_for_log("too many connections");
}

#[test]
fn an_address_in_use_is_told_before_anything_is_made() {
    let folder = Folder::new();
    let server = folder.serve(&[]);
    let elsewhere = Folder::new();
    let output = elsewhere.run(&["serve", "--listen", server.address()]);
    assert!(String::from_utf8_lossy(&output.stderr).contains("choose another address"), "{output:?}");
    assert_eq!(std::fs::read_dir(elsewhere.0.path()).expect("a folder").count(), 0);
}

/// The beginning of a request whose body never comes, so that it stays under way.
fn stuck_request(folder: &Folder, server: &Server) -> TcpStream {
    let key = folder.printed(&["key", "add", "--name", "operator"]);
    let stream = server.send(&format!(
        "POST /v1/events HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {key}\r\nContent-Type: application/json\r\n\
         Content-Length: 10\r\nExpect: 100-continue\r\n\r\n"
    ));
    // The server asks for the body, which tells that it reads the request.
    let mut asked = [0; 12];
    (&stream).read_exact(&mut asked).expect("an answer");
    assert_eq!(&asked, b"HTTP/1.1 100");
    stream
}

#[test]
fn a_second_signal_ends_the_server_at_once() {
    let folder = Folder::new();
    let mut server = folder.serve(&["--stop-limit", "1day"]);
    let _request = stuck_request(&folder, &server);
    server.signal();
    server.wait_for_log("stopping");
    assert_eq!(server.process.try_wait().expect("a state"), None, "the request is still under way");
    assert_eq!(server.stop().code(), Some(0));
}

#[test]
fn what_does_not_end_by_itself_is_dropped_after_a_limit() {
    let folder = Folder::new();
    let mut server = folder.serve(&["--stop-limit", "1ms"]);
    let _request = stuck_request(&folder, &server);
    assert_eq!(server.stop().code(), Some(0));
}

#[test]
fn a_log_of_json_is_json_and_has_no_secret() {
    let folder = Folder::new();
    let mut server = folder.serve(&["--log-format", "json", "--log-level", "trace"]);
    let token = server.setup_link().and_then(|link| link.rsplit('/').next()).expect("a token").to_owned();
    let key = folder.printed(&["key", "add", "--name", "operator"]);
    server.ask("GET", "/v1/events", &format!("Authorization: Bearer {key}\r\n"), "");
    server.ask("GET", &format!("/setup/{token}"), "Cookie: __Host-signet=cookie-token\r\n", "");
    server.ask("POST", &format!("/setup/{token}"), "Origin: https://evil.example\r\n", "");
    server.stop();
    let mut log = String::new();
    server.log.read_to_string(&mut log).expect("a log");
    assert!(log.lines().count() > 2 && log.contains("refused a request from another origin"), "{log}");
    for line in log.lines() {
        assert!(serde_json::from_str::<serde_json::Value>(line).is_ok(), "{line}");
        for secret in [&token, &key, "cookie-token"] {
            assert!(!line.contains(secret), "{line}");
        }
    }
}

/// The one line that a refused command prints.
fn refusal(folder: &Folder, arguments: &[&str], variables: &[(&str, &str)]) -> String {
    let mut command = folder.signet(arguments);
    command.env("RUST_BACKTRACE", "full").envs(variables.iter().copied());
    let output = command.output().expect("the binary");
    let error = String::from_utf8(output.stderr).expect("text");
    assert!(output.status.code() == Some(1) && error.trim_end().lines().count() == 1, "{arguments:?}: {error}");
    error
}

#[test]
fn a_refused_start_is_one_line_of_advice() {
    let folder = Folder::new();
    let zeros = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
    for (arguments, variables, words) in [
        (&["serve", "--database", "mysql://me:hunter2@db/x"][..], &[][..], "use sqlite:PATH or postgres://"),
        (&["serve"], &[("SIGNET_DATABASE", "mysql://me:hunter2@db/x")], "use sqlite:PATH or postgres://"),
        (&["check", "--database", "postgres://me:hunter2@127.0.0.1:1/x"], &[], "check --database"),
        (&["serve", "--database", "sqlite:missing/signet.db"], &[], "choose another folder with --database"),
        (&["serve"], &[("SIGNET_KEY", zeros)], "openssl rand -base64 32"),
        (&["serve"], &[("SIGNET_LISTN", "127.0.0.1:1")], "SIGNET_LISTN is not known"),
        (&["check"], &[], "name another one with --database"),
    ] {
        let error = refusal(&folder, &[arguments, listen(arguments)].concat(), variables);
        assert!(error.contains(words) && !error.contains("hunter2") && !error.contains(zeros), "{error}");
    }
}

/// On a free port, where a command listens at all.
fn listen(arguments: &[&str]) -> &'static [&'static str] {
    if arguments.first() == Some(&"serve") { &["--listen", "127.0.0.1:0"] } else { &[] }
}

#[test]
fn a_wrong_sealing_key_does_not_start() {
    let folder = Folder::new();
    folder.serve(&[]).stop();
    let key = folder.0.path().join("signet.key");
    let kept = folder.0.path().join("kept.key");
    std::fs::rename(&key, &kept).expect("moved away");
    let arguments = ["serve", "--listen", "127.0.0.1:0"];
    assert!(refusal(&folder, &arguments, &[]).contains("Restore the file"), "none is made");
    let other = [("SIGNET_KEY", "BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc=")];
    assert!(refusal(&folder, &arguments, &other).contains("not the one that the secrets in this database"));
    std::fs::rename(&kept, &key).expect("restored");
    folder.serve(&[]).stop();
}

#[test]
fn a_second_server_on_one_file_is_refused_and_commands_are_not() {
    let folder = Folder::new();
    let _first = folder.serve(&[]);
    let error = refusal(&folder, &["serve", "--listen", "127.0.0.1:0"], &[]);
    assert!(error.contains("another server has the database signet.db open"), "{error}");
    folder.printed(&["check"]);
}

#[test]
fn a_command_that_opens_no_secret_needs_no_key() {
    let folder = Folder::new();
    folder.printed(&["account", "add", "acme"]);
    folder.printed(&["key", "add", "--account", "acme", "--name", "backend"]);
    assert!(!folder.0.path().join("signet.key").exists());
    assert!(folder.printed(&["check"]).contains("--key-file"), "it says what it did not look at");
    folder.serve(&[]).stop();
}

#[test]
fn every_file_is_for_its_owner_alone_whatever_the_umask() {
    use std::os::unix::fs::PermissionsExt;
    let folder = Folder::new();
    let signet = env!("CARGO_BIN_EXE_signet");
    let script = format!("umask 000; exec {signet} serve --listen 127.0.0.1:0");
    let mut server = Command::new("sh");
    server.current_dir(folder.0.path()).args(["-c", &script]).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut process = server.spawn().expect("the binary");
    let mut lines = BufReader::new(process.stdout.take().expect("an output")).lines();
    assert!(lines.any(|line| line.is_ok_and(|line| line.contains("is running: "))));
    let files: Vec<_> =
        std::fs::read_dir(folder.0.path()).expect("a folder").map(|file| file.expect("a file")).collect();
    assert!(files.len() >= 5, "the database, its log and index, the key and the lock: {files:?}");
    for file in files {
        let mode = file.metadata().expect("there").permissions().mode();
        assert_eq!(mode & 0o077, 0, "{file:?}");
    }
    process.kill().expect("killed");
    process.wait().expect("an end");
}

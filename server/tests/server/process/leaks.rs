//! After a full run no secret, password, token or key is found in clear: not in the files of
//! the database, not in the log, and not in the memory of the process, once its time is over.

use std::{
    fs::{self, File},
    io::{Read, Seek, SeekFrom},
    path::Path,
    process::Stdio,
    time::Duration,
};

use memchr::memmem;
use tokio::time::{Instant, sleep};

use super::{Folder, LISTEN, ask, setup_link};
use crate::server::Server;

const PASSWORD: &str = "vivid-Otter-juggles-41-lanterns";
const WRONG_PASSWORD: &str = "dreary-Badger-mislays-17-kettles";
const HEADER_VALUE: &str = "Bearer quartz-Heron-weighs-88-anvils";

/// The time for buffers and idle threads to be given back.
const PATIENCE: Duration = Duration::from_secs(40);

/// A value that must not be found, and its name.
type Secret = (&'static str, String);

/// A browser that keeps its cookies.
struct Browser<'s> {
    server: &'s Server,
    cookies: Vec<(String, String)>,
}

impl Browser<'_> {
    async fn get(&mut self, path: &str) -> String {
        self.send("GET", path, "").await
    }

    async fn post(&mut self, path: &str, fields: &[(&str, &str)]) -> String {
        let form = fields.iter().map(|(name, value)| format!("{name}={}", encoded(value)));
        let form = form.collect::<Vec<_>>().join("&");
        self.send("POST", path, &form).await
    }

    async fn send(&mut self, method: &str, path: &str, form: &str) -> String {
        let cookies = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("; ");
        let headers = format!(
            "Origin: http://{}\r\nCookie: {cookies}\r\nContent-Type: application/x-www-form-urlencoded\r\n",
            self.server.address
        );
        let answer = ask(self.server, method, path, &headers, form).await;
        let set = answer.lines().filter_map(|line| line.split_once(": ").filter(|(name, _)| *name == "set-cookie"));
        for (_, cookie) in set {
            let (name, value) = cookie.split(';').next().and_then(|pair| pair.split_once('=')).expect("a cookie");
            self.cookies.retain(|(known, _)| known != name);
            if !value.is_empty() {
                self.cookies.push((name.to_owned(), value.to_owned()));
            }
        }
        answer
    }

    /// The session's token.
    fn session(&self) -> String {
        let session = self.cookies.iter().find(|(name, _)| name.ends_with("signet"));
        session.expect("signed in").1.clone()
    }
}

fn encoded(value: &str) -> String {
    value.bytes().fold(String::new(), |text, byte| text + &format!("%{byte:02X}"))
}

/// The part of a text from one mark to the next quote, tag or space.
fn found<'t>(text: &'t str, mark: &str) -> &'t str {
    let start = text.find(mark).unwrap_or_else(|| panic!("{mark} is not in {text}"));
    text[start..].split(['"', '<', ' ', '\'', '&', '\r']).next().expect("a part")
}

/// People sign up and in, a webhook is made and its secret revealed, and a key is made and used.
async fn full_run(server: &Server) -> Vec<Secret> {
    let link = setup_link(server).expect("a link").to_owned();
    let path = &link[link.find("/setup/").expect("a path")..];
    let mut browser = Browser { server, cookies: Vec::new() };
    let email = "me@example.com";
    browser.get(path).await;
    let answer = browser.post(path, &[("email", email), ("password", PASSWORD)]).await;
    assert!(answer.starts_with("HTTP/1.1 303"), "{answer}");
    let first = browser.session();
    browser.post("/logout", &[]).await;
    let mut browser = Browser { server, cookies: Vec::new() };
    browser.post("/login", &[("email", email), ("password", WRONG_PASSWORD)]).await;
    let answer = browser.post("/login", &[("email", email), ("password", PASSWORD)]).await;
    assert!(answer.starts_with("HTTP/1.1 303"), "{answer}");
    let second = browser.session();

    let form = browser.get("/settings/webhooks/new").await;
    let secret = found(&form, "whsec_").to_owned();
    let fields = [
        ("url", "https://127.0.0.1:1/hook"),
        ("description", ""),
        ("event", "task.completed"),
        ("secret", &secret),
        ("header-name", "Authorization"),
        ("header-value", HEADER_VALUE),
    ];
    let answer = browser.post("/settings/webhooks/new", &fields).await;
    assert!(answer.starts_with("HTTP/1.1 303"), "{answer}");
    let webhook = found(&answer, "/settings/webhooks/ep_").to_owned();
    let revealed = browser.post(&format!("{webhook}/settings/secret"), &[]).await;
    assert!(revealed.contains(&secret), "{revealed}");

    let answer =
        browser.post("/settings/api-keys", &[("name", "shop"), ("scope", "events:write"), ("expires", "")]).await;
    assert!(answer.starts_with("HTTP/1.1 303"), "{answer}");
    let key = found(&browser.get("/settings/api-keys").await, "signet_sk_").to_owned();
    let event = r#"{"event":"task.completed","taskId":"1","status":"ready","solution":{}}"#;
    let headers = format!("Authorization: Bearer {key}\r\nContent-Type: application/json\r\n");
    let answer = ask(server, "POST", "/v1/events", &headers, event).await;
    assert!(answer.starts_with("HTTP/1.1 202"), "{answer}");
    browser.post("/logout", &[]).await;
    // The stacks of the workers keep values of their last requests until others pass.
    for _ in 0..50 {
        ask(server, "GET", "/login", "", "").await;
    }
    vec![
        ("the password", PASSWORD.into()),
        ("the wrong password", WRONG_PASSWORD.into()),
        ("the password in its form", encoded(PASSWORD)),
        ("the session of the sign-up", first),
        ("the session of the sign-in", second),
        ("the API key", key),
        ("the signing secret", secret),
        ("the custom header", HEADER_VALUE.into()),
        ("the one-time link", path["/setup/".len()..].to_owned()),
    ]
}

/// The secrets that a text holds.
fn in_clear(bytes: &[u8], secrets: &[Secret]) -> Vec<&'static str> {
    secrets
        .iter()
        .filter(|(_, secret)| memmem::find(bytes, secret.as_bytes()).is_some())
        .map(|(name, _)| *name)
        .collect()
}

/// The memory of a process that can be written, a region at a time.
fn memory(process: u32) -> impl Iterator<Item = Vec<u8>> {
    let maps = fs::read_to_string(format!("/proc/{process}/maps")).expect("its regions");
    let mut file = File::open(format!("/proc/{process}/mem")).expect("its memory");
    let regions: Vec<(u64, u64)> = maps
        .lines()
        .filter_map(|line| line.split_once(' ').filter(|(_, rest)| rest.starts_with("rw")))
        .filter_map(|(range, _)| range.split_once('-'))
        .map(|(from, to)| [from, to].map(|at| u64::from_str_radix(at, 16).expect("an address")).into())
        .collect();
    regions.into_iter().filter_map(move |(from, to)| {
        let mut bytes = vec![0; usize::try_from(to - from).expect("a region")];
        file.seek(SeekFrom::Start(from)).expect("a place");
        // A region can go away meanwhile.
        file.read_exact(&mut bytes).ok().map(|()| bytes)
    })
}

fn in_memory(process: u32, secrets: &[Secret]) -> Vec<&'static str> {
    let mut names: Vec<_> = memory(process).flat_map(|bytes| in_clear(&bytes, secrets)).collect();
    names.sort_unstable();
    names.dedup();
    names
}

#[tokio::test]
async fn no_secret_password_token_or_key_is_left_in_clear() {
    let folder = Folder::new();
    let log = folder.path().join("log");
    let mut command = folder.signet(&["serve", "--dev", "--log-level", "debug"]);
    command.args(LISTEN).stderr(Stdio::from(File::create(&log).expect("a log file")));
    let mut server = Server::start(command).await;
    let secrets = full_run(&server).await;

    // The links of a first start are printed on purpose, and stay in the buffer of the output;
    // custom headers are kept to be sent. Signing keys are kept as states of HMAC, and the
    // sealing key for as long as the process runs.
    // A copy of the last session's token outlives its session.
    let kept = ["the custom header", "the one-time link", "the session of the sign-in"];
    let passing: Vec<Secret> = secrets.iter().filter(|(name, _)| !kept.contains(name)).cloned().collect();
    assert_eq!(in_memory(server.id(), &[("a header", HEADER_VALUE.into())]), ["a header"], "memory can be searched");
    let begun = Instant::now();
    loop {
        let left = in_memory(server.id(), &passing);
        if left.is_empty() {
            break;
        }
        assert!(begun.elapsed() < PATIENCE, "in memory: {left:?}");
        sleep(Duration::from_millis(500)).await;
    }

    server.stop().await;
    let written = |path: &Path| in_clear(&fs::read(path).expect("a file"), &secrets);
    assert_eq!(written(&log), [""; 0], "in the log");
    for entry in fs::read_dir(folder.path()).expect("files").flatten() {
        assert_eq!(written(&entry.path()), [""; 0], "in {}", entry.path().display());
    }
}

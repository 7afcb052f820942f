//! `signet top` beside a server.

use std::process::Stdio;

use signet_engine::{db::DatabaseUrl, testing::postgres};
use tokio::process::Command;

use super::{Folder, ask, refusal};
use crate::patience::within;

/// The frames of a database of a server that has taken an event, by these options.
async fn watched(folder: &Folder, options: &[&str]) -> String {
    folder.printed(&[&["account", "add", "acme"], options].concat()).await;
    let key = folder.printed(&[&["key", "add", "--account", "acme", "--name", "k"], options].concat()).await;
    let server = folder.serve(options).await;
    let headers = format!("Authorization: Bearer {key}\r\nContent-Type: application/json\r\n");
    let event = r#"{"event":"task.failed","taskId":"t","errorId":1,"errorCode":"E"}"#;
    assert!(ask(&server, "POST", "/v1/events", &headers, event).await.starts_with("HTTP/1.1 202"));
    let frame = folder.printed(&[&["top", "--once"], options].concat()).await;
    // Without a terminal it is the same.
    let piped = folder.printed(&[&["top"], options].concat()).await;
    let numberless = |text: &str| text.lines().map(|line| line.split_whitespace().count()).collect::<Vec<_>>();
    assert_eq!(numberless(&frame), numberless(&piped), "{frame}\n{piped}");
    frame
}

fn assert_is_frame(frame: &str) {
    assert!(!frame.contains('\u{1b}'), "{frame}");
    for title in ["ACCEPTED", "WAITING", "SLOWEST", "FAILING", "STUCK"] {
        assert!(frame.contains(title), "{frame}");
    }
    let servers = frame.lines().find(|line| line.starts_with("SERVERS")).expect("servers");
    assert!(servers.ends_with(" 1"), "{frame}");
}

#[tokio::test]
async fn one_frame_is_plain_text_on_sqlite() {
    let folder = Folder::new();
    let frame = watched(&folder, &["--database", "sqlite:signet.db"]).await;
    assert_is_frame(&frame);
    assert!(frame.contains("sqlite:signet.db"), "{frame}");
    let error = refusal(folder.signet(&["top", "--once", "--database", "sqlite:missing.db"])).await;
    assert!(error.contains("missing.db") && !folder.path().join("missing.db").exists(), "{error}");
}

#[tokio::test]
async fn one_frame_is_plain_text_on_postgresql() {
    let Some(database) = postgres().await else { return };
    let DatabaseUrl::Postgres(url) = &database.url else { panic!("not PostgreSQL: {database:?}") };
    let frame = watched(&Folder::new(), &["--database", url, "--key-file", "signet.key"]).await;
    assert_is_frame(&frame);
    assert!(!frame.contains(url.as_str()), "{frame}");
}

/// `script` runs a program at a terminal of its own, and writes down what it shows.
#[tokio::test]
async fn a_terminal_is_given_back_after_ctrl_c() {
    let folder = Folder::new();
    folder.serve(&[]).await.stop().await;
    let top = folder.signet(&["top"]);
    let binary = top.as_std().get_program().to_str().expect("a path");
    // What is written down begins with this line itself.
    let line = format!(
        "'{binary}' top --config none & top=$!; until grep -q 'W[A]ITING' shown; do sleep 0.05; done; kill -INT $top; wait $top"
    );
    let mut script = Command::new("script");
    script.args(["--quiet", "--flush", "--return", "--command", &line, "shown"]).current_dir(folder.path());
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("SIGNET_")) {
        script.env_remove(name);
    }
    let output = within("it ends", script.stdin(Stdio::null()).kill_on_drop(true).output()).await.expect("script");
    let painted = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{painted:?}");
    let (enter, leave) = ("\u{1b}[?1049h\u{1b}[?25l", "\u{1b}[?25h\u{1b}[?1049l");
    assert!(painted.contains(enter) && painted.contains("WAITING"), "{painted:?}");
    assert!(painted.rfind(leave) > painted.rfind(enter), "{painted:?}");
}

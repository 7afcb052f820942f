//! Files and log lines that others could read.

use std::{os::unix::fs::PermissionsExt, process::Stdio};

use super::{Folder, LISTEN, ask, run_by, setup_link};
use crate::server::Server;

#[tokio::test]
async fn a_log_of_json_is_json_and_has_no_secret() {
    let folder = Folder::new();
    let mut server = folder.serve(&["--log-format", "json", "--log-level", "trace"]).await;
    let token = setup_link(&server).and_then(|link| link.rsplit('/').next()).expect("a token").to_owned();
    let key = folder.printed(&["key", "add", "--name", "operator"]).await;
    ask(&server, "GET", "/v1/events", &format!("Authorization: Bearer {key}\r\n"), "").await;
    ask(&server, "GET", &format!("/setup/{token}"), "Cookie: __Host-signet=cookie-token\r\n", "").await;
    ask(&server, "POST", &format!("/setup/{token}"), "Origin: https://evil.example\r\n", "").await;
    server.stop().await;
    let log = server.rest_of_log().await;
    assert!(log.lines().count() > 2 && log.contains("refused: a request from another origin"), "{log}");
    for line in log.lines() {
        assert!(serde_json::from_str::<serde_json::Value>(line).is_ok(), "{line}");
        for secret in [&token, &key, "cookie-token"] {
            assert!(!line.contains(secret), "{line}");
        }
    }
}

#[tokio::test]
async fn every_file_is_for_its_owner_alone_under_any_umask() {
    let folder = Folder::new();
    let mut signet = folder.signet(&["serve"]);
    let mut open_to_all = run_by(&["sh", "-c", "umask 000; exec \"$0\" \"$@\""], signet.args(LISTEN));
    open_to_all.stderr(Stdio::null());
    let _server = Server::start(open_to_all).await;
    let files: Vec<_> = std::fs::read_dir(folder.path()).expect("a folder").map(|file| file.expect("a file")).collect();
    assert!(files.len() >= 5, "the database, its log and index, the key and the lock: {files:?}");
    for file in files {
        let mode = file.metadata().expect("there").permissions().mode();
        assert_eq!(mode & 0o077, 0, "{file:?}");
    }
}

//! The limit of open files.

use std::process::Stdio;

use tokio::process::Command;

use super::{Folder, LISTEN, ask, refusal, run_by, send};
use crate::server::Server;

/// A server with a limit of open files.
fn limited(folder: &Folder, limit: u32, options: &[&str]) -> Command {
    let mut signet = folder.signet(&["serve"]);
    signet.args(LISTEN).args(options);
    run_by(&["sh", "-c", &format!("ulimit -n {limit}; exec \"$0\" \"$@\"")], &signet)
}

#[tokio::test]
async fn too_few_descriptors_are_refused_with_the_options_that_need_them() {
    let error = refusal(limited(&Folder::new(), 256, &[])).await;
    for words in ["256", "LimitNOFILE", "--max-in-flight 512"] {
        assert!(error.contains(words), "{error}");
    }
}

#[tokio::test]
async fn connections_from_outside_get_the_descriptors_that_sending_leaves() {
    let folder = Folder::new();
    let mut command = limited(&folder, 256, &["--max-in-flight", "64", "--max-hanging", "64"]);
    command.stderr(Stdio::piped());
    let mut server = Server::start(command).await;
    // Of the 96 that 64 attempts at work and the reserve leave.
    server.wait_for_log("max_connections=48 max_hanging=24").await;
    // All of these fit into the limit of the process only because the first make room for the last.
    let mut silent = Vec::new();
    for _ in 0..330 {
        silent.push(send(&server, "GET /healthz HT").await);
    }
    assert!(ask(&server, "GET", "/healthz", "", "").await.starts_with("HTTP/1.1 200"));
    assert!(ask(&server, "GET", "/readyz", "", "").await.starts_with("HTTP/1.1 200"));
    server.wait_for_log("too many connections").await;
}

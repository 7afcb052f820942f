//! `signet doctor` beside a server, without one, and on a database that is not well.

use std::fs;

use serde_json::Value;
use signet_engine::{db::DatabaseUrl, testing::postgres};
use tokio::net::TcpListener;

use super::Folder;

/// What the checks found, by name: the first one of each.
async fn examined(folder: &Folder, options: &[&str]) -> (bool, Value) {
    let output = folder.run(&[&["doctor", "--json"], options].concat()).await;
    let report: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("no JSON: {output:?}"));
    assert_eq!(output.status.success(), report["result"] != "failed", "{report:#}");
    (output.status.success(), report)
}

fn result<'r>(report: &'r Value, check: &str) -> &'r str {
    let checks = report["checks"].as_array().expect("checks");
    let found = checks.iter().find(|it| it["check"] == check).unwrap_or_else(|| panic!("no {check}: {report:#}"));
    found["result"].as_str().expect("a result")
}

fn files(folder: &Folder) -> Vec<std::ffi::OsString> {
    let mut names: Vec<_> =
        fs::read_dir(folder.path()).expect("a folder").map(|file| file.expect("a file").file_name()).collect();
    names.sort();
    names
}

#[tokio::test]
async fn a_server_that_runs_is_well_and_one_that_does_not_leaves_no_trace() {
    let folder = Folder::new();
    let (_, report) = examined(&folder, &["--listen", "127.0.0.1:0"]).await;
    assert_eq!(result(&report, "database file"), "ok", "{report:#}");
    assert!(files(&folder).is_empty(), "something was made");

    let mut server = folder.serve(&[]).await;
    let address = server.address.to_string();
    let (_, report) = examined(&folder, &["--listen", &address]).await;
    for check in [
        "configuration",
        "database",
        "schema",
        "database file",
        "database settings",
        "database check",
        "sealing key",
        "address",
    ] {
        assert_eq!(result(&report, check), "ok", "{check}: {report:#}");
    }
    assert!(report.to_string().contains("a Signet answers on"), "{report:#}");
    for check in ["outgoing HTTPS", "public URL", "name look-up"] {
        assert_eq!(result(&report, check), "skipped", "nobody is asked unless it is said: {report:#}");
    }
    server.stop().await;
    let before = files(&folder);
    examined(&folder, &["--listen", "127.0.0.1:0"]).await;
    assert_eq!(files(&folder), before);
    let text = String::from_utf8(folder.run(&["doctor", "--listen", "127.0.0.1:0"]).await.stdout).expect("text");
    assert!(text.starts_with("ok       configuration"), "{text}");
}

#[tokio::test]
async fn the_public_url_is_told_from_that_of_another_server() {
    let (folder, other) = (Folder::new(), Folder::new());
    let server = folder.serve(&[]).await;
    let another = other.serve(&[]).await;
    let asked = async |url: String| {
        let listen = server.address.to_string();
        examined(&folder, &["--listen", &listen, "--public-url", &url, "--try-public-url"]).await.1
    };
    let own = asked(format!("http://{}", server.address)).await;
    assert_eq!(result(&own, "public URL"), "ok", "{own:#}");
    let others = asked(format!("http://{}", another.address)).await;
    assert_eq!(result(&others, "public URL"), "warning", "{others:#}");
}

#[tokio::test]
async fn what_is_wrong_is_found_and_each_failure_says_what_to_do() {
    let folder = Folder::new();
    folder.serve(&[]).await.stop().await;
    let taken = TcpListener::bind("127.0.0.1:0").await.expect("a socket");
    let address = taken.local_addr().expect("an address").to_string();
    tokio::spawn(async move { while taken.accept().await.is_ok() {} });
    fs::remove_file(folder.path().join("signet.key")).expect("removed");
    let (well, report) = examined(&folder, &["--listen", &address, "--lease", "1s"]).await;
    assert!(!well);
    for check in ["configuration", "sealing key", "address"] {
        assert_eq!(result(&report, check), "failed", "{check}: {report:#}");
    }
    let failed = report["checks"].as_array().expect("checks").iter().filter(|it| it["result"] == "failed");
    assert!(failed.clone().all(|it| it["do"].is_string()), "{report:#}");
    let file = folder.path().join("signet.toml");
    fs::write(&file, "typo = 1\nlisten = []\n").expect("written");
    let (well, report) = examined(&folder, &["--config", file.to_str().expect("a path")]).await;
    assert!(!well && report["checks"].as_array().is_some_and(|checks| checks.len() == 2), "{report:#}");
}

#[tokio::test]
async fn a_postgresql_is_examined_beside_a_server() {
    let Some(database) = postgres().await else { return };
    let DatabaseUrl::Postgres(url) = &database.url else { panic!("not PostgreSQL: {database:?}") };
    let folder = Folder::new();
    let options = ["--database", url, "--key-file", "signet.key"];
    let server = folder.serve(&options).await;
    let listen = server.address.to_string();
    let (_, report) = examined(&folder, &[&options[..], &["--listen", &listen]].concat()).await;
    for check in ["database", "schema", "permissions", "primary", "sealing key", "database clock", "address"] {
        assert_eq!(result(&report, check), "ok", "{check}: {report:#}");
    }
    assert!(!report.to_string().contains(url.as_str()), "the URL can hold a password");
    let gone = examined(&folder, &["--database", "postgres://127.0.0.1:1/x", "--key-file", "signet.key"]).await.1;
    assert_eq!(result(&gone, "database"), "failed");
}

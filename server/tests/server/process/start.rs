//! Starting, and refusing to start.

use std::{
    fs::{self, Permissions},
    os::unix::fs::PermissionsExt,
    path::Path,
};

use rustix::process::geteuid;
use signet_engine::{db::DatabaseUrl, testing::postgres};
use tokio::process::Command;

use super::{Folder, LISTEN, ask, ask_for, refusal, run_by, setup_link};

#[tokio::test]
async fn a_server_starts_in_an_empty_folder_and_stops_when_asked() {
    let folder = Folder::new();
    let mut server = folder.serve(&[]).await;
    assert!(ask(&server, "GET", "/healthz", "", "").await.starts_with("HTTP/1.1 200"));
    assert!(ask(&server, "GET", "/readyz", "", "").await.starts_with("HTTP/1.1 200"));
    assert!(ask(&server, "GET", "/login", "", "").await.contains("<!DOCTYPE html>"));
    server.stop().await;
}

#[tokio::test]
async fn the_one_time_link_is_printed_until_an_owner_has_used_it() {
    let folder = Folder::new();
    let mut first = folder.serve(&[]).await;
    let old = setup_link(&first).expect("a link").to_owned();
    first.stop().await;
    let mut second = folder.serve(&["--public-url", "https://signet.example"]).await;
    let link = setup_link(&second).expect("a link again").to_owned();
    assert!(link.starts_with("https://signet.example/setup/") && !old.ends_with(&link[30..]));
    let path = link.strip_prefix("https://signet.example").expect("a path");
    let headers = "Origin: https://signet.example\r\nContent-Type: application/x-www-form-urlencoded\r\n";
    let form = "email=me%40example.com&password=correct+horse+battery";
    let answer = ask_for(&second, "signet.example", ("POST", path), headers, form).await;
    assert!(answer.starts_with("HTTP/1.1 303"), "{answer}");
    second.stop().await;
    assert_eq!(setup_link(&folder.serve(&[]).await), None);
}

#[tokio::test]
async fn an_address_in_use_is_refused_before_a_file_is_made() {
    let server = Folder::new().serve(&[]).await;
    let elsewhere = Folder::new();
    let error = refusal(elsewhere.signet(&["serve", "--listen", &server.address.to_string()])).await;
    assert!(error.contains("choose another address"), "{error}");
    assert_eq!(fs::read_dir(elsewhere.path()).expect("a folder").count(), 0);
}

#[tokio::test]
async fn a_refused_start_is_one_line_of_advice() {
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
        let mut command = folder.signet(arguments);
        command.args(listen(arguments)).envs(variables.iter().copied());
        let error = refusal(command).await;
        assert!(error.contains(words) && !error.contains("hunter2") && !error.contains(zeros), "{error}");
    }
}

/// A free port, for a command that listens.
fn listen(arguments: &[&str]) -> &'static [&'static str] {
    if arguments.first() == Some(&"serve") { &LISTEN } else { &[] }
}

fn serve(folder: &Folder) -> Command {
    let mut command = folder.signet(&["serve"]);
    command.args(LISTEN);
    command
}

#[tokio::test]
async fn a_wrong_sealing_key_does_not_start() {
    let folder = Folder::new();
    folder.serve(&[]).await.stop().await;
    let key = folder.path().join("signet.key");
    let kept = folder.path().join("kept.key");
    fs::rename(&key, &kept).expect("moved away");
    assert!(refusal(serve(&folder)).await.contains("Restore the file"), "none is made");
    let mut with_another = serve(&folder);
    with_another.env("SIGNET_KEY", "BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc=");
    assert!(refusal(with_another).await.contains("not the one that the secrets in this database"));
    fs::rename(&kept, &key).expect("restored");
    folder.serve(&[]).await.stop().await;
}

#[tokio::test]
async fn a_second_server_on_one_file_is_refused_and_commands_are_not() {
    let folder = Folder::new();
    let _first = folder.serve(&[]).await;
    let error = refusal(serve(&folder)).await;
    assert!(error.contains("another server has the database signet.db open"), "{error}");
    folder.printed(&["check"]).await;
}

/// The command under the permissions of files, which root passes by with a capability.
fn with_permissions(command: Command) -> Command {
    if geteuid().is_root() { run_by(&["setpriv", "--bounding-set=-dac_override", "--"], &command) } else { command }
}

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).expect("permissions");
}

#[tokio::test]
async fn a_database_that_cannot_be_written_is_refused_with_advice() {
    let folder = Folder::new();
    folder.serve(&[]).await.stop().await;
    let database = folder.path().join("signet.db");
    set_mode(&database, 0o400);
    let error = refusal(with_permissions(serve(&folder))).await;
    assert!(error.contains("whether this user may"), "{error}");

    set_mode(&database, 0o600);
    set_mode(folder.path(), 0o500);
    fs::remove_file(folder.path().join("signet.db.lock")).expect("a lock");
    let error = refusal(with_permissions(serve(&folder))).await;
    assert!(error.contains("choose another folder with --database"), "{error}");
    set_mode(folder.path(), 0o700);
}

#[tokio::test]
async fn a_postgresql_that_takes_no_writes_is_refused_with_advice() {
    let Some(database) = postgres().await else { return };
    database
        .run(
            "DO $$ BEGIN
               EXECUTE format('ALTER DATABASE %I SET default_transaction_read_only = on', current_database());
             END $$",
        )
        .await;
    let DatabaseUrl::Postgres(url) = &database.url else { panic!("not PostgreSQL: {database:?}") };
    let folder = Folder::new();
    let mut command = serve(&folder);
    command.args(["--database", url, "--key-file", "signet.key"]).env("SIGNET_LOG_LEVEL", "error");
    let error = refusal(command).await;
    assert!(error.contains("whether this user may"), "{error}");
}

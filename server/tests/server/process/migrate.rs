//! `signet migrate`, and commands on a database of an earlier version.

use sqlx::{AssertSqlSafe, Connection, Executor, SqliteConnection, sqlite::SqliteConnectOptions};

use super::{Folder, LISTEN, refusal};

/// A database of an earlier version.
const EARLIER: &str = include_str!("../../../../engine/tests/engine/versions/0006/sqlite.sql");

/// A folder with a database of schema 6.
async fn with_an_earlier_database() -> Folder {
    let folder = Folder::new();
    let options = SqliteConnectOptions::new().filename(folder.path().join("signet.db")).create_if_missing(true);
    let mut database = SqliteConnection::connect_with(&options).await.expect("a new file");
    database.execute(sqlx::raw_sql(AssertSqlSafe(EARLIER))).await.expect("the dump");
    database.close().await.expect("closed");
    folder
}

#[tokio::test]
async fn commands_never_migrate_and_say_what_to_run() {
    let folder = with_an_earlier_database().await;
    for arguments in [
        &["check"][..],
        &["erase", "--account", "ada"],
        &["key", "list"],
        &["key", "add", "--name", "k"],
        &["account", "add", "acme"],
        &["event-type", "list"],
        &["serve", LISTEN[0], LISTEN[1], "--no-migrate"],
    ] {
        let error = refusal(folder.signet(arguments)).await;
        assert!(error.contains("has schema 6, and this version of Signet needs"), "{arguments:?}: {error}");
        assert!(error.contains("run `signet migrate`"), "{arguments:?}: {error}");
    }
    let mut serve = folder.signet(&["serve"]);
    serve.args(LISTEN).env("SIGNET_NO_MIGRATE", "true");
    assert!(refusal(serve).await.contains("run `signet migrate`"));
}

#[tokio::test]
async fn a_dry_run_lists_and_changes_nothing_and_then_it_is_done() {
    let folder = with_an_earlier_database().await;
    for _ in 0..2 {
        let listed = folder.printed(&["migrate", "--dry-run"]).await;
        assert!(listed.contains("applied  0006 drafts\npending  0007 event types"), "{listed}");
        assert!(listed.contains("The database has schema 6;"), "{listed}");
    }
    let done = folder.printed(&["migrate"]).await;
    assert!(done.contains(" migrations, 7 to ") && done.contains("may run on it."), "{done}");
    assert!(folder.printed(&["migrate"]).await.starts_with("Nothing was to be applied."));
    assert!(!folder.printed(&["migrate", "--dry-run"]).await.contains("\npending"));
    folder.printed(&["key", "list"]).await;
}

#[tokio::test]
async fn migrating_makes_a_database_that_a_server_is_content_with() {
    let folder = Folder::new();
    let error = refusal(folder.signet(&["serve", LISTEN[0], LISTEN[1], "--no-migrate"])).await;
    assert!(error.contains("there is no database"), "{error}");
    let error = refusal(folder.signet(&["migrate", "--dry-run"])).await;
    assert!(error.contains("there is no database"), "{error}");
    folder.printed(&["migrate"]).await;
    folder.serve(&["--no-migrate"]).await.stop().await;
}

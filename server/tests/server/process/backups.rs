//! `signet backup`, `restore` and `restored` as an operator meets them.

use std::{
    fs::{self, OpenOptions},
    os::unix::fs::{FileExt, PermissionsExt},
};

use super::{Folder, refusal};

/// A folder with a database that a server has used, and an empty folder beside.
async fn used() -> (Folder, tempfile::TempDir) {
    let folder = Folder::new();
    folder.printed(&["account", "add", "acme"]).await;
    folder.serve(&[]).await.stop().await;
    (folder, tempfile::tempdir().expect("a folder"))
}

fn text(path: &std::path::Path) -> &str {
    path.to_str().expect("a path of letters")
}

#[tokio::test]
async fn a_backup_says_what_is_in_it_and_keeps_the_key_apart() {
    let (folder, elsewhere) = used().await;
    let server = folder.serve(&[]).await;
    let said = folder.printed(&["backup", "copy.db"]).await;
    for words in ["bytes", "is the version of the schema", "0 events, the newest of none", "which opens it"] {
        assert!(said.contains(words), "{words}: {said}");
    }
    assert!(said.contains("keep a copy of the key in another place"), "{said}");
    let bytes = fs::read(folder.path().join("copy.db")).expect("the backup");
    let key = fs::read_to_string(folder.path().join("signet.key")).expect("the key");
    assert!(memchr::memmem::find(&bytes, key.trim().as_bytes()).is_none(), "the key is in the backup");

    let error = refusal(folder.signet(&["backup", "copy.db"])).await;
    assert!(error.contains("copy.db is there already") && error.contains("--yes"), "{error}");
    folder.printed(&["backup", "copy.db", "--yes"]).await;

    let error = refusal(folder.signet(&["backup", "second.db", "--key-to", "copy.key"])).await;
    assert!(error.contains("is in the folder of the backup"), "{error}");
    assert!(!folder.path().join("second.db").exists(), "it was made all the same");
    let key_to = elsewhere.path().join("copy.key");
    for name in ["second.db", "third.db"] {
        let said = folder.printed(&["backup", name, "--key-to", text(&key_to)]).await;
        assert!(said.contains(text(&key_to)), "{said}");
        assert_eq!(fs::read_to_string(&key_to).expect("the key"), key, "the same key may stay");
    }
    assert_eq!(fs::metadata(&key_to).expect("a file").permissions().mode() & 0o777, 0o600);
    drop(server);
}

#[tokio::test]
async fn a_wrong_key_makes_no_backup_and_restores_none() {
    let (folder, elsewhere) = used().await;
    folder.printed(&["backup", "copy.db"]).await;
    let wrong = elsewhere.path().join("wrong.key");
    fs::write(&wrong, "BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc=\n").expect("a key");
    fs::set_permissions(&wrong, fs::Permissions::from_mode(0o600)).expect("private");
    let error = refusal(folder.signet(&["backup", "second.db", "--key-file", text(&wrong)])).await;
    assert!(error.contains("is not the one that the secrets in"), "{error}");
    assert!(!folder.path().join("second.db").exists());

    let before = fs::read(folder.path().join("signet.db")).expect("the database");
    let error = refusal(folder.signet(&["restore", "copy.db", "--yes", "--key-file", text(&wrong)])).await;
    assert!(error.contains("nothing was restored: the sealing key is not the one"), "{error}");
    let missing = text(&elsewhere.path().join("missing.key")).to_owned();
    let error = refusal(folder.signet(&["restore", "copy.db", "--yes", "--key-file", &missing])).await;
    assert!(error.contains("the sealing key is not at hand: put its copy in"), "{error}");
    assert_eq!(fs::read(folder.path().join("signet.db")).expect("the database"), before);
}

#[tokio::test]
async fn a_restore_replaces_nothing_unless_asked_to_and_keeps_what_was_there() {
    let (folder, _) = used().await;
    folder.printed(&["backup", "copy.db"]).await;
    folder.printed(&["account", "add", "later"]).await;

    let output = folder.run(&["restore", "copy.db"]).await;
    let (said, error) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert_eq!(output.status.code(), Some(1), "{said}{error}");
    assert!(said.contains("The backup copy.db is whole") && error.contains("Add --yes"), "{said}{error}");

    let mut server = folder.serve(&[]).await;
    let error = refusal(folder.signet(&["restore", "copy.db", "--yes"])).await;
    assert!(error.contains("another server has the database"), "{error}");
    let error = refusal(folder.signet(&["restored"])).await;
    assert!(error.contains("another server has the database"), "{error}");
    server.stop().await;

    let said = folder.printed(&["restore", "copy.db", "--yes"]).await;
    for words in ["Restored ", "is kept in", "pending deliveries, which the next server sends", "idempotency keys"] {
        assert!(said.contains(words), "{words}: {said}");
    }
    let kept = said.split_whitespace().find(|word| word.contains(".replaced-")).expect("its name");
    let kept = format!("sqlite:{}", kept.trim_end_matches('.'));
    let has_later = async |database: &str| {
        let again = folder.run(&["account", "add", "later", "--database", database]).await;
        !again.status.success()
    };
    assert!(has_later(&kept).await, "what was there before is not kept");
    assert!(!has_later("sqlite:signet.db").await, "the backup is not in place");
    assert!(folder.printed(&["check"]).await.contains("Restored from a backup at "), "the check does not say so");
    // The backup stays what it was.
    folder.printed(&["restore", "copy.db", "--database", "sqlite:rehearsal.db", "--key-file", "signet.key"]).await;
}

#[tokio::test]
async fn a_file_that_is_no_whole_backup_is_refused() {
    let (folder, _) = used().await;
    folder.printed(&["backup", "copy.db"]).await;
    let copy = folder.path().join("copy.db");
    let whole = fs::read(&copy).expect("the backup");
    let restore = async || refusal(folder.signet(&["restore", "copy.db", "--yes"])).await;
    for (bytes, words) in [
        (&whole[..whole.len() / 2], "is damaged"),
        (b"rubbish of some length", "is damaged"),
        (b"", "no database of Signet"),
    ] {
        fs::write(&copy, bytes).expect("written");
        let error = restore().await;
        assert!(error.contains("nothing was restored: copy.db") && error.contains(words), "{error}");
    }
    fs::write(&copy, &whole).expect("written");
    let file = OpenOptions::new().write(true).open(&copy).expect("the backup");
    file.write_all_at(&[0xa5; 3_000], whole.len() as u64 - 4_096).expect("damaged");
    assert!(restore().await.contains("is damaged"));
    assert!(refusal(folder.signet(&["restore", "nowhere.db"])).await.contains("there is no backup nowhere.db"));
    assert!(refusal(folder.signet(&["restore", "signet.db"])).await.contains("is the database itself"));
    let left: Vec<_> =
        fs::read_dir(folder.path()).expect("a folder").map(|it| it.expect("a file").file_name()).collect();
    assert!(!left.iter().any(|name| name.to_string_lossy().contains("unfinished")), "{left:?}");
    folder.serve(&[]).await.stop().await;
}

#[tokio::test]
async fn a_database_of_postgresql_is_left_to_its_tools() {
    let folder = Folder::new();
    let database = ["--database", "postgres://nobody@127.0.0.1:1/nothing"];
    let error = refusal(folder.signet(&[&["backup", "copy.db"], &database[..]].concat())).await;
    assert!(error.contains("nothing was backed up") && error.contains("pg_dump"), "{error}");
    fs::write(folder.path().join("copy.db"), "").expect("a file");
    let error = refusal(folder.signet(&[&["restore", "copy.db"], &database[..]].concat())).await;
    assert!(error.contains("nothing was restored") && error.contains("signet restored"), "{error}");
}

#[tokio::test]
async fn an_instant_of_a_restore_is_in_the_past() {
    let (folder, _) = used().await;
    let error = refusal(folder.signet(&["restored", "--at", "9999-01-01T00:00:00Z"])).await;
    assert!(error.contains("--at lies ahead"), "{error}");
    let said = folder.printed(&["restored", "--at", "2026-01-01T00:00:00Z"]).await;
    assert!(said.starts_with("Marked as restored.") && said.contains("0 pending deliveries"), "{said}");
}

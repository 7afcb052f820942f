//! Copies of a database that is written to, and files that are no backup.

use std::{
    fs::{self, OpenOptions},
    os::unix::fs::{FileExt, PermissionsExt},
};

use signet_model::AccountId;
use tempfile::TempDir;

use super::*;
use crate::{
    Engine,
    db::{Database, DatabaseUrl},
    seal::{KeyRing, Sealer},
    testing::{TestDatabase, account, completed, endpoint, resting_engine, sqlite},
};

struct World {
    folder: TempDir,
    database: TestDatabase,
    engine: Engine,
    account: AccountId,
}

impl World {
    async fn new() -> Self {
        let database = sqlite().await;
        let (engine, _) = resting_engine(&database);
        let account = account(&engine, "acme").await;
        endpoint(&engine, account).await;
        std::mem::forget(engine.start());
        engine.prove_sealing_key().await.expect("a key");
        let this = Self { folder: TempDir::new().expect("a folder"), database, engine, account };
        this.accept("first").await;
        this
    }

    async fn accept(&self, task: &str) {
        self.engine.ingest(completed(&self.engine, self.account, task)).await.expect("accepted");
    }

    fn path(&self) -> PathBuf {
        let DatabaseUrl::Sqlite(path) = self.database.url.clone() else { unreachable!("it is SQLite") };
        path
    }

    fn place(&self) -> PathBuf {
        self.folder.path().join("backup.db")
    }

    fn back_up(&self) -> PathBuf {
        let draft = Draft::beside(&self.place()).expect("a draft");
        copy(&self.path(), &draft, &mut |_| {}).expect("copied");
        look(draft.path()).expect("a whole copy");
        draft.put_in_place(false).expect("in place");
        self.place()
    }

    /// The names in the folder of the backup.
    fn names(&self) -> Vec<String> {
        let files = fs::read_dir(self.folder.path()).expect("a folder");
        let mut names: Vec<_> =
            files.map(|file| file.expect("a file").file_name().to_string_lossy().into_owned()).collect();
        names.sort();
        names
    }
}

#[tokio::test]
async fn a_backup_is_one_file_of_one_state_for_its_owner_alone() {
    let world = World::new().await;
    let backup = world.back_up();
    world.accept("later").await;
    assert_eq!(world.names(), ["backup.db"], "nothing else is left");
    assert_eq!(fs::metadata(&backup).expect("a file").permissions().mode() & 0o777, 0o600);
    let contents = look(&backup).expect("whole");
    assert_eq!((contents.events, contents.deliveries), (1, 1), "{contents:?}");
    assert!(contents.newest_event.is_some() && contents.schema == crate::db::schema::own_schema(), "{contents:?}");
    assert_eq!(world.names(), ["backup.db"], "looking leaves nothing either");
}

#[tokio::test]
async fn commits_meanwhile_neither_come_into_the_copy_nor_have_it_begin_anew() {
    let world = World::new().await;
    for task in 0..40 {
        let event = completed(&world.engine, world.account, &format!("large_{task}"));
        world.engine.ingest(event).await.expect("accepted");
    }
    // More pages than one step copies.
    world.database.run("CREATE TABLE ballast (bytes BLOB); INSERT INTO ballast VALUES (zeroblob(12000000))").await;
    let draft = Draft::beside(&world.place()).expect("a draft");
    let writer = rusqlite::Connection::open(world.path()).expect("another connection");
    let (mut steps, mut last) = (0, 0);
    copy(&world.path(), &draft, &mut |at| {
        assert!(at.pages > last, "the copy began anew at {at:?}");
        (steps, last) = (steps + 1, at.pages);
        writer.execute("UPDATE accounts SET revision = revision + 1000", []).expect("a commit");
    })
    .expect("copied");
    assert!(steps > 2, "{steps} steps");
    let revision = |path: &std::path::Path| -> i64 {
        let connection = rusqlite::Connection::open(path).expect("a connection");
        connection.query_row("SELECT revision FROM accounts", [], |row| row.get(0)).expect("a row")
    };
    assert_eq!(look(draft.path()).expect("whole").events, 41);
    assert!(revision(draft.path()) < 1_000 && revision(&world.path()) >= 3_000);
}

#[tokio::test]
async fn a_key_is_proved_by_what_the_backup_has_sealed() {
    let world = World::new().await;
    let contents = look(&world.back_up()).expect("whole");
    let opens = |key: [u8; 32]| contents.opens_with(&Sealer::new(KeyRing::from(key)));
    assert!(contents.has_proof() && opens([1; 32]) && !opens([2; 32]));
}

#[tokio::test]
async fn what_is_there_is_replaced_only_if_that_is_asked_for() {
    let world = World::new().await;
    let backup = world.back_up();
    world.accept("second").await;
    let draft = Draft::beside(&backup).expect("a draft");
    copy(&world.path(), &draft, &mut |_| {}).expect("copied");
    assert!(matches!(Draft::beside(&backup), Err(BackupError::UnderWay(_))), "one at a time");
    assert!(matches!(draft.put_in_place(false), Err(BackupError::Exists(_))));
    assert_eq!((look(&backup).expect("whole").events, world.names()), (1, vec!["backup.db".to_owned()]));
    let draft = Draft::beside(&backup).expect("a draft");
    copy(&world.path(), &draft, &mut |_| {}).expect("copied");
    draft.put_in_place(true).expect("replaced");
    assert_eq!(look(&backup).expect("whole").events, 2);
}

#[tokio::test]
async fn damaged_cut_foreign_and_newer_files_are_no_backups() {
    let world = World::new().await;
    world.database.run("CREATE TABLE ballast (bytes BLOB); INSERT INTO ballast VALUES (zeroblob(400000))").await;
    let backup = world.back_up();
    let whole = fs::read(&backup).expect("bytes");
    let complaint = |bytes: &[u8]| {
        fs::write(&backup, bytes).expect("written");
        look(&backup).expect_err("no backup")
    };
    for length in [0, 1, 100, 4_096, whole.len() / 2, whole.len() - 4_096] {
        let error = complaint(&whole[..length]);
        assert!(matches!(error, BackupError::Damaged { .. } | BackupError::Foreign(_)), "{length}: {error}");
    }
    // Each page of the tree of some table or index.
    let pages: Vec<_> =
        (0..whole.len() / 4_096).filter(|page| matches!(whole[page * 4_096], 2 | 5 | 10 | 13)).collect();
    assert!(pages.len() > 20, "{pages:?}");
    for page in pages {
        let mut bytes = whole.clone();
        bytes[page * 4_096..page * 4_096 + 2_000].fill(0xa5);
        let error = complaint(&bytes);
        assert!(matches!(error, BackupError::Damaged { .. }), "page {page}: {error}");
    }
    let error = complaint(b"SIGNET=1\n");
    assert!(matches!(error, BackupError::Damaged { .. }), "{error}");
    fs::write(&backup, &whole).expect("written");
    look(&backup).expect("whole again");

    let run = |sql: &str| rusqlite::Connection::open(&backup).expect("a file").execute_batch(sql).expect(sql);
    run("INSERT INTO _sqlx_migrations VALUES (9000, 'later', CURRENT_TIMESTAMP, TRUE, X'00', 1)");
    let error = look(&backup).expect_err("newer");
    assert!(error.to_string().contains("has schema version 9000, and this version of Signet knows"), "{error}");
    run("DROP TABLE _sqlx_migrations");
    assert!(matches!(look(&backup), Err(BackupError::Foreign(_))));
}

#[tokio::test]
async fn a_draft_that_a_killed_command_left_is_taken_over() {
    let world = World::new().await;
    for suffix in ["", "-wal", "-journal"] {
        fs::write(world.folder.path().join(format!(".backup.db.unfinished{suffix}")), "rubbish").expect("a file");
    }
    let backup = world.back_up();
    assert_eq!((look(&backup).expect("whole").events, world.names()), (1, vec!["backup.db".to_owned()]));
}

/// Puts the backup in the place of the world's database, which nobody has open.
async fn restore(world: &World) -> Result<Option<PathBuf>> {
    let backup = world.back_up();
    world.accept("after the backup").await;
    world.engine.close().await;
    let draft = Draft::beside(&world.path())?;
    copy(&backup, &draft, &mut |_| {})?;
    replace(draft, signet_model::Timestamp::from_unix_seconds(1_774_699_200))
}

#[tokio::test]
async fn the_database_of_before_is_kept_whole_beside_the_new_one() {
    let world = World::new().await;
    let kept = restore(&world).await.expect("restored").expect("kept");
    assert!(kept.to_string_lossy().ends_with(".db.replaced-2026-03-28T120000Z"), "{kept:?}");
    assert_eq!(look(&kept).expect("whole").events, 2);
    assert_eq!(look(&world.path()).expect("whole").events, 1);
    let db = Database::connect(&world.database.url).await.expect("a database of this version");
    db.close().await;
}

#[tokio::test]
async fn a_damaged_database_is_kept_with_its_log() {
    let world = World::new().await;
    let backup = world.back_up();
    world.engine.close().await;
    let file = OpenOptions::new().write(true).open(world.path()).expect("the database");
    file.write_all_at(&[0xa5; 4_096], 0).expect("damaged");
    fs::write(draft::with_suffix(&world.path(), "-wal"), "the last commits").expect("a log");
    let draft = Draft::beside(&world.path()).expect("a draft");
    copy(&backup, &draft, &mut |_| {}).expect("copied");
    let kept = replace(draft, signet_model::Timestamp::from_unix_seconds(0)).expect("restored").expect("kept");
    assert_eq!(fs::read(draft::with_suffix(&kept, "-wal")).expect("the log"), b"the last commits");
    assert!(fs::read(&kept).expect("the file").starts_with(&[0xa5; 16]));
    assert_eq!(look(&world.path()).expect("whole").events, 1);
}

#[tokio::test]
async fn a_database_that_a_program_has_open_is_not_replaced() {
    let world = World::new().await;
    let backup = world.back_up();
    let draft = Draft::beside(&world.path()).expect("a draft");
    copy(&backup, &draft, &mut |_| {}).expect("copied");
    let refused = replace(draft, signet_model::Timestamp::from_unix_seconds(0));
    assert!(matches!(refused, Err(BackupError::InUse(_))), "{refused:?}");
    world.accept("later").await;
    world.engine.ready().await.expect("its database is in place");
}

#[test]
fn a_file_whose_connections_are_still_closing_is_waited_for() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("signet.db");
    let open = rusqlite::Connection::open(&file).expect("a connection");
    open.execute_batch("PRAGMA journal_mode = WAL; CREATE TABLE t (a)").expect("a table");
    let reads = copy::writer(&file).expect("a connection");
    reads.execute_batch("BEGIN; SELECT * FROM t").expect("a snapshot");
    assert!(copy::close_log(&file).is_err_and(|error| copy::is_busy(&error)), "it is open");
    let closing = std::thread::spawn(move || {
        while !folder.path().join("signet.db-wal").exists() {
            std::thread::yield_now();
        }
        drop((open, reads));
        folder
    });
    copy::close_log_in_time(&file).expect("closed in the end");
    drop(closing.join());
}

//! Backups beside a server under load, and what goes out again after a restore.

use std::{
    collections::{HashMap, HashSet},
    path::{Path, PathBuf},
    process::Output,
};

use signet_engine::{
    db::DatabaseUrl,
    testing::{Arrival, TestDatabase, postgres, sqlite},
};
use signet_model::{EventId, delivery::State};
use tempfile::TempDir;
use tokio::task::spawn_blocking;
use xtask_postgres::Server as Postgres;

use super::{
    checks::Check,
    gate::Gate,
    options::{QUICK, QUICK_LEASE},
    producer::{Producers, Request, Sender},
    verify::{id, settle_and_verify, settled},
    world::World,
};
use crate::{
    patience::{until, within},
    server::{Server, signet},
};

/// Options of servers whose receiver makes them wait for longer than a backup takes.
const PATIENT: [&str; 6] =
    ["--budget", "6s", "--lease", "10s", "--retry-delays", "20ms,20ms,40ms,40ms,80ms,80ms,160ms"];
/// The header of what may be a repeat.
const MARK: &str = "x-webhook-possible-repeat";

/// Runs a command on the world's database.
async fn run(world: &World, arguments: &[&str], fault: Option<&str>) -> Output {
    let mut command = signet(arguments);
    command.args(["--database", world.database(), "--key-file"]).arg(world.key_file());
    if let Some(fault) = fault {
        command.env("SIGNET_FAULT", fault);
    }
    within("the command ends", command.output()).await.expect("the binary")
}

async fn succeeds(world: &World, arguments: &[&str]) -> String {
    let output = run(world, arguments, None).await;
    assert!(output.status.success(), "{arguments:?}: {output:?}");
    String::from_utf8(output.stdout).expect("text")
}

fn name(path: &Path) -> &str {
    path.to_str().expect("a path of letters")
}

/// A folder for backups.
struct Folder(TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().expect("a folder"))
    }

    fn file(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn backups_under_load_are_whole_and_hold_all_that_was_acknowledged_before() {
    let (world, folder) = (World::on(sqlite().await).await, Folder::new());
    let server = world.serve(&QUICK).await;
    let producers = Producers::start(&world, 3, 7);
    producers.talk_to(Some(server.address));
    for number in 0..4 {
        producers.journal.more(40).await;
        let before: HashSet<EventId> = producers.journal.acknowledged().into_values().collect();
        let file = format!("backup_{number}.db");
        succeeds(&world, &["backup", name(&folder.file(&file))]).await;
        // A check brings the copy of a database up to date, and so is made of a copy of it.
        std::fs::copy(folder.file(&file), folder.file("looked_at.db")).expect("a copy");
        let check = Check::at(format!("sqlite:{}", folder.file("looked_at.db").display()), world.key_file());
        assert_eq!(check.broken_rules().await, []);
        let stored = stored_events(&folder.file("looked_at.db")).await;
        let missing: Vec<_> = before.difference(&stored).collect();
        assert!(missing.is_empty(), "acknowledged before the backup, and not in it: {missing:?}");
    }
    let journal = producers.finish().await;
    let tally = settle_and_verify(&world, server, &journal.acknowledged()).await;
    println!("four backups under load: {tally}");
    assert_eq!((tally.failed, tally.held), (0, 0), "{tally}");
}

async fn stored_events(file: &Path) -> HashSet<EventId> {
    let pool = sqlx::SqlitePool::connect(&format!("sqlite:{}", file.display())).await.expect("the copy");
    let ids: Vec<uuid::Uuid> = sqlx::query_scalar("SELECT id FROM events").fetch_all(&pool).await.expect("events");
    pool.close().await;
    ids.into_iter().map(EventId::from_uuid).collect()
}

fn tasks(word: &str) -> Vec<String> {
    (0..5).map(|number| format!("{word}_{number}")).collect()
}

/// Requests with a key each, so that they can be repeated.
fn requests(word: &str) -> Vec<Request> {
    tasks(word).iter().map(|task| Request::single(task).with_key(&format!("key of {task}"))).collect()
}

/// How a database is backed up, and how it is turned back while no server runs.
trait Keeper {
    async fn back_up(&self, world: &World);
    async fn restore(&self, world: &World) -> String;
}

/// Events that were delivered before the backup, that wait at it, and that come after it; then
/// the restore. Each request that is repeated is marked, and what the backup held arrives.
async fn turn_back(world: &World, keeper: &impl Keeper) {
    let mut server = world.serve(&PATIENT).await;
    let sender = Sender::new(world);
    let accept = async |server: &Server, word: &str| {
        let mut ids = Vec::new();
        for request in requests(word) {
            ids.push(sender.accepted(server, &request).await[0]);
        }
        ids
    };
    let delivered = accept(&server, "delivered").await;
    settled(world, &[world.endpoint]).await;
    let gate = Gate::close(&world.receiver);
    let waiting = accept(&server, "waiting").await;
    within("they arrive", world.receiver.arrived(10)).await;
    keeper.back_up(world).await;
    gate.open();
    world.receiver.answer(200);
    let lost = accept(&server, "lost").await;
    settled(world, &[world.endpoint]).await;
    server.stop().await;
    let before = world.receiver.arrivals();
    assert!(before.iter().all(|arrival| !arrival.headers.contains_key(MARK)), "marked before any restore");

    let said = keeper.restore(world).await;
    assert!(said.contains("5 pending deliveries, which the next server sends"), "{said}");
    let log = world.log(world.endpoint).await;
    assert_eq!(log.len(), 10, "the backup held ten deliveries");
    for one in &log {
        assert_eq!(one.restored_at.is_some(), waiting.contains(&one.event), "{one:?}");
        assert_eq!(one.state == State::Delivered, delivered.contains(&one.event), "{one:?}");
    }

    let mut server = world.serve(&PATIENT).await;
    settled(world, &[world.endpoint]).await;
    // The producer sends again what it sent since the backup, and more than that.
    assert_eq!(accept(&server, "delivered").await, delivered, "known by the key");
    assert_eq!(accept(&server, "waiting").await, waiting, "known by the key");
    let again = accept(&server, "lost").await;
    assert!(again.iter().all(|id| !lost.contains(id)), "an event that is lost has another id when it comes again");
    settled(world, &[world.endpoint]).await;
    server.stop().await;

    let log = world.log(world.endpoint).await;
    assert_eq!((log.len(), log.iter().filter(|one| one.state == State::Delivered).count()), (15, 15));
    let after = world.receiver.arrivals().split_off(before.len());
    compare(
        &before,
        &after,
        &log.iter().filter(|one| waiting.contains(&one.event)).map(|one| one.id.to_string()).collect(),
    );
    let stored: HashSet<EventId> = log.iter().map(|one| one.event).collect();
    assert!([delivered, waiting, again].concat().iter().all(|id| stored.contains(id)), "an event is missing");
    assert_eq!(Check::of(world, "10s").broken_rules().await, []);
}

/// What arrived after a restore is marked exactly where it had, or may have, arrived before.
fn compare(before: &[Arrival], after: &[Arrival], in_doubt: &HashSet<String>) {
    let earlier: HashSet<&str> = before.iter().map(id).collect();
    for arrival in after {
        let mark = arrival.headers.get(MARK).map(String::as_str);
        let expected = in_doubt.contains(id(arrival)).then_some("true");
        assert_eq!(mark, expected, "{arrival:?}");
        assert!(mark.is_some() || !earlier.contains(id(arrival)), "sent again without a mark: {arrival:?}");
    }
    let marked =
        after.iter().filter(|arrival| arrival.headers.contains_key(MARK)).map(|arrival| id(arrival).to_owned());
    assert_eq!(&marked.collect::<HashSet<_>>(), in_doubt, "what the backup held has arrived");
}

/// `signet backup` and `signet restore`.
struct Commands(Folder);

impl Keeper for Commands {
    async fn back_up(&self, world: &World) {
        succeeds(world, &["backup", name(&self.0.file("backup.db"))]).await;
    }

    async fn restore(&self, world: &World) -> String {
        succeeds(world, &["restore", "--yes", name(&self.0.file("backup.db"))]).await
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_goes_out_again_after_a_restore_is_marked() {
    let world = World::on(sqlite().await).await;
    turn_back(&world, &Commands(Folder::new())).await;
}

/// `pg_dump`, `pg_restore` and `signet restored`.
struct Dumps(Postgres, Folder);

impl Dumps {
    fn program(&self, name: &str) -> std::process::Command {
        let mut command = self.0.program(name);
        command.args(["--dbname", &self.0.url()]);
        command
    }
}

impl Keeper for Dumps {
    async fn back_up(&self, _: &World) {
        let dump = self.program("pg_dump").arg("--format=plain").output();
        let dump = dump.expect("pg_dump");
        assert!(dump.status.success(), "{dump:?}");
        std::fs::write(self.1.file("dump.sql"), dump.stdout).expect("a file");
    }

    async fn restore(&self, world: &World) -> String {
        // As into a new database: `--clean` cannot drop what belongs to a partitioned table.
        let mut empty = self.program("psql");
        empty.args(["--command", "DROP SCHEMA public CASCADE", "--command", "CREATE SCHEMA public"]);
        let emptied = empty.args(["--set=ON_ERROR_STOP=1"]).output().expect("psql");
        assert!(emptied.status.success(), "{emptied:?}");
        let dump = std::fs::File::open(self.1.file("dump.sql")).expect("the dump");
        let loaded = self.program("psql").args(["--quiet", "--set=ON_ERROR_STOP=1"]).stdin(dump).output();
        let loaded = loaded.expect("psql");
        assert!(loaded.status.success(), "{loaded:?}");
        let pool = sqlx::PgPool::connect(&self.0.url()).await.expect("the database");
        let heard_of = async |when: &'static str| {
            let sql = sqlx::AssertSqlSafe(format!("UPDATE key_holders SET seen_at = {when}"));
            sqlx::query(sql).execute(&pool).await.expect("an instant");
        };
        heard_of("now()").await;
        let refused = run(world, &["restored"], None).await;
        let error = String::from_utf8_lossy(&refused.stderr);
        assert!(error.contains("have used this database in the last 35 seconds"), "{refused:?}");
        heard_of("now() - INTERVAL '1 minute'").await;
        pool.close().await;
        succeeds(world, &["restored"]).await
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_goes_out_again_after_a_dump_was_loaded_is_marked() {
    // The cluster is one of its own; the test runs where there is one for tests.
    if postgres().await.is_none() {
        return;
    }
    let cluster = spawn_blocking(Postgres::start).await.expect("no panic").expect("a cluster");
    let world = World::at(cluster.url().parse().expect("a URL")).await;
    turn_back(&world, &Dumps(cluster, Folder::new())).await;
}

async fn one_event(database: TestDatabase) -> (World, HashMap<String, EventId>) {
    let world = World::on(database).await;
    let mut server = world.serve(&QUICK).await;
    let event = Sender::new(&world).accepted(&server, &Request::single("task_1")).await[0];
    settled(&world, &[world.endpoint]).await;
    server.stop().await;
    (world, [("task_1".to_owned(), event)].into())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backup_that_is_killed_leaves_no_file_that_looks_like_one() {
    let ((world, acknowledged), folder) = (one_event(sqlite().await).await, Folder::new());
    let file = folder.file("backup.db");
    for fault in ["backup_step=1", "backup_copied=1"] {
        let killed = run(&world, &["backup", name(&file)], Some(fault)).await;
        assert_eq!(killed.status.code(), None, "{killed:?}");
        assert!(!file.exists(), "{fault} left a backup");
    }
    succeeds(&world, &["backup", name(&file)]).await;
    let left: Vec<_> =
        std::fs::read_dir(folder.0.path()).expect("a folder").flatten().map(|it| it.file_name()).collect();
    assert_eq!(left, ["backup.db"], "what the killed ones left is taken over");
    let server = world.serve(&QUICK).await;
    let tally = settle_and_verify(&world, server, &acknowledged).await;
    assert_eq!((tally.delivered, tally.arrivals), (1, 1), "{tally}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restore_that_is_killed_leaves_the_database_of_before_or_the_new_one() {
    let ((world, _), folder) = (one_event(sqlite().await).await, Folder::new());
    let file = folder.file("backup.db");
    succeeds(&world, &["backup", name(&file)]).await;
    let mut server = world.serve(&QUICK).await;
    Sender::new(&world).accepted(&server, &Request::single("task_2")).await;
    settled(&world, &[world.endpoint]).await;
    server.stop().await;
    for fault in ["backup_step=1", "backup_copied=1", "restore_kept=1"] {
        let killed = run(&world, &["restore", "--yes", name(&file)], Some(fault)).await;
        assert_eq!(killed.status.code(), None, "{fault}: {killed:?}");
        assert_eq!(world.log(world.endpoint).await.len(), 2, "{fault} has changed the database");
        assert_eq!(Check::of(&world, QUICK_LEASE).broken_rules().await, []);
    }
    succeeds(&world, &["restore", "--yes", name(&file)]).await;
    assert_eq!(world.log(world.endpoint).await.len(), 1, "the backup is in place");
    assert_eq!(Check::of(&world, QUICK_LEASE).broken_rules().await, []);
    let DatabaseUrl::Sqlite(place) = world.url() else { unreachable!("it is SQLite") };
    let mut server = world.serve(&QUICK).await;
    until("the server is ready", async || place.with_extension("db-wal").exists()).await;
    server.stop().await;
}

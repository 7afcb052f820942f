//! A version of Signet that is ahead of this one is made of its migrations and some more.

use std::{sync::LazyLock, time::Duration};

use sqlx::{
    AssertSqlSafe, Connection, Executor, PgConnection, SqlSafeStr, SqliteConnection,
    migrate::{Migration, MigrationType, Migrator},
    postgres::PgConnectOptions,
    sqlite::SqliteConnectOptions,
};

use super::{FOR_POSTGRES, FOR_SQLITE, Migrated, SchemaProblem, migrate_postgres, migrate_sqlite, own_schema};
use crate::{
    db::{Database, DatabaseUrl, Error, Result},
    testing::{TestDatabase, empty_on_postgres, on_each_database, postgres, sqlite},
};

/// More than any test waits.
const PATIENT: Duration = Duration::from_mins(2);
/// Enough for two or three tries.
const IMPATIENT: Duration = Duration::from_secs(2);

/// An expanding migration of a later version.
const EXPANDS: (i64, &str) = (9001, "CREATE TABLE later (id INTEGER NOT NULL PRIMARY KEY)");
/// A contracting one, after which this version still runs.
static CONTRACTS: LazyLock<(i64, String)> =
    LazyLock::new(|| (9002, format!("-- floor: {}\nDROP INDEX accounts_by_name", own_schema())));
/// A contracting one, after which it does not.
const TAKES_AWAY: (i64, &str) = (9003, "-- Away.\n-- floor: 9000\nDROP INDEX accounts_by_name");

/// The migrator of a version with more migrations.
fn later(url: &DatabaseUrl, more: &[(i64, &str)]) -> Migrator {
    let known = match url {
        DatabaseUrl::Sqlite(_) => &FOR_SQLITE,
        DatabaseUrl::Postgres(_) => &FOR_POSTGRES,
    };
    let more = more.iter().map(|&(number, sql)| {
        let no_tx = sql.starts_with("-- no-transaction");
        let sql = AssertSqlSafe(sql.to_owned()).into_sql_str();
        Migration::new(number, "later".into(), MigrationType::Simple, sql, no_tx)
    });
    Migrator::with_migrations(known.iter().cloned().chain(more).collect())
}

/// Migrates as a version with more migrations does.
async fn migrate(url: &DatabaseUrl, more: &[(i64, &str)], patience: Duration) -> Result<Migrated> {
    let migrator = later(url, more);
    match url {
        DatabaseUrl::Postgres(url) => migrate_postgres(&url.parse()?, &migrator, patience).await,
        DatabaseUrl::Sqlite(path) => {
            let options = SqliteConnectOptions::new().filename(path).busy_timeout(Duration::from_millis(10));
            let mut connection = SqliteConnection::connect_with(&options).await?;
            let migrated = migrate_sqlite(&mut connection, &migrator, patience).await;
            connection.close().await?;
            migrated
        }
    }
}

/// A session on PostgreSQL under a name of its own.
async fn session(url: &DatabaseUrl, name: &str) -> PgConnection {
    let DatabaseUrl::Postgres(url) = url else { unreachable!("it is PostgreSQL") };
    let options = url.parse::<PgConnectOptions>().expect("a URL").application_name(name);
    PgConnection::connect_with(&options).await.expect("a session")
}

/// The servers that run, as they tell it.
async fn a_server_runs(database: &TestDatabase, schema: &str) {
    let (id, now) = match &database.db {
        Database::Sqlite(_) => ("randomblob(16)", "unixepoch() * 1000000"),
        Database::Postgres(_) => ("gen_random_uuid()", "now()"),
    };
    database
        .run(&format!(
            "INSERT INTO key_holders (id, seals_with, opens_with, seen_at, schema_version)
             VALUES ({id}, 'k', 'k', {now}, {schema})"
        ))
        .await;
}

on_each_database!(a_version_runs_on_a_database_that_a_later_one_has_migrated);
async fn a_version_runs_on_a_database_that_a_later_one_has_migrated(database: TestDatabase) {
    let migrated = migrate(&database.url, &[EXPANDS], PATIENT).await.expect("migrated");
    assert_eq!((migrated.applied, migrated.put_off.is_none()), (vec![9001], true));
    let again = Database::connect(&database.url).await.expect("this version starts");
    again.check_floor().await.expect("and goes on");
    again.close().await;
    let state = Database::schema(&database.url).await.expect("the schema");
    assert_eq!((state.schema(), state.own(), state.newer), (9001, own_schema(), vec![9001]));
}

on_each_database!(a_version_below_the_floor_neither_starts_nor_goes_on);
async fn a_version_below_the_floor_neither_starts_nor_goes_on(database: TestDatabase) {
    migrate(&database.url, &[TAKES_AWAY], PATIENT).await.expect("no server runs");
    for refused in [Database::connect(&database.url).await.map(drop), database.db.check_floor().await] {
        let refused = refused.expect_err("below the floor").to_string();
        let own = own_schema();
        assert_eq!(
            refused,
            format!("the database needs a version of Signet with schema 9000 or later, and this one has {own}")
        );
    }
}

on_each_database!(a_contracting_migration_waits_for_older_servers);
async fn a_contracting_migration_waits_for_older_servers(database: TestDatabase) {
    let (number, sql) = &*CONTRACTS;
    let contracts = (*number, sql.as_str());
    a_server_runs(&database, "NULL").await;
    a_server_runs(&database, &own_schema().to_string()).await;

    let migrated = migrate(&database.url, &[EXPANDS, contracts], PATIENT).await.expect("put off");
    assert_eq!(migrated.applied, [9001]);
    let problem = migrated.put_off.expect("it waits").to_string();
    assert!(problem.starts_with("migration 9002 waits until no server with a schema below"), "{problem}");
    assert!(problem.ends_with("1 does now, with schema 28 or earlier"), "{problem}");
    // One that the version needs comes after it.
    let refused = migrate(&database.url, &[EXPANDS, contracts, (9004, "CREATE TABLE b (id INTEGER)")], PATIENT).await;
    assert!(matches!(refused, Err(Error::Schema(SchemaProblem::OlderServers { .. }))), "{refused:?}");
    assert_eq!(Database::schema(&database.url).await.expect("the schema").floor, 0);

    database.run("DELETE FROM key_holders WHERE schema_version IS NULL").await;
    let migrated = migrate(&database.url, &[EXPANDS, contracts], PATIENT).await.expect("migrated");
    assert_eq!(migrated.applied, [9002]);
    let state = Database::schema(&database.url).await.expect("the schema");
    assert_eq!(state.floor, own_schema());
    assert!(state.check().is_ok(), "this version still runs");
}

on_each_database!(a_database_that_is_behind_is_not_opened);
async fn a_database_that_is_behind_is_not_opened(database: TestDatabase) {
    database.run(&format!("DELETE FROM _sqlx_migrations WHERE version = {}", own_schema())).await;
    let refused = Database::open(&database.url).await.expect_err("behind").to_string();
    assert!(refused.ends_with(&format!("and this version of Signet needs {}", own_schema())), "{refused}");
}

on_each_database!(a_migration_that_is_not_the_known_one_is_refused);
async fn a_migration_that_is_not_the_known_one_is_refused(database: TestDatabase) {
    let checksum = match &database.db {
        Database::Sqlite(_) => "X'00'",
        Database::Postgres(_) => "'\\x00'",
    };
    for (number, words) in [(1, "has been modified"), (0, "is missing")] {
        database
            .run(&format!("UPDATE _sqlx_migrations SET version = {number}, checksum = {checksum} WHERE version = 1"))
            .await;
        let refused = Database::connect(&database.url).await.expect_err("another history").to_string();
        assert!(refused.contains(words), "{refused}");
    }
}

on_each_database!(two_that_start_at_once_apply_each_migration_once);
async fn two_that_start_at_once_apply_each_migration_once(database: TestDatabase) {
    let url = &database.url;
    let (one, two) = tokio::join!(migrate(url, &[EXPANDS], PATIENT), migrate(url, &[EXPANDS], PATIENT));
    let applied = [one.expect("migrated").applied, two.expect("migrated").applied].concat();
    assert_eq!(applied, [9001]);
}

#[tokio::test]
async fn on_sqlite_a_migration_waits_for_a_process_that_writes() {
    let database = sqlite().await;
    let DatabaseUrl::Sqlite(path) = &database.url else { unreachable!("it is SQLite") };
    let options = SqliteConnectOptions::new().filename(path);
    let mut writer = SqliteConnection::connect_with(&options).await.expect("a connection");
    writer.execute("BEGIN IMMEDIATE").await.expect("begun");
    let refused = migrate(&database.url, &[EXPANDS], IMPATIENT).await.expect_err("no lock").to_string();
    assert!(refused.starts_with("migration 9001 (later) did not get its locks within 2 s"), "{refused}");
    let (migrated, committed) = tokio::join!(migrate(&database.url, &[EXPANDS], PATIENT), writer.execute("COMMIT"));
    committed.expect("committed");
    assert_eq!(migrated.expect("migrated").applied, [9001]);
}

#[tokio::test]
async fn a_long_reader_stops_neither_the_migration_for_ever_nor_those_behind_it() {
    let Some(database) = postgres().await else { return };
    let alters = [(9001, "ALTER TABLE accounts ADD COLUMN later INTEGER")];
    let mut reader = session(&database.url, "long reader").await;
    reader.execute("BEGIN; SELECT count(*) FROM accounts").await.expect("an open transaction");

    let writes = async {
        // Each of them waits behind the migration while that waits.
        let mut writer = session(&database.url, "writer").await;
        writer.execute("SET lock_timeout = '10s'").await.expect("set");
        loop {
            writer.execute("UPDATE accounts SET revision = revision").await.expect("its turn comes");
        }
    };
    let refused = tokio::select! {
        refused = migrate(&database.url, &alters, IMPATIENT) => refused.expect_err("no lock").to_string(),
        () = writes => unreachable!("it goes on"),
    };
    assert!(refused.contains("within 2 s; they were held by session "), "{refused}");
    assert!(refused.contains("(long reader, user "), "{refused}");
    assert!(!refused.contains("SELECT"), "no statement is shown: {refused}");

    let (migrated, ended) = tokio::join!(migrate(&database.url, &alters, PATIENT), reader.execute("COMMIT"));
    ended.expect("the reader ends");
    assert_eq!(migrated.expect("migrated").applied, [9001]);
}

#[tokio::test]
async fn what_an_earlier_try_has_left_of_an_index_is_built_again() {
    let Some(database) = postgres().await else { return };
    let index = "-- no-transaction\n-- Names.\nCREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS later ON kept (name)";
    database.run("CREATE TABLE kept (name TEXT); INSERT INTO kept VALUES ('a'), ('a')").await;
    migrate(&database.url, &[(9001, index)], PATIENT).await.expect_err("two have one name");
    let valid = "SELECT count(*) FROM pg_index WHERE indexrelid = 'later'::regclass AND indisvalid";
    assert_eq!(database.count(valid).await, 0, "it is left behind");
    database.run("DELETE FROM kept").await;
    let migrated = migrate(&database.url, &[(9001, index)], PATIENT).await.expect("migrated");
    assert_eq!((migrated.applied, database.count(valid).await), (vec![9001], 1));
}

#[tokio::test]
async fn an_index_is_built_beside_a_reader_of_another_table() {
    let Some(database) = postgres().await else { return };
    let index = "-- no-transaction\nCREATE INDEX CONCURRENTLY IF NOT EXISTS later ON accounts (created_at)";
    let builds = [(9001, index)];
    let mut reader = session(&database.url, "long reader").await;
    reader.execute("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM events").await.expect("a snapshot");
    let refused = migrate(&database.url, &builds, IMPATIENT).await.expect_err("waits").to_string();
    assert!(refused.contains("they were held by session ") && refused.contains("(long reader"), "{refused}");
    let (migrated, ended) = tokio::join!(migrate(&database.url, &builds, PATIENT), reader.execute("COMMIT"));
    ended.expect("the reader ends");
    assert_eq!(migrated.expect("migrated").applied, [9001]);
}

#[tokio::test]
async fn a_table_with_rows_is_divided_while_the_version_before_writes() {
    const INSERT: &str = "INSERT INTO attempts (account_id, delivery_id, number, started_at, duration_us, request_headers,
           body_truncated, failure)
         SELECT gen_random_uuid(), CAST(rpad(lpad(to_hex(CAST(extract(epoch FROM now()) * 1000 AS BIGINT)), 12, '0'), 32,
           '0') AS UUID), 1, now(), 1, '[]', FALSE, 'timeout' FROM generate_series(1, 1000)";
    const FILE: &str = "SELECT CAST(pg_relation_filenode(CAST($1 AS REGCLASS)) AS BIGINT)";
    let Some(database) = empty_on_postgres().await else { return };
    let url = database.url();
    let mut before = session(&url, "the version before").await;
    let DatabaseUrl::Postgres(text) = &url else { unreachable!("it is PostgreSQL") };
    let mut files: Vec<i64> = Vec::new();
    for last in [35, 36, 37, 38] {
        let some = FOR_POSTGRES.iter().filter(|one| one.version <= last).cloned().collect();
        let some = Migrator::with_migrations(some);
        migrate_postgres(&text.parse().expect("a URL"), &some, PATIENT).await.expect("migrated");
        if last == 35 {
            before.execute("GRANT SELECT, INSERT ON attempts TO PUBLIC").await.expect("granted");
        }
        before.execute(INSERT).await.expect("it goes on");
        let table = if last < 38 { "attempts" } else { "attempts_first" };
        files.push(sqlx::query_scalar(FILE).bind(table).fetch_one(&mut before).await.expect("a table"));
    }
    assert!(files.iter().all(|one| *one == files[0]), "no row was written again: {files:?}");
    let granted = "SELECT count(*) FROM information_schema.role_table_grants
         WHERE table_name = 'attempts' AND grantee = 'PUBLIC' AND privilege_type IN ('SELECT', 'INSERT')";
    for (rows, sql) in [(4_000, "SELECT count(*) FROM attempts_first"), (2, granted)] {
        let count: i64 = sqlx::query_scalar(sql).fetch_one(&mut before).await.expect("a count");
        assert_eq!(count, rows, "{sql}");
    }
    Database::connect(&url).await.expect("this version starts").close().await;
}

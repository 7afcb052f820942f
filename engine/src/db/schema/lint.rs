//! What a migration must not do: the rules of docs/UPGRADING.md, held against the texts of all
//! migrations since they were made.

use sqlx::migrate::{Migration, Migrator};

use super::{FLOOR, FLOOR_SINCE, FOR_POSTGRES, FOR_SQLITE, floor_of};

/// The last migration from before the rules.
const BEFORE_THE_RULES: i64 = 26;

/// Tables that grow with what customers do. Nothing may read them whole under a lock.
const LARGE: [&str; 10] = [
    "events",
    "deliveries",
    "attempts",
    "idempotency_keys",
    "statistics",
    "stored_answers",
    "operational_events",
    "audit_log",
    "balance_history",
    "endpoint_health",
];

/// The line of a migration that divides a table into partitions: the table so far becomes one of them,
/// and another one with its name and columns takes its place in the same transaction.
const DIVIDES: &str = "-- divides: ";

/// Words of statements that a migration that divides a table may have about it.
const DIVIDING: [&str; 3] = ["RENAME ", "ADD CONSTRAINT", "DROP CONSTRAINT"];

/// Words of statements that take away what the version before needs, and what they do.
const TAKES_AWAY: [(&str, &str); 8] = [
    ("DROP ", "drops what the version before may use"),
    ("RENAME ", "renames what the version before knows by its name"),
    ("ALTER COLUMN", "changes a column that the version before reads and writes"),
    ("SET NOT NULL", "asks the version before for a value that it may not give"),
    ("ADD CONSTRAINT", "forbids what the version before may write"),
    ("ADD CHECK", "forbids what the version before may write"),
    ("TRUNCATE ", "removes rows"),
    ("CREATE UNIQUE INDEX", "forbids what the version before may write"),
];

/// Which database a text is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Sqlite,
    Postgres,
}

/// The statements of a text, without comments, in upper case, with one space between words.
fn statements(sql: &str) -> Vec<String> {
    let code: Vec<_> = sql.lines().map(|line| line.split("--").next().unwrap_or_default()).collect();
    let each = code.join(" ").to_uppercase();
    let each = each.split(';').map(|one| one.split_whitespace().collect::<Vec<_>>().join(" "));
    each.filter(|one| !one.is_empty()).collect()
}

/// The name behind some words of a statement.
fn named<'s>(statement: &'s str, words: &str) -> Option<&'s str> {
    let (_, rest) = statement.split_once(words)?;
    rest.split([' ', '(']).find(|word| !["IF", "NOT", "EXISTS", "ONLY", ""].contains(word))
}

fn is_large(table: &str) -> bool {
    LARGE.iter().any(|large| large.eq_ignore_ascii_case(table))
}

/// What is wrong with a migration.
fn complaints(kind: Kind, sql: &str) -> Vec<String> {
    let statements = statements(sql);
    let divided = sql.lines().find_map(|line| line.strip_prefix(DIVIDES)).map(|table| table.trim().to_uppercase());
    let contracts = sql.lines().any(|line| line.starts_with(FLOOR));
    let new: Vec<_> = statements.iter().filter_map(|one| named(one, "CREATE TABLE ")).collect();
    let (mut found, mut complain) = (Vec::new(), Vec::new());
    for statement in &statements {
        let table = named(statement, "ALTER TABLE ");
        let indexed = named(statement, "INDEX ").and_then(|_| named(statement, " ON "));
        let is_new = |table: Option<&str>| table.is_some_and(|table| new.contains(&table));
        if statement.starts_with("CREATE TABLE ") || is_new(table) || is_new(indexed) {
            continue;
        }
        let is_of_division = |table: &String| {
            statement.contains(table.as_str()) && DIVIDING.iter().any(|words| statement.contains(words))
        };
        if statement.contains("ADD CONSTRAINT") && !statement.contains(" NOT VALID") && table.is_some_and(is_large) {
            complain.push(
                "reads a large table under its lock: add the constraint NOT VALID, validate it by another migration",
            );
        }
        if !contracts && !divided.as_ref().is_some_and(is_of_division) {
            found.extend(TAKES_AWAY.iter().filter(|(words, _)| statement.contains(words)).map(|(_, what)| *what));
        }
        if statement.contains("ADD COLUMN") {
            if statement.contains("NOT NULL") && !statement.contains("DEFAULT") {
                complain.push("adds a column that the version before gives no value: allow NULL, or give a DEFAULT");
            }
            let scans = ["CHECK", "REFERENCES", "UNIQUE", "DEFAULT NOW()", "GEN_RANDOM_UUID()"];
            if kind == Kind::Postgres
                && table.is_some_and(is_large)
                && scans.iter().any(|words| statement.contains(words))
            {
                complain.push("reads or writes a large table under its lock: add the column bare");
            }
        }
        if kind == Kind::Postgres && indexed.is_some_and(is_large) && !statement.contains(" CONCURRENTLY ") {
            complain.push("builds an index on a large table under its lock: CREATE INDEX CONCURRENTLY");
        }
        let changed = named(statement, "UPDATE ").or_else(|| named(statement, "DELETE FROM "));
        if (statement.starts_with("UPDATE ") || statement.starts_with("DELETE ")) && changed.is_some_and(is_large) {
            complain.push("changes a large table in one transaction: let a server do it in steps");
        }
        if statement.contains("INDEX CONCURRENTLY") {
            let alone = statements.len() == 1 && sql.starts_with("-- no-transaction\n");
            if !alone || !(statement.contains(" IF NOT EXISTS ") || statement.contains(" IF EXISTS ")) {
                complain.push(
                    "an index is built CONCURRENTLY by one statement alone, with IF NOT EXISTS, under a first line \
                     `-- no-transaction`",
                );
            }
        }
    }
    let marked = found.into_iter().map(|what| format!("{what}: mark the migration with `{FLOOR}NUMBER`"));
    marked.chain(complain.into_iter().map(str::to_owned)).collect()
}

fn ruled(migrator: &Migrator) -> impl Iterator<Item = &Migration> {
    migrator.iter().filter(|migration| migration.version > BEFORE_THE_RULES)
}

#[test]
fn each_migration_keeps_the_rules() {
    for (kind, migrator) in [(Kind::Sqlite, &FOR_SQLITE), (Kind::Postgres, &FOR_POSTGRES)] {
        for migration in ruled(migrator) {
            let complaints = complaints(kind, migration.sql.as_str());
            assert!(
                complaints.is_empty(),
                "migration {} for {kind:?}: {complaints:#?} (see docs/UPGRADING.md)",
                migration.version
            );
        }
    }
}

#[test]
fn both_databases_have_the_same_migrations_and_floors() {
    let each = |migrator: &'static Migrator| {
        migrator.iter().map(|one| (one.version, one.description.clone(), floor_of(one))).collect::<Vec<_>>()
    };
    assert_eq!(each(&FOR_SQLITE), each(&FOR_POSTGRES));
}

#[test]
fn a_floor_lets_the_version_before_run() {
    for migration in ruled(&FOR_POSTGRES) {
        if let Some(floor) = floor_of(migration) {
            let allowed = FLOOR_SINCE..migration.version;
            assert!(allowed.contains(&floor), "migration {} has the floor {floor}", migration.version);
        }
    }
}

#[test]
fn what_breaks_a_rule_is_found() {
    for (sql, words) in [
        ("ALTER TABLE accounts DROP COLUMN name;", "drops"),
        ("DROP TABLE accounts;", "drops"),
        ("ALTER TABLE accounts\n  RENAME COLUMN a TO b;", "renames"),
        ("ALTER TABLE accounts ALTER COLUMN a TYPE BIGINT;", "changes a column"),
        ("ALTER TABLE accounts ALTER a SET NOT NULL;", "asks the version before"),
        ("ALTER TABLE accounts ADD CONSTRAINT c CHECK (a > 0);", "forbids"),
        ("ALTER TABLE accounts ADD COLUMN a TEXT NOT NULL;", "gives no value"),
        ("ALTER TABLE attempts ADD COLUMN a INTEGER CHECK (a > 0);", "reads or writes a large table"),
        ("CREATE INDEX i ON events (account_id);", "builds an index on a large table"),
        ("CREATE INDEX CONCURRENTLY i ON events (account_id);", "by one statement alone"),
        ("-- no-transaction\nCREATE INDEX CONCURRENTLY IF NOT EXISTS i ON events (id); SELECT 1;", "by one statement"),
        ("UPDATE deliveries SET lease = NULL;", "changes a large table"),
        ("CREATE UNIQUE INDEX i ON accounts (name);", "forbids"),
        ("ALTER TABLE attempts RENAME TO old;", "renames"),
        ("-- divides: attempts\nALTER TABLE events RENAME TO old;", "renames"),
        ("-- divides: attempts\nALTER TABLE attempts ADD CONSTRAINT c CHECK (a > 0);", "reads a large table"),
    ] {
        let found = complaints(Kind::Postgres, sql);
        assert!(found.iter().any(|one| one.contains(words)), "{sql}: {found:?}");
    }
}

#[test]
fn what_keeps_the_rules_is_let_through() {
    for sql in [
        "CREATE TABLE a (id UUID NOT NULL CHECK (id IS NOT NULL));\nCREATE UNIQUE INDEX i ON a (id);",
        "ALTER TABLE attempts ADD COLUMN a INTEGER; -- never DROP it",
        "ALTER TABLE accounts ADD COLUMN a INTEGER NOT NULL DEFAULT 0;",
        "-- no-transaction\n-- Finds events.\nCREATE INDEX CONCURRENTLY IF NOT EXISTS i ON events (account_id);",
        "-- floor: 29\nALTER TABLE accounts DROP COLUMN name;",
        "CREATE INDEX i ON accounts (name);",
        "-- divides: attempts\nALTER TABLE attempts ADD CONSTRAINT c CHECK (a > 0) NOT VALID;",
        "ALTER TABLE attempts VALIDATE CONSTRAINT c;",
        "-- divides: attempts\nALTER TABLE attempts RENAME TO attempts_first; CREATE TABLE attempts (a INTEGER);",
    ] {
        assert_eq!(complaints(Kind::Postgres, sql), Vec::<String>::new(), "{sql}");
    }
    assert_eq!(complaints(Kind::Sqlite, "CREATE INDEX i ON events (account_id);"), Vec::<String>::new());
}

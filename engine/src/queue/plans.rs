//! Claims and batches cost the same however long a table or one endpoint's backlog is: they
//! search indexes, and never scan or sort a table.
//!
//! The plans are those for such a backlog, of which the database has statistics: a plan for
//! empty tables can be wrong for long ones.

use sqlx::{AssertSqlSafe, Row};

use super::{
    ADVANCE_QUEUE, HOLD_QUEUE_BACK, REMOVE_QUEUE,
    clock_steps::{MOVE, NEXT_QUEUES},
    due::{DUE_QUEUES, NEXT_DUE},
    postgres::{self, pending_from},
    sqlite,
};
use crate::{
    db::{Database, Pool},
    testing::{self, TestDatabase},
};

/// Deliveries that are due at one endpoint, and in all.
const BACKLOG: u32 = 100_000;
const ALL: u32 = 110_000;
/// The endpoints that have the rest.
const OTHERS: u32 = 100;
/// The endpoints that have a queue: a planner reads a table of one block as a whole.
const QUEUES: u32 = 10_000;

/// The same expressions in the words of each database.
struct Dialect {
    /// The numbers `n` up to `{count}`.
    numbers: &'static str,
    /// The id that is the number `{n}`.
    id: &'static str,
    /// The instant `n` seconds before the present.
    before: &'static str,
}

const SQLITE: Dialect = Dialect {
    numbers: "(WITH RECURSIVE counted (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM counted WHERE n < {count})
               SELECT n FROM counted) AS numbers",
    id: "unhex(printf('%032x', {n}))",
    before: "unixepoch() * 1000000 - n * 1000000",
};
const POSTGRES: Dialect = Dialect {
    numbers: "generate_series(1, {count}) AS n",
    id: "CAST(lpad(to_hex({n}), 32, '0') AS UUID)",
    before: "now() - n * interval '1 second'",
};

impl Dialect {
    /// Fills the tables.
    async fn fill(&self, database: &TestDatabase) {
        let id = |n: &str| self.id.replace("{n}", n);
        let numbers = |count: u32| self.numbers.replace("{count}", &count.to_string());
        let (first, n, other) = (id("1"), id("n"), id(&format!("n % {OTHERS} + 1")));
        let (before, queues, all) = (self.before, numbers(QUEUES), numbers(ALL));
        let sql = format!(
            "INSERT INTO endpoint_queues (account_id, endpoint_id, next_due_at) SELECT {first}, {n}, {before} FROM {queues};
             INSERT INTO events (id, account_id, event_type, body, occurred_at, accepted_at, fanout, is_test)
             SELECT {n}, {first}, 'task.completed', 'a body', {before}, {before}, 1, FALSE FROM {all};
             INSERT INTO deliveries (id, account_id, event_id, endpoint_id, event_type, is_test, state, due_at, created_at)
             SELECT {n}, {first}, {n}, CASE WHEN n <= {BACKLOG} THEN {first} ELSE {other} END, 'task.completed', FALSE,
               'pending', {before}, {before} FROM {all};
             ANALYZE"
        );
        database.run(&sql).await;
    }
}

#[tokio::test]
async fn on_sqlite_claiming_searches_indexes_only() {
    const AFTER_IT: [&str; 2] = [
        "SEARCH endpoint_queues USING PRIMARY KEY (account_id=? AND endpoint_id=?)",
        "SEARCH deliveries USING INDEX deliveries_due (endpoint_id=?)",
    ];
    let database = testing::sqlite().await;
    SQLITE.fill(&database).await;
    let Database::Sqlite(db) = &database.db else { unreachable!("asked for SQLite") };
    let plan = async |sql: &str| {
        let explain = AssertSqlSafe(format!("EXPLAIN QUERY PLAN {sql}"));
        let rows = sqlx::query(explain).fetch_all(db.readers.of(Pool::Pages)).await.expect("a plan");
        rows.iter().map(|row| row.get::<String, _>("detail")).collect::<Vec<_>>()
    };
    for (sql, expected) in [
        // In the order of the index, of which the first entries are read.
        (NEXT_DUE, ["SEARCH endpoint_queues USING COVERING INDEX endpoint_queues_due (next_due_at>?)"].as_slice()),
        (
            DUE_QUEUES.sqlite,
            &["SEARCH endpoint_queues USING COVERING INDEX endpoint_queues_due \
               ((next_due_at,account_id,endpoint_id)>(?,?,?) AND next_due_at<?)"],
        ),
        (
            sqlite::READ_DUE,
            &[
                "SEARCH deliveries USING INDEX deliveries_due (endpoint_id=? AND due_at<?)",
                "SEARCH events USING INDEX sqlite_autoindex_events_1 (account_id=? AND id=?) LEFT-JOIN",
            ],
        ),
        (sqlite::LEASE, &["SEARCH deliveries USING PRIMARY KEY (id=?)"]),
        (REMOVE_QUEUE, &AFTER_IT),
        (ADVANCE_QUEUE, &AFTER_IT),
        (HOLD_QUEUE_BACK, &AFTER_IT[..1]),
        (NEXT_QUEUES, &["SEARCH endpoint_queues USING PRIMARY KEY ((account_id,endpoint_id)>(?,?))"]),
        (MOVE.sqlite, &["SEARCH deliveries USING INDEX deliveries_due (endpoint_id=? AND due_at>? AND due_at<?)"]),
        (sqlite::NEXT_START, &["SEARCH endpoints USING INDEX sqlite_autoindex_endpoints_1 (id=?)"]),
        (sqlite::SET_NEXT_START, &["SEARCH endpoints USING INDEX sqlite_autoindex_endpoints_1 (id=?)"]),
    ] {
        let plan = plan(sql).await;
        let tables: Vec<_> = plan.iter().filter(|line| line.contains("SEARCH") || line.contains("SCAN")).collect();
        assert_eq!(tables, expected.iter().collect::<Vec<_>>());
        assert!(!plan.iter().any(|line| line.contains("TEMP B-TREE")), "{plan:?}");
    }
}

#[tokio::test]
async fn on_postgres_claiming_and_writing_search_indexes_only() {
    let Some(database) = testing::postgres().await else { return };
    POSTGRES.fill(&database).await;
    let Database::Postgres(db) = &database.db else { unreachable!("asked for PostgreSQL") };
    let mut conn = db.hot_pool(1).0.acquire().await.expect("a connection");
    let mut plan = async |types: &str, sql: &str| {
        let nothing = vec!["NULL"; sql.matches("::").count().max(types.matches(',').count() + 1)].join(", ");
        let text = format!("PREPARE it {types} AS {sql}; EXPLAIN EXECUTE it ({nothing}); DEALLOCATE it");
        let rows = sqlx::raw_sql(AssertSqlSafe(text)).fetch_all(&mut *conn).await.expect("a plan");
        rows.iter().map(|row| row.get::<String, _>(0)).collect::<Vec<_>>().join("\n")
    };
    let next_due = plan("(timestamptz)", NEXT_DUE).await;
    let due = plan("(timestamptz, timestamptz, uuid, uuid, bigint)", DUE_QUEUES.postgres).await;
    let lock = plan("(uuid[], uuid[], timestamptz)", postgres::LOCK_QUEUES).await;
    let claim_types = "(uuid[], uuid[], bigint[], timestamptz, timestamptz, bigint, bigint[], timestamptz[])";
    let claim = plan(claim_types, postgres::CLAIM).await;
    let forget = plan("(uuid, uuid)", pending_from::REMOVE_QUEUE).await;
    let advance = plan("(uuid, uuid, timestamptz)", pending_from::ADVANCE_QUEUE).await;
    let move_back = plan("(uuid, uuid, timestamptz)", pending_from::MOVE_QUEUE_BACK).await;
    let advance_types = "(uuid[], uuid[], timestamptz[], timestamptz[], timestamptz[], timestamptz, bool[])";
    let advance_all = plan(advance_types, postgres::ADVANCE_QUEUES).await;
    let write = plan("", &postgres::WRITE_BOTH).await;
    let hold_back = plan("(uuid, uuid, timestamptz)", HOLD_QUEUE_BACK).await;
    for (plan, searched) in [
        (&next_due, "Index Only Scan using endpoint_queues_due on endpoint_queues"),
        (&due, "Index Scan using endpoint_queues_due on endpoint_queues"),
        (&claim, "Index Scan using deliveries_due on deliveries"),
        (&claim, "Index Scan using deliveries_pkey on deliveries"),
        (&claim, "Index Scan using events_pkey on events"),
        (&forget, "Index Scan using endpoint_queues_pkey on endpoint_queues"),
        (&forget, "Scan using deliveries_due on deliveries"),
        (&advance, "Scan using deliveries_due on deliveries"),
        (&advance_all, "Scan using deliveries_due on deliveries"),
        (&advance_all, "Index Scan using endpoint_queues_pkey on endpoint_queues"),
        (&advance, "Index Scan using endpoint_queues_pkey on endpoint_queues"),
        (&move_back, "Scan using deliveries_due on deliveries"),
        (&move_back, "Index Scan using endpoint_queues_pkey on endpoint_queues"),
        (&lock, "Index Scan using endpoint_queues_pkey on endpoint_queues"),
        (&hold_back, "Index Scan using endpoint_queues_pkey on endpoint_queues"),
        (&write, "Index Scan using deliveries_pkey on deliveries"),
        (&write, "Index Scan using accounts_pkey on accounts"),
    ] {
        assert!(plan.contains(searched), "{plan}");
    }
    // Each of these reads the beginning of an index and stops.
    for plan in [&next_due, &due, &claim, &forget, &advance, &advance_all, &move_back] {
        assert!(plan.contains("Limit"), "{plan}");
    }
    for plan in [&next_due, &forget, &advance, &advance_all, &move_back] {
        assert!(!plan.contains("Sort"), "{plan}");
    }
    // Not from the first delivery that was ever due, but from the first that is pending.
    for plan in [&claim, &forget, &advance, &advance_all, &move_back] {
        assert!(plan.contains("due_at >= COALESCE("), "{plan}");
    }
    // Queues of the same instant are put in order, and the rows of a claim, which are few.
    assert!(due.contains("Incremental Sort"), "{due}");
    assert!(claim.contains("CTE Scan on due") && claim.matches("Sort  (").count() == 1, "{claim}");
    for plan in [next_due, due, claim, forget, advance, advance_all, move_back, lock, write, hold_back] {
        assert!(!plan.contains("Seq Scan"), "{plan}");
    }
}

//! Claiming and writing must cost the same however long a table or one
//! endpoint's backlog is: they may search indexes, and never scan or sort a table.

use sqlx::{AssertSqlSafe, Row};

use super::{postgres, sqlite};
use crate::{store::Database, testing};

async fn sqlite_plan(sql: &str) -> String {
    let database = testing::sqlite().await;
    let Database::Sqlite(db) = &database.db else { unreachable!("asked for SQLite") };
    let explain = AssertSqlSafe(format!("EXPLAIN QUERY PLAN {}", sql.replace("{skip}", "")));
    let rows = sqlx::query(explain).fetch_all(&db.reader).await.expect("a plan");
    rows.iter().map(|row| row.get::<String, _>("detail")).collect::<Vec<_>>().join("\n")
}

#[tokio::test]
async fn on_sqlite_claiming_searches_indexes_only() {
    let due = sqlite_plan(sqlite::DUE_ENDPOINTS).await;
    assert_eq!(
        due.lines().next(),
        Some("SEARCH endpoint_queues USING COVERING INDEX endpoint_queues_due (next_due_at<?)"),
        "{due}"
    );
    let claim = sqlite_plan(sqlite::CLAIM).await;
    assert!(claim.contains("SEARCH deliveries USING INDEX deliveries_due (endpoint_id=? AND due_at<?)"), "{claim}");
    for plan in [due, claim] {
        assert!(!plan.contains("SCAN deliveries") && !plan.contains("TEMP B-TREE"), "{plan}");
    }
}

#[tokio::test]
async fn on_postgres_claiming_and_writing_search_indexes_only() {
    let Some(database) = testing::postgres().await else { return };
    let Database::Postgres(db) = &database.db else { unreachable!("asked for PostgreSQL") };
    let mut conn = db.hot.acquire().await.expect("a connection");
    let prepare = [
        format!("PREPARE due (timestamptz, uuid[], bigint) AS {}", postgres::DUE_ENDPOINTS),
        format!("PREPARE claim (uuid[], uuid[], bigint[], timestamptz, timestamptz, bigint) AS {}", postgres::CLAIM),
        format!("PREPARE write AS {}", *postgres::BOTH),
    ];
    for sql in prepare {
        sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut *conn).await.expect("prepared");
    }
    let mut plan = async |sql: &str| {
        let rows = sqlx::raw_sql(AssertSqlSafe(sql)).fetch_all(&mut *conn).await.expect("a plan");
        rows.iter().map(|row| row.get::<String, _>(0)).collect::<Vec<_>>().join("\n")
    };
    let due = plan("EXPLAIN EXECUTE due (now(), '{}', 1)").await;
    assert!(due.contains("Index Scan using endpoint_queues_due on endpoint_queues"), "{due}");
    let claim = plan("EXPLAIN EXECUTE claim ('{}', '{}', '{}', now(), now(), 1)").await;
    assert!(claim.contains("Index Scan using deliveries_due on deliveries"), "{claim}");
    let parameters = vec!["'{}'"; postgres::BOTH.matches('$').count()].join(", ");
    let write = plan(&format!("EXPLAIN EXECUTE write ({parameters})")).await;
    assert!(write.contains("Index Scan using deliveries_pkey on deliveries"), "{write}");
    assert!(write.contains("Index Scan using accounts_pkey on accounts"), "{write}");
    for plan in [&due, &claim] {
        assert!(!plan.contains("Sort"), "{plan}");
    }
    for plan in [due, claim, write] {
        assert!(!plan.contains("Seq Scan"), "{plan}");
    }
}

//! Connections and transactions on either database.

use sqlx::pool::PoolConnection;

use super::{Error, PgTx, Result, SqliteTx, query::Query, sql::Statement};

/// A connection that only reads.
#[derive(Debug)]
pub(crate) enum Conn {
    Sqlite(PoolConnection<sqlx::Sqlite>),
    Postgres(PoolConnection<sqlx::Postgres>),
    /// Through a pooler in transaction mode.
    Pooled(PgTx<'static>),
}

impl Conn {
    /// A statement, to be run on this connection.
    #[track_caller]
    pub(crate) fn query(&mut self, sql: impl Statement) -> Query<'_> {
        match self {
            Self::Sqlite(conn) => Query::sqlite(conn, sql.sqlite()),
            Self::Postgres(conn) => Query::postgres(conn, sql.postgres(), true),
            Self::Pooled(tx) => Query::postgres(tx, sql.postgres(), false),
        }
    }
}

/// A transaction; dropping it rolls back.
#[derive(Debug)]
pub enum Tx<'c> {
    /// Holds the one write lock, unless it is a snapshot.
    Sqlite(SqliteTx),
    /// One of many.
    Postgres(PgTx<'c>),
}

impl Tx<'_> {
    /// A statement, to be run in this transaction.
    #[track_caller]
    pub(crate) fn query(&mut self, sql: impl Statement) -> Query<'_> {
        match self {
            Self::Sqlite(tx) => Query::sqlite(tx, sql.sqlite()),
            Self::Postgres(tx) => {
                let keeps = tx.keeps_statements;
                Query::postgres(tx, sql.postgres(), keeps)
            }
        }
    }

    /// Makes the changes durable.
    pub(crate) async fn commit(self) -> Result<()> {
        let committed = match self {
            Self::Sqlite(tx) => tx.commit().await,
            Self::Postgres(tx) => tx.commit().await,
        };
        committed.map_err(Error::named("commit"))
    }

    /// Undoes the changes, and waits until that is done: a connection that is kept would
    /// hold its locks until it is used again.
    pub(crate) async fn roll_back(self) {
        let rolled_back = match self {
            Self::Sqlite(tx) => tx.roll_back().await,
            Self::Postgres(tx) => tx.roll_back().await,
        };
        let Err(error) = rolled_back.map_err(Error::named("rollback")) else { return };
        // A connection that is lost has rolled back.
        if error.trouble().is_some() {
            tracing::debug!(%error, "a transaction ended with its connection");
        } else {
            tracing::warn!(%error, "a transaction could not be rolled back; it ends with its connection");
        }
    }
}

//! The connections to a PostgreSQL server.

use std::{sync::Arc, time::Duration};

use sqlx::{
    Connection, PgConnection, PgPool, Transaction,
    postgres::{PgConnectOptions, PgPoolOptions},
};

use super::{
    Error, Result,
    page_limit::POSTGRES_PAGE_LIMIT,
    pools::{LOOKUPS, PATIENT, Pool, Readers},
    schema::{FOR_POSTGRES, Migrated, SchemaState, migrate_postgres, read_postgres},
};

/// The time that a statement waits for another's lock. Without an end, a transaction that locks
/// a table would take one connection after the other.
const LOCK_TIMEOUT: &str = "10s";
/// The time that a transaction may stand still before the server ends it: the locks of a process
/// must not outlast its attention.
const IDLE_TIMEOUT: &str = "10s";
/// The time that a task waits for a connection.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(10);
/// The number of connections for pages, of either kind.
const PAGES: u32 = 8;
/// The lifetime of a connection for pages that plans a statement once. A plan is made anew when a
/// table has been analysed; until then one for an empty table would read all of it once it has grown.
const PLANS_LIVE: Duration = Duration::from_mins(1);
/// Connections for the listener, for changes, and for retention.
const CONNECTIONS: u32 = 10;

/// Every statement of the hot path searches an index for each of its rows, however
/// long a table is, and is planned once. PostgreSQL would otherwise plan for the
/// tables of a new database, which are empty, and read them whole long after they
/// have grown; or plan anew each time, which takes longer than running.
const HOT_PATH: [(&str, &str); 5] = [
    ("plan_cache_mode", "force_generic_plan"),
    ("enable_seqscan", "off"),
    ("enable_hashjoin", "off"),
    ("enable_mergejoin", "off"),
    // A plan that is only forbidden by a high cost would look worth compiling.
    ("jit", "off"),
];

/// Pages, and changes beside the hot path, search indexes as well. Their statements are
/// planned anew each time, for the values at hand.
pub(super) const BESIDE: [(&str, &str); 5] = [
    ("plan_cache_mode", "force_custom_plan"),
    ("enable_seqscan", "off"),
    ("enable_hashjoin", "off"),
    ("enable_mergejoin", "off"),
    ("jit", "off"),
];

/// The connections to a PostgreSQL server.
#[derive(Debug, Clone)]
pub struct Postgres {
    /// For changes beside the hot path.
    pub(crate) pool: PgPool,
    /// Connections that read.
    pub(crate) readers: Arc<Readers<sqlx::Postgres>>,
    /// For the hot path, with plans of its own.
    hot_path: Box<PgConnectOptions>,
}

impl Postgres {
    /// Brings the schema up to date.
    pub(super) async fn migrate(url: &str, patience: Duration) -> Result<Migrated> {
        migrate_postgres(&url.parse()?, &FOR_POSTGRES, patience).await
    }

    /// Reads what is known of the schema.
    pub(super) async fn schema(url: &str) -> Result<SchemaState> {
        let mut connection = PgConnection::connect(url).await?;
        let state = SchemaState::of(&FOR_POSTGRES, &read_postgres(&mut connection).await?)?;
        connection.close().await?;
        Ok(state)
    }

    /// Connects to a database with a schema that this version runs on.
    pub(super) async fn open(url: &str) -> Result<Self> {
        Self::schema(url).await?.check()?;
        let options: PgConnectOptions = url.parse()?;
        let options =
            options.options([("lock_timeout", LOCK_TIMEOUT), ("idle_in_transaction_session_timeout", IDLE_TIMEOUT)]);
        let (beside, hot_path) = (options.clone().options(BESIDE), options.clone().options(HOT_PATH));
        let readers = Readers {
            pages: connections(PAGES).connect_lazy_with(beside.clone().options([POSTGRES_PAGE_LIMIT])),
            planned: connections(PAGES)
                .max_lifetime(PLANS_LIVE)
                .connect_lazy_with(hot_path.clone().options([POSTGRES_PAGE_LIMIT])),
            patient: connections(PATIENT).connect_lazy_with(options),
            lookups: hot_connections(LOOKUPS, hot_path.clone()),
            callers: connections(LOOKUPS).connect_lazy_with(hot_path.clone()),
        };
        Ok(Self {
            pool: connections(CONNECTIONS).connect_with(beside).await?,
            readers: Arc::new(readers),
            hot_path: Box::new(hot_path),
        })
    }

    /// Connections for the hot path, which the caller closes.
    pub(crate) fn hot_pool(&self, connections: u32) -> PgPool {
        hot_connections(connections, (*self.hot_path).clone())
    }

    pub(super) async fn begin(&self) -> Result<Transaction<'static, sqlx::Postgres>> {
        self.pool.begin().await.map_err(Error::named("begin"))
    }

    pub(super) async fn snapshot(&self, pool: Pool) -> Result<Transaction<'static, sqlx::Postgres>> {
        const BEGIN: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";
        self.readers.of(pool).begin_with(BEGIN).await.map_err(Error::named("begin"))
    }

    pub(super) async fn close(&self) {
        self.readers.close().await;
        self.pool.close().await;
    }
}

/// A connection is tried before it is used, in one trip: one that is broken goes, and so does one
/// that leads to a server which lets nobody write. The address may lead to its successor by now.
fn connections(most: u32) -> PgPoolOptions {
    pool(most).test_before_acquire(false).before_acquire(|connection, _| {
        Box::pin(async move {
            let read_only = sqlx::query_scalar::<_, String>("SHOW transaction_read_only").fetch_one(connection).await;
            Ok(read_only.is_ok_and(|setting| setting == "off"))
        })
    })
}

fn hot_connections(most: u32, options: PgConnectOptions) -> PgPool {
    pool(most).test_before_acquire(false).connect_lazy_with(options)
}

fn pool(most: u32) -> PgPoolOptions {
    PgPoolOptions::new().max_connections(most).acquire_timeout(ACQUIRE_TIMEOUT)
}

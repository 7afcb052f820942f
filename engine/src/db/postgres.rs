//! The connections to a PostgreSQL server.

use std::{sync::Arc, time::Duration};

use sqlx::{
    Connection, PgPool,
    postgres::{PgConnectOptions, PgPoolOptions},
};

use super::{
    Error, Result,
    connection::Conn,
    page_limit::POSTGRES_PAGE_LIMIT,
    pooler::{Beginning, PgTx, Setting, Way},
    pools::{LOOKUPS, PATIENT, Pool, Readers},
    schema::{FOR_POSTGRES, Migrated, SchemaProblem, SchemaState, migrate_postgres, read_postgres},
};

/// The time that a statement waits for another's lock. Without an end, a transaction that locks
/// a table would take one connection after the other.
const LOCK_TIMEOUT: Setting = ("lock_timeout", "10s");
/// The time that a transaction may stand still before the server ends it: the locks of a process
/// must not outlast its attention.
const IDLE_TIMEOUT: Setting = (IDLE, "10s");
/// The same on the hot path, which never pauses, and for whose locks all customers wait.
const HOT_IDLE_TIMEOUT: Setting = (IDLE, "3s");
const IDLE: &str = "idle_in_transaction_session_timeout";
/// The time after which the server gives up a session whose process does not take what is sent
/// to it: a frozen one, or one of a machine that is gone. A transaction that sends does not stand
/// still.
const UNREAD_TIMEOUT: Setting = ("tcp_user_timeout", "10s");
/// The time that a task waits for a connection.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(10);
/// The number of connections for pages, of either kind.
const PAGES: u32 = 8;
/// The lifetime of a connection for pages that plans a statement once. A plan is made anew when a
/// table has been analysed; until then one for an empty table would read all of it once it has grown.
const PLANS_LIVE: Duration = Duration::from_mins(10);
/// Connections for the listener, for changes, and for retention.
const CONNECTIONS: u32 = 10;

/// Sessions of this version say that they keep `endpoint_queues.pending_from`: a trigger forgets
/// it for the others, of versions before it.
const KEEPS: Setting = ("signet.keeps_pending_from", "on");

/// Every statement of the hot path searches an index for each of its rows, however
/// long a table is, and is planned once. PostgreSQL would otherwise plan for the
/// tables of a new database, which are empty, and read them whole long after they
/// have grown; or plan anew each time, which takes longer than running.
const HOT_PATH: [Setting; 5] = [
    ("plan_cache_mode", "force_generic_plan"),
    ("enable_seqscan", "off"),
    ("enable_hashjoin", "off"),
    ("enable_mergejoin", "off"),
    // A plan that is only forbidden by a high cost would look worth compiling.
    ("jit", "off"),
];

/// Pages, and changes beside the hot path, search indexes as well. Their statements are
/// planned anew each time, for the values at hand.
pub(super) const BESIDE: [Setting; 5] = [
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
    beginnings: Arc<Beginnings>,
}

/// How transactions begin on the connections of each kind.
#[derive(Debug)]
struct Beginnings {
    changes: Beginning,
    hot_path: Beginning,
    pages: Beginning,
    planned: Beginning,
    patient: Beginning,
    lookups: Beginning,
}

impl Beginnings {
    const fn of(&self, pool: Pool) -> &Beginning {
        match pool {
            Pool::Pages => &self.pages,
            Pool::Planned => &self.planned,
            Pool::Patient => &self.patient,
            Pool::Lookups | Pool::Callers => &self.lookups,
        }
    }
}

/// The settings of each kind of connection.
struct Settings {
    changes: Vec<Setting>,
    hot_path: Vec<Setting>,
    pages: Vec<Setting>,
    planned: Vec<Setting>,
    patient: Vec<Setting>,
}

impl Settings {
    fn new() -> Self {
        let limits = [LOCK_TIMEOUT, UNREAD_TIMEOUT, KEEPS];
        let (rest, hot) = ([IDLE_TIMEOUT], [HOT_IDLE_TIMEOUT]);
        Self {
            changes: [&limits[..], &rest, &BESIDE].concat(),
            hot_path: [&limits[..], &hot, &HOT_PATH].concat(),
            pages: [&limits[..], &rest, &BESIDE, &[POSTGRES_PAGE_LIMIT]].concat(),
            planned: [&limits[..], &rest, &HOT_PATH, &[POSTGRES_PAGE_LIMIT]].concat(),
            patient: [&limits[..], &rest].concat(),
        }
    }
}

impl Postgres {
    /// Brings the schema up to date. Sessions hold the locks of a migration, so that a pooler
    /// would lose them.
    pub(super) async fn migrate(url: &str, patience: Duration) -> Result<Migrated> {
        let way = Way::of(url)?;
        if way.is_pooled {
            let state = Self::schema(url).await?;
            state.check_floor()?;
            let is_current = state.to_apply(&FOR_POSTGRES).is_empty();
            return if is_current { Ok(Migrated::default()) } else { Err(SchemaProblem::Pooler.into()) };
        }
        way.connect().await?.close().await?;
        migrate_postgres(&way.options(&[]), &FOR_POSTGRES, patience).await
    }

    /// Reads what is known of the schema.
    pub(super) async fn schema(url: &str) -> Result<SchemaState> {
        let mut connection = Way::of(url)?.connect().await?;
        // Through a pooler, statements of one transaction alone go to one session.
        let mut transaction = connection.begin().await?;
        let state = SchemaState::of(&FOR_POSTGRES, &read_postgres(&mut transaction).await?)?;
        transaction.rollback().await?;
        connection.close().await?;
        Ok(state)
    }

    /// Connects to a database with a schema that this version runs on.
    pub(super) async fn open(url: &str) -> Result<Self> {
        Self::schema(url).await?.check()?;
        let (way, settings) = (Way::of(url)?, Settings::new());
        let hot_path = way.options(&settings.hot_path);
        let readers = Readers {
            pages: connections(PAGES).connect_lazy_with(way.options(&settings.pages)),
            planned: connections(PAGES).max_lifetime(PLANS_LIVE).connect_lazy_with(way.options(&settings.planned)),
            patient: connections(PATIENT).connect_lazy_with(way.options(&settings.patient)),
            lookups: hot_connections(LOOKUPS, hot_path.clone()),
            callers: connections(LOOKUPS).connect_lazy_with(hot_path.clone()),
        };
        let beginnings = Beginnings {
            changes: way.beginning(&settings.changes),
            hot_path: way.beginning(&settings.hot_path),
            pages: way.beginning(&settings.pages),
            planned: way.beginning(&settings.planned),
            patient: way.beginning(&settings.patient),
            lookups: way.beginning(&settings.hot_path),
        };
        Ok(Self {
            pool: connections(CONNECTIONS).connect_with(way.options(&settings.changes)).await?,
            readers: Arc::new(readers),
            hot_path: Box::new(hot_path),
            beginnings: Arc::new(beginnings),
        })
    }

    /// True if the way to the server leads through a pooler in transaction mode, which passes no
    /// notifications on.
    pub(crate) fn is_pooled(&self) -> bool {
        self.beginnings.changes.is_pooled()
    }

    /// Connections for the hot path, which the caller closes, and how transactions begin on them.
    pub(crate) fn hot_pool(&self, connections: u32) -> (PgPool, Beginning) {
        (hot_connections(connections, (*self.hot_path).clone()), self.beginnings.hot_path.clone())
    }

    /// Takes a connection that only reads.
    pub(super) async fn read(&self, pool: Pool) -> Result<Conn> {
        let begin = self.beginnings.of(pool);
        if begin.is_pooled() {
            return begin.of(self.readers.of(pool)).await.map(Conn::Pooled).map_err(Error::named("begin"));
        }
        self.readers.acquire(pool).await.map(Conn::Postgres)
    }

    pub(super) async fn begin(&self) -> Result<PgTx<'static>> {
        self.beginnings.changes.of(&self.pool).await.map_err(Error::named("begin"))
    }

    pub(super) async fn snapshot(&self, pool: Pool) -> Result<PgTx<'static>> {
        self.beginnings.of(pool).snapshot(self.readers.of(pool)).await.map_err(Error::named("begin"))
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

#[cfg(test)]
mod tests {
    use futures_util::TryStreamExt;

    use crate::{db::Database, testing::postgres};

    #[tokio::test]
    async fn a_process_that_does_not_take_what_it_asked_for_loses_its_locks() {
        const LOCK: &str = "SELECT pg_advisory_xact_lock(1)";
        let Some(database) = postgres().await else { return };
        let Database::Postgres(db) = &database.db else { unreachable!("asked for PostgreSQL") };
        let mut frozen = db.begin().await.expect("a transaction");
        sqlx::query(LOCK).execute(&mut *frozen).await.expect("the lock");
        let much = "SELECT repeat('x', 1000) FROM generate_series(1, 1000000)";
        let mut rows = sqlx::raw_sql(much).fetch(&mut *frozen);
        rows.try_next().await.expect("the first row");
        // Nobody takes the others. The transaction does not stand still: the server is sending.
        let mut other = db.begin().await.expect("a transaction");
        sqlx::query("SET LOCAL lock_timeout = 0").execute(&mut *other).await.expect("set");
        sqlx::query(LOCK).execute(&mut *other).await.expect("the lock is free");
    }
}

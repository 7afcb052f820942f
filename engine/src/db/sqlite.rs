//! The connections to an SQLite file: one that writes, and several that read.

use std::{
    ops::{Deref, DerefMut},
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use sqlx::{
    Connection, SqliteConnection, SqlitePool, Transaction,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};
use tokio::sync::{Mutex, OwnedMutexGuard};

use super::{
    Disk, Error, OpenFiles, Result,
    open_files::make_private,
    page_limit::{PAGE_LIMIT, limited},
    pools::{LOOKUPS, PATIENT, Pool, Readers},
    schema::{FOR_SQLITE, Migrated, SchemaState, migrate_sqlite, read_sqlite},
};

/// The time that a statement waits for another process that writes to the same file.
const BUSY_TIMEOUT: Duration = Duration::from_secs(10);
/// The number of connections for pages.
const PAGES: u32 = 8;
/// What a connection for pages keeps of the file, in kibibytes: what one page reads most, so that its
/// statements do not read the same again for each other.
const PAGES_CACHE: &str = "-4096";
/// The rows that a connection for pages reads ahead: with fewer, two threads wait for each other
/// again and again within one list.
const PAGES_AHEAD: usize = 1_000;
/// The number of pages in the log at which they are copied into the database: 16 MiB. A page that
/// is written again until then is copied once.
const CHECKPOINT_PAGES: u32 = 4096;
/// To how many bytes the log is cut when it begins anew. It grows beyond for as long as a
/// reader holds on to an old state.
pub(super) const LOG_MAX: u32 = 32 * 1024 * 1024;

/// Takes the write lock at once, and so avoids the upgrade that SQLite refuses when another
/// process wrote in between.
pub(crate) const BEGIN_WRITING: &str = "BEGIN IMMEDIATE";

/// The connections to an SQLite file.
#[derive(Debug, Clone)]
pub struct Sqlite {
    /// One connection, for all changes beside the hot path.
    pub(crate) writer: SqlitePool,
    /// Connections that cannot write.
    pub(crate) readers: Arc<Readers<sqlx::Sqlite>>,
    /// The turn to write. Tasks queue here, in order, and not at the file's lock, which
    /// they would have to try again and again.
    pub(crate) turn: Arc<Mutex<()>>,
    /// Tells whether the file was removed or replaced.
    pub(crate) files: OpenFiles,
    /// The file system that it is on.
    pub(super) disk: Disk,
    path: Arc<Path>,
}

/// The settings of a connection that the hot path opens for itself.
#[derive(Debug)]
pub(crate) struct HotOptions {
    pub(crate) path: PathBuf,
    pub(crate) busy_timeout: Duration,
    pub(crate) checkpoint_pages: u32,
    pub(crate) log_max: u32,
    pub(crate) files: OpenFiles,
}

impl Sqlite {
    /// Brings the schema up to date, creating the file if it is missing.
    pub(super) async fn migrate(path: &Path, patience: Duration) -> Result<Migrated> {
        make_private(path)?;
        let mut connection = SqliteConnection::connect_with(&options(path)).await?;
        let migrated = migrate_sqlite(&mut connection, &FOR_SQLITE, patience).await?;
        connection.close().await?;
        Ok(migrated)
    }

    /// Reads what is known of the schema.
    pub(super) async fn schema(path: &Path) -> Result<SchemaState> {
        let mut connection = SqliteConnection::connect_with(&options(path)).await?;
        let state = SchemaState::of(&FOR_SQLITE, &read_sqlite(&mut connection).await?)?;
        connection.close().await?;
        Ok(state)
    }

    /// Connects to a file with a schema that this version runs on.
    pub(super) async fn open(path: &Path) -> Result<Self> {
        let options = options(path);
        let writer = connect_writer(options.clone()).await?;
        let found = read_sqlite(&mut *writer.acquire().await?).await?;
        SchemaState::of(&FOR_SQLITE, &found)?.check()?;
        let files = OpenFiles::at(path)?;
        let readers = Arc::new(readers(&options.pragma("query_only", "on")));
        Ok(Self { writer, readers, turn: Arc::default(), files, disk: Disk::of(path), path: path.into() })
    }

    pub(crate) fn hot_options(&self) -> HotOptions {
        HotOptions {
            path: self.path.to_path_buf(),
            busy_timeout: BUSY_TIMEOUT,
            checkpoint_pages: CHECKPOINT_PAGES,
            log_max: LOG_MAX,
            files: self.files.clone(),
        }
    }

    /// Begins a writing transaction when it is its turn.
    pub(crate) async fn begin(&self) -> Result<SqliteTx> {
        let turn = Arc::clone(&self.turn).lock_owned().await;
        self.files.check()?;
        let begun = match self.writer.begin_with(BEGIN_WRITING).await {
            // SQLite has rolled back by itself, as it does on a full disk, and the driver still
            // counts that transaction.
            Err(sqlx::Error::InvalidSavePointStatement) => {
                self.replace_writer().await.map_err(Error::named("connect"))?;
                self.writer.begin_with(BEGIN_WRITING).await
            }
            begun => begun,
        };
        Ok(SqliteTx { transaction: begun.map_err(Error::named("begin"))?, _turn: Some(turn) })
    }

    /// Closes the connection that writes. The next transaction has a new one.
    async fn replace_writer(&self) -> sqlx::Result<()> {
        self.writer.acquire().await?.close().await
    }

    pub(super) async fn snapshot(&self, pool: Pool) -> Result<SqliteTx> {
        let transaction = self.readers.of(pool).begin().await.map_err(Error::named("begin"))?;
        Ok(SqliteTx { transaction, _turn: None })
    }

    pub(super) async fn close(&self) {
        self.readers.close().await;
        self.writer.close().await;
    }
}

fn options(path: &Path) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(path)
        .journal_mode(SqliteJournalMode::Wal)
        // An acknowledged event must survive a power cut.
        .synchronous(SqliteSynchronous::Full)
        .pragma("wal_autocheckpoint", CHECKPOINT_PAGES.to_string())
        .pragma("journal_size_limit", LOG_MAX.to_string())
        // A page that is split or emptied keeps nothing of what has left it; entries of the audit
        // log are small and many to a page.
        .pragma("secure_delete", "FAST")
        .foreign_keys(true)
        .busy_timeout(BUSY_TIMEOUT)
        .optimize_on_close(true, None)
}

async fn connect_writer(options: SqliteConnectOptions) -> Result<SqlitePool> {
    let pool = SqlitePoolOptions::new()
        .max_connections(1)
        .min_connections(1)
        .idle_timeout(None)
        .max_lifetime(None)
        .test_before_acquire(false);
    Ok(pool.connect_with(options).await?)
}

fn readers(options: &SqliteConnectOptions) -> Readers<sqlx::Sqlite> {
    let connections = |most| {
        let pool = SqlitePoolOptions::new().max_connections(most).test_before_acquire(false);
        pool.connect_lazy_with(options.clone())
    };
    let ahead = options.clone().pragma("cache_size", PAGES_CACHE).row_buffer_size(PAGES_AHEAD);
    let pages = limited(ahead, PAGES, PAGE_LIMIT);
    Readers {
        // SQLite plans a statement once for a connection in any case.
        planned: pages.clone(),
        pages,
        patient: connections(PATIENT),
        lookups: connections(LOOKUPS),
        callers: connections(LOOKUPS),
    }
}

/// A transaction on SQLite, with the turn that it has if it writes; dropping it rolls back.
#[derive(Debug)]
pub struct SqliteTx {
    transaction: Transaction<'static, sqlx::Sqlite>,
    _turn: Option<OwnedMutexGuard<()>>,
}

impl SqliteTx {
    /// Makes the changes durable.
    pub(super) async fn commit(self) -> sqlx::Result<()> {
        self.transaction.commit().await
    }

    /// Undoes the changes.
    pub(super) async fn roll_back(self) -> sqlx::Result<()> {
        self.transaction.rollback().await
    }
}

impl Deref for SqliteTx {
    type Target = SqliteConnection;

    fn deref(&self) -> &SqliteConnection {
        &self.transaction
    }
}

impl DerefMut for SqliteTx {
    fn deref_mut(&mut self) -> &mut SqliteConnection {
        &mut self.transaction
    }
}

#[cfg(test)]
mod tests {
    use crate::testing;

    #[tokio::test]
    async fn a_transaction_that_sqlite_has_rolled_back_by_itself_keeps_no_other_from_beginning() {
        let database = testing::sqlite().await;
        let mut tx = database.db.begin().await.expect("a transaction");
        tx.query("CREATE TABLE large (content BLOB)").execute().await.expect("a table");
        tx.commit().await.expect("committed");
        let mut tx = database.db.begin().await.expect("a transaction");
        // As on a full disk: nothing fits beyond the pages that there are.
        tx.query("PRAGMA max_page_count = 1").execute().await.expect("a limit");
        let full = tx.query("INSERT INTO large VALUES (zeroblob(1000000))").execute().await;
        assert!(full.is_err(), "there is no room");
        tx.roll_back().await;
        let mut tx = database.db.begin().await.expect("another one begins");
        tx.query("INSERT INTO large VALUES (zeroblob(1000000))").execute().await.expect("there is room again");
        tx.commit().await.expect("committed");
        assert_eq!(database.count("SELECT count(*) FROM large").await, 1);
    }
}

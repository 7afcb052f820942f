//! What is measured each minute: the process of the server from `/proc`, the database, and the
//! latencies.

use std::{
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use sqlx::{PgPool, SqlitePool, sqlite::SqliteConnectOptions};

use super::journal::{Journal, Latencies};
use crate::{cpu, fixture::Fixture};
use signet_engine::db::DatabaseUrl;

/// The figures of one minute.
#[derive(Debug, Clone)]
pub struct Sample {
    pub minute: u64,
    /// Bytes of memory in use by the server.
    pub memory: u64,
    pub descriptors: u64,
    pub threads: u64,
    /// Bytes.
    pub database: u64,
    /// Bytes.
    pub log: u64,
    /// Deliveries that are stored.
    pub rows: i64,
    /// Deliveries that wait.
    pub pending: i64,
    /// Deliveries that receivers have taken in this minute.
    pub delivered: usize,
    pub latencies: [Latency; 2],
    /// CPU time of the server for each of them.
    pub cpu: Duration,
    /// What happened in this minute.
    pub note: String,
}

/// The time from acceptance to delivery that half, and that 99 % of the deliveries do not exceed.
#[derive(Debug, Clone, Copy, Default)]
pub struct Latency {
    pub half: Duration,
    pub most: Duration,
}

/// Measures a server and its database.
pub struct Meter {
    database: Watched,
    process: Option<u32>,
    /// CPU time of processes that have ended since the last sample.
    used_before: Duration,
    /// CPU time of the present process at the last sample.
    used_then: Duration,
    samples: Vec<Sample>,
}

enum Watched {
    Sqlite { pool: SqlitePool, file: PathBuf },
    Postgres(PgPool),
}

impl Meter {
    /// Measures nothing yet.
    pub async fn new(fixture: &Fixture) -> anyhow::Result<Self> {
        let database = match fixture.url() {
            DatabaseUrl::Sqlite(path) => {
                let options = SqliteConnectOptions::new().filename(path).read_only(true);
                Watched::Sqlite { pool: SqlitePool::connect_lazy_with(options), file: path.clone() }
            }
            DatabaseUrl::Postgres(url) => Watched::Postgres(PgPool::connect(url).await?),
        };
        let (process, zero) = (None, Duration::ZERO);
        Ok(Self { database, process, used_before: zero, used_then: zero, samples: Vec::new() })
    }

    /// A server runs.
    pub fn process_begins(&mut self, process: u32) {
        (self.process, self.used_then) = (Some(process), Duration::ZERO);
    }

    /// The server is about to end.
    pub fn process_ends(&mut self) {
        self.used_before += self.process.take().map(cpu::time).unwrap_or_default().saturating_sub(self.used_then);
    }

    /// Takes a sample.
    pub async fn sample(&mut self, minute: u64, journal: &Journal, note: String) -> anyhow::Result<Sample> {
        let process = self.process.unwrap_or_default();
        let used = cpu::time(process);
        let cpu = std::mem::take(&mut self.used_before) + used.saturating_sub(self.used_then);
        self.used_then = used;
        let Latencies { good, others } = journal.latencies();
        let delivered = good.len() + others.len();
        let (database, log) = self.sizes().await?;
        let sample = Sample {
            minute,
            memory: cpu::memory(process),
            descriptors: fs::read_dir(format!("/proc/{process}/fd")).map_or(0, |list| list.count() as u64),
            threads: fs::read_dir(format!("/proc/{process}/task")).map_or(0, |list| list.count() as u64),
            database,
            log,
            rows: self.count("SELECT count(*) FROM deliveries").await?,
            pending: self.count("SELECT count(*) FROM deliveries WHERE state = 'pending'").await?,
            delivered,
            latencies: [Latency::of(&good), Latency::of(&others)],
            cpu: cpu / u32::try_from(delivered.max(1))?,
            note,
        };
        self.samples.push(sample.clone());
        Ok(sample)
    }

    /// The samples so far.
    pub fn samples(&self) -> &[Sample] {
        &self.samples
    }

    /// The number of deliveries that are pending or held.
    pub async fn waiting(&self) -> anyhow::Result<i64> {
        self.count("SELECT count(*) FROM deliveries WHERE state IN ('pending', 'held')").await
    }

    async fn count(&self, sql: &'static str) -> anyhow::Result<i64> {
        Ok(match &self.database {
            Watched::Sqlite { pool, .. } => sqlx::query_scalar(sql).fetch_one(pool).await?,
            Watched::Postgres(pool) => sqlx::query_scalar(sql).fetch_one(pool).await?,
        })
    }

    /// The bytes of the database, and of its write-ahead log.
    async fn sizes(&self) -> anyhow::Result<(u64, u64)> {
        Ok(match &self.database {
            Watched::Sqlite { file, .. } => {
                let mut log = file.clone().into_os_string();
                log.push("-wal");
                (size(file), size(Path::new(&log)))
            }
            Watched::Postgres(_) => {
                let database = self.count("SELECT pg_database_size(current_database())").await?;
                let log = self.count("SELECT CAST(COALESCE(sum(size), 0) AS BIGINT) FROM pg_ls_waldir()").await?;
                (database.unsigned_abs(), log.unsigned_abs())
            }
        })
    }
}

fn size(file: &Path) -> u64 {
    fs::metadata(file).map_or(0, |found| found.len())
}

impl Latency {
    /// Of sorted latencies.
    fn of(sorted: &[Duration]) -> Self {
        let at = |percent: usize| {
            let index = (sorted.len() * percent / 100).min(sorted.len().saturating_sub(1));
            sorted.get(index).copied().unwrap_or_default()
        };
        Self { half: at(50), most: at(99) }
    }
}

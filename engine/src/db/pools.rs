//! The connections that only read, in pools of which none waits for another.

use sqlx::pool::PoolConnection;

use super::{Error, Result};

/// A purpose that connections are kept for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pool {
    /// Pages; a statement that takes too long is stopped.
    Pages,
    /// Pages likewise, by statements that search the same indexes whatever they are asked for:
    /// PostgreSQL plans each of them once, which can take longer than running it.
    Planned,
    /// Statements that read whole tables, and may take their time.
    Patient,
    /// The look-ups of the writer and the dispatcher.
    Lookups,
    /// API keys and the names of accounts, by which callers of the API are recognised.
    Callers,
}

/// The number of connections of `Patient`.
pub(super) const PATIENT: u32 = 2;
/// The number of connections of `Lookups` and of `Callers`.
pub(super) const LOOKUPS: u32 = 2;

/// The pools of one database.
#[derive(Debug)]
pub(crate) struct Readers<DB: sqlx::Database> {
    pub(super) pages: sqlx::Pool<DB>,
    pub(super) planned: sqlx::Pool<DB>,
    pub(super) patient: sqlx::Pool<DB>,
    pub(super) lookups: sqlx::Pool<DB>,
    pub(super) callers: sqlx::Pool<DB>,
}

impl<DB: sqlx::Database> Readers<DB> {
    pub(crate) const fn of(&self, pool: Pool) -> &sqlx::Pool<DB> {
        match pool {
            Pool::Pages => &self.pages,
            Pool::Planned => &self.planned,
            Pool::Patient => &self.patient,
            Pool::Lookups => &self.lookups,
            Pool::Callers => &self.callers,
        }
    }

    pub(super) async fn acquire(&self, pool: Pool) -> Result<PoolConnection<DB>> {
        self.of(pool).acquire().await.map_err(Error::named("acquire"))
    }

    pub(super) async fn close(&self) {
        for pool in [&self.pages, &self.planned, &self.patient, &self.lookups, &self.callers] {
            pool.close().await;
        }
    }
}

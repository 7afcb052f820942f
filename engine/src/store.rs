//! SQL for the nouns.

pub mod accounts;
pub mod api_keys;
pub mod backlog;
pub mod database;
pub mod deliveries;
pub mod endpoints;
mod erasure;
mod password;
pub mod removal;
mod secrets;
pub mod sessions;
mod token;
pub mod users;

pub use database::{Database, DatabaseUrl};
pub(crate) use database::{look_up, read, transact};
pub(crate) use password::Passwords;

/// A query failed, or what it found makes no sense.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The database cannot be reached or refused the query.
    #[error("the database failed")]
    Database(#[from] sqlx::Error),
    /// The same, on the hot path of SQLite.
    #[error("the database failed")]
    Embedded(#[from] rusqlite::Error),
    /// The database cannot be brought up to date.
    #[error("the database could not be migrated")]
    Migration(#[from] sqlx::migrate::MigrateError),
    /// What the transaction had looked up has changed all the same.
    #[error("what was locked has changed")]
    Changed,
    /// The process is stopping.
    #[error("the process is stopping")]
    Interrupted,
    /// There is no such row, or it belongs to another account.
    #[error("not found")]
    NotFound,
    /// What is stored of it cannot be used.
    #[error(transparent)]
    Unusable(#[from] crate::Unusable),
    /// What is stored of a delivery cannot be used.
    #[error(transparent)]
    UnusableDelivery(#[from] Box<crate::UnusableDelivery>),
}

/// What a query of the store answers.
pub type Result<T, E = Error> = std::result::Result<T, E>;

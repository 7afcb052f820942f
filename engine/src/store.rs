//! SQL for the nouns.

pub mod accounts;
pub mod api_keys;
pub mod backlog;
mod closing;
pub mod database;
pub mod deliveries;
pub mod endpoints;
mod erasure;
mod error;
mod file;
mod password;
mod patience;
#[cfg(test)]
mod plans;
pub mod removal;
mod secrets;
pub mod sessions;
mod state;
mod token;
pub mod users;

pub use database::{Database, DatabaseUrl, InvalidDatabaseUrl};
pub(crate) use database::{look_up, read, transact};
pub(crate) use error::located;
pub use error::{Error, Place};
pub(crate) use file::OpenFiles;
pub(crate) use password::Passwords;
pub(crate) use state::effective_state;

/// What a query of the store answers.
pub type Result<T, E = Error> = std::result::Result<T, E>;

//! SQL for the nouns.

pub mod accounts;
pub mod api_keys;
pub mod backlog;
mod closing;
pub mod deliveries;
pub mod endpoints;
mod erasure;
mod password;
#[cfg(test)]
mod plans;
pub mod removal;
mod secrets;
pub mod sessions;
mod state;
mod token;
pub mod users;

pub use crate::db::{Database, DatabaseUrl, Error, InvalidDatabaseUrl, Place, Result};
pub(crate) use password::Passwords;
pub(crate) use state::EFFECTIVE_STATE;

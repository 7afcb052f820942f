//! The operations of the service, a file a noun.
//!
//! An operation on the data of an account is reached through a handle that has its account
//! bound: `engine.account(id).endpoint(endpoint).pause()`. Every statement names that
//! account, and a row of another account counts as a row that does not exist. The operator
//! has [`Accounts`], [`OperatorKeys`], [`Users`] and [`Sessions`].

pub mod accounts;
pub mod api_keys;
pub mod backlog;
mod closing;
pub mod deliveries;
pub mod endpoints;
mod erasure;
mod error;
pub mod ledger;
mod password;
#[cfg(test)]
mod plans;
pub mod removal;
pub mod retention;
pub(crate) mod sealing_check;
pub mod sessions;
mod state;
mod token;
pub mod users;

use std::fmt;

pub use accounts::{AccountHandle, Accounts};
pub use api_keys::{ApiKeys, OperatorKeys};
pub use deliveries::DeliveryHandle;
pub use endpoints::{EndpointHandle, Endpoints};
pub use error::Error;
pub(crate) use password::Passwords;
pub use sealing_check::SealingKeyError;
pub use sessions::Sessions;
pub(crate) use state::EFFECTIVE_STATE;
pub use users::Users;

pub use crate::db::{Database, DatabaseUrl, InvalidDatabaseUrl};
pub(crate) use crate::engine::Parts as Service;

/// The result of an operation.
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl fmt::Debug for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Service")
    }
}

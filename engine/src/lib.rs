//! The delivery engine: all that needs neither requests nor pixels.
//!
//! # The floors
//! Imports run downwards only.
//! - [`service`] has the operations, a file a noun: accounts, users, sessions, API keys,
//!   endpoints, deliveries, retention, erasure, and the ledger that checks all rows.
//! - [`deliver`] takes an event from its acceptance to a recorded outcome: the writer, the
//!   dispatcher, the lanes, and one attempt.
//! - `queue` has the statements of delivering: write a batch, claim, hold, release. SQLite
//!   and PostgreSQL have a driver each.
//! - [`db`] is one façade over the two databases.
//! - [`backup`] copies the file of an SQLite database, and puts it back.
//!
//! Beside them, [`outbound`] is the HTTP client that refuses to reach addresses that are not
//! on the public internet, [`metrics`] is what the process measures of itself, [`spans`] are what it tells of each event and each attempt, [`seal`] keeps secrets at rest, and [`clock`] and [`random`] are
//! handed in, so that a test can repeat all of it.

pub mod actor;
pub mod audit;
pub mod backup;
pub mod clock;
pub mod db;
pub mod deliver;
pub mod limits;
pub mod metrics;
pub mod notice;
pub mod oidc;
pub mod outbound;
pub(crate) mod queue;
pub mod random;
pub mod request;
pub mod seal;
pub mod security_log;
pub mod service;
pub mod spans;
#[cfg(any(test, feature = "testing"))]
pub mod testing;

mod engine;
mod fault;
mod retry_after;
mod settings;
mod shutdown;
mod unusable;

pub use engine::{Engine, Environment, Running};
pub use service::{ledger, retention};
pub use settings::Settings;
pub use shutdown::Shutdown;
pub use unusable::{Unusable, UnusableDelivery};

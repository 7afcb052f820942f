//! The delivery engine: everything that needs neither requests nor pixels.
//!
//! # The cast
//! - The **store** (`store`) keeps the nouns: accounts, users, sessions, API
//!   keys, endpoints, and what happened to every delivery.
//! - The **queue** (`queue`) is the part of the store that is hot: ingest,
//!   claim, finish, hold, release. It is one trait with a driver for each database.
//! - The **deliverer** (`deliver`) takes deliveries from the queue, makes one
//!   attempt at each, and hands the outcomes back in batches.
//! - The **outbound client** (`outbound`) makes the POST, and refuses to reach
//!   what is not on the public internet.

pub mod clock;
pub mod db;
pub mod deliver;
pub mod ledger;
pub mod outbound;
pub(crate) mod queue;
pub mod random;
pub mod retention;
pub mod seal;
pub mod store;
#[cfg(any(test, feature = "testing"))]
pub mod testing;

mod engine;
mod fault;
mod shutdown;
mod unusable;

pub use engine::{Engine, Environment, Running, Settings};
pub use shutdown::Shutdown;
pub use unusable::{Unusable, UnusableDelivery};

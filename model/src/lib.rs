//! The pure data and rules of Signet: what an event, an endpoint, a delivery and
//! a signature are. Nothing here does IO, reads a clock or draws a random
//! number, so that all of it compiles to WebAssembly and is tested as functions.

pub mod amount;
pub mod delivery;
pub mod endpoint;
pub mod event;
pub mod explain;
pub mod id;
pub mod payload;
pub mod retry;
pub mod signature;
#[cfg(feature = "sql")]
pub mod sql;
pub mod subscriptions;
pub mod time;

pub use amount::Amount;
pub use id::{AccountId, ApiKeyId, DeliveryId, EndpointId, EventId, UserId};
pub use subscriptions::Subscriptions;
pub use time::Timestamp;

/// The examples in Rust of the README are compiled and run.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
pub struct Readme;

//! The data and the rules of Signet: events, endpoints, deliveries, signatures. The
//! crate does no IO, reads no clock and draws no random numbers: it compiles to
//! WebAssembly, and its functions are tested without any preparation.

pub mod amount;
pub mod delivery;
pub mod endpoint;
pub mod event;
pub mod filter;
pub mod id;
pub mod latency;
pub mod payload;
pub mod portal;
pub mod retry;
pub mod role;
pub mod rotation;
pub mod scope;
pub mod signature;
#[cfg(feature = "sql")]
pub mod sql;
pub mod subscriptions;
pub mod text;
mod this_machine;
pub mod throttle;
pub mod time;
pub mod trace;
mod user_info;

pub use amount::Amount;
pub use filter::Filter;
pub use id::{
    AccountId, ApiKeyId, DeliveryId, EndpointId, EventId, InvitationId, PasskeyId, ResendId, SessionId, UserId,
};
pub use role::Role;
pub use scope::{Scope, Scopes};
pub use subscriptions::Subscriptions;
pub use this_machine::is_this_machine;
pub use throttle::Throttle;
pub use time::Timestamp;
pub use user_info::has_user_info;

/// The README, so that its examples in Rust are compiled and run.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
pub struct Readme;

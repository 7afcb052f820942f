//! The guarded HTTP client: it reaches public addresses only, within a budget.
//!
//! # The cast
//! - The **policy** (`policy`) says which addresses may be reached; `address`
//!   knows what kind of address each one is.
//! - The **resolver** (`resolver`) looks a name up, refuses it when *any* of its
//!   addresses is refused, and hands exactly the checked addresses on. Addresses
//!   in the URL itself never reach it: the policy judges them before the request.
//!   Its **look-ups** (`lookups`) are shared and bounded: name servers that stall
//!   hold few threads.
//! - The **client** (`client`) is the HTTP client with all that set up: TLS
//!   always checked (`tls`), no proxies, no redirects, kept connections bounded.
//! - The **exchange** (`exchange`) is one POST and its answer within the budget,
//!   repeated where a kept connection turns out to be closed (`connecting`), with
//!   what arrives kept to a cap and what goes wrong named (`failure`).

mod address;
mod client;
mod connecting;
mod exchange;
mod failure;
mod local_fault;
mod lookups;
mod policy;
mod resolver;
mod tls;

pub use address::AddressKind;
pub use client::{Client, Config, ConfigError};
pub use exchange::Exchange;
pub use local_fault::LocalFault;
pub use lookups::Lookup;
pub use policy::{AddressRefused, Policy};

//! The guarded HTTP client: it reaches public addresses only, within a budget.
//!
//! # The cast
//! - The **policy** (`policy`) decides which addresses may be reached; `address`
//!   knows the kind of each one.
//! - The **resolver** (`resolver`) looks a name up, refuses it when *any* of its
//!   addresses is refused, and hands exactly the checked addresses on. Addresses
//!   in the URL itself never reach it: the policy judges them before the request.
//!   Its **look-ups** (`lookups`) are shared and bounded: name servers that stall
//!   hold few threads.
//! - The **connector** (`connector`) makes **connections** (`connection`): TCP to one of
//!   those addresses, then TLS, always checked (`tls`). The way there (`route`) is TCP itself, or
//!   leads through the operator's proxy (`egress_proxy`).
//! - The **client** (`client`) speaks HTTP/1.1 over them, and keeps a few for later
//!   requests: no redirects.
//! - The **exchange** (`exchange`) is one POST and its answer within the budget,
//!   repeated where a kept connection turns out to be closed or dead. The head of the
//!   answer decides; its body (`body`) is kept to a cap. Failures get their names in
//!   `failure`.
//! - The **steps** (`steps`) of making its connection are timed.
//! - A **local fault** (`local_fault`) is a fault of this side: then there was no exchange.

mod address;
mod admission;
mod body;
mod client;
mod connection;
mod connector;
mod egress_proxy;
mod exchange;
mod failure;
mod local_fault;
mod lookups;
mod policy;
mod resolver;
mod route;
mod steps;
mod tls;

pub use address::AddressKind;
pub use client::{Client, Config, ConfigError, Resolved};
pub use egress_proxy::{EgressProxy, InvalidProxy};
pub use exchange::{Answer, Exchange};
pub use local_fault::LocalFault;
pub use lookups::Lookup;
pub use policy::{AddressRefused, Policy};
pub use tls::config as tls_config;

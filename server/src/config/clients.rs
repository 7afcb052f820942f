//! Limits for clients of the server.

use std::num::NonZeroU32;

use clap::Args;
use signet_api::{MAX_EVENT_RATE, MAX_REQUEST_RATE};

use super::count;

/// Limits for clients of the server.
#[derive(Debug, Clone, Copy, Args)]
#[expect(clippy::struct_field_names, reason = "they are the names of the options")]
pub struct ClientArgs {
    /// The most connections from outside. When there are as many, a new one ends
    /// the one whose client has kept the server waiting longest. Lowered where
    /// the limit of open files leaves fewer.
    #[arg(long, value_name = "COUNT", env = "SIGNET_MAX_CONNECTIONS", default_value_t = 4_096, value_parser = count)]
    pub max_connections: usize,
    /// The most connections from one address, or from one /64 of IPv6. Does not
    /// hold for this machine: a proxy here connects for all of its clients.
    #[arg(
        long,
        value_name = "COUNT",
        env = "SIGNET_MAX_CONNECTIONS_PER_CLIENT",
        default_value_t = 256,
        value_parser = count
    )]
    pub max_connections_per_client: usize,
    /// The most events a second that are taken in for one account; reports of a
    /// balance count too.
    #[arg(long, value_name = "COUNT", env = "SIGNET_MAX_EVENT_RATE", default_value_t = MAX_EVENT_RATE)]
    pub max_event_rate: NonZeroU32,
    /// The most requests a second with one key of the API, other than events; ten seconds' worth
    /// may come at once. As many with unknown keys from one address.
    #[arg(long, value_name = "COUNT", env = "SIGNET_MAX_REQUEST_RATE", default_value_t = MAX_REQUEST_RATE)]
    pub max_request_rate: NonZeroU32,
}

//! The proxies in front of the server, and the names by which it is reached.

use clap::Args;
use ipnet::IpNet;

use super::network;
use crate::listener::{ClientHeader, Proxies};

/// The proxies in front of the server.
#[derive(Debug, Clone, Args)]
pub struct ProxyArgs {
    /// A network whose machines are proxies in front of this server, such as `10.0.0.0/8`: the
    /// client's address is taken from what they say. Repeatable; in the environment variable
    /// separated by commas. Default: nobody, so that the peer of a connection is the client.
    #[arg(
        long,
        value_name = "NETWORK",
        env = "SIGNET_TRUSTED_PROXY",
        value_delimiter = ',',
        value_parser = network
    )]
    pub trusted_proxy: Vec<IpNet>,
    /// The header in which these proxies name the client. They must set it, or add to it,
    /// with each request.
    #[arg(long, value_name = "HEADER", env = "SIGNET_TRUSTED_PROXY_HEADER", value_enum, default_value_t)]
    pub trusted_proxy_header: ClientHeader,
}

impl ProxyArgs {
    /// The proxies that are trusted.
    pub fn proxies(&self) -> Proxies {
        Proxies { networks: self.trusted_proxy.clone(), header: self.trusted_proxy_header }
    }
}

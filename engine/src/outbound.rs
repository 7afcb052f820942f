//! The guarded HTTP client: it reaches public addresses only, within a budget.

use std::{net::IpAddr, time::Duration};

use signet_model::endpoint::EndpointUrl;

/// Which addresses may be reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Policy {
    /// Public addresses only.
    Public,
    /// Loopback too: for development against a receiver on the same machine.
    PublicAndLoopback,
}

/// The address is not on the public internet.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("todo")]
pub struct AddressRefused {
    /// The address that is refused.
    pub address: IpAddr,
}

impl Policy {
    /// Whether this address may be reached.
    pub fn check(self, _address: IpAddr) -> Result<(), AddressRefused> {
        todo!()
    }

    /// Refuses what can be known to be unreachable without looking anything up:
    /// literal addresses and names such as `localhost`.
    pub fn check_url(self, _url: &EndpointUrl) -> Result<(), AddressRefused> {
        todo!()
    }
}

/// The client. Clones share its connections.
#[derive(Debug, Clone)]
pub struct Client {}

/// How the client behaves.
#[derive(Debug, Clone)]
pub struct Config {
    /// Which addresses may be reached.
    pub policy: Policy,
    /// PEM certificates of authorities that are trusted besides the usual ones.
    pub extra_authorities: Vec<Vec<u8>>,
    /// For one whole exchange.
    pub budget: Duration,
    /// How much of a response body is kept, bytes.
    pub max_response_body: usize,
}

/// The client cannot be built.
#[derive(Debug, thiserror::Error)]
#[error("the HTTP client cannot be set up: {0}")]
pub struct ConfigError(String);

impl Client {
    /// Sets the client up.
    pub fn new(_config: &Config) -> Result<Self, ConfigError> {
        todo!()
    }
}

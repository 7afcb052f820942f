//! The way of requests to receivers.

use std::{fmt, str::FromStr};

use anyhow::Context;
use clap::Args;
use ipnet::IpNet;
use signet_engine::outbound::{EgressProxy, Policy};

use super::network;

/// The way of requests to receivers.
#[derive(Debug, Clone, Args)]
pub struct EgressArgs {
    /// Webhooks may reach receivers in this network too, which is not on the public internet,
    /// such as `10.2.0.0/16`. Every customer may then: name no network with other machines in
    /// it. Repeatable; in the environment variable separated by commas.
    #[arg(
        long,
        value_name = "NETWORK",
        env = "SIGNET_ALLOW_NETWORK",
        value_delimiter = ',',
        value_parser = network
    )]
    pub allow_network: Vec<IpNet>,
    /// Send all requests to receivers through this proxy (CONNECT), such as
    /// `http://proxy.internal:3128`, perhaps with `USER:PASSWORD@`. Names are still looked up
    /// and checked here.
    #[arg(long, value_name = "URL", env = "SIGNET_EGRESS_PROXY", hide_env_values = true)]
    pub egress_proxy: Option<ProxyText>,
}

impl EgressArgs {
    /// The addresses that may be reached.
    pub fn policy(&self, dev: bool) -> Policy {
        let policy = if dev { Policy::public_and_loopback() } else { Policy::public() };
        policy.and_networks(self.allow_network.iter().copied())
    }

    /// The proxy.
    ///
    /// # Errors
    /// The text is not the URL of one.
    pub fn proxy(&self) -> anyhow::Result<Option<EgressProxy>> {
        self.egress_proxy.as_ref().map(|text| text.0.parse().context("--egress-proxy")).transpose()
    }
}

/// The text of `--egress-proxy`, not yet parsed: it can hold a password, and the parser of
/// options repeats a text that it refuses.
#[derive(Clone)]
pub struct ProxyText(String);

impl FromStr for ProxyText {
    type Err = std::convert::Infallible;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Debug for ProxyText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ProxyText(hidden)")
    }
}

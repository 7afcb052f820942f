//! The addresses that may be reached.

use std::{
    fmt,
    net::{IpAddr, Ipv6Addr},
    sync::Arc,
};

use ipnet::IpNet;
use signet_model::endpoint::EndpointUrl;

use super::address::{AddressKind, kind};

/// The addresses that may be reached: public ones, and what the operator adds.
#[derive(Debug, Clone, Default)]
pub struct Policy {
    loopback: bool,
    networks: Arc<[IpNet]>,
}

/// The address is not on the public internet. Its text is for the person that
/// entered it: the kind of the address, and advice. The address that a name leads to is not
/// in it, because customers must not read the inside of a network.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct AddressRefused {
    /// The name that stands for the address, unless the address was given itself.
    pub name: Option<String>,
    /// The address that is refused, unless the name is refused already.
    pub address: Option<IpAddr>,
    /// The kind of the address.
    pub kind: AddressKind,
}

impl fmt::Display for AddressRefused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = self.kind.describe();
        match (&self.name, self.address) {
            (Some(name), Some(_)) => write!(f, "{name} leads to {kind}.")?,
            (Some(name), None) => write!(f, "{name} stands for {kind}.")?,
            (None, Some(address)) => write!(f, "{address} is {kind}.")?,
            (None, None) => write!(f, "This is {kind}.")?,
        }
        f.write_str(" Use an address that the public internet can reach")?;
        if self.kind == AddressKind::Loopback {
            f.write_str("; to develop against this machine, start the server with --dev")?;
        }
        f.write_str(".")
    }
}

impl Policy {
    /// Public addresses only.
    pub fn public() -> Self {
        Self::default()
    }

    /// Loopback too: for development against a receiver on the same machine.
    pub fn public_and_loopback() -> Self {
        Self { loopback: true, ..Self::default() }
    }

    /// These networks too: their receivers are inside, and the operator says that every
    /// customer may reach them.
    #[must_use]
    pub fn and_networks(self, networks: impl IntoIterator<Item = IpNet>) -> Self {
        Self { networks: networks.into_iter().collect(), ..self }
    }

    /// Checks one address.
    pub fn check(&self, address: IpAddr) -> Result<(), AddressRefused> {
        match kind(address) {
            Some(kind) if !self.excepts(address, kind) => {
                Err(AddressRefused { name: None, address: Some(address), kind })
            }
            _ => Ok(()),
        }
    }

    /// Returns true if the address may be reached though it is not public. A metadata service
    /// hands out the machine's own credentials, so that it must be named by itself.
    fn excepts(&self, address: IpAddr, kind: AddressKind) -> bool {
        let covers = |network: &IpNet| {
            let is_named = network.prefix_len() == network.max_prefix_len();
            network.contains(&address) && (kind != AddressKind::Metadata || is_named)
        };
        self.loopback && is_plain_loopback(address) || self.networks.iter().any(covers)
    }

    /// Refuses URLs that are known to be unreachable without a look-up: literal addresses
    /// and names such as `localhost`.
    pub fn check_url(&self, url: &EndpointUrl) -> Result<(), AddressRefused> {
        if let Some(address) = url.literal_address() {
            return self.check(address);
        }
        match name_kind(url.host()) {
            Some(kind) if !self.may_lead_to(kind) => {
                Err(AddressRefused { name: Some(url.host().to_owned()), address: None, kind })
            }
            // The addresses of the name decide.
            _ => Ok(()),
        }
    }

    /// Returns true if a name that is never public may have an address that may be reached.
    fn may_lead_to(&self, kind: AddressKind) -> bool {
        self.loopback || kind == AddressKind::Private && !self.networks.is_empty()
    }

    /// Checks a name with these addresses: all of them must be allowed, because chance picks
    /// the one that is used.
    pub fn check_resolved(&self, name: &str, addresses: &[IpAddr]) -> Result<(), AddressRefused> {
        let named = |refused| AddressRefused { name: Some(name.to_owned()), ..refused };
        addresses.iter().try_for_each(|&address| self.check(address)).map_err(named)?;
        // Loopback beside public addresses is a trick, not a receiver in development.
        match addresses.iter().find(|&&address| is_plain_loopback(address)) {
            Some(&loopback) if !addresses.iter().all(|&address| is_plain_loopback(address)) => {
                Err(named(AddressRefused { name: None, address: Some(loopback), kind: AddressKind::Loopback }))
            }
            _ => Ok(()),
        }
    }
}

fn is_plain_loopback(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => address.is_loopback(),
        IpAddr::V6(address) => address == Ipv6Addr::LOCALHOST,
    }
}

/// Names that are never public: `localhost` (RFC 6761), `.local` (RFC 6762),
/// `.home.arpa` (RFC 8375), `.internal`, and names without a dot, which only a
/// private network completes.
fn name_kind(host: &str) -> Option<AddressKind> {
    // The parser has made the name lower-case.
    let name = host.trim_end_matches('.');
    let within = |zone: &str| name.strip_suffix(zone).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'));
    if ["localhost", "localdomain", "localhost6", "ip6-localhost", "ip6-loopback"].into_iter().any(within) {
        Some(AddressKind::Loopback)
    } else if ["metadata.google.internal", "metadata.goog", "instance-data"].contains(&name) {
        Some(AddressKind::Metadata)
    } else if !name.contains('.') || ["local", "internal", "home.arpa"].into_iter().any(within) {
        Some(AddressKind::Private)
    } else {
        None
    }
}

#[cfg(test)]
mod tests;

//! What the policy refuses is counted, by a few kinds of which an operator knows the meaning.

use std::net::IpAddr;

use signet_model::endpoint::EndpointUrl;

use super::{
    address::AddressKind,
    policy::{AddressRefused, Policy},
};
use crate::metrics::{self, labels::RefusedAddress};

impl Policy {
    /// Checks a URL as [`Policy::check_url`] does, and counts a refusal.
    pub(crate) fn admit_url(&self, url: &EndpointUrl) -> Result<(), AddressRefused> {
        self.check_url(url).inspect_err(count)
    }

    /// Checks the addresses of a name as [`Policy::check_resolved`] does, and counts a refusal.
    pub(super) fn admit_resolved(&self, name: &str, addresses: &[IpAddr]) -> Result<(), AddressRefused> {
        self.check_resolved(name, addresses).inspect_err(count)
    }
}

fn count(refused: &AddressRefused) {
    use AddressKind::{LinkLocal, Loopback, Metadata, Private, SharedByProvider, SiteLocal, UniqueLocal};
    metrics::address_refused(match refused.kind {
        Loopback => RefusedAddress::Loopback,
        Private | UniqueLocal | SiteLocal | SharedByProvider => RefusedAddress::Private,
        LinkLocal => RefusedAddress::LinkLocal,
        Metadata => RefusedAddress::Metadata,
        _ => RefusedAddress::Other,
    });
}

//! Looks names up, and hands on exactly the addresses that were checked.
//!
//! The check stands between the look-up and the connection: the client is given
//! addresses, never the name again, so that a name that changes in between
//! changes nothing.

use std::{io, net::SocketAddr, sync::Arc};

use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use super::{lookups::Lookups, policy::Policy};

/// The name has no address, or could not be looked up.
#[derive(Debug, thiserror::Error)]
#[error("{name} could not be looked up")]
pub(super) struct LookupFailed {
    /// The name that was looked up.
    pub(super) name: String,
    /// What the system said, unless it found the name without addresses.
    pub(super) source: Option<Arc<io::Error>>,
}

/// The resolver of the client: look-ups and a policy.
#[derive(Debug)]
pub(super) struct GuardedResolver {
    pub(super) lookups: Arc<Lookups>,
    pub(super) policy: Policy,
}

impl Resolve for GuardedResolver {
    fn resolve(&self, name: Name) -> Resolving {
        let name = name.as_str().to_owned();
        let lookups = Arc::clone(&self.lookups);
        let policy = self.policy;
        Box::pin(async move {
            let addresses = match lookups.find(&name).await {
                Ok(addresses) if addresses.is_empty() => return Err(LookupFailed { name, source: None }.into()),
                Ok(addresses) => addresses,
                Err(error) => return Err(LookupFailed { name, source: Some(error) }.into()),
            };
            policy.check_resolved(&name, &addresses)?;
            // The connector puts the port of the URL in the place of 0.
            let checked: Addrs = Box::new(addresses.into_iter().map(|address| SocketAddr::new(address, 0)));
            Ok(checked)
        })
    }
}

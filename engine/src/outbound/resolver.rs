//! Looks names up, and hands on exactly the addresses that were checked.
//!
//! The check stands between the look-up and the connection: the client is given
//! addresses, never the name again, so that a name that changes in between
//! changes nothing.

use std::{fmt, io, net::IpAddr, net::SocketAddr, sync::Arc};

use futures_util::future::BoxFuture;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use super::policy::Policy;

/// Finds the addresses of a name.
pub trait Lookup: fmt::Debug + Send + Sync + 'static {
    /// All addresses of the name, in the order in which they are to be tried.
    fn lookup(&self, name: String) -> BoxFuture<'static, io::Result<Vec<IpAddr>>>;
}

/// Asks the operating system.
#[derive(Debug, Clone, Copy)]
pub(super) struct SystemLookup;

impl Lookup for SystemLookup {
    fn lookup(&self, name: String) -> BoxFuture<'static, io::Result<Vec<IpAddr>>> {
        Box::pin(async move {
            let found = tokio::net::lookup_host((name, 0)).await?;
            Ok(found.map(|address| address.ip()).collect())
        })
    }
}

/// The name has no address, or could not be looked up.
#[derive(Debug, thiserror::Error)]
#[error("{name} could not be looked up")]
pub(super) struct LookupFailed {
    /// The name that was looked up.
    pub(super) name: String,
    /// What the system said, unless it found the name without addresses.
    pub(super) source: Option<io::Error>,
}

/// The resolver of the client: a look-up and a policy.
#[derive(Debug)]
pub(super) struct GuardedResolver {
    pub(super) lookup: Arc<dyn Lookup>,
    pub(super) policy: Policy,
}

impl Resolve for GuardedResolver {
    fn resolve(&self, name: Name) -> Resolving {
        let name = name.as_str().to_owned();
        let looking_up = self.lookup.lookup(name.clone());
        let policy = self.policy;
        Box::pin(async move {
            let addresses = match looking_up.await {
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

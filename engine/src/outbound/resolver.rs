//! Looks names up, and hands on exactly the addresses that were checked.
//!
//! The check stands between the look-up and the connection: the client is given
//! addresses, never the name again, so that a name that changes in between
//! has no effect.

use std::{
    io,
    net::{IpAddr, SocketAddr},
    sync::Arc,
    task::{Context, Poll},
};

use futures_util::future::BoxFuture;
use hyper_util::client::legacy::connect::dns::Name;
use tokio::time::Instant;
use tower::{BoxError, Service};

use super::{lookups::Lookups, policy::Policy, steps};

/// The name has no address that may be reached, or could not be looked up. Which of these it is
/// is not told: whoever enters names must not learn from the answers which ones are known inside.
#[derive(Debug, thiserror::Error)]
#[error("{name} could not be looked up")]
pub(super) struct LookupFailed {
    /// The name that was looked up.
    pub(super) name: String,
    /// The error of the system, unless it found the name.
    pub(super) source: Option<Arc<io::Error>>,
}

/// The resolver of the client: look-ups and a policy.
#[derive(Debug, Clone)]
pub(super) struct GuardedResolver {
    pub(super) lookups: Arc<Lookups>,
    pub(super) policy: Policy,
}

impl GuardedResolver {
    /// The addresses of a name, all of which may be reached.
    pub(super) async fn resolve(self, name: String) -> Result<Vec<IpAddr>, BoxError> {
        let began_at = Instant::now();
        let found = self.lookups.find(&name).await;
        steps::looked_up(began_at);
        let addresses = match found {
            Ok(addresses) if addresses.is_empty() => return Err(LookupFailed { name, source: None }.into()),
            Ok(addresses) => addresses,
            Err(error) => return Err(LookupFailed { name, source: Some(error) }.into()),
        };
        if let Err(refused) = self.policy.admit_resolved(&name, &addresses) {
            tracing::debug!(name, address = ?refused.address, "a name leads to an address that is refused");
            return Err(LookupFailed { name, source: None }.into());
        }
        Ok(addresses)
    }
}

impl Service<Name> for GuardedResolver {
    type Response = Box<dyn Iterator<Item = SocketAddr> + Send>;
    type Error = BoxError;
    type Future = BoxFuture<'static, Result<Self::Response, BoxError>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, name: Name) -> Self::Future {
        let resolving = self.clone().resolve(name.as_str().to_owned());
        Box::pin(async move {
            // The connector puts the port of the URL in the place of 0.
            let checked = resolving.await?.into_iter().map(|address| SocketAddr::new(address, 0));
            Ok(Box::new(checked) as Self::Response)
        })
    }
}

//! Connections: TCP to an address that was checked, then TLS.

use std::{
    io,
    net::{IpAddr, SocketAddr},
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use futures_util::future::BoxFuture;
use http::Uri;
use hyper_util::{client::legacy::connect::HttpConnector, rt::TokioIo};
use rustls::{ClientConfig, pki_types::ServerName};
use tokio::time::{Instant, timeout};
use tokio_rustls::TlsConnector;
use tower::{BoxError, Service};

use super::{
    connection::Connection,
    egress_proxy::{EgressProxy, MaybeProxy},
    local_fault::LocalFault,
    resolver::GuardedResolver,
    route::Route,
    steps, tls,
};

/// The time beyond the budget that making a connection may take. It is the budget
/// that ends an exchange and names why; but a connection that the exchange no longer
/// needs, because the pool had another one sooner, is finished in the background,
/// where no budget ends it: without this, a receiver that never finishes TLS would
/// hold one socket more after every such exchange.
const MARGIN: Duration = Duration::from_secs(1);

/// The host of the URL is no name that a certificate can be for.
#[derive(Debug, thiserror::Error)]
#[error("{0} is not a host name")]
pub(super) struct InvalidHost(pub(super) String);

/// Makes connections for the HTTP client.
#[derive(Clone)]
pub(super) struct Connector {
    tcp: HttpConnector<GuardedResolver>,
    resolver: GuardedResolver,
    proxy: MaybeProxy,
    tls: TlsConnector,
    budget: Duration,
}

impl Connector {
    pub(super) fn new(
        resolver: GuardedResolver,
        tls: ClientConfig,
        proxy: Option<EgressProxy>,
        budget: Duration,
    ) -> Self {
        let mut tcp = HttpConnector::new_with_resolver(resolver.clone());
        tcp.enforce_http(false);
        tcp.set_nodelay(true);
        // Divided among the addresses of a name, so that one dead address does not take it all.
        tcp.set_connect_timeout(Some(budget + MARGIN));
        Self { tcp, resolver, proxy: proxy.map(Arc::new), tls: TlsConnector::from(Arc::new(tls)), budget }
    }

    async fn connect(mut self, uri: Uri) -> Result<TokioIo<Connection>, BoxError> {
        let host = uri.host().unwrap_or_default();
        let name = host.trim_matches(['[', ']']).to_owned();
        let name = ServerName::try_from(name).map_err(|_| InvalidHost(host.to_owned()))?;
        let began_at = Instant::now();
        let route = match self.proxy.clone() {
            Some(proxy) => self.through(&proxy, &uri).await?,
            None => Route::Direct(self.tcp.call(uri).await?.into_inner()),
        };
        steps::connected(began_at);
        let began_at = Instant::now();
        let (stream, certificate_wanted) = tls::handshake(&self.tls, name, route).await?;
        steps::secured(began_at);
        Ok(TokioIo::new(Connection::new(stream, certificate_wanted, self.budget / 3)))
    }
}

/// The most addresses of a name for which the proxy is asked.
const MAX_ADDRESSES: usize = 3;

impl Connector {
    /// Has the proxy connect to the first of the checked addresses that it can reach.
    async fn through(&self, proxy: &EgressProxy, uri: &Uri) -> Result<Route, BoxError> {
        let host = uri.host().unwrap_or_default();
        let port = uri.port_u16().unwrap_or(443);
        // The policy has judged an address in the URL before.
        let addresses = match host.trim_matches(['[', ']']).parse::<IpAddr>() {
            Ok(address) => vec![address],
            Err(_) => self.resolver.clone().resolve(host.to_owned()).await?,
        };
        let mut last = None;
        for address in addresses.into_iter().take(MAX_ADDRESSES) {
            match proxy.connect(SocketAddr::new(address, port), &self.tls).await {
                Ok(route) => return Ok(route),
                // Another address would meet the same fault of this side.
                Err(error) if error.get_ref().is_some_and(<dyn std::error::Error + Send + Sync>::is::<LocalFault>) => {
                    return Err(error.into());
                }
                Err(error) => last = Some(error),
            }
        }
        Err(last.unwrap_or_else(|| io::ErrorKind::AddrNotAvailable.into()).into())
    }
}

impl Service<Uri> for Connector {
    type Response = TokioIo<Connection>;
    type Error = BoxError;
    type Future = BoxFuture<'static, Result<Self::Response, BoxError>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let connecting = timeout(self.budget + MARGIN, self.clone().connect(uri));
        Box::pin(async { connecting.await.unwrap_or_else(|_| Err(io::Error::from(io::ErrorKind::TimedOut).into())) })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use signet_model::endpoint::EndpointUrl;

    use super::*;

    fn host() -> impl Strategy<Value = String> {
        let label = prop_oneof!["[a-z0-9]([a-z0-9_-]{0,61}[a-z0-9])?", "[a-zß-ž]{1,8}", "[!-~]{0,8}", "[a-z-]{55,70}"];
        let name = prop::collection::vec(label, 1..8).prop_map(|labels| labels.join("."));
        prop_oneof![3 => name, 1 => Just("[2606:4700::1111]".to_owned()), 1 => "[a-z]{50}(\\.[a-z]{50}){3,4}\\.?"]
    }

    proptest! {
        #[test]
        fn each_host_that_may_be_entered_can_be_asked_for_and_have_a_certificate(
            host in host(),
            port in prop_oneof![Just(String::new()), ":[0-9]{1,5}"],
            rest in "(/[\\PC]{0,12}){0,3}(\\?[\\PC]{0,20})?",
        ) {
            let Ok(url) = format!("https://{host}{port}{rest}").parse::<EndpointUrl>() else { return Ok(()) };
            let uri = url.as_str().parse::<Uri>();
            prop_assert!(uri.as_ref().is_ok_and(|uri| uri.host() == Some(url.host())), "{}: {:?}", url, uri);
            let name = url.host().trim_matches(['[', ']']).to_owned();
            prop_assert!(ServerName::try_from(name).is_ok(), "{}", url);
        }
    }
}

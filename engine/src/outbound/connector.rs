//! Connections: TCP to an address that was checked, then TLS.

use std::{
    io,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use futures_util::future::BoxFuture;
use http::Uri;
use hyper_util::{client::legacy::connect::HttpConnector, rt::TokioIo};
use rustls::{ClientConfig, pki_types::ServerName};
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tower::{BoxError, Service};

use super::{connection::Connection, resolver::GuardedResolver, tls};

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
    tls: TlsConnector,
    budget: Duration,
}

impl Connector {
    pub(super) fn new(resolver: GuardedResolver, tls: ClientConfig, budget: Duration) -> Self {
        let mut tcp = HttpConnector::new_with_resolver(resolver);
        tcp.enforce_http(false);
        tcp.set_nodelay(true);
        // Divided among the addresses of a name, so that one dead address does not take it all.
        tcp.set_connect_timeout(Some(budget + MARGIN));
        Self { tcp, tls: TlsConnector::from(Arc::new(tls)), budget }
    }

    async fn connect(mut self, uri: Uri) -> Result<TokioIo<Connection>, BoxError> {
        let host = uri.host().unwrap_or_default();
        let name = host.trim_matches(['[', ']']).to_owned();
        let name = ServerName::try_from(name).map_err(|_| InvalidHost(host.to_owned()))?;
        let tcp = self.tcp.call(uri).await?.into_inner();
        let (stream, certificate_wanted) = tls::handshake(&self.tls, name, tcp).await?;
        Ok(TokioIo::new(Connection::new(stream, certificate_wanted, self.budget / 3)))
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

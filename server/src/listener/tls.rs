//! TLS at the listener: versions 1.2 and 1.3, with a certificate that can change while the
//! server runs.

use std::{fmt, io, sync::Arc, time::Duration};

use rustls::{
    ServerConfig,
    crypto::{CryptoProvider, ring},
    server::ResolvesServerCert,
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    time::timeout,
};
use tokio_rustls::{TlsAcceptor, server::TlsStream};

/// The time for a handshake, from the connection's first byte.
const HANDSHAKE_LIMIT: Duration = Duration::from_secs(10);

/// Accepts TLS. Clones share the certificate and the sessions.
#[derive(Clone)]
pub struct Tls(TlsAcceptor);

impl Tls {
    /// Shows the certificate that `resolver` has at each handshake.
    ///
    /// # Errors
    /// The provider of cryptography cannot be used, which is a defect.
    pub fn new(resolver: Arc<dyn ResolvesServerCert>) -> Result<Self, rustls::Error> {
        let mut config = ServerConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_cert_resolver(resolver);
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Self(TlsAcceptor::from(Arc::new(config))))
    }

    /// Makes the handshake.
    ///
    /// # Errors
    /// The client speaks something else, or takes too long.
    pub async fn accept<S: AsyncRead + AsyncWrite + Unpin>(&self, stream: S) -> io::Result<TlsStream<S>> {
        let late = |_| io::Error::from(io::ErrorKind::TimedOut);
        timeout(HANDSHAKE_LIMIT, self.0.accept(stream)).await.map_err(late)?
    }
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Tls")
    }
}

/// The provider of cryptography.
pub fn provider() -> Arc<CryptoProvider> {
    Arc::new(ring::default_provider())
}

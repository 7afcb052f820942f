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

/// The protocol of requests.
const HTTP: &[u8] = b"http/1.1";
/// The protocol of an authority that looks for the answer to its challenge (RFC 8737). The
/// handshake is all of it.
const CHALLENGE: &[u8] = b"acme-tls/1";

/// Accepts TLS. Clones share the certificate and the sessions.
#[derive(Clone)]
pub struct Tls(TlsAcceptor);

impl Tls {
    /// Shows the certificate that `resolver` has at each handshake.
    ///
    /// # Errors
    /// The provider of cryptography cannot be used, which is a defect.
    pub fn new(resolver: Arc<dyn ResolvesServerCert>) -> Result<Self, rustls::Error> {
        Self::speaking(&[HTTP], resolver)
    }

    /// Does so, and lets `resolver` answer challenges of an authority (tls-alpn-01).
    ///
    /// # Errors
    /// The provider of cryptography cannot be used, which is a defect.
    pub fn with_challenges(resolver: Arc<dyn ResolvesServerCert>) -> Result<Self, rustls::Error> {
        Self::speaking(&[HTTP, CHALLENGE], resolver)
    }

    fn speaking(protocols: &[&[u8]], resolver: Arc<dyn ResolvesServerCert>) -> Result<Self, rustls::Error> {
        let mut config = ServerConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_cert_resolver(resolver);
        config.alpn_protocols = protocols.iter().map(|protocol| protocol.to_vec()).collect();
        Ok(Self(TlsAcceptor::from(Arc::new(config))))
    }

    /// Makes the handshake. `None`: the client is an authority, which has seen its answer.
    ///
    /// # Errors
    /// The client speaks something else, or takes too long.
    pub async fn accept<S: AsyncRead + AsyncWrite + Unpin>(&self, stream: S) -> io::Result<Option<TlsStream<S>>> {
        let late = |_| io::Error::from(io::ErrorKind::TimedOut);
        let stream = timeout(HANDSHAKE_LIMIT, self.0.accept(stream)).await.map_err(late)??;
        Ok(Some(stream).filter(|stream| stream.get_ref().1.alpn_protocol() != Some(CHALLENGE)))
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

#[cfg(test)]
mod tests {
    use rustls::{
        ClientConfig, RootCertStore, SupportedProtocolVersion,
        pki_types::{CertificateDer, pem::PemObject},
        version,
    };
    use signet_engine::Shutdown;
    use tempfile::TempDir;
    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt, duplex},
        net::{TcpListener, TcpStream},
        spawn,
    };
    use tokio_rustls::TlsConnector;

    use super::*;
    use crate::{
        certificate::{Certificate, write_for_a_test as write},
        listener::{
            self, Limits, Server,
            tests::{front, router},
        },
    };

    const LIMITS: Limits = Limits { connections: 8, connections_per_client: 8 };
    const REQUEST: &[u8] = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";

    /// Makes a request with this version of TLS, trusting one certificate alone.
    async fn ask(
        address: std::net::SocketAddr,
        trusted: &str,
        version: &'static SupportedProtocolVersion,
    ) -> io::Result<String> {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_slice(trusted.as_bytes()).expect("a certificate")).expect("a root");
        let config = ClientConfig::builder_with_provider(provider()).with_protocol_versions(&[version]);
        let mut config = config.expect("a version").with_root_certificates(roots).with_no_client_auth();
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        let stream = TcpStream::connect(address).await?;
        let connector = TlsConnector::from(Arc::new(config));
        let mut stream = connector.connect("localhost".try_into().expect("a name"), stream).await?;
        assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"http/1.1"[..]));
        stream.write_all(REQUEST).await?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await?;
        Ok(answer)
    }

    #[tokio::test]
    async fn clients_are_served_over_both_versions_with_the_certificate_that_is_in_place() {
        let folder = TempDir::new().expect("a folder");
        let (files, first) = write(&folder);
        let certificate = Certificate::load(files).expect("a certificate");
        let socket = TcpListener::bind("127.0.0.1:0").await.expect("a socket");
        let address = socket.local_addr().expect("an address");
        let mut front = front(LIMITS);
        front.tls = Some(Tls::new(Arc::clone(&certificate) as _).expect("TLS"));
        let shutdown = Shutdown::default();
        spawn(async move { listener::serve(socket, router(), front, &shutdown).await });
        for version in [&version::TLS12, &version::TLS13] {
            let answer = ask(address, &first, version).await.expect("an answer");
            assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
        }
        let (_, second) = write(&folder);
        assert!(ask(address, &second, &version::TLS13).await.is_err(), "not taken over yet");
        assert!(certificate.look().expect("changed"));
        assert!(ask(address, &second, &version::TLS13).await.is_ok());
        assert!(ask(address, &first, &version::TLS13).await.is_err());
        // Plain HTTP gets no answer, and harms nobody.
        let mut plain = TcpStream::connect(address).await.expect("a connection");
        plain.write_all(REQUEST).await.expect("sent");
        let mut answer = Vec::new();
        let _ = plain.read_to_end(&mut answer).await;
        assert!(!answer.starts_with(b"HTTP"), "{answer:?}");
        assert!(ask(address, &second, &version::TLS12).await.is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn a_handshake_that_does_not_go_on_ends_its_connection() {
        let folder = TempDir::new().expect("a folder");
        let mut front = front(LIMITS);
        front.tls = Some(Tls::new(Certificate::load(write(&folder).0).expect("a certificate")).expect("TLS"));
        let server = Server::new(router(), front, &Shutdown::default());
        let peer = std::net::SocketAddr::from(([192, 0, 2, 1], 1));
        let place = server.places.take(peer.ip()).await.expect("a place");
        let (mut client, far_end) = duplex(1024);
        spawn(server.open(far_end, peer, place));
        // The first bytes of a handshake, and no more.
        client.write_all(&[22, 3, 1]).await.expect("sent");
        let began = tokio::time::Instant::now();
        let _ = client.read(&mut [0; 64]).await;
        assert!(began.elapsed() <= HANDSHAKE_LIMIT + Duration::from_secs(1), "{:?}", began.elapsed());
    }
}

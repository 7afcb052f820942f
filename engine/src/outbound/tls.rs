//! TLS: the system's certificate authorities and the operator's own.

use std::{cell::Cell, io, sync::Arc};

use rustls::{
    ClientConfig, SignatureScheme,
    client::ResolvesClientCert,
    crypto::ring,
    pki_types::{CertificateDer, ServerName, pem::PemObject},
    sign::CertifiedKey,
};
use rustls_platform_verifier::Verifier;
use tokio_rustls::{TlsConnector, client::TlsStream};

use super::{ConfigError, route::Route};

/// TLS 1.2 and 1.3 with HTTP/1.1, trusting the authorities of the system and
/// those in these PEM texts. Certificates are always checked.
pub fn config(extra_authorities: &[Vec<u8>]) -> Result<ClientConfig, ConfigError> {
    let provider = Arc::new(ring::default_provider());
    let mut extra = Vec::new();
    for pem in extra_authorities {
        let before = extra.len();
        for certificate in CertificateDer::pem_slice_iter(pem) {
            extra.push(certificate.map_err(|error| ConfigError::Authority(error.to_string()))?);
        }
        if extra.len() == before {
            return Err(ConfigError::Authority("there is no certificate in the file".to_owned()));
        }
    }
    let verifier = Verifier::new_with_extra_roots(extra, Arc::clone(&provider)).map_err(ConfigError::Tls)?;
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(ConfigError::Tls)?
        // The name is rustls's: this verifier checks as the system's own programs do.
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier))
        .with_client_cert_resolver(Arc::new(NoCertificate));
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}

/// The server asked for a certificate of the client, and broke off for want of one.
#[derive(Debug, thiserror::Error)]
#[error("the server asks for a client certificate")]
pub(super) struct CertificateWanted;

/// Makes the handshake.
pub(super) async fn handshake(
    tls: &TlsConnector,
    name: ServerName<'static>,
    route: Route,
) -> io::Result<(TlsStream<Route>, bool)> {
    let handshake = tls.connect(name, route);
    let asking = async { (handshake.await, WANTED.with(Cell::get)) };
    let (result, wanted) = WANTED.scope(Cell::new(false), asking).await;
    Ok((result.map_err(|error| explain(error, wanted))?, wanted))
}

/// The error, or [`CertificateWanted`] in its place if the server asked for one and then
/// ended TLS: the alert alone does not always tell why.
pub(super) fn explain(error: io::Error, certificate_wanted: bool) -> io::Error {
    let cause = error.get_ref().and_then(|cause| cause.downcast_ref());
    if certificate_wanted && matches!(cause, Some(rustls::Error::AlertReceived(_))) {
        return io::Error::other(CertificateWanted);
    }
    error
}

tokio::task_local! {
    /// Set if the server of the handshake that runs in this task has asked.
    static WANTED: Cell<bool>;
}

/// Has no certificate, and notes that one was asked for. One for all connections: TLS
/// resumes sessions only between connections with the same one.
#[derive(Debug)]
struct NoCertificate;

impl ResolvesClientCert for NoCertificate {
    fn resolve(&self, _: &[&[u8]], _: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        let _ = WANTED.try_with(|wanted| wanted.set(true));
        None
    }

    fn has_certs(&self) -> bool {
        false
    }
}

//! TLS: the system's certificate authorities and the operator's own.

use std::sync::Arc;

use rustls::{
    ClientConfig,
    crypto::ring,
    pki_types::{CertificateDer, pem::PemObject},
};
use rustls_platform_verifier::Verifier;

use super::ConfigError;

/// TLS 1.2 and 1.3 with HTTP/2 and HTTP/1.1, trusting what the system trusts and
/// the authorities in these PEM texts. Certificates are always checked.
pub(super) fn config(extra_authorities: &[Vec<u8>]) -> Result<ClientConfig, ConfigError> {
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
        .with_no_client_auth();
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(config)
}

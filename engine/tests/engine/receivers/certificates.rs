//! An authority of one's own, and certificates as good or bad as a test wants.

use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use rustls::{
    RootCertStore, ServerConfig, SupportedProtocolVersion,
    crypto::ring,
    pki_types::{CertificateDer, PrivateKeyDer},
    server::WebPkiClientVerifier,
};

/// An authority that the sender is told to trust.
pub struct Authority(CertifiedIssuer<'static, KeyPair>);

/// The ways in which a certificate can be wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flaw {
    None,
    Expired,
    NotValidYet,
    OtherName,
    SelfSigned,
    /// Self-signed, and calling itself an authority, as `openssl req -x509` makes it.
    SelfSignedAuthority,
    /// The host only as the common name, as certificates were made twenty years ago.
    CommonNameOnly,
}

impl Authority {
    pub fn new() -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, "Authority of the tests");
        Self(CertifiedIssuer::self_signed(params, key()).expect("an authority"))
    }

    pub fn pem(&self) -> Vec<u8> {
        self.0.pem().into_bytes()
    }

    /// A server with a certificate for `127.0.0.1`, `localhost` and `receiver.example`.
    pub fn server(&self, flaw: Flaw, protocols: &[&str]) -> Arc<ServerConfig> {
        let names: &[&str] = match flaw {
            Flaw::OtherName => &["other.example"],
            Flaw::CommonNameOnly => &[],
            _ => &["127.0.0.1", "localhost", "receiver.example"],
        };
        let mut params =
            CertificateParams::new(names.iter().map(ToString::to_string).collect::<Vec<_>>()).expect("names");
        match flaw {
            Flaw::Expired => params.not_after = rcgen::date_time_ymd(2020, 1, 1),
            Flaw::NotValidYet => params.not_before = rcgen::date_time_ymd(2999, 1, 1),
            Flaw::SelfSignedAuthority => params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained),
            Flaw::CommonNameOnly => params.distinguished_name.push(DnType::CommonName, "127.0.0.1"),
            Flaw::None | Flaw::OtherName | Flaw::SelfSigned => {}
        }
        let key = key();
        let certificate = match flaw {
            Flaw::SelfSigned | Flaw::SelfSignedAuthority => params.self_signed(&key),
            _ => params.signed_by(&key, &self.0),
        };
        config(certificate.expect("a certificate").der().clone(), &key, protocols)
    }

    /// A server with a good certificate that wants one of its clients too.
    pub fn demanding_server(&self, version: &'static SupportedProtocolVersion) -> Arc<ServerConfig> {
        let provider = Arc::new(ring::default_provider());
        let mut roots = RootCertStore::empty();
        roots.add(self.0.der().clone()).expect("an authority");
        let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider));
        let key = key();
        let certificate =
            CertificateParams::new(vec!["127.0.0.1".to_owned()]).expect("a name").signed_by(&key, &self.0);
        let config = ServerConfig::builder_with_provider(provider)
            .with_protocol_versions(&[version])
            .expect("a version")
            .with_client_cert_verifier(verifier.build().expect("a verifier"))
            .with_single_cert(
                vec![certificate.expect("a certificate").der().clone()],
                PrivateKeyDer::Pkcs8(key.serialize_der().into()),
            );
        Arc::new(config.expect("a certificate and its key"))
    }
}

fn key() -> KeyPair {
    KeyPair::generate().expect("a key")
}

fn config(certificate: CertificateDer<'static>, key: &KeyPair, protocols: &[&str]) -> Arc<ServerConfig> {
    let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_no_client_auth()
        .with_single_cert(vec![certificate], PrivateKeyDer::Pkcs8(key.serialize_der().into()))
        .expect("a certificate and its key");
    config.alpn_protocols = protocols.iter().map(|it| it.as_bytes().to_vec()).collect();
    Arc::new(config)
}

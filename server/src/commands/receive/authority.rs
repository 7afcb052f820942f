//! A certificate authority of one's own, for receivers on this machine.

use std::{
    fs::{self, OpenOptions},
    io::Write,
    net::{Ipv4Addr, Ipv6Addr},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    sync::Arc,
};

use anyhow::{Context, bail};
use rcgen::{
    BasicConstraints, CertificateParams, CidrSubnet, DnType, ExtendedKeyUsagePurpose, GeneralSubtree, IsCa, Issuer,
    KeyPair, KeyUsagePurpose, NameConstraints,
};
use rustls::{ServerConfig, crypto::ring, pki_types::PrivateKeyDer};

/// The names for which the certificate is valid.
const NAMES: [&str; 3] = ["localhost", "127.0.0.1", "::1"];

/// An authority that signs certificates for this machine alone.
#[derive(Debug)]
pub struct Authority {
    key: KeyPair,
}

impl Authority {
    /// The authority with its certificate in this file and its key beside it; a new one if
    /// there is none.
    ///
    /// # Errors
    /// The files cannot be read or written, or one is there without the other.
    pub fn load_or_make(certificate: &Path) -> anyhow::Result<Self> {
        let key = key_path(certificate);
        match (certificate.exists(), key.exists()) {
            (true, true) => Self::load(&key),
            (false, false) => Self::make(certificate, &key),
            // A new key would not fit the old certificate, which may be trusted already.
            (true, false) => bail!("{} is missing: remove {} to start anew", key.display(), certificate.display()),
            (false, true) => bail!("{} is missing: remove {} to start anew", certificate.display(), key.display()),
        }
    }

    fn load(key: &Path) -> anyhow::Result<Self> {
        let pem = fs::read_to_string(key).with_context(|| format!("{} cannot be read", key.display()))?;
        let key = KeyPair::from_pem(&pem).with_context(|| format!("{} holds no key", key.display()))?;
        Ok(Self { key })
    }

    fn make(certificate: &Path, key: &Path) -> anyhow::Result<Self> {
        let this = Self { key: KeyPair::generate()? };
        let pem = params().self_signed(&this.key)?.pem();
        write(key, &this.key.serialize_pem())?;
        write(certificate, &pem)?;
        Ok(this)
    }

    /// A server for `localhost`, with a new certificate.
    ///
    /// # Errors
    /// The certificate cannot be made.
    pub fn server_config(&self) -> anyhow::Result<Arc<ServerConfig>> {
        let mut params = CertificateParams::new(NAMES.map(String::from))?;
        params.distinguished_name.push(DnType::CommonName, "localhost");
        params.extended_key_usages.push(ExtendedKeyUsagePurpose::ServerAuth);
        params.use_authority_key_identifier_extension = true;
        let key = KeyPair::generate()?;
        let certificate = params.signed_by(&key, &Issuer::new(self::params(), &self.key))?;
        let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], PrivateKeyDer::Pkcs8(key.serialize_der().into()))?;
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Arc::new(config))
    }
}

/// The authority's own certificate. It holds for names of this machine alone, so that a
/// stolen key can pretend to be no other machine.
fn params() -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, "Signet receiver on this machine");
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params.name_constraints = Some(NameConstraints {
        permitted_subtrees: vec![
            GeneralSubtree::DnsName("localhost".to_owned()),
            GeneralSubtree::IpAddress(CidrSubnet::from_addr_prefix(Ipv4Addr::LOCALHOST.into(), 8)),
            GeneralSubtree::IpAddress(CidrSubnet::from_addr_prefix(Ipv6Addr::LOCALHOST.into(), 128)),
        ],
        excluded_subtrees: Vec::new(),
    });
    params
}

fn key_path(certificate: &Path) -> PathBuf {
    certificate.with_extension("key")
}

/// Makes a file for its owner alone.
fn write(path: &Path, text: &str) -> anyhow::Result<()> {
    OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
        .and_then(|mut file| file.write_all(text.as_bytes()))
        .with_context(|| format!("{} cannot be written", path.display()))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn an_authority_is_made_once_and_its_key_is_for_its_owner_alone() {
        let folder = tempfile::tempdir().expect("a folder");
        let certificate = folder.path().join("ca.pem");
        let first = Authority::load_or_make(&certificate).expect("a new authority");
        let (pem, key) = (fs::read(&certificate).expect("a certificate"), key_path(&certificate));
        assert_eq!(fs::metadata(&key).expect("a key").permissions().mode() & 0o777, 0o600);

        let second = Authority::load_or_make(&certificate).expect("the same authority");
        assert_eq!(second.key.serialize_der(), first.key.serialize_der());
        assert_eq!(fs::read(&certificate).expect("a certificate"), pem);
    }

    #[test]
    fn half_an_authority_is_not_replaced() {
        for extension in ["pem", "key"] {
            let folder = tempfile::tempdir().expect("a folder");
            let certificate = folder.path().join("ca.pem");
            Authority::load_or_make(&certificate).expect("a new authority");
            fs::remove_file(certificate.with_extension(extension)).expect("a file");
            let error = Authority::load_or_make(&certificate).expect_err("a file is missing");
            assert!(error.to_string().contains("is missing"), "{error}");
        }
    }
}

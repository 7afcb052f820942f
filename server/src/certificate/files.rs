//! The server's certificate in two PEM files, read again when they change.

use std::{
    fmt, fs,
    path::PathBuf,
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use anyhow::{Context, ensure};
use rustls::{
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
    server::{ClientHello, ResolvesServerCert},
    sign::CertifiedKey,
};
use sha2::{Digest, Sha256};
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use crate::listener::provider;

/// The time between two looks at the files.
const LOOK_EVERY: Duration = Duration::from_secs(10);

/// The two files.
#[derive(Debug, Clone)]
pub struct CertificateFiles {
    /// The certificate, followed by those between it and the authority.
    pub certificate: PathBuf,
    /// Its private key.
    pub key: PathBuf,
}

/// The content of both files.
struct Content {
    certificate: Vec<u8>,
    key: Vec<u8>,
}

impl CertificateFiles {
    fn read(&self) -> anyhow::Result<Content> {
        let read = |path: &PathBuf| fs::read(path).with_context(|| format!("{} cannot be read", path.display()));
        Ok(Content { certificate: read(&self.certificate)?, key: read(&self.key)? })
    }

    fn parse(&self, content: &Content) -> anyhow::Result<CertifiedKey> {
        let (certificate, key) = (self.certificate.display(), self.key.display());
        let chain: Vec<_> = CertificateDer::pem_slice_iter(&content.certificate)
            .collect::<Result<_, _>>()
            .with_context(|| format!("{certificate} holds no certificate in PEM"))?;
        ensure!(!chain.is_empty(), "{certificate} holds no certificate in PEM");
        let private = PrivateKeyDer::from_pem_slice(&content.key)
            .with_context(|| format!("{key} holds no private key in PEM (PKCS #8, PKCS #1 or SEC 1)"))?;
        CertifiedKey::from_der(chain, private, &provider())
            .with_context(|| format!("{key} is not the key of the first certificate in {certificate}"))
    }
}

impl Content {
    fn hash(&self) -> [u8; 32] {
        let key = Sha256::digest(&self.key);
        Sha256::new().chain_update(&self.certificate).chain_update(key).finalize().into()
    }
}

/// The certificate that clients are shown.
pub struct Certificate {
    files: CertificateFiles,
    present: RwLock<Present>,
}

struct Present {
    shown: Arc<CertifiedKey>,
    /// The hash of the files that were read last, whether they could be used or not.
    read: [u8; 32],
}

impl Certificate {
    /// Reads the files.
    ///
    /// # Errors
    /// They cannot be read, or do not belong together.
    pub fn load(files: CertificateFiles) -> anyhow::Result<Arc<Self>> {
        let content = files.read()?;
        let present = RwLock::new(Present { shown: Arc::new(files.parse(&content)?), read: content.hash() });
        Ok(Arc::new(Self { files, present }))
    }

    /// Looks at the files now and then until the server stops.
    pub async fn follow(self: Arc<Self>, stop: CancellationToken) {
        let mut ticks = interval(LOOK_EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        while stop.run_until_cancelled(ticks.tick()).await.is_some() {
            match self.look() {
                Ok(true) => tracing::info!("took over the changed certificate"),
                Ok(false) => {}
                Err(error) => tracing::error!(
                    "the changed certificate cannot be used, so clients go on with the one before: {error:#}. Put a \
                     certificate and its key in place"
                ),
            }
        }
    }

    /// Takes changed files over; returns true if there are any. While only one of two files has
    /// been replaced they do not belong together, which the next look mends.
    ///
    /// # Errors
    /// The files have changed since the last look, and cannot be used. The certificate stays.
    pub fn look(&self) -> anyhow::Result<bool> {
        // A file that is missing is about to be replaced.
        let Ok(content) = self.files.read() else { return Ok(false) };
        let hash = content.hash();
        if self.present.read().unwrap_or_else(PoisonError::into_inner).read == hash {
            return Ok(false);
        }
        let parsed = self.files.parse(&content);
        let mut present = self.present.write().unwrap_or_else(PoisonError::into_inner);
        present.read = hash;
        present.shown = Arc::new(parsed?);
        Ok(true)
    }
}

impl ResolvesServerCert for Certificate {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.present.read().unwrap_or_else(PoisonError::into_inner).shown))
    }
}

impl fmt::Debug for Certificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Certificate").field("files", &self.files).finish_non_exhaustive()
    }
}

#[cfg(test)]
pub mod tests {
    use rcgen::{CertificateParams, KeyPair};
    use tempfile::TempDir;

    use super::*;

    /// Writes a new certificate for `localhost` and its key. Returns the certificate in PEM.
    pub fn write(folder: &TempDir) -> (CertificateFiles, String) {
        let files = files(folder);
        let key = KeyPair::generate().expect("a key");
        let certificate = CertificateParams::new(vec!["localhost".to_owned()]).expect("parameters");
        let pem = certificate.self_signed(&key).expect("a certificate").pem();
        fs::write(&files.certificate, &pem).expect("written");
        fs::write(&files.key, key.serialize_pem()).expect("written");
        (files, pem)
    }

    fn files(folder: &TempDir) -> CertificateFiles {
        CertificateFiles { certificate: folder.path().join("tls.crt"), key: folder.path().join("tls.key") }
    }

    fn shown(certificate: &Certificate) -> CertificateDer<'static> {
        certificate.present.read().expect("a lock").shown.cert[0].clone()
    }

    fn der(pem: &str) -> CertificateDer<'static> {
        CertificateDer::from_pem_slice(pem.as_bytes()).expect("a certificate")
    }

    #[test]
    fn changed_files_are_taken_over_and_broken_ones_are_named_once() {
        let folder = TempDir::new().expect("a folder");
        let (files, first) = write(&folder);
        let certificate = Certificate::load(files.clone()).expect("a certificate");
        assert_eq!(shown(&certificate), der(&first));
        assert!(!certificate.look().expect("unchanged"));
        let (_, second) = write(&folder);
        assert!(certificate.look().expect("changed"));
        assert_eq!(shown(&certificate), der(&second));

        fs::write(&files.certificate, &first).expect("written");
        let error = certificate.look().expect_err("they do not belong together").to_string();
        assert!(error.contains("tls.key is not the key of the first certificate in"), "{error}");
        assert!(!certificate.look().expect("said already"));
        fs::write(&files.certificate, "nothing").expect("written");
        assert!(certificate.look().expect_err("no certificate").to_string().contains("tls.crt holds no certificate"));
        fs::remove_file(&files.certificate).expect("removed");
        assert!(!certificate.look().expect("about to be replaced"));
        assert_eq!(shown(&certificate), der(&second), "the last good one is kept");
        let (_, third) = write(&folder);
        assert!(certificate.look().expect("changed"));
        assert_eq!(shown(&certificate), der(&third));
    }

    #[test]
    fn files_that_cannot_be_used_are_refused_at_the_start() {
        let folder = TempDir::new().expect("a folder");
        let refused = |words: &str| {
            let error = format!("{:#}", Certificate::load(files(&folder)).expect_err("refused"));
            assert!(error.contains(words), "{error}");
        };
        refused("tls.crt cannot be read");
        let (files, _) = write(&folder);
        fs::write(&files.key, "nothing").expect("written");
        refused("tls.key holds no private key");
    }
}

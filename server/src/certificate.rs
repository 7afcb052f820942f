//! The certificate that the server shows its clients: from files, or of an authority that is
//! asked for it (ACME).

mod acme;
mod cache;
mod files;

use std::sync::Arc;

use anyhow::Context;
use tokio_util::sync::CancellationToken;

use crate::listener::Tls;
use acme::Acme;
pub use acme::AcmeSettings;
#[cfg(test)]
pub use files::tests::write as write_for_a_test;
pub use files::{Certificate, CertificateFiles};

/// The source of the certificate.
#[derive(Debug, Clone)]
pub enum CertificateSource {
    /// No TLS is spoken: a proxy in front speaks it, or nobody does.
    Plain,
    /// Two files of the operator's.
    Files(CertificateFiles),
    /// An authority.
    Acme(AcmeSettings),
}

impl CertificateSource {
    /// Returns true if the server speaks TLS.
    pub const fn is_tls(&self) -> bool {
        !matches!(self, Self::Plain)
    }

    /// Looks at the files; nothing is made.
    ///
    /// # Errors
    /// One of them cannot be used.
    pub fn look(self) -> anyhow::Result<()> {
        match self {
            Self::Files(files) => Certificate::load(files).map(drop).context("--tls-cert"),
            Self::Plain | Self::Acme(_) => Ok(()),
        }
    }

    /// The certificate, or the means to obtain it. `authorities` are trusted too when an
    /// authority's own server is asked.
    ///
    /// # Errors
    /// A file cannot be read or written.
    pub fn open(self, authorities: &[Vec<u8>]) -> anyhow::Result<Option<Shown>> {
        Ok(match self {
            Self::Plain => None,
            Self::Files(files) => Some(Shown::Files(Certificate::load(files).context("--tls-cert")?)),
            Self::Acme(settings) => Some(Shown::Acme(Acme::prepare(settings, authorities)?)),
        })
    }
}

/// A certificate that clients are shown, and its upkeep.
#[derive(Debug)]
pub enum Shown {
    /// That of files.
    Files(Arc<Certificate>),
    /// That of an authority.
    Acme(Arc<Acme>),
}

impl Shown {
    /// TLS with this certificate, as it is at each handshake.
    ///
    /// # Errors
    /// The provider of cryptography cannot be used, which is a defect.
    pub fn tls(&self) -> Result<Tls, rustls::Error> {
        match self {
            Self::Files(certificate) => Tls::new(Arc::clone(certificate) as _),
            Self::Acme(acme) => Tls::with_challenges(Arc::clone(acme) as _),
        }
    }

    /// Keeps the certificate fresh until the server stops.
    pub async fn follow(self, stop: CancellationToken) {
        match self {
            Self::Files(certificate) => certificate.follow(stop).await,
            Self::Acme(acme) => acme.follow(stop).await,
        }
    }
}

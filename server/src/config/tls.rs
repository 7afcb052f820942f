//! TLS for clients of the server.

use std::{net::SocketAddr, path::PathBuf};

use anyhow::ensure;
use clap::Args;
use signet_engine::db::DatabaseUrl;

use super::AcmeArgs;
use crate::certificate::{CertificateFiles, CertificateSource};

/// TLS for clients of the server.
#[derive(Debug, Clone, Args)]
pub struct TlsArgs {
    /// Speak TLS with the certificate in this PEM file, followed there by those between it and
    /// the authority. A changed file is taken over while the server runs.
    #[arg(long, value_name = "FILE", env = "SIGNET_TLS_CERT", requires = "tls_key")]
    pub tls_cert: Option<PathBuf>,
    /// The certificate's private key, a PEM file.
    #[arg(long, value_name = "FILE", env = "SIGNET_TLS_KEY", requires = "tls_cert")]
    pub tls_key: Option<PathBuf>,
    /// A certificate of an authority.
    #[command(flatten)]
    pub acme: AcmeArgs,
    /// Listen here for plain HTTP as well, and send browsers on to --public-url.
    #[arg(long, value_name = "ADDRESS", env = "SIGNET_HTTP_REDIRECT_LISTEN", requires = "public_url")]
    pub http_redirect_listen: Option<SocketAddr>,
}

impl TlsArgs {
    /// The source of the certificate. What an authority gives is kept beside the database
    /// unless another place is named.
    ///
    /// # Errors
    /// The options contradict one another.
    pub fn source(&self, database: &DatabaseUrl) -> anyhow::Result<CertificateSource> {
        let acme = self.acme.settings(database)?;
        let files = self.tls_cert.clone().zip(self.tls_key.clone());
        ensure!(
            acme.is_none() || files.is_none(),
            "--acme-domain and --tls-cert exclude one another: leave out --acme-domain to show the certificate in the \
             file, or --tls-cert and --tls-key to obtain one"
        );
        Ok(match (files, acme) {
            (Some((certificate, key)), _) => CertificateSource::Files(CertificateFiles { certificate, key }),
            (None, Some(acme)) => CertificateSource::Acme(acme),
            (None, None) => CertificateSource::Plain,
        })
    }
}

//! TLS for clients of the server.

use std::{net::SocketAddr, path::PathBuf};

use clap::Args;

use crate::certificate::CertificateFiles;

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
    /// Listen here for plain HTTP as well, and send browsers on to --public-url.
    #[arg(long, value_name = "ADDRESS", env = "SIGNET_HTTP_REDIRECT_LISTEN", requires = "public_url")]
    pub http_redirect_listen: Option<SocketAddr>,
}

impl TlsArgs {
    /// The files of the certificate, if the server is to speak TLS.
    pub fn files(&self) -> Option<CertificateFiles> {
        let (certificate, key) = self.tls_cert.clone().zip(self.tls_key.clone())?;
        Some(CertificateFiles { certificate, key })
    }
}

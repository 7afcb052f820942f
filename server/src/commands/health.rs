//! `signet health`: asks a server whether it is ready, for supervisors without a client of
//! their own, such as a container's health check.

use std::{net::SocketAddr, path::PathBuf};

use clap::Args;

use crate::{
    api_client::Probe,
    config::{RemoteUrl, local_url},
};

/// `signet health`
#[derive(Debug, Args)]
pub struct HealthArgs {
    /// The address of the server, such as `https://signet.example.com`. `http://` is for this
    /// machine alone. Default: where the server on this machine listens.
    #[arg(long, value_name = "URL", env = "SIGNET_SERVER")]
    server: Option<RemoteUrl>,
    /// The address on which the server on this machine listens, as `signet serve` has it.
    #[arg(long, value_name = "ADDRESS", env = "SIGNET_LISTEN", default_value = "127.0.0.1:8080")]
    listen: SocketAddr,
    /// Trust the certificate authorities in this PEM file too. Repeatable; in the
    /// environment variable separated by commas.
    #[arg(long, value_name = "FILE", env = "SIGNET_TRUST_CA", value_delimiter = ',')]
    trust_ca: Vec<PathBuf>,
}

/// Asks the server.
///
/// # Errors
/// It is not ready, or cannot be reached.
pub async fn run(args: HealthArgs) -> anyhow::Result<()> {
    let server = args.server.map_or_else(|| local_url(args.listen, false).parse(), Ok)?;
    Probe::new(server, &args.trust_ca)?.ready().await?;
    println!("ready");
    Ok(())
}

//! Asking a server how it is, without a key.

use std::{path::PathBuf, time::Duration};

use anyhow::Context;
use reqwest::Client;

use super::{ApiError, accepted, builder};
use crate::config::RemoteUrl;

/// The time for the answer: a little longer than the server gives its database.
const LIMIT: Duration = Duration::from_secs(4);

/// One server.
#[derive(Debug)]
pub struct Probe {
    http: Client,
    server: RemoteUrl,
}

impl Probe {
    /// The server at an address.
    ///
    /// # Errors
    /// A certificate authority cannot be read.
    pub fn new(server: RemoteUrl, trust_ca: &[PathBuf]) -> anyhow::Result<Self> {
        let http = builder(trust_ca)?.timeout(LIMIT).build().context("the HTTP client could not be set up")?;
        Ok(Self { http, server })
    }

    /// Asks whether the server is ready.
    ///
    /// # Errors
    /// It is not, or cannot be reached.
    pub async fn ready(&self) -> Result<(), ApiError> {
        accepted(self.http.get(self.server.below(&["readyz"]))).await.map(drop)
    }
}

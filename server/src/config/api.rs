//! The API that a developer's commands talk to.

use std::{fmt, path::PathBuf};

use clap::Args;

use super::RemoteUrl;

/// The API that a developer's commands talk to.
#[derive(Debug, Clone, Args)]
pub struct ApiArgs {
    /// The address of Signet, such as `https://signet.example.com`. `http://` is for this
    /// machine alone.
    #[arg(long, value_name = "URL", env = "SIGNET_SERVER", default_value = "http://127.0.0.1:8080")]
    pub server: RemoteUrl,
    /// The API key. Other users of this machine can read options: better set the
    /// environment variable.
    #[arg(long, value_name = "KEY", env = "SIGNET_API_KEY", hide_env_values = true)]
    pub key: KeyText,
    /// The account (name or id). Needed with a key of the operator; other keys have
    /// an account of their own.
    #[arg(long, env = "SIGNET_ACCOUNT")]
    pub account: Option<String>,
    /// Trust the certificate authorities in this PEM file too. Repeatable; in the
    /// environment variable separated by commas.
    #[arg(long, value_name = "FILE", env = "SIGNET_TRUST_CA", value_delimiter = ',')]
    pub trust_ca: Vec<PathBuf>,
}

/// The text of an API key, which nothing but a request to the server shows.
#[derive(Clone, PartialEq, Eq)]
pub struct KeyText(String);

impl KeyText {
    /// The key.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl From<String> for KeyText {
    fn from(text: String) -> Self {
        Self(text)
    }
}

impl fmt::Debug for KeyText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KeyText(hidden)")
    }
}

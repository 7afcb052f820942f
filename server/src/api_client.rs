//! The API as a developer's commands call it.

mod error;
mod probe;
mod sse;
mod waits;

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context, ensure};
use http::{HeaderMap, HeaderValue, header};
use reqwest::{Client, ClientBuilder, Method, RequestBuilder, Response, redirect};
use serde::{Deserialize, de::DeserializeOwned};
use signet_engine::{
    outbound::tls_config,
    service::api_keys::{KEY_PREFIX, can_be_key},
};

use crate::config::{ApiArgs, RemoteUrl};
pub use error::ApiError;
pub use probe::Probe;
pub use sse::{Message, Messages};
pub use waits::Waits;

/// The time for a connection to be made.
const CONNECT_LIMIT: Duration = Duration::from_secs(10);
/// The time for a whole answer.
const ANSWER_LIMIT: Duration = Duration::from_secs(30);
/// The time without a byte after which a stream is broken; the server sends some at least
/// every fifteen seconds.
const SILENCE_LIMIT: Duration = Duration::from_secs(45);

/// The API of one server, called with one key.
#[derive(Debug, Clone)]
pub struct ApiClient {
    http: Client,
    server: RemoteUrl,
    account: Option<String>,
}

/// The holder of a key.
#[derive(Debug, Deserialize)]
struct OwnKey {
    account: Option<String>,
}

impl ApiClient {
    /// The API that the options name.
    ///
    /// # Errors
    /// The key cannot be sent, or a certificate authority cannot be read.
    pub fn new(args: &ApiArgs) -> anyhow::Result<Self> {
        ensure!(
            can_be_key(args.key.reveal()),
            "--key (or SIGNET_API_KEY) holds no whole API key: those begin with {KEY_PREFIX} and end with a checksum; \
             make one with `signet key add`, or in the dashboard"
        );
        let mut authorization = HeaderValue::try_from(format!("Bearer {}", args.key.reveal()))
            .ok()
            .context("--key (or SIGNET_API_KEY) holds no API key: it has letters that no key has")?;
        authorization.set_sensitive(true);
        let http = builder(&args.trust_ca)?
            .default_headers(HeaderMap::from_iter([(header::AUTHORIZATION, authorization)]))
            .read_timeout(SILENCE_LIMIT)
            .build()
            .context("the HTTP client could not be set up")?;
        Ok(Self { http, server: args.server.clone(), account: args.account.clone() })
    }

    /// The account of the options, or else the key's own.
    ///
    /// # Errors
    /// The key is the operator's and no account is named, or the server does not answer.
    pub async fn account(&self) -> anyhow::Result<String> {
        if let Some(account) = &self.account {
            return Ok(account.clone());
        }
        let key: OwnKey = self.get(&["v1", "key"], &[]).await?;
        key.account.context("this key is the operator's: name the account with --account")
    }

    /// The account of the options.
    pub fn named_account(&self) -> Option<&str> {
        self.account.as_deref()
    }

    /// Reads what is at a path.
    ///
    /// # Errors
    /// The server cannot be reached, or refuses.
    pub async fn get<T: DeserializeOwned>(&self, path: &[&str], query: &[(&str, &str)]) -> Result<T, ApiError> {
        answer(self.request(Method::GET, path, query).timeout(ANSWER_LIMIT)).await
    }

    /// Posts JSON.
    ///
    /// # Errors
    /// The server cannot be reached, or refuses.
    pub async fn post<T: DeserializeOwned>(
        &self,
        path: &[&str],
        headers: HeaderMap,
        json: String,
    ) -> Result<T, ApiError> {
        let request = self.request(Method::POST, path, &[]).timeout(ANSWER_LIMIT).headers(headers);
        answer(request.header(header::CONTENT_TYPE, "application/json").body(json)).await
    }

    /// Opens a stream, behind the place of the last message that was seen.
    ///
    /// # Errors
    /// The server cannot be reached, or refuses.
    pub async fn stream(&self, path: &[&str], last_seen: Option<&str>) -> Result<Messages, ApiError> {
        let mut request = self.request(Method::GET, path, &[]).header(header::ACCEPT, "text/event-stream");
        if let Some(last_seen) = last_seen {
            request = request.header("last-event-id", last_seen);
        }
        Ok(Messages::new(accepted(request).await?))
    }

    fn request(&self, method: Method, path: &[&str], query: &[(&str, &str)]) -> RequestBuilder {
        let mut url = self.server.below(path);
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        self.http.request(method, url)
    }
}

/// A client for a server.
fn builder(trust_ca: &[PathBuf]) -> anyhow::Result<ClientBuilder> {
    let authorities = trust_ca.iter().map(|path| read_authority(path)).collect::<anyhow::Result<Vec<_>>>()?;
    let builder = Client::builder().tls_backend_preconfigured(tls_config(&authorities)?);
    // A redirect would hand the key to another server.
    let builder = builder.redirect(redirect::Policy::none()).connect_timeout(CONNECT_LIMIT);
    Ok(builder.user_agent(concat!("signet/", env!("CARGO_PKG_VERSION"))))
}

/// Reads the PEM file of a certificate authority.
///
/// # Errors
/// It cannot be read.
pub fn read_authority(path: &Path) -> anyhow::Result<Vec<u8>> {
    std::fs::read(path).with_context(|| format!("the certificate authority {} cannot be read", path.display()))
}

async fn answer<T: DeserializeOwned>(request: RequestBuilder) -> Result<T, ApiError> {
    let bytes = accepted(request).await?.bytes().await.map_err(ApiError::unreachable)?;
    serde_json::from_slice(&bytes).map_err(|error| ApiError::Strange(error.to_string()))
}

/// Sends a request, which must succeed.
async fn accepted(request: RequestBuilder) -> Result<Response, ApiError> {
    let response = request.send().await.map_err(ApiError::unreachable)?;
    if response.status().is_success() { Ok(response) } else { Err(ApiError::refused(response).await) }
}

//! Requests to providers: over the server's own TLS, without redirects, short, and small.

use std::time::Duration;

use openidconnect::{HttpRequest, HttpResponse};
use reqwest::{Client, redirect};

use crate::outbound::{ConfigError, tls_config};

/// The time for a whole answer.
const LIMIT: Duration = Duration::from_secs(10);
/// The largest answer, in bytes: metadata, keys and tokens are far smaller.
const MAX_ANSWER: usize = 256 * 1024;

/// A provider could not be asked.
#[derive(Debug, thiserror::Error)]
pub enum HttpError {
    /// The request failed.
    #[error("the provider does not answer")]
    Request(#[from] reqwest::Error),
    /// The answer is too large.
    #[error("the provider's answer is larger than {MAX_ANSWER} bytes")]
    TooLarge,
    /// The answer is none of HTTP.
    #[error("the provider's answer cannot be read")]
    Response(#[from] ::http::Error),
}

/// The client for all providers, which trusts these certificate authorities (PEM) too.
pub(super) fn client(authorities: &[Vec<u8>]) -> Result<Client, ConfigError> {
    let built = Client::builder()
        .tls_backend_preconfigured(tls_config(authorities)?)
        .user_agent(concat!("signet/", env!("CARGO_PKG_VERSION")))
        .redirect(redirect::Policy::none())
        .timeout(LIMIT)
        .build();
    built.map_err(|error| ConfigError::Client(error.to_string()))
}

/// Sends one request of the protocol.
pub(super) async fn send(client: &Client, request: HttpRequest) -> Result<HttpResponse, HttpError> {
    let (parts, body) = request.into_parts();
    let request = client.request(parts.method, parts.uri.to_string()).headers(parts.headers).body(body);
    let mut answer = request.send().await?;
    let mut response = ::http::Response::builder().status(answer.status());
    if let Some(headers) = response.headers_mut() {
        headers.clone_from(answer.headers());
    }
    let mut body = Vec::new();
    while let Some(chunk) = answer.chunk().await? {
        if body.len() + chunk.len() > MAX_ANSWER {
            return Err(HttpError::TooLarge);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(response.body(body)?)
}

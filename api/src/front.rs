//! The address at which browsers reach the dashboard, and the frames in which it may stand.

use axum::{
    extract::FromRequestParts,
    http::{header, request::Parts},
};

use crate::{access::Api, problem::Problem};

/// The front of the server, as browsers see it, from the operator's options.
#[derive(Debug, Clone, Default)]
pub struct FrontOptions {
    /// The address of the dashboard, without a slash at the end.
    pub public_url: Option<String>,
    /// The operator has named pages that may have the dashboard in a frame.
    pub is_embeddable: bool,
}

/// The front, for one request: without a public address the host of the request is taken.
#[derive(Debug)]
pub struct Front {
    pub origin: String,
    pub is_embeddable: bool,
}

impl FromRequestParts<Api> for Front {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, api: &Api) -> Result<Self, Problem> {
        let FrontOptions { public_url, is_embeddable } = api.front().clone();
        let host = parts.headers.get(header::HOST).and_then(|it| it.to_str().ok());
        let origin = public_url.unwrap_or_else(|| format!("http://{}", host.unwrap_or("127.0.0.1:8080")));
        Ok(Self { origin, is_embeddable })
    }
}

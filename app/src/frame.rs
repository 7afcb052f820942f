//! What surrounds every page: who asks, where they are, and what was just done.

use std::convert::Infallible;

use axum::{
    extract::{FromRequestParts, OriginalUri, Path, Query},
    http::{HeaderValue, Method, Uri, header, request::Parts},
    response::{Html, IntoResponse, Response},
};
use leptos::{nonce::Nonce, prelude::*};
use serde::de::DeserializeOwned;
use signet_engine::{Engine, store::sessions::Session};
use signet_model::{AccountId, Timestamp};

use crate::{
    error::PageError,
    notice::Notice,
    redirect::{see_other, with_cookie},
    shell,
    state::AppState,
};

/// What surrounds a page, for everybody.
#[derive(Debug, Clone)]
pub(crate) struct Frame {
    pub(crate) state: AppState,
    pub(crate) session: Option<Session>,
    pub(crate) path: String,
    host: Option<String>,
    pub(crate) notice: Option<Notice>,
    /// The instant for which the page is rendered.
    pub(crate) now: Timestamp,
}

impl Frame {
    /// The frame of a request.
    pub(crate) fn of(parts: &Parts, state: &AppState) -> Self {
        Self {
            state: state.clone(),
            session: parts.extensions.get::<Session>().cloned(),
            path: asked(parts).path().to_owned(),
            host: parts.headers.get(header::HOST).and_then(|it| it.to_str().ok()).map(ToOwned::to_owned),
            notice: Notice::from_headers(&parts.headers),
            now: state.now(),
        }
    }

    /// Somebody who is signed in.
    pub(crate) fn member(self) -> Option<Member> {
        let account = self.session.as_ref()?.account;
        Some(Member { frame: self, account })
    }

    /// Where the server is reached, for examples.
    pub(crate) fn origin(&self) -> String {
        let guessed = || format!("http://{}", self.host.as_deref().unwrap_or("127.0.0.1:8080"));
        self.state.public_url.clone().unwrap_or_else(guessed)
    }

    /// Renders a page. `content` is called where islands can be made.
    pub(crate) fn render<V: IntoView>(&self, title: &str, content: impl FnOnce() -> V) -> Response {
        let nonce = Nonce::new();
        let owner = Owner::new();
        let html = owner.with(|| {
            let content = content().to_html();
            shell::document(self, title, &nonce, content).to_html()
        });
        owner.cleanup();
        let mut response = Html(html).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if let Ok(policy) = HeaderValue::try_from(content_security_policy(&nonce)) {
            headers.insert(header::CONTENT_SECURITY_POLICY, policy);
        }
        let shown = self.notice.and_then(|_| Notice::forget());
        with_cookie(shown, response)
    }
}

fn content_security_policy(nonce: &Nonce) -> String {
    format!(
        "default-src 'none'; script-src 'nonce-{nonce}' 'wasm-unsafe-eval' 'strict-dynamic'; style-src 'self'; \
         img-src 'self' data:; connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
    )
}

impl FromRequestParts<AppState> for Frame {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, Infallible> {
        Ok(Self::of(parts, state))
    }
}

/// The address as the browser asked for it.
fn asked(parts: &Parts) -> &Uri {
    parts.extensions.get::<OriginalUri>().map_or(&parts.uri, |original| &original.0)
}

/// Somebody who is signed in, and the frame of their pages. Everybody else is
/// sent to the sign-in page.
#[derive(Debug, Clone)]
pub(crate) struct Member {
    pub(crate) frame: Frame,
    /// The account that everything is bound to.
    pub(crate) account: AccountId,
}

impl Member {
    pub(crate) fn engine(&self) -> &Engine {
        &self.frame.state.engine
    }
}

impl FromRequestParts<AppState> for Member {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, Response> {
        Frame::of(parts, state).member().ok_or_else(|| see_other(&sign_in_path(parts)))
    }
}

/// The sign-in page, which afterwards returns to the page that was asked for;
/// what only takes a POST cannot be returned to.
fn sign_in_path(parts: &Parts) -> String {
    if parts.method != Method::GET {
        return "/login".to_owned();
    }
    let asked = asked(parts).path_and_query().map_or("/", |it| it.as_str());
    format!("/login?next={}", encoded(asked))
}

/// Percent-encodes all but letters, digits and a few marks.
fn encoded(text: &str) -> String {
    let letter = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => char::from(byte).to_string(),
        _ => format!("%{byte:02X}"),
    };
    text.bytes().map(letter).collect()
}

/// Ids in the path; what does not read as one is not found.
pub(crate) struct Ids<T>(pub(crate) T);

impl<T: DeserializeOwned + Send> FromRequestParts<AppState> for Ids<T> {
    type Rejection = PageError;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, PageError> {
        let Path(ids) = Path::from_request_parts(parts, state).await.map_err(|_| PageError::NotFound)?;
        Ok(Self(ids))
    }
}

/// What the query of the address says; all of the default where it is unreadable.
pub(crate) struct Params<T>(pub(crate) T);

impl<T: DeserializeOwned + Default + Send> FromRequestParts<AppState> for Params<T> {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, Infallible> {
        let query = Query::from_request_parts(parts, state).await;
        Ok(Self(query.map_or_else(|_| T::default(), |Query(params)| params)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_with_a_query_survives_being_a_query_value() {
        assert_eq!(encoded("/a/b?c=d&e=f"), "/a/b%3Fc%3Dd%26e%3Df");
    }
}

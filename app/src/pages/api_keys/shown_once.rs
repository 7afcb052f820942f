//! A new key after the redirect: the page shows it once. The cookie that carries it is sealed,
//! opens for a few minutes and in its account alone, and is forgotten by the page that shows it.

use axum::{http::HeaderMap, response::Response};
use signet_engine::service::{ApiKeys, api_keys::SHOWN_WITHIN};

use crate::{
    cookie,
    redirect::{see_other, with_cookie},
};

const COOKIE: &str = "__Host-signet-new-key";

/// Sends the browser to the page that shows a key.
pub(super) fn show_at(keys: ApiKeys<'_>, text: &str, path: &str) -> Response {
    with_cookie(cookie::set(COOKIE, &keys.carry(text), SHOWN_WITHIN.as_secs()), see_other(path))
}

/// The key that a request carries.
pub(super) fn carried(keys: ApiKeys<'_>, headers: &HeaderMap) -> Option<String> {
    keys.carried(cookie::value(headers, COOKIE)?)
}

/// The page that has shown the key.
pub(super) fn forgotten(page: Response) -> Response {
    with_cookie(cookie::set(COOKIE, "", 0), page)
}

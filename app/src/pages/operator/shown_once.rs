//! A link or a key that was just made: shown once, on the page after the form that made it. A
//! cookie carries it there, sealed, so that it is neither stored nor part of an address.

use axum::{
    http::HeaderMap,
    response::{IntoResponse, Response},
};
use signet_engine::service::carried::CARRIED_LIFETIME;

use crate::{
    cookie,
    error::PageError,
    operating::Operating,
    redirect::{done, with_cookie},
};

const COOKIE: &str = "__Host-signet-made";

/// Leads to a page under a message, with the text that the page shows.
pub(super) fn lead_to(operating: &Operating, path: &str, message: &str, made: &str) -> Response {
    // The page is named in it, so that no other page shows it.
    match operating.engine().operators().hand_over(&operating.session, &format!("{path} {made}")) {
        Some(sealed) => with_cookie(cookie::set(COOKIE, &sealed, CARRIED_LIFETIME.as_secs()), done(message, path)),
        None => PageError::NotFound.into_response(),
    }
}

/// The text that a request to this page carries.
pub(super) fn carried(operating: &Operating, headers: &HeaderMap, path: &str) -> Option<String> {
    let sealed = cookie::value(headers, COOKIE)?;
    let text = operating.engine().operators().handed_over(&operating.session, sealed)?;
    text.strip_prefix(path)?.strip_prefix(' ').map(ToOwned::to_owned)
}

/// The page, which has shown it.
pub(super) fn forgotten(made: Option<&String>, page: Response) -> Response {
    with_cookie(made.and_then(|_| cookie::set(COOKIE, "", 0)), page)
}

//! A link or a key that was just made: shown once, on the page after the form that made it. A
//! cookie carries it there, sealed, so that it is neither stored nor part of an address.

use axum::{
    http::HeaderMap,
    response::{IntoResponse, Response},
};
use leptos::prelude::*;
use signet_engine::service::carried::CARRIED_LIFETIME;

use crate::{
    components::Icon,
    cookie,
    error::PageError,
    islands::CopyButton,
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

/// The text with the sentences around it.
pub(super) fn card(title: &'static str, advice: &'static str, made: &str) -> impl IntoView + use<> {
    view! {
        <section class="card panel good" role="status" aria-labelledby="made-title">
            <h2 id="made-title">
                <Icon name="check" />
                {title}
            </h2>
            <p>{advice}</p>
            <div class="secret">
                <output class="secret-text mono" aria-label=title>{made.to_owned()}</output>
                <CopyButton text=made.to_owned() />
            </div>
        </section>
    }
}

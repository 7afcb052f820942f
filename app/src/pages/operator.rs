//! The pages of those who operate the server: all accounts, the health of deliveries, and the
//! event types. Each handler takes an `Operating`, so that nobody else gets in.

use axum::{Router, response::Response};

use crate::{methods::get, operating::Operating, redirect::see_other, state::AppState};

mod account;
mod accounts;
mod audit;
mod erasure;
mod event_type;
mod event_types;
mod health;
mod keys;
mod people;
mod shown_once;
#[cfg(test)]
mod tests;

pub(crate) const PATH: &str = "/operator";

/// The first word of the breadcrumbs.
pub(crate) const ROOT: &str = "Operator";

/// A section of the operator's pages. The router and the navigation follow from [`SECTIONS`].
pub(crate) struct Section {
    pub(crate) path: &'static str,
    pub(crate) label: &'static str,
    pub(crate) icon: &'static str,
    routes: fn() -> Router<AppState>,
}

/// All sections, in the order of the navigation.
pub(crate) const SECTIONS: [Section; 6] = [
    Section { path: accounts::PATH, label: accounts::text::TITLE, icon: "account", routes: accounts::routes },
    Section { path: health::PATH, label: health::text::TITLE, icon: "send", routes: health::routes },
    Section { path: event_types::PATH, label: event_types::text::TITLE, icon: "webhook", routes: event_types::routes },
    Section { path: keys::PATH, label: keys::text::TITLE, icon: "key", routes: keys::routes },
    Section { path: people::PATH, label: people::text::TITLE, icon: "people", routes: people::routes },
    Section { path: audit::PATH, label: super::audit::text::TITLE, icon: "clock", routes: audit::routes },
];

pub(super) fn routes() -> Router<AppState> {
    let home = Router::new().route(PATH, get(home));
    SECTIONS.iter().fold(home, |router, section| router.nest(section.path, (section.routes)()))
}

async fn home(_: Operating) -> Response {
    see_other(accounts::PATH)
}

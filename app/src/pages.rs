//! The screens, one file or folder each: path, routes, fields, handlers, view and tests.
//! Each has a module `text` with all sentences that a person reads there.

use axum::{Router, middleware};
use signet_engine::actor::Permission;

use crate::state::AppState;

pub(crate) mod account;
pub(crate) mod accounts;
pub(crate) mod api_keys;
pub(crate) mod audit;
pub(crate) mod connection;
pub(crate) mod delivery;
pub(crate) mod delivery_log;
pub(crate) mod error;
pub(crate) mod login;
pub(crate) mod oidc;
pub(crate) mod operator;
pub(crate) mod operator_setup;
pub(crate) mod people;
pub(crate) mod portal;
pub(crate) mod prove;
pub(crate) mod reset;
pub(crate) mod second_step;
pub(crate) mod security;
pub(crate) mod setup;
pub(crate) mod sign_up;
pub(crate) mod styleguide;
pub(crate) mod theme;
pub(crate) mod webhook;
pub(crate) mod webhook_delete;
pub(crate) mod webhook_form;
pub(crate) mod webhook_recover;
pub(crate) mod webhooks;
pub(crate) mod you;

#[cfg(test)]
mod tests;

/// A section of the settings. The router and the navigation follow from [`SECTIONS`].
pub(crate) struct Section {
    pub(crate) path: &'static str,
    pub(crate) label: &'static str,
    pub(crate) icon: &'static str,
    /// The permission without which the section is not offered.
    pub(crate) permission: Permission,
    /// The section is about the person: nobody who came by a portal link has it.
    pub(crate) of_person: bool,
    routes: fn() -> Router<AppState>,
}

impl Section {
    const fn new(
        path: &'static str,
        label: &'static str,
        icon: &'static str,
        routes: fn() -> Router<AppState>,
    ) -> Self {
        Self { path, label, icon, permission: Permission::Read, of_person: false, routes }
    }

    const fn needs(self, permission: Permission) -> Self {
        Self { permission, ..self }
    }

    const fn of_person(self) -> Self {
        Self { of_person: true, ..self }
    }
}

/// All sections, in the order of the navigation.
pub(crate) const SECTIONS: [Section; 7] = [
    Section::new(webhooks::PATH, webhooks::text::TITLE, "webhook", webhooks::routes),
    Section::new(api_keys::PATH, api_keys::text::TITLE, "key", api_keys::routes).needs(Permission::ManageKeys),
    Section::new(people::PATH, people::text::TITLE, "people", people::routes).of_person(),
    Section::new(audit::PATH, audit::text::TITLE, "list", audit::routes).needs(Permission::ReadAudit),
    Section::new(account::PATH, account::text::TITLE, "account", account::routes),
    Section::new(you::PATH, you::text::TITLE, "lock", you::routes).of_person(),
    Section::new(security::PATH, security::text::TITLE, "shield", security::routes).of_person(),
];

/// The streams that keep pages fresh.
pub(crate) fn live_routes() -> Router<AppState> {
    webhook::live_routes()
}

/// The routes of all pages and forms.
pub(crate) fn routes(state: &AppState) -> Router<AppState> {
    let safe = middleware::from_fn_with_state(state.clone(), connection::require_safe);
    let sign_in = login::routes().merge(second_step::routes()).merge(oidc::routes());
    let links = setup::routes().merge(operator_setup::routes()).merge(portal::routes()).merge(reset::routes());
    let entrance = sign_in.merge(links).merge(sign_up::routes()).layer(safe);
    let all = entrance.merge(prove::routes()).merge(accounts::routes()).merge(operator::routes());
    let all = all.merge(theme::routes()).merge(styleguide::routes());
    SECTIONS.iter().fold(all, |router, section| router.nest(section.path, (section.routes)()))
}

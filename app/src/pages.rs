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
pub(crate) mod portal;
pub(crate) mod prove;
pub(crate) mod second_step;
pub(crate) mod security;
pub(crate) mod setup;
pub(crate) mod webhook;
pub(crate) mod webhook_delete;
pub(crate) mod webhook_form;
pub(crate) mod webhook_recover;
pub(crate) mod webhooks;

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

/// All sections, in the order of the navigation.
pub(crate) const SECTIONS: [Section; 5] = [
    Section {
        path: webhooks::PATH,
        label: webhooks::text::TITLE,
        icon: "webhook",
        permission: Permission::Read,
        of_person: false,
        routes: webhooks::routes,
    },
    Section {
        path: api_keys::PATH,
        label: api_keys::text::TITLE,
        icon: "key",
        permission: Permission::ManageKeys,
        of_person: false,
        routes: api_keys::routes,
    },
    Section {
        path: audit::PATH,
        label: audit::text::TITLE,
        icon: "clock",
        permission: Permission::ReadAudit,
        of_person: false,
        routes: audit::routes,
    },
    Section {
        path: account::PATH,
        label: account::text::TITLE,
        icon: "account",
        permission: Permission::Read,
        of_person: false,
        routes: account::routes,
    },
    Section {
        path: security::PATH,
        label: security::text::TITLE,
        icon: "key",
        permission: Permission::Read,
        of_person: true,
        routes: security::routes,
    },
];

/// The routes of all pages and forms.
pub(crate) fn routes(state: &AppState) -> Router<AppState> {
    let safe = middleware::from_fn_with_state(state.clone(), connection::require_safe);
    let entrance = login::routes().merge(second_step::routes()).merge(oidc::routes()).merge(setup::routes());
    let entrance = entrance.merge(operator_setup::routes()).merge(portal::routes());
    let entrance = entrance.layer(safe).merge(prove::routes()).merge(accounts::routes()).merge(operator::routes());
    SECTIONS.iter().fold(entrance, |router, section| router.nest(section.path, (section.routes)()))
}

//! The layout of the pages of those who operate the server, and the link to them.

use leptos::prelude::*;
use signet_engine::service::sessions::Session;

use super::{brand, flash, foot, nav_item, text};
use crate::{
    frame::Frame,
    pages::{login, operator},
    redirect::HOME,
};

const OPERATOR: &str = "Operator";
const ALL_ACCOUNTS: &str = "All accounts";
const OWN_ACCOUNT: &str = "Your account";

/// Returns true for the addresses of the operator's pages.
pub(super) fn is_place(path: &str) -> bool {
    path.strip_prefix(operator::PATH).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// The way from the pages of an account to those of the operator.
pub(super) fn link() -> impl IntoView {
    view! { <a class="button quiet" href=operator::PATH>{OPERATOR}</a> }
}

/// The page, with the sections of the operator.
pub(super) fn layout(frame: &Frame, session: &Session, content: String) -> impl IntoView + use<> {
    let own = session.account.is_some().then(|| view! { <a class="button quiet" href=HOME>{OWN_ACCOUNT}</a> });
    let email = session.email().map(ToOwned::to_owned);
    view! {
        <header class="top-bar">
            {brand(frame, operator::PATH)}
            <span class="top-bar-account">{ALL_ACCOUNTS}</span>
            <div class="top-bar-user">
                {own} <span class="top-bar-email">{email}</span>
                <form method="post" action=login::SIGN_OUT_PATH>
                    <button class="button quiet" type="submit">{text::SIGN_OUT}</button>
                </form>
            </div>
        </header>
        <div class="layout">
            <nav class="side-nav" aria-label=OPERATOR>
                <p class="side-nav-title" aria-hidden="true">{OPERATOR}</p>
                <ul>
                    {operator::SECTIONS.iter().map(|it| nav_item(frame, it.path, it.label, it.icon)).collect_view()}
                </ul>
            </nav>
            <main id="main" class="content" tabindex="-1">
                {flash(frame)}
                <div class="page" inner_html=content />
            </main>
            {foot(frame)}
        </div>
    }
}

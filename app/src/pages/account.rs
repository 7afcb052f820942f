//! Settings > Account: the balance and its threshold.

use axum::response::Response;
use leptos::prelude::*;
use signet_engine::store::accounts::Account;

use crate::{
    components::{Breadcrumbs, ErrorSummary, TextField},
    error::PageError,
    form::Errors,
    frame::{Frame, Member},
    islands::CopyButton,
};

/// The address of the page.
pub(crate) const PATH: &str = "/settings/account";

/// Shows it.
pub(crate) async fn get(member: Member) -> Result<Response, PageError> {
    let account = load(&member).await?;
    let threshold = account.balance_threshold.map(|it| it.to_string()).unwrap_or_default();
    Ok(page(&member.frame, &account, &threshold, &Errors::default()))
}

/// The account of the session.
pub(crate) async fn load(member: &Member) -> Result<Account, PageError> {
    member.engine().account(member.account).await?.ok_or(PageError::NotFound)
}

/// The page, with what was entered and what is wrong with it.
pub(crate) fn page(frame: &Frame, account: &Account, threshold: &str, errors: &Errors) -> Response {
    let email = frame.session.as_ref().map(|session| session.email.clone());
    let balance = account.balance.map_or_else(|| "Not reported yet".to_owned(), |it| it.to_string());
    frame.render("Account", || {
        view! {
            <Breadcrumbs here="Account" />
            <header class="page-head"><h1>"Account"</h1></header>
            <ErrorSummary errors=errors.clone() />
            <section class="card">
                <h2>"Profile"</h2>
                <dl class="facts">
                    <div><dt>"Name"</dt><dd>{account.name.clone()}</dd></div>
                    <div>
                        <dt>"Account id"</dt>
                        <dd class="with-copy">
                            <span class="mono wrap">{account.id.to_string()}</span>
                            <CopyButton text=account.id.to_string() />
                        </dd>
                    </div>
                    <div><dt>"Signed in as"</dt><dd>{email}</dd></div>
                </dl>
            </section>
            <section class="card">
                <h2>"Balance"</h2>
                <dl class="facts">
                    <div><dt>"Balance"</dt><dd class="figure">{balance}</dd></div>
                </dl>
                <form method="post" action=format!("{PATH}/threshold") class="form" novalidate>
                    <TextField
                        name="threshold"
                        label="Balance threshold"
                        value=threshold
                        errors=errors.clone()
                        hint="When the balance falls below this, webhooks that want balance.low are told once. \
                              Leave it empty to switch that off."
                        inputmode="decimal"
                        placeholder="50"
                        optional=true
                    />
                    <div class="form-actions">
                        <button class="button primary" type="submit">"Save threshold"</button>
                    </div>
                </form>
            </section>
            <section class="card">
                <h2>"Session"</h2>
                <p class="hint">"You stay signed in on this device for 14 days."</p>
                <form method="post" action="/logout">
                    <button class="button" type="submit">"Sign out"</button>
                </form>
            </section>
        }
    })
}

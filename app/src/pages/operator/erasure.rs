//! Erasing an account: the question, for which its name is typed, and the progress.

use axum::{Router, response::Response};
use leptos::prelude::*;
use signet_engine::service::{self, accounts::Account, backlog::Count};
use signet_model::AccountId;

use super::{ROOT, account, accounts};
use crate::{
    components::{Breadcrumbs, error_summary, text_input, with_element},
    error::PageResult,
    form::{Field, Form},
    frame::{Frame, Ids},
    methods::{AndPost, get},
    operating::Operating,
    redirect::{done, see_other},
    state::AppState,
};

pub(super) const CONFIRM: Field = Field { hint: text::CONFIRM_HINT, ..Field::text("confirm", text::CONFIRM) };

pub(crate) mod text {
    use signet_engine::service::backlog::Count;

    pub(crate) const TITLE: &str = "Erase account";
    pub(crate) const QUESTION: &str = "Erase this account?";
    pub(crate) const CONSEQUENCES: &str = "All that is stored about {} goes: events, deliveries, webhooks, keys, its audit log, and the people who have no other account. This cannot be undone.";
    pub(crate) const CONFIRM: &str = "Name of the account";
    pub(crate) const CONFIRM_HINT: &str = "Type the name, to confirm that this is the account you mean.";
    pub(crate) const OTHER_NAME: &str = "This is not the name of the account. Type it as it stands above.";
    pub(crate) const CANCEL: &str = "Cancel";
    pub(crate) const UNDER_WAY: &str = "The account is being erased";
    pub(crate) const AGAIN_MEANING: &str = "The work goes on if you leave this page. If the number stays the same, the server was stopped meanwhile: go on then.";
    pub(crate) const LOOK: &str = "Look again";
    pub(crate) const GO_ON: &str = "Go on erasing";
    pub(crate) const ERASED: &str = "The account is erased: nothing about it is stored any more.";

    pub(super) fn left(events: Count) -> String {
        match events {
            Count { counted: 0, .. } => "All events are gone. The rest goes next.".to_owned(),
            Count { counted: 1, more: false } => "1 event is left.".to_owned(),
            events => format!("{events} events are left."),
        }
    }
}

/// The address of the question, and of the progress.
pub(super) fn path(id: AccountId) -> String {
    format!("{}/erase", account::path(id))
}

pub(super) fn routes() -> Router<AppState> {
    Router::new().route("/erase", get(show).and_post(erase))
}

/// Shows the question; for an account that is being erased the progress, to its end.
async fn show(operating: Operating, Ids(id): Ids<AccountId>) -> PageResult {
    let actor = operating.actor(id);
    let handle = operating.engine().account(&actor);
    let account = match handle.get().await {
        Err(service::Error::AccountNotFound) => return Ok(done(text::ERASED, accounts::PATH)),
        account => account?,
    };
    Ok(match account.erased_at {
        Some(_) => progress(&operating.frame, &account, handle.events_left().await?),
        None => question(&operating.frame, &account, &Form::blank().focused(&CONFIRM)),
    })
}

/// Begins to erase the account, or goes on.
async fn erase(operating: Operating, Ids(id): Ids<AccountId>, form: Form) -> PageResult {
    let actor = operating.actor(id);
    let handle = operating.engine().account(&actor);
    let account = handle.get().await?;
    if account.erased_at.is_none() && form.get(&CONFIRM).trim() != account.name.trim() {
        let form = form.invalid(&CONFIRM, text::OTHER_NAME);
        return Ok(question(&operating.frame, &account, &form));
    }
    handle.erase_aside().await?;
    Ok(see_other(&path(id)))
}

fn breadcrumbs(account: &Account) -> impl IntoView + use<> {
    let above = vec![
        (accounts::PATH.to_owned(), accounts::text::TITLE.to_owned()),
        (account::path(account.id), account.name.clone()),
    ];
    view! { <Breadcrumbs root=ROOT above=above here=text::TITLE /> }
}

fn question(frame: &Frame, account: &Account, form: &Form) -> Response {
    let name = view! { <strong>{account.name.clone()}</strong> };
    frame.render_form(form, text::TITLE, || {
        view! {
            {breadcrumbs(account)}
            <section class="card">
                <h1>{text::QUESTION}</h1>
                <p>{with_element(text::CONSEQUENCES, name)}</p>
                {error_summary(form)}
                <form method="post" action=path(account.id) class="form" novalidate>
                    {text_input(&CONFIRM, form)}
                    <div class="form-actions">
                        <button class="button danger" type="submit">{text::TITLE}</button>
                        <a class="button quiet" href=account::path(account.id)>{text::CANCEL}</a>
                    </div>
                </form>
            </section>
        }
    })
}

fn progress(frame: &Frame, account: &Account, events: Count) -> Response {
    frame.render(text::TITLE, || {
        view! {
            {breadcrumbs(account)}
            <section class="card">
                <h1>{text::UNDER_WAY}</h1>
                <p role="status">{text::left(events)}</p>
                <p class="hint">{text::AGAIN_MEANING}</p>
                <form method="post" action=path(account.id) class="form-actions">
                    <a class="button primary" href=path(account.id)>{text::LOOK}</a>
                    <button class="button quiet" type="submit">{text::GO_ON}</button>
                </form>
            </section>
        }
    })
}

//! The accounts of a person, and the way from one to another.

use axum::{Router, response::Response};
use leptos::prelude::*;
use signet_engine::service::myself::OwnAccount;
use signet_model::AccountId;

use crate::{
    components::hidden_input,
    error::{PageError, PageResult},
    form::{Field, Form},
    frame::{Frame, Person},
    html::IntoHtml,
    methods::{get, post},
    pages::{login, operator, you},
    redirect::{HOME, see_other},
    state::AppState,
    words,
};

pub(crate) const PATH: &str = "/accounts";
pub(crate) const SWITCH_PATH: &str = "/accounts/switch";

pub(crate) const ACCOUNT: Field = Field::named("account");

mod text {
    pub(super) const TITLE: &str = "Your accounts";
    pub(super) const OPEN: &str = "Open";
    pub(super) const HERE: &str = "Open now";
    pub(super) const NONE: &str = "You belong to no account";
    pub(super) const ADVICE: &str =
        "Ask an owner or an admin of the account that you want to work in for an invitation, and open its link.";
    pub(super) const YOU: &str = "Password and sessions";
    pub(super) const SIGN_OUT: &str = "Sign out";
}

pub(crate) fn routes() -> Router<AppState> {
    Router::new().route(PATH, get(show)).route(SWITCH_PATH, post(switch))
}

async fn show(person: Person) -> PageResult {
    let accounts = person.myself()?.accounts().await?;
    if accounts.is_empty() && person.session.operator {
        return Ok(see_other(operator::PATH));
    }
    Ok(page(&person.frame, &accounts, person.session.account_id()))
}

/// Moves the session into another account.
async fn switch(person: Person, form: Form) -> PageResult {
    let account: AccountId = form.get(&ACCOUNT).parse().map_err(|_| PageError::NotFound)?;
    let token = person.myself()?.switch(account).await?;
    Ok(person.frame.signed_in(&token, HOME))
}

fn page(frame: &Frame, accounts: &[OwnAccount], here: Option<AccountId>) -> Response {
    frame.render(text::TITLE, || {
        view! {
            <h1>{if accounts.is_empty() { text::NONE } else { text::TITLE }}</h1>
            {accounts.is_empty().then(|| view! { <p>{text::ADVICE}</p> })}
            <ul class="choices">
                {accounts.iter().map(|account| row(account, here == Some(account.id))).collect_view()}
            </ul>
            <p><a href=you::PATH>{text::YOU}</a></p>
            <form method="post" action=login::SIGN_OUT_PATH>
                <button class="button quiet" type="submit">{text::SIGN_OUT}</button>
            </form>
        }
    })
}

fn row(account: &OwnAccount, is_here: bool) -> impl IntoView + use<> {
    let label = format!("{} {}", text::OPEN, account.name);
    view! {
        <li class="choice-row">
            <span>
                <strong>{account.name.clone()}</strong>
                " "
                <span class="muted">{words::role(account.role)}</span>
            </span>
            {if is_here {
                view! { <span class="muted">{text::HERE}</span> }.html()
            } else {
                view! {
                    <form method="post" action=SWITCH_PATH>
                        {hidden_input(&ACCOUNT, &account.id.to_string())}
                        <button class="button" type="submit" aria-label=label>{text::OPEN}</button>
                    </form>
                }
                .html()
            }}
        </li>
    }
}

#[cfg(test)]
mod tests {
    use axum::http::StatusCode;
    use signet_engine::testing::account;
    use signet_model::Role;

    use super::*;
    use crate::testing::{Visitor, encode};

    #[tokio::test]
    async fn a_person_of_two_accounts_moves_from_one_to_the_other() {
        let mut visitor = Visitor::owner().await;
        let other = account(&visitor.engine, "other").await;
        visitor.join(other, Role::Viewer).await;
        let page = visitor.get(PATH).await;
        assert!(page.html.contains("acme") && page.html.contains("other"), "{}", page.html);
        let answer = visitor.post(SWITCH_PATH, &encode(&[(&ACCOUNT, &visitor.account.to_string())])).await;
        assert_eq!((answer.status, answer.location()), (StatusCode::SEE_OTHER, HOME));
        assert!(answer.cookie().starts_with("__Host-signet="), "the token has changed");
    }

    #[tokio::test]
    async fn nobody_moves_into_an_account_of_others() {
        let visitor = Visitor::owner().await;
        let other = account(&visitor.engine, "other").await;
        for text in [other.to_string(), "nonsense".to_owned(), String::new()] {
            let answer = visitor.post(SWITCH_PATH, &encode(&[(&ACCOUNT, &text)])).await;
            assert_eq!(answer.status, StatusCode::NOT_FOUND, "{text}");
        }
        assert_eq!(visitor.signed_out().get(PATH).await.status, StatusCode::SEE_OTHER);
    }

    #[tokio::test]
    async fn a_person_without_an_account_is_told_what_to_do() {
        let mut visitor = Visitor::owner().await;
        visitor.leave_all().await;
        let answer = visitor.get(HOME).await;
        assert_eq!((answer.status, answer.location()), (StatusCode::SEE_OTHER, PATH));
        assert!(visitor.get(PATH).await.html.contains(text::NONE));
        assert_eq!(visitor.get(you::PATH).await.status, StatusCode::OK);
    }
}

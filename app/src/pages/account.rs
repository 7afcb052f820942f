//! Settings > Account: the profile, the balance and its threshold, and the session.

use axum::{Router, response::Response};
use leptos::prelude::*;
use signet_engine::{actor::Permission, service::accounts::Account};

use crate::{
    components::{Breadcrumbs, CopyButton, error_summary, text_input, version_input},
    error::PageResult,
    form::{Field, Form, Part},
    frame::{Frame, Member},
    methods::{get, post},
    pages::{balance, login},
    redirect::done,
    state::AppState,
};

pub(crate) const PATH: &str = "/settings/account";

pub(crate) const THRESHOLD: Field = Field {
    hint: text::THRESHOLD_HINT,
    inputmode: "decimal",
    placeholder: "50",
    optional: true,
    ..Field::text("threshold", text::THRESHOLD)
};

pub(crate) mod text {
    use signet_model::amount::InvalidAmount;

    pub(crate) const TITLE: &str = "Account";
    pub(super) const PROFILE: &str = "Profile";
    pub(super) const NAME: &str = "Name";
    pub(super) const ID: &str = "Account id";
    pub(super) const SIGNED_IN_AS: &str = "Signed in as";
    pub(super) const BALANCE: &str = "Balance";
    pub(super) const NOT_REPORTED: &str = "Not reported yet";
    pub(super) const HISTORY: &str = "See its history, and try a threshold";
    pub(super) const THRESHOLD: &str = "Balance threshold";
    pub(super) const THRESHOLD_HINT: &str = "When the balance falls below this, webhooks that want balance.low are told once. \
         Leave it empty to switch that off.";
    pub(super) const SAVE: &str = "Save threshold";
    pub(super) const SAVED: &str = "Balance threshold saved.";
    pub(super) const REMOVED: &str = "Balance threshold removed.";
    pub(super) const SESSION: &str = "Session";
    pub(super) const SESSION_LENGTH: &str = "You are signed out after a while in which you do not use this device.";
    pub(super) const SIGN_OUT: &str = "Sign out";

    pub(crate) fn invalid(error: InvalidAmount) -> String {
        match error {
            InvalidAmount::NotANumber => "Enter a number such as 50 or 45.5, or leave the field empty.",
            InvalidAmount::OutOfRange => "Enter a number that is not so large, or not so close to 0.",
            InvalidAmount::Inexact => "The number has more digits than can be kept. Round it to 15 digits.",
        }
        .to_owned()
    }
}

const PARTS: [Part; 1] = [Part { label: text::THRESHOLD, fields: &[&THRESHOLD] }];

pub(crate) fn routes() -> Router<AppState> {
    Router::new().route("/", get(show)).route("/threshold", post(save))
}

async fn show(member: Member) -> PageResult {
    let account = member.account().get().await?;
    Ok(page(&member.frame, &account, &stored(&account)))
}

/// The form with the threshold that is stored, which is its version as well.
fn stored(account: &Account) -> Form {
    let threshold = account.balance_threshold.map(|it| it.to_string()).unwrap_or_default();
    Form::blank().with(&THRESHOLD, &threshold).made_from(version(account))
}

/// A threshold as a version: one that is none is not an empty text, as that of a form without
/// a version is.
fn version(account: &Account) -> String {
    account.balance_threshold.map_or_else(|| "none".to_owned(), |it| it.to_string())
}

/// Saves the threshold; an empty field clears it.
async fn save(member: Member, mut form: Form) -> PageResult {
    member.check(Permission::SetThreshold)?;
    form.settle(&PARTS);
    let account = member.account().get().await?;
    let Ok(threshold) = form.parse_optional(&THRESHOLD, text::invalid) else {
        return Ok(page(&member.frame, &account, &form));
    };
    if form.is_of_another(version(&account)) && threshold != account.balance_threshold {
        return Ok(page(&member.frame, &account, &form.meet(&stored(&account), &PARTS)));
    }
    if threshold != account.balance_threshold {
        member.account().set_balance_threshold(threshold).await?;
    }
    Ok(done(if threshold.is_some() { text::SAVED } else { text::REMOVED }, PATH))
}

fn page(frame: &Frame, account: &Account, form: &Form) -> Response {
    let email = frame.session.as_ref().and_then(|session| session.email()).map(ToOwned::to_owned);
    frame.render_form(form, text::TITLE, || {
        view! {
            <Breadcrumbs here=text::TITLE />
            <header class="page-head"><h1>{text::TITLE}</h1></header>
            {error_summary(form)}
            {profile(account, email)}
            {balance(account, form, frame.may(Permission::SetThreshold))}
            <section class="card">
                <h2>{text::SESSION}</h2>
                <p class="hint">{text::SESSION_LENGTH}</p>
                <form method="post" action=login::SIGN_OUT_PATH>
                    <button class="button" type="submit">{text::SIGN_OUT}</button>
                </form>
            </section>
        }
    })
}

fn profile(account: &Account, email: Option<String>) -> impl IntoView + use<> {
    view! {
        <section class="card">
            <h2>{text::PROFILE}</h2>
            <dl class="facts">
                <div><dt>{text::NAME}</dt><dd>{account.name.clone()}</dd></div>
                <div>
                    <dt>{text::ID}</dt>
                    <dd class="with-copy">
                        <span class="mono wrap">{account.id.to_string()}</span>
                        <CopyButton text=account.id.to_string() />
                    </dd>
                </div>
                <div><dt>{text::SIGNED_IN_AS}</dt><dd>{email}</dd></div>
            </dl>
        </section>
    }
}

fn balance(account: &Account, form: &Form, may_change: bool) -> impl IntoView + use<> {
    let balance = account.balance.map_or_else(|| text::NOT_REPORTED.to_owned(), |it| it.to_string());
    view! {
        <section class="card">
            <h2>{text::BALANCE}</h2>
            <dl class="facts">
                <div><dt>{text::BALANCE}</dt><dd class="figure">{balance}</dd></div>
            </dl>
            <p>
                <a href=balance::PATH>{text::HISTORY}</a>
            </p>
            {may_change
                .then(|| {
                    view! {
                        <form method="post" action=format!("{PATH}/threshold") class="form" novalidate>
                            {version_input(form)}
                            {text_input(&THRESHOLD, form)}
                            <div class="form-actions">
                                <button class="button primary" type="submit">{text::SAVE}</button>
                            </div>
                        </form>
                    }
                })}
        </section>
    }
}

#[cfg(test)]
mod tests {
    use axum::http::StatusCode;
    use signet_model::Amount;

    use super::*;
    use crate::testing::{Visitor, encode};

    #[tokio::test]
    async fn the_page_shows_the_profile_and_the_balance() {
        let owner = Visitor::owner().await;
        insta::assert_snapshot!("new", owner.get(PATH).await.content());
        let form = encode(&[(&THRESHOLD, "lots")]);
        insta::assert_snapshot!("refused", owner.post(&format!("{PATH}/threshold"), &form).await.content());
    }

    #[test]
    fn an_empty_field_clears_the_threshold() {
        for (typed, threshold) in [("45.5", Some(45.5)), ("", None), (" ", None)] {
            let mut form = Form::blank().with(&THRESHOLD, typed);
            let amount = form.parse_optional::<Amount>(&THRESHOLD, text::invalid).expect("a valid field");
            assert_eq!(amount.map(Amount::get), threshold);
        }
    }

    #[tokio::test]
    async fn a_threshold_that_is_no_amount_comes_back_with_its_remedy() {
        let owner = Visitor::owner().await;
        for (typed, remedy) in [("lots", "such as 50"), ("9007199254740993", "Round it")] {
            let answer = owner.post(&format!("{PATH}/threshold"), &encode(&[(&THRESHOLD, typed)])).await;
            assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY);
            assert!(answer.html.contains(remedy) && answer.html.contains(&format!("value=\"{typed}\"")), "{typed}");
        }
    }

    #[tokio::test]
    async fn a_threshold_that_was_moved_meanwhile_is_shown_beside_the_one_that_was_typed() {
        let owner = Visitor::owner().await;
        let path = format!("{PATH}/threshold");
        assert_eq!(owner.get(PATH).await.hidden("version"), "none");
        let typed = |amount: &str| format!("{}&version=none", encode(&[(&THRESHOLD, amount)]));
        owner.database.run("UPDATE accounts SET balance_threshold = 10").await;
        let refused = owner.post(&path, &typed("20")).await;
        assert_eq!(refused.status, StatusCode::CONFLICT);
        assert!(refused.html.contains(r#"name="theirs.threshold" value="10""#), "{}", refused.html);
        let chosen = format!("{}&seen=10&theirs.threshold=10&take.threshold=theirs", typed("20"));
        assert_eq!(owner.post(&path, &chosen).await.flash(), text::SAVED);
        let account = owner.account().get().await.expect("the account");
        assert_eq!(account.balance_threshold.map(Amount::get), Some(10.0));
    }

    #[tokio::test]
    async fn an_account_whose_row_holds_no_amounts_and_no_name_has_its_page() {
        let owner = Visitor::owner().await;
        owner
            .database
            .run("UPDATE accounts SET balance = 9e999, balance_threshold = -9e999, name = CAST(X'61FF' AS TEXT)")
            .await;
        let answer = owner.get(PATH).await;
        assert!(answer.status == StatusCode::OK && answer.html.contains("a\u{fffd}"), "{}", answer.html);
    }
}

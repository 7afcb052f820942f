//! Passkeys: made by the browser, listed with their names, removed.

use leptos::prelude::*;
use signet_engine::service::factors::{AddPasskeyError, Ceremony, MAX_PASSKEYS, Overview, PasskeyEntry, PasskeyError};
use signet_model::{PasskeyId, Timestamp, text::KeyName};

use super::{PATH, Person, page, recovery_codes, text};
use crate::{
    components::{Breadcrumbs, Confirm, When, hidden_input, text_input, when_or, with_element},
    error::{PageError, PageResult},
    form::{Field, Form},
    frame::Ids,
    html::IntoHtml,
    islands::{PASSKEY_ANSWER, PasskeyButton},
    redirect::done,
    words::moment,
};

pub(crate) const NAME: Field = Field { hint: text::NAME_HINT, maxlength: Some(100), ..Field::text("name", text::NAME) };

/// The server's side of the challenge, sealed, as it goes to the browser and comes back.
pub(crate) const CHALLENGE: Field = Field::named("challenge").secret();

/// The browser's answer to the challenge.
pub(crate) const ANSWER: Field = Field::named(PASSKEY_ANSWER).secret();

fn remove_path(id: PasskeyId) -> String {
    format!("{PATH}/passkeys/{id}/remove")
}

/// A passkey that can be added at this address.
pub(super) struct Adding(Ceremony);

impl Adding {
    /// Makes a challenge; there is none where browsers make no passkeys.
    pub(super) async fn begin(person: &Person) -> Result<Option<Self>, PageError> {
        let Ok(place) = person.place() else { return Ok(None) };
        match person.factors()?.begin_passkey(&place).await {
            Ok(ceremony) => Ok(Some(Self(ceremony))),
            Err(PasskeyError::Store(error)) => Err(error.into()),
            Err(_) => Err(PageError::Internal),
        }
    }
}

pub(super) fn card(overview: &Overview, adding: Option<&Adding>, form: &Form, now: Timestamp) -> impl IntoView + use<> {
    let add = match adding {
        None => view! { <p class="hint">{text::NO_PASSKEYS_HERE}</p> }.html(),
        Some(Adding(ceremony)) => view! {
            <noscript>
                <p class="hint">{text::NEEDS_SCRIPT}</p>
            </noscript>
            <form method="post" action=format!("{PATH}/passkeys") class="form" novalidate>
                {text_input(&NAME, form)}
                {hidden_input(&CHALLENGE, &ceremony.carried)}
                <PasskeyButton
                    options=ceremony.options.clone()
                    create=true
                    label=text::ADD_PASSKEY.to_owned()
                    class="button".to_owned()
                />
            </form>
        }
        .html(),
    };
    view! {
        <section class="card">
            <h2>{text::PASSKEYS}</h2>
            <p>{text::PASSKEYS_NONE}</p>
            {(!overview.passkeys.is_empty()).then(|| list(&overview.passkeys, now))}
            {add}
        </section>
    }
}

fn list(passkeys: &[PasskeyEntry], now: Timestamp) -> impl IntoView + use<> {
    view! {
        <table class="table">
            <thead>
                <tr>
                    <th scope="col">{text::NAME}</th>
                    <th scope="col">{text::CREATED_AT}</th>
                    <th scope="col">{text::LAST_USED}</th>
                    <th scope="col"><span class="visually-hidden">{text::ACTIONS}</span></th>
                </tr>
            </thead>
            <tbody>{passkeys.iter().map(|passkey| row(passkey, now)).collect_view()}</tbody>
        </table>
    }
}

fn row(passkey: &PasskeyEntry, now: Timestamp) -> impl IntoView + use<> {
    let name = passkey.name.0.clone();
    view! {
        <tr>
            <td class="main-cell">{passkey.name.0.clone()}</td>
            <td data-label=text::CREATED_AT><When at=moment(passkey.created_at, now) /></td>
            <td data-label=text::LAST_USED>
                {when_or(passkey.last_used_at.map(|at| moment(at, now)), text::NEVER)}
            </td>
            <td class="row-actions">
                <Confirm
                    id=format!("remove-{}", passkey.id)
                    action=remove_path(passkey.id)
                    open=text::REMOVE
                    question=text::REMOVE_PASSKEY_QUESTION
                    verb=text::REMOVE_PASSKEY
                >
                    {consequences(&name)}
                </Confirm>
            </td>
        </tr>
    }
}

fn consequences(name: &str) -> impl IntoView + use<> {
    view! { <p>{with_element(text::REMOVE_PASSKEY_CONSEQUENCES, name.to_owned())}</p> }
}

/// Adds the passkey that the browser has made.
pub(super) async fn add(person: Person, mut form: Form) -> PageResult {
    let Ok(place) = person.place() else { return page(&person, &form.refused(text::NO_PASSKEYS_HERE)).await };
    let Ok(name) = form.parse::<KeyName>(&NAME, text::invalid_name) else { return page(&person, &form).await };
    let added = person.factors()?.add_passkey(&place, &name, form.get(&CHALLENGE), form.get(&ANSWER)).await;
    let refusal = match added {
        Ok(Some(codes)) => return Ok(recovery_codes::hand_over(&codes, text::PASSKEY_ADDED)),
        Ok(None) => return Ok(done(text::PASSKEY_ADDED, PATH)),
        Err(AddPasskeyError::Known) => text::PASSKEY_KNOWN.to_owned(),
        Err(AddPasskeyError::TooMany) => text::too_many(MAX_PASSKEYS),
        Err(AddPasskeyError::Passkey(PasskeyError::Expired)) => text::PASSKEY_EXPIRED.to_owned(),
        Err(AddPasskeyError::Passkey(PasskeyError::Refused)) => text::PASSKEY_REFUSED.to_owned(),
        Err(AddPasskeyError::Passkey(PasskeyError::Store(error))) => return Err(error.into()),
        Err(AddPasskeyError::Store(error)) => return Err(error.into()),
    };
    page(&person, &form.refused(refusal)).await
}

/// Shows the question of the dialog, for the address of its form.
pub(super) async fn ask_to_remove(person: Person, Ids(id): Ids<PasskeyId>) -> PageResult {
    let overview = person.factors()?.overview().await?;
    let passkey = overview.passkeys.iter().find(|passkey| passkey.id == id).ok_or(PageError::NotFound)?;
    Ok(person.frame.render(text::REMOVE_PASSKEY, || {
        view! {
            <Breadcrumbs above=vec![(PATH.to_owned(), text::TITLE.to_owned())] here=text::REMOVE />
            <section class="card">
                <h1>{text::REMOVE_PASSKEY_QUESTION}</h1>
                {consequences(&passkey.name.0)}
                <form method="post" action=remove_path(id) class="form-actions">
                    <button class="button danger" type="submit">{text::REMOVE_PASSKEY}</button>
                    <a class="button quiet" href=PATH>{text::CANCEL}</a>
                </form>
            </section>
        }
    }))
}

pub(super) async fn remove(person: Person, Ids(id): Ids<PasskeyId>) -> PageResult {
    let removed = person.factors()?.remove_passkey(id).await?;
    if removed { Ok(done(text::PASSKEY_REMOVED, PATH)) } else { Err(PageError::NotFound) }
}

//! The app that makes codes: shown as a code of dots and as text, and confirmed by a first code.

use axum::response::Response;
use leptos::prelude::*;
use signet_engine::service::factors::{CodeError, Overview, Seed, TotpError};
use signet_model::Timestamp;

use super::{PATH, Person, recovery_codes, text};
use crate::{
    components::{Breadcrumbs, Confirm, CopyButton, When, error_summary, qr_code, text_input, with_element},
    error::{PageError, PageResult},
    form::{Field, Form},
    html::IntoHtml,
    redirect::{done, see_other},
    words::{self, moment},
};

pub(crate) const CODE: Field = Field {
    hint: text::CODE_HINT,
    autocomplete: "one-time-code",
    inputmode: "numeric",
    maxlength: Some(20),
    mono: true,
    ..Field::text("code", text::CODE)
};

pub(crate) fn path() -> String {
    format!("{PATH}/app")
}

pub(super) fn card(overview: &Overview, now: Timestamp) -> impl IntoView + use<> {
    let content = match overview.totp_since {
        Some(since) => {
            let since = view! { <When at=moment(since, now) /> };
            view! {
                <p>{with_element(text::APP_SINCE, since)}</p>
                <Confirm
                    id="remove-app".to_owned()
                    action=format!("{}/remove", path())
                    open=text::REMOVE_APP
                    question=text::REMOVE_APP_QUESTION
                    verb=text::REMOVE_APP
                >
                    <p>{text::REMOVE_APP_CONSEQUENCES}</p>
                </Confirm>
            }
            .html()
        }
        None => view! {
            <p>{text::APP_NONE}</p>
            <form method="post" action=path()>
                <button class="button" type="submit">{text::SET_UP_APP}</button>
            </form>
        }
        .html(),
    };
    view! {
        <section class="card">
            <h2>{text::APP}</h2>
            {content}
        </section>
    }
}

/// Makes a seed, and leads to the page that shows it.
pub(super) async fn begin(person: Person) -> PageResult {
    match person.factors()?.begin_totp().await {
        Ok(()) => Ok(see_other(&path())),
        Err(TotpError::Store(error)) => Err(error.into()),
        Err(_) => Ok(done(text::ALREADY_SET, PATH)),
    }
}

/// Shows the seed that waits for its first code.
pub(super) async fn show(person: Person) -> PageResult {
    page(&person, &Form::blank().focused(&CODE)).await
}

/// Leads from the address of the form to the page with the form.
pub(super) async fn back() -> Response {
    see_other(&path())
}

/// Confirms the seed by a code.
pub(super) async fn confirm(person: Person, form: Form) -> PageResult {
    match person.factors()?.confirm_totp(form.get(&CODE)).await {
        Ok(Some(codes)) => Ok(recovery_codes::hand_over(&codes, text::APP_SET_UP)),
        Ok(None) => Ok(done(text::APP_SET_UP, PATH)),
        Err(TotpError::Code(CodeError::Wrong)) => page(&person, &form.invalid(&CODE, text::WRONG_CODE)).await,
        Err(TotpError::Code(CodeError::TooMany(until))) => {
            let message = words::too_many_tries(until, person.frame.now);
            page(&person, &form.invalid(&CODE, message)).await
        }
        Err(TotpError::NotBegun | TotpError::AlreadySet) => Ok(done(text::NOT_BEGUN, PATH)),
        Err(TotpError::Code(CodeError::Store(error))) => Err(error.into()),
        Err(TotpError::Store(error)) => Err(error.into()),
    }
}

async fn page(person: &Person, form: &Form) -> PageResult {
    match person.factors()?.new_totp().await {
        Ok(seed) => Ok(set_up(person, &seed, form)),
        Err(TotpError::Store(error)) => Err(error.into()),
        Err(_) => Ok(see_other(PATH)),
    }
}

fn set_up(person: &Person, seed: &Seed, form: &Form) -> Response {
    let url = seed.url(person.frame.product(), person.session.email().unwrap_or_default());
    let key = text::grouped(&seed.text());
    person.frame.render_form(form, text::SET_UP_APP, || {
        crate::compressible::shows_secret();
        view! {
            <Breadcrumbs above=vec![(PATH.to_owned(), text::TITLE.to_owned())] here=text::APP />
            <section class="card">
                <h1>{text::SET_UP_APP}</h1>
                {error_summary(form)}
                <p>{text::SCAN}</p>
                {qr_code(&url, text::SCAN_NAME)}
                <p>{text::OR_TYPE}</p>
                <div class="secret">
                    <output class="secret-text mono" aria-label=text::KEY_LABEL>{key}</output>
                    <CopyButton text=seed.text() />
                </div>
                <form method="post" action=format!("{}/confirm", path()) class="form" novalidate>
                    {text_input(&CODE, form)}
                    <div class="form-actions">
                        <button class="button primary" type="submit">{text::CONFIRM}</button>
                        <a class="button quiet" href=PATH>{text::CANCEL}</a>
                    </div>
                </form>
            </section>
        }
    })
}

/// Shows the question of the dialog, for the address of its form.
pub(super) async fn ask_to_remove(person: Person) -> PageResult {
    if person.factors()?.overview().await?.totp_since.is_none() {
        return Err(PageError::NotFound);
    }
    Ok(person.frame.render(text::REMOVE_APP, || {
        view! {
            <Breadcrumbs above=vec![(PATH.to_owned(), text::TITLE.to_owned())] here=text::REMOVE />
            <section class="card">
                <h1>{text::REMOVE_APP_QUESTION}</h1>
                <p>{text::REMOVE_APP_CONSEQUENCES}</p>
                <form method="post" action=format!("{}/remove", path()) class="form-actions">
                    <button class="button danger" type="submit">{text::REMOVE_APP}</button>
                    <a class="button quiet" href=PATH>{text::CANCEL}</a>
                </form>
            </section>
        }
    }))
}

pub(super) async fn remove(person: Person) -> PageResult {
    if person.factors()?.remove_totp().await? { Ok(done(text::APP_REMOVED, PATH)) } else { Err(PageError::NotFound) }
}

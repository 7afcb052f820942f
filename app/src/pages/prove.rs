//! Proof again: the question that stands between a person and what needs a fresh proof. The
//! fields of a form that was refused for want of it are kept, and sent again afterwards.

mod kept;

use axum::{
    Router,
    response::{IntoResponse, Response},
};
use leptos::prelude::*;
use signet_engine::service::{
    factors::{CodeError, Overview, PasskeyError, proof::ProofError},
    sessions::{Session, SessionToken},
};

use crate::{
    components::{error_summary, hidden_input, password_input, username},
    error::{PageError, PageResult},
    form::{Field, Form},
    frame::Frame,
    islands::PasskeyButton,
    methods::{AndPost, get, post},
    pages::{
        login::{self, NEXT, PASSWORD},
        oidc,
        second_step::{self, CODE},
        security::{self, ANSWER, CHALLENGE},
    },
    redirect::{HOME, local_path, see_other},
    state::AppState,
    words,
};

pub(crate) const PATH: &str = "/prove";
const PASSKEY_PATH: &str = "/prove/passkey";

/// The address of the form that was refused, if it was one.
const TO: Field = Field::named("to");

/// Stands before the name of a field of the form that was refused.
const KEPT: &str = "kept.";

pub(crate) mod text {
    pub(crate) const TITLE: &str = "Confirm that it is you";
    pub(super) const LEAD: &str =
        "You have been signed in for a while. Before this, prove again that you are the one who signed in.";
    pub(super) const CONFIRM: &str = "Confirm";
    pub(super) const OR: &str = "Or enter a code of your app, or a recovery code.";
    pub(super) const WITH_PASSKEY: &str = "Use a passkey";
    pub(super) const CANCEL: &str = "Cancel";
    pub(super) const NOTHING: &str = "Enter your password, or a code.";
    pub(super) const WRONG_PASSWORD: &str = "The password is wrong.";
    pub(super) const WRONG_CODE: &str = "This code is wrong, or was used before. Enter the one that the app shows now.";
    pub(super) const WRONG_PASSKEY: &str =
        "This passkey was not accepted. Use one that you have added to your account.";
    pub(super) const EXPIRED: &str = "That took too long. Try again.";
    pub(super) const PROVED: &str = "Thank you";
    pub(super) const GO_ON: &str = "Nothing has been done yet. Go on with what you began.";
    pub(super) const CONTINUE: &str = "Continue";
    pub(super) const GO_BACK: &str = "Go back to the service";
    pub(super) const TOO_LONG: &str =
        "What you have entered is too long to be kept on the way there. Copy it first, or confirm in another way.";
    pub(super) const PORTAL_TITLE: &str = "Open this again";
    pub(super) const PORTAL: &str = "This needs to be opened a short while ago. Go back to the service that led you here, \
         and open this again from there.";
}

pub(crate) fn routes() -> Router<AppState> {
    Router::new()
        .route(PATH, get(show).and_post(prove))
        .route(PASSKEY_PATH, get(async || see_other(PATH)).and_post(prove_by_passkey))
        .route("/prove/oidc/{name}", post(kept::send))
        .route(kept::PATH, get(kept::show))
}

/// The question, for what a request wanted; the answer to the request itself. What the form had
/// in its fields is kept, except for passwords.
pub(crate) async fn ask(frame: &Frame, fields: Option<Form>) -> Response {
    let form = match fields {
        Some(fields) => fields.kept(KEPT).with(&TO, &frame.path),
        None => Form::blank().with(&NEXT, &frame.path),
    };
    match page(frame, &form).await {
        Ok(page) => (PageError::ProofNeeded.status(), page).into_response(),
        Err(error) => super::error::page(frame, error, None),
    }
}

async fn show(frame: Frame, query: Form) -> PageResult {
    page(&frame, &Form::blank().with(&NEXT, query.get(&NEXT)).focused(&PASSWORD)).await
}

async fn prove(frame: Frame, form: Form) -> PageResult {
    let session = session(&frame)?;
    let sessions = frame.state.engine.sessions();
    let proved = match (form.get(&PASSWORD), form.get(&CODE)) {
        ("", "") => return page(&frame, &form.refused(text::NOTHING)).await,
        ("", code) => sessions.prove_by_code(session, code).await,
        (password, _) => sessions.prove_by_password(session, password).await,
    };
    answer(&frame, form, proved).await
}

async fn prove_by_passkey(frame: Frame, form: Form) -> PageResult {
    let session = session(&frame)?;
    let Ok(place) = security::place(&frame) else { return Err(PageError::NotFound) };
    let signed = (form.get(&CHALLENGE), form.get(&ANSWER));
    let proved = frame.state.engine.sessions().prove_by_passkey(session, &place, signed).await;
    answer(&frame, form, proved).await
}

fn session(frame: &Frame) -> Result<&Session, PageError> {
    frame.session.as_ref().ok_or(PageError::SignedOut)
}

async fn answer(frame: &Frame, form: Form, proved: Result<SessionToken, ProofError>) -> PageResult {
    let form = match proved {
        Ok(token) => return Ok(frame.keep(&token, go_on(frame, &form))),
        Err(ProofError::Wrong) if form.get(&ANSWER).is_empty() => form.invalid(&PASSWORD, text::WRONG_PASSWORD),
        Err(ProofError::TooMany(until)) => form.invalid(&PASSWORD, words::too_many_tries(until, frame.now)),
        Err(ProofError::Code(CodeError::Wrong)) => form.invalid(&CODE, text::WRONG_CODE),
        Err(ProofError::Code(CodeError::TooMany(until))) => {
            form.invalid(&CODE, words::too_many_tries(until, frame.now))
        }
        Err(ProofError::Passkey(PasskeyError::Expired)) => form.refused(text::EXPIRED),
        Err(ProofError::Wrong | ProofError::Passkey(PasskeyError::Refused)) => form.refused(text::WRONG_PASSKEY),
        Err(ProofError::NoPerson) => return Err(PageError::NotFound),
        Err(
            ProofError::Store(error)
            | ProofError::Code(CodeError::Store(error))
            | ProofError::Passkey(PasskeyError::Store(error)),
        ) => return Err(error.into()),
    };
    page(frame, &form).await
}

/// Goes on: back to the page, or to the form that was refused, which its person sends again.
fn go_on(frame: &Frame, form: &Form) -> Response {
    let Some(to) = local_path(form.get(&TO)) else {
        return see_other(local_path(form.get(&NEXT)).unwrap_or(HOME));
    };
    let to = to.to_owned();
    frame.render(text::PROVED, || {
        view! {
            <section class="card">
                <h1>{text::PROVED}</h1>
                <p>{text::GO_ON}</p>
                <form method="post" action=to class="form-actions">
                    {form.prefixed(KEPT).map(|(name, value)| hidden(name.to_owned(), value.to_owned())).collect_view()}
                    <button class="button primary" type="submit">{text::CONTINUE}</button>
                    <a class="button quiet" href=HOME>{text::CANCEL}</a>
                </form>
            </section>
        }
    })
}

fn hidden(name: String, value: String) -> impl IntoView {
    // The fields of any form: one of them can be a secret.
    crate::compressible::shows_secret();
    view! { <input type="hidden" name=name value=value /> }
}

async fn page(frame: &Frame, form: &Form) -> PageResult {
    let Some(session) = &frame.session else { return Ok(see_other(login::PATH)) };
    let Some(factors) = frame.state.engine.factors(session, frame.browser.address()) else {
        return Ok(portal(frame, session));
    };
    let overview = factors.overview().await?;
    let ceremony = second_step::passkey_challenge(frame, &overview);
    Ok(frame.render_form(form, text::TITLE, || {
        view! {
            <section class="card">
                <h1>{text::TITLE}</h1>
                <p class="lead">{text::LEAD}</p>
                {error_summary(form)}
                {ceremony
                    .map(|ceremony| {
                        view! {
                            <form method="post" action=PASSKEY_PATH class="form passkey-form">
                                {carried(form)}
                                {hidden_input(&CHALLENGE, &ceremony.carried)}
                                <PasskeyButton
                                    options=ceremony.options
                                    create=false
                                    label=text::WITH_PASSKEY.to_owned()
                                    class="button".to_owned()
                                />
                            </form>
                        }
                    })}
                <form method="post" action=PATH class="form" novalidate>
                    {carried(form)}
                    {frame.session.as_ref().and_then(|session| session.email()).map(username)}
                    {password_input(&Field { optional: true, ..PASSWORD }, form)}
                    {has_codes(&overview).then(|| code(form))}
                    <div class="form-actions">
                        <button class="button primary" type="submit">{text::CONFIRM}</button>
                        <a class="button quiet" href=HOME>{text::CANCEL}</a>
                    </div>
                </form>
                {kept::proofs(frame, session, form)}
            </section>
        }
    }))
}

/// A person with an app, or with recovery codes that are left.
const fn has_codes(overview: &Overview) -> bool {
    overview.totp_since.is_some() || overview.recovery_codes_left > 0
}

fn code(form: &Form) -> impl IntoView + use<> {
    view! {
        <p>{text::OR}</p>
        {password_input(&Field { optional: true, hint: "", ..CODE }, form)}
    }
}

/// The hidden fields: the place to go on to, and what is kept.
fn carried(form: &Form) -> impl IntoView + use<> {
    let kept = form.prefixed(KEPT).map(|(name, value)| hidden(format!("{KEPT}{name}"), value.to_owned()));
    view! {
        {hidden_input(&NEXT, form.get(&NEXT))}
        {hidden_input(&TO, form.get(&TO))}
        {kept.collect_view()}
    }
}

/// Whoever came by a portal link has nothing to prove with here, and goes back to the service.
fn portal(frame: &Frame, session: &Session) -> Response {
    let back = session.portal().and_then(|portal| portal.return_url.as_ref());
    let back = back.map(|url| {
        view! { <p><a class="button" href=url.to_string() rel="noreferrer">{text::GO_BACK}</a></p> }
    });
    frame.render(text::PORTAL_TITLE, || {
        view! {
            <section class="card">
                <h1>{text::PORTAL_TITLE}</h1>
                <p>{text::PORTAL}</p>
                {back}
            </section>
        }
    })
}

#[cfg(test)]
mod tests;

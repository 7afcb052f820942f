//! Your account > Security: the factors with which a person signs in.

mod app;
mod passkeys;
mod recovery_codes;
pub(crate) mod text;

pub(crate) use passkeys::{ANSWER, CHALLENGE};

use axum::{
    Router,
    extract::FromRequestParts,
    http::request::Parts,
    response::{IntoResponse, Response},
};
use leptos::prelude::*;
use signet_engine::{
    Engine,
    service::{
        Factors,
        factors::{NoPasskeysHere, Overview, RelyingParty},
        sessions::Session,
    },
};

use crate::{
    components::{Breadcrumbs, error_summary},
    error::{PageError, PageResult},
    form::Form,
    frame::{Frame, to_sign_in},
    methods::{AndPost, get},
    redirect::see_other,
    state::AppState,
};

pub(crate) const PATH: &str = "/settings/you/security";

pub(crate) fn routes() -> Router<AppState> {
    Router::new()
        .route("/", get(show))
        .route("/app", get(app::show).and_post(app::begin))
        .route("/app/confirm", get(app::back).and_post(app::confirm))
        .route("/app/remove", get(app::ask_to_remove).and_post(app::remove))
        .route("/recovery-codes", get(recovery_codes::show).and_post(recovery_codes::renew))
        .route("/passkeys", get(async || see_other(PATH)).and_post(passkeys::add))
        .route("/passkeys/{id}/remove", get(passkeys::ask_to_remove).and_post(passkeys::remove))
}

/// A person with a session. A request without one is sent to the sign-in page, and whoever came
/// by a portal link has no such pages.
pub(crate) struct Person {
    pub(crate) frame: Frame,
    pub(crate) session: Session,
}

impl Person {
    const fn engine(&self) -> &Engine {
        &self.frame.state.engine
    }

    fn factors(&self) -> Result<Factors<'_>, PageError> {
        self.engine().factors(&self.session, self.frame.browser.address()).ok_or(PageError::NotFound)
    }

    /// The place at which passkeys are made.
    fn place(&self) -> Result<RelyingParty, NoPasskeysHere> {
        place(&self.frame)
    }
}

/// The place of passkeys for the pages at this address.
pub(crate) fn place(frame: &Frame) -> Result<RelyingParty, NoPasskeysHere> {
    RelyingParty::at(&frame.origin(), frame.product())
}

impl FromRequestParts<AppState> for Person {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, Response> {
        let frame = Frame::of(parts, state);
        match frame.session.clone() {
            Some(session) if session.person().is_some() => Ok(Self { frame, session }),
            Some(_) => Err(PageError::NotFound.into_response()),
            None => Err(to_sign_in(parts)),
        }
    }
}

async fn show(person: Person) -> PageResult {
    page(&person, &Form::blank()).await
}

async fn page(person: &Person, form: &Form) -> PageResult {
    let factors = person.factors()?;
    let overview = factors.overview().await?;
    let adding = passkeys::Adding::begin(person).await?;
    let now = person.frame.now;
    Ok(person.frame.render_form(form, text::TITLE, || {
        view! {
            <Breadcrumbs here=text::TITLE />
            <header class="page-head">
                <div>
                    <h1>{text::TITLE}</h1>
                    <p class="lead">{text::LEAD}</p>
                </div>
            </header>
            {error_summary(form)}
            {summary(&overview)}
            {app::card(&overview, now)}
            {passkeys::card(&overview, adding.as_ref(), form, now)}
            {overview.has_second_factor().then(|| recovery_codes::card(&overview))}
        }
    }))
}

fn summary(overview: &Overview) -> impl IntoView + use<> {
    let sentence = if overview.has_second_factor() { text::HAS_FACTOR } else { text::NO_FACTOR };
    view! {
        <section class="card">
            <h2>{text::SECOND_FACTOR}</h2>
            <p>{sentence}</p>
        </section>
    }
}

#[cfg(test)]
mod tests;

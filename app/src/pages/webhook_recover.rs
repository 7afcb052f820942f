//! Failed deliveries of a webhook: choose, see how many they are, send them again.

mod found;
mod text;

use std::time::Duration;

use axum::{Router, http::StatusCode, response::IntoResponse, response::Response};
use leptos::prelude::*;
use signet_engine::{
    actor::Permission,
    service::{
        endpoints::Endpoint,
        event_types::Catalogue,
        resends::{Progress, StartError},
    },
};
use signet_model::{EndpointId, Subscriptions, Timestamp, subscriptions::Selector};

use self::found::Found;
use crate::{
    components::{Breadcrumbs, alert, error_summary, event_types_input, text_input, with_element},
    error::PageResult,
    form::{Field, Form, Invalid},
    frame::{Ids, Member},
    instants::{self, End, Shown},
    methods::{AndPost, get},
    pages::{delivery_log, webhook},
    present::endpoint_path,
    redirect::{done, see_other},
    state::AppState,
    words::moment,
};

/// The time that an untouched form looks back.
const A_DAY: Duration = Duration::from_hours(24);
/// Times are typed to the minute.
const MINUTE: Duration = Duration::from_mins(1);

pub(crate) const SINCE: Field =
    Field { hint: text::SINCE_HINT, kind: "datetime-local", ..Field::text("since", text::SINCE) };
pub(crate) const EVENTS: Field = Field { hint: text::EVENTS_HINT, ..Field::text("event", text::EVENTS) };

/// The failed deliveries that a form selects.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Selection {
    /// The earliest acceptance of their events.
    since: Timestamp,
    types: Subscriptions,
}

/// The address of the page, and of its form.
pub(crate) fn path(id: EndpointId) -> String {
    format!("{}/recover", endpoint_path(id))
}

pub(super) fn routes() -> Router<AppState> {
    Router::new().route("/recover", get(show).and_post(recover))
}

/// Shows the form; once it was submitted, also the number of deliveries that it selects.
async fn show(member: Member, Ids(id): Ids<EndpointId>, form: Form) -> PageResult {
    member.check(Permission::SendDeliveries)?;
    if form.is_blank() {
        let endpoint = member.account().endpoint(id).get().await?;
        return Ok(page(&member, &endpoint, &*member.catalogue().await?, &untouched(member.frame.now), None));
    }
    if instants::is_typed(&form)
        && let Ok(selection) = selection(&mut form.clone(), member.frame.now)
    {
        // What was typed in a zone becomes an address that means the same to everybody. The browser
        // keeps the place of the page.
        return Ok(see_other(&selection.address(id, &form)));
    }
    search(&member, id, form).await
}

impl Selection {
    /// The address of the page that finds it.
    fn address(&self, id: EndpointId, form: &Form) -> String {
        let mut query = form_urlencoded::Serializer::new(String::new());
        query.append_pair(SINCE.name, &self.since.to_string());
        for selector in form.selectors(&EVENTS) {
            query.append_pair(EVENTS.name, &selector.to_string());
        }
        format!("{}?{}", path(id), query.finish())
    }
}

/// Sends the selected deliveries again, and goes to the log.
async fn recover(member: Member, Ids(id): Ids<EndpointId>, mut form: Form) -> PageResult {
    member.check(Permission::SendDeliveries)?;
    let Ok(Selection { since, types }) = selection(&mut form, member.frame.now) else {
        let endpoint = member.account().endpoint(id).get().await?;
        return Ok(page(&member, &endpoint, &*member.catalogue().await?, &form, None));
    };
    match member.account().endpoint(id).recover(since, &types).await {
        Ok(resend) if resend.progress == Progress::Running => Ok(done(text::UNDER_WAY, &delivery_log::path(id))),
        Ok(resend) => Ok(done(&text::sent(resend.sent), &delivery_log::path(id))),
        Err(StartError::UnderWay(_)) => Ok(done(text::UNDER_WAY, &delivery_log::path(id))),
        Err(error @ StartError::TooMany) => Ok(done(&error.to_string(), &delivery_log::path(id))),
        // The page says that the webhook is disabled.
        Err(StartError::Disabled) => {
            Ok((StatusCode::UNPROCESSABLE_ENTITY, search(&member, id, form).await?).into_response())
        }
        Err(StartError::Store(error)) => Err(error.into()),
    }
}

/// Shows the number of deliveries that the form selects, and leaves them as they are.
async fn search(member: &Member, id: EndpointId, mut form: Form) -> PageResult {
    let endpoint = member.account().endpoint(id).get().await?;
    let found = match selection(&mut form, member.frame.now) {
        Ok(selection) => {
            let Selection { since, types } = selection.clone();
            let count = member.account().endpoint(id).recoverable(since, &types).await?;
            Some(Found { selection, count, rate: member.engine().release_rate() })
        }
        Err(Invalid) => None,
    };
    Ok(page(member, &endpoint, &*member.catalogue().await?, &form, found))
}

fn untouched(now: Timestamp) -> Form {
    Form::blank().with(&SINCE, (now - A_DAY).beginning(MINUTE)).with(&EVENTS, Selector::All)
}

/// The selection; or else the form has the errors of all fields.
fn selection(form: &mut Form, now: Timestamp) -> Result<Selection, Invalid> {
    let since = match instants::read(form, &SINCE, End::First) {
        Ok(Some(at)) if at <= now => Ok(at),
        Ok(Some(_)) => form.check(&SINCE, Err(text::since_future(&moment(now, now))), |message| message),
        Ok(None) => form.check(&SINCE, Err(text::SINCE_INVALID.to_owned()), |message| message),
        Err(invalid) => Err(invalid),
    };
    let types = form.subscriptions(&EVENTS);
    Ok(Selection { since: since?, types: types? })
}

fn page(member: &Member, endpoint: &Endpoint, catalogue: &Catalogue, form: &Form, found: Option<Found>) -> Response {
    member.frame.render_form(form, text::TITLE, || {
        view! {
            <Breadcrumbs above=webhook::breadcrumbs(endpoint) here=text::RECOVER />
            <header class="page-head">
                <div>
                    <h1>{text::TITLE}</h1>
                    <p class="lead">{text::LEAD}</p>
                </div>
            </header>
            {endpoint.unusable.is_some().then(|| obstacle(endpoint, text::UNUSABLE, text::MAKE_USABLE))}
            {endpoint.disabled.map(|it| obstacle(endpoint, text::disabled(it.reason), text::ENABLE))}
            {error_summary(form)}
            {search_form(endpoint, catalogue, form, found.is_some())}
            {found.map(|found| found::card(endpoint, form, found, member.frame.now))}
        }
    })
}

/// The state of the webhook that keeps its deliveries from being sent, with a link to the remedy.
fn obstacle(endpoint: &Endpoint, sentence: &'static str, remedy: &'static str) -> impl IntoView + use<> {
    let remedy = view! { <a href=endpoint_path(endpoint.id)>{remedy}</a> };
    alert(view! { <span>{with_element(sentence, remedy)}</span> })
}

fn search_form(endpoint: &Endpoint, catalogue: &Catalogue, form: &Form, submitted: bool) -> impl IntoView + use<> {
    let class = if submitted { "button" } else { "button primary" };
    let since = Shown::of(form, &SINCE);
    let local = form.clone().rewritten(&SINCE, |_| since.value.clone());
    let hidden = since.hidden(&SINCE);
    view! {
        // On a small screen the answer would otherwise be out of sight.
        <form method="get" action=format!("{}#found", path(endpoint.id)) class="form card" novalidate>
            {text_input(&SINCE, &local)}
            {hidden}
            <p class="hint">{since.hint}</p>
            {event_types_input(&EVENTS, form, catalogue, None)}
            <footer class="form-actions">
                <button class=class type="submit">
                    {text::FIND}
                </button>
                <a class="button quiet" href=endpoint_path(endpoint.id)>
                    {text::CANCEL}
                </a>
            </footer>
        </form>
    }
}

#[cfg(test)]
mod tests;

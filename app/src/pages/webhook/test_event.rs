//! The test tab: an event of any type with an editable body, its exchange, and the last tests.

mod last_tests;
pub(super) mod live;
mod report;
mod text;

use std::time::Duration;

use axum::response::Response;
use leptos::prelude::*;
use signet_engine::{
    actor::Permission,
    service::{
        deliveries::{DeliveryDetail, TestError},
        endpoints::Endpoint,
        event_types::Catalogue,
    },
};
use signet_model::{
    EndpointId, Timestamp,
    event::{EventType, MemberFault},
};

use super::{
    head::{Tab, head, title},
    unusable, usable,
};
use crate::{
    components::{error_summary, hidden_input, text_area, with_code},
    error::{PageError, PageResult},
    form::{Field, Form},
    frame::{Ids, Member},
    place::Place,
    present::{endpoint_path, indented},
    redirect::see_other,
};

/// In the address of the page: the test whose exchange it shows.
const TEST: Field = Field::named("test");
pub(crate) const TYPE: Field = Field::named("type");
pub(crate) const BODY: Field = Field { mono: true, ..Field::text("body", text::BODY) };
/// The type whose sample is in the body, as long as nobody has changed it.
const SAMPLE_OF: Field = Field::named("sample-of");
/// The button that loads a sample instead of sending.
const LOAD: Field = Field::named("load");
/// The most types to choose from: a page has a size.
const MAX_TYPES: usize = 200;
/// The tests that are listed.
const LAST: u32 = 10;
/// Most receivers have answered by then, so that the next page shows it without a script.
const SOON: Duration = Duration::from_millis(700);

/// The address of the tab.
pub(super) fn path(id: EndpointId) -> String {
    format!("{}/test", endpoint_path(id))
}

/// What the tab shows.
struct Shown {
    endpoint: Endpoint,
    /// The test whose exchange it shows.
    test: Option<DeliveryDetail>,
    last: Vec<last_tests::Stored>,
}

/// Shows the tab, with the exchange of the test that the address names.
pub(super) async fn show(member: Member, Ids(id): Ids<EndpointId>, query: Form) -> PageResult {
    let shown = shown(&member, id, &query).await?;
    let catalogue = member.catalogue().await?;
    let kind = chosen(&shown, &catalogue, &query);
    let body =
        shown.test.as_ref().filter(|it| query.get(&TYPE).is_empty() && Some(&it.delivery.event_type) == kind.as_ref());
    let mut form = Form::blank();
    if let Some(kind) = &kind {
        // What was just sent is there to be sent again, changed a little.
        let sent = body.and_then(|it| it.body.as_deref()).map(indented);
        let text = sent.unwrap_or_else(|| sample(&catalogue, kind, member.frame.now));
        form = form.with(&TYPE, kind).with(&SAMPLE_OF, kind).with(&BODY, text);
    }
    Ok(page(&member, &shown, &catalogue, &form))
}

async fn shown(member: &Member, id: EndpointId, query: &Form) -> Result<Shown, PageError> {
    let handle = member.account().endpoint(id);
    let endpoint = handle.get().await?;
    let test = usable(member, query.get(&TEST).parse().ok()).await?.filter(|it| it.delivery.endpoint == id);
    Ok(Shown { endpoint, test, last: handle.tests(LAST).await? })
}

/// Sends a test event, and leads to its exchange; or loads a sample.
pub(super) async fn send(member: Member, Ids(id): Ids<EndpointId>, form: Form) -> PageResult {
    member.check(Permission::ChangeWebhooks)?;
    let kind: EventType = form.get(&TYPE).parse().map_err(|_| PageError::Unreadable)?;
    let handle = member.account().endpoint(id);
    if !form.get(&LOAD).is_empty() {
        handle.get().await?;
        return Ok(see_other(&format!("{}?{}={kind}#test", path(id), TYPE.name)));
    }
    let catalogue = member.catalogue().await?;
    let sent = match edited(&form, &catalogue, member.frame.now) {
        Ok(body) => handle.send_edited_test(&kind, body).await,
        Err(fault) => Err(fault.into()),
    };
    match sent {
        Ok(delivery) => {
            member.account().delivery(delivery).await_attempt(SOON).await?;
            Ok(see_other(&format!("{}?{}={delivery}#test-result", path(id), TEST.name)))
        }
        Err(TestError::Body(MemberFault { pointer, message })) => {
            let shown = shown(&member, id, &Form::blank()).await?;
            let form = form.invalid(&BODY, text::fault(&pointer, &message));
            Ok(page(&member, &shown, &catalogue, &form))
        }
        Err(error) => Err(error.into()),
    }
}

/// The body that a person has edited; `None` if it is still a sample, or was not shown.
fn edited<'f>(form: &'f Form, catalogue: &Catalogue, now: Timestamp) -> Result<Option<&'f str>, MemberFault> {
    let typed = form.get(&BODY);
    let sample_of: Option<EventType> = form.get(&SAMPLE_OF).parse().ok();
    match sample_of {
        None if typed.is_empty() => Ok(None),
        Some(loaded) if is_sample(typed, catalogue, &loaded, now) => Ok(None),
        _ if typed.trim().is_empty() => Err(MemberFault { pointer: String::new(), message: text::IS_EMPTY.to_owned() }),
        _ => Ok(Some(typed)),
    }
}

/// Returns true for the sample of a type, at whatever time it was made.
fn is_sample(text: &str, catalogue: &Catalogue, kind: &EventType, now: Timestamp) -> bool {
    let members = |text: &str| {
        let mut value: serde_json::Value = serde_json::from_str(text).ok()?;
        value.as_object_mut()?.remove("timestamp");
        Some(value)
    };
    let sample = members(&catalogue.sample(kind, now).json);
    sample.is_some() && members(text) == sample
}

/// The body with sample values, to be edited.
fn sample(catalogue: &Catalogue, kind: &EventType, now: Timestamp) -> String {
    indented(&catalogue.sample(kind, now).json)
}

/// The type that the address names, the one that was just tested, or the first one that the
/// webhook wants.
fn chosen(shown: &Shown, catalogue: &Catalogue, query: &Form) -> Option<EventType> {
    let asked: Option<EventType> = query.get(&TYPE).parse().ok();
    let asked = asked.filter(|kind| catalogue.get(kind.as_str()).is_some());
    let tested = || shown.test.as_ref().map(|test| test.delivery.event_type.clone());
    asked.or_else(tested).or_else(|| types(&shown.endpoint, catalogue).into_iter().next())
}

/// The types to choose from: those that the webhook wants first.
fn types(endpoint: &Endpoint, catalogue: &Catalogue) -> Vec<EventType> {
    let (wanted, others): (Vec<_>, Vec<_>) =
        catalogue.active().partition(|entry| endpoint.event_types.contains(&entry.name));
    wanted.into_iter().chain(others).take(MAX_TYPES).map(|entry| entry.name.clone()).collect()
}

fn page(member: &Member, shown: &Shown, catalogue: &Catalogue, form: &Form) -> Response {
    let Shown { endpoint, test, last } = shown;
    let now = member.frame.now;
    let sends = member.may(Permission::SendDeliveries) && endpoint.unusable.is_none();
    // The session of a frame is not that of its streams.
    let is_live = member.frame.place == Place::Tab;
    member.frame.render_form(form, &title(endpoint, Tab::Test), || {
        view! {
            {head(member, endpoint, Tab::Test)}
            {unusable::panel(endpoint, member.may(Permission::ChangeWebhooks))}
            {test.as_ref().map(|test| report::section(test, now, is_live))}
            {sends.then(|| test_card(endpoint, catalogue, form))}
            {last_tests::table(endpoint.id, last, test.as_ref().map(|it| it.delivery.id), now)}
        }
    })
}

/// The form with the event to send.
fn test_card(endpoint: &Endpoint, catalogue: &Catalogue, form: &Form) -> impl IntoView + use<> {
    let chosen = form.get(&TYPE).to_owned();
    let mut names: Vec<String> = types(endpoint, catalogue).iter().map(ToString::to_string).collect();
    if !chosen.is_empty() && !names.contains(&chosen) {
        names.push(chosen.clone());
    }
    let schema = catalogue.get(&chosen).and_then(|entry| entry.schema.as_deref().map(indented));
    let options = names
        .into_iter()
        .map(|name| view! { <option value=name.clone() selected=name == chosen>{name.clone()}</option> })
        .collect_view();
    view! {
        <section class="card" id="test">
            <h2>{text::TITLE}</h2>
            <p class="hint">{with_code(text::HINT)}</p>
            {error_summary(form)}
            <form class="form" method="post" action=path(endpoint.id)>
                <div class="field">
                    <label for="test-type">{text::EVENT_TYPE}</label>
                    <div class="row">
                        <select class="input" id="test-type" name=TYPE.name>
                            {options}
                        </select>
                        <button class="button" type="submit" name=LOAD.name value="1">
                            {text::LOAD}
                        </button>
                    </div>
                </div>
                {hidden_input(&SAMPLE_OF, form.get(&SAMPLE_OF))}
                <p class="hint">{with_code(text::BODY_HINT)}</p>
                {text_area(&BODY, 12, form)}
                {schema
                    .map(|schema| {
                        view! {
                            <details class="fold">
                                <summary>{text::SCHEMA}</summary>
                                <pre class="code" tabindex="0">{schema}</pre>
                            </details>
                        }
                    })}
                <div class="form-actions">
                    <button class="button primary" type="submit">
                        {text::SEND}
                    </button>
                </div>
            </form>
        </section>
    }
}

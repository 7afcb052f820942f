//! Send failed deliveries again: choose which, see how many they are, send them.

mod found;

use std::time::Duration;

use axum::{
    http::StatusCode,
    response::{IntoResponse, Response},
};
use leptos::prelude::*;
use signet_engine::store::endpoints::Endpoint;
use signet_model::{EndpointId, Subscriptions, Timestamp, endpoint::DisabledReason, event::EventType};

use self::found::Found;
use crate::{
    components::{Breadcrumbs, ErrorSummary, EventTypesField, Icon, TextField},
    error::PageError,
    form::{Errors, Fields},
    frame::{Ids, Member},
    present::endpoint_path,
    redirect::HOME,
    words::moment,
};

/// How far back an untouched form looks.
const USUALLY: Duration = Duration::from_hours(24);

/// What is chosen in the form.
#[derive(Clone)]
pub(crate) struct Entry {
    since: String,
    event_types: Vec<EventType>,
}

/// Which failed deliveries that selects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Selection {
    /// When their events were accepted, at the earliest.
    pub(crate) since: Timestamp,
    pub(crate) types: Subscriptions,
}

impl Entry {
    /// A form that nobody has touched.
    fn untouched(now: Timestamp) -> Self {
        Self { since: (now - USUALLY).datetime_local(), event_types: EventType::ALL.into() }
    }

    /// What a form sent. Event types that do not exist are left out.
    pub(crate) fn read(fields: &Fields) -> Self {
        Self {
            since: fields.get("since").trim().to_owned(),
            event_types: fields.all("event").filter_map(|name| name.parse().ok()).collect(),
        }
    }

    /// The selection, or everything that is wrong at once.
    pub(crate) fn selection(&self, now: Timestamp) -> Result<Selection, Errors> {
        let mut errors = Errors::default();
        let since = past(&self.since, now).map_err(|message| errors.add("since", message)).ok();
        let types =
            Subscriptions::new(self.event_types.iter().copied()).map_err(|error| errors.add("event", error)).ok();
        since.zip(types).map(|(since, types)| Selection { since, types }).ok_or(errors)
    }
}

/// Reads an instant that has passed.
fn past(text: &str, now: Timestamp) -> Result<Timestamp, String> {
    match Timestamp::parse_datetime_local(text) {
        Ok(at) if at <= now => Ok(at),
        // Whoever thinks in another time zone sees here by how much they are off.
        Ok(_) => Err(format!("Choose a time that has passed. It is {} now.", moment(now, now).full)),
        Err(_) => Err("Enter a date and a time, such as 2026-03-28T12:00.".to_owned()),
    }
}

/// The form; once it was submitted, also what it finds.
pub(crate) async fn get(member: Member, Ids(id): Ids<EndpointId>, fields: Fields) -> Result<Response, PageError> {
    if !fields.is_empty() {
        return dry_run(&member, id, &Entry::read(&fields)).await;
    }
    let endpoint = load(&member, id).await?;
    Ok(page(&member, &endpoint, &Entry::untouched(member.frame.now), &Errors::default(), None))
}

/// What would be sent again, or what is wrong with the entry. Changes nothing.
pub(crate) async fn dry_run(member: &Member, id: EndpointId, entry: &Entry) -> Result<Response, PageError> {
    let endpoint = load(member, id).await?;
    match entry.selection(member.frame.now) {
        Ok(selection) => {
            let (engine, Selection { since, types }) = (member.engine(), selection);
            let count = engine.recoverable(member.account, id, since, types).await?;
            let found = Found { selection, count, rate: engine.release_rate() };
            Ok(page(member, &endpoint, entry, &Errors::default(), Some(found)))
        }
        Err(errors) => {
            let page = page(member, &endpoint, entry, &errors, None);
            Ok((StatusCode::UNPROCESSABLE_ENTITY, page).into_response())
        }
    }
}

async fn load(member: &Member, id: EndpointId) -> Result<Endpoint, PageError> {
    member.engine().endpoint(member.account, id).await?.ok_or(PageError::NotFound)
}

fn page(member: &Member, endpoint: &Endpoint, entry: &Entry, errors: &Errors, found: Option<Found>) -> Response {
    let webhook = endpoint_path(endpoint.id);
    let above = vec![(HOME.to_owned(), "Webhooks".to_owned()), (webhook.clone(), endpoint.host())];
    member.frame.render("Recover failed deliveries", || {
        view! {
            <Breadcrumbs above=above here="Recover" />
            <header class="page-head">
                <div>
                    <h1>"Recover failed deliveries"</h1>
                    <p class="lead">"Send again what this webhook missed because its receiver failed."</p>
                </div>
            </header>
            {endpoint.unusable.is_some().then(|| unusable(&webhook))}
            {endpoint.disabled.map(|it| disabled(it.reason, &webhook))}
            <ErrorSummary errors=errors.clone() />
            {form(&webhook, entry, errors, found.is_some())}
            {found.map(|found| found::card(endpoint, entry, found, member.frame.now))}
        }
    })
}

fn unusable(webhook: &str) -> impl IntoView + use<> {
    view! {
        <p class="alert bad" role="alert">
            <Icon name="warning" />
            <span>
                "This webhook is unusable. " <a href=webhook.to_owned()>"Make it usable"</a>
                " first; then its failed deliveries can be sent again."
            </span>
        </p>
    }
}

fn disabled(reason: Option<DisabledReason>, webhook: &str) -> impl IntoView + use<> {
    let text = match reason {
        Some(DisabledReason::Paused) => "This webhook is paused. ",
        _ => "This webhook is disabled. ",
    };
    view! {
        <p class="alert bad" role="alert">
            <Icon name="warning" />
            <span>
                {text} <a href=webhook.to_owned()>"Re-enable it"</a>
                " first; then its failed deliveries can be sent again."
            </span>
        </p>
    }
}

fn form(webhook: &str, entry: &Entry, errors: &Errors, submitted: bool) -> impl IntoView + use<> {
    let class = if submitted { "button" } else { "button primary" };
    view! {
        // On a small screen the answer would otherwise be out of sight.
        <form method="get" action=format!("{webhook}/recover#found") class="form card" novalidate>
            <TextField
                name="since"
                label="Since (UTC)"
                kind="datetime-local"
                value=entry.since.clone()
                errors=errors.clone()
                hint="What counts is when the event was accepted; its last retry can have failed hours later."
            />
            <EventTypesField
                legend="Events"
                hint="Choose what to send again."
                chosen=entry.event_types.clone()
                errors=errors.clone()
            />
            <footer class="form-actions">
                <button class=class type="submit">
                    "Find failed deliveries"
                </button>
                <a class="button quiet" href=webhook.to_owned()>
                    "Cancel"
                </a>
            </footer>
        </form>
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_unix_seconds(1_774_699_205);

    fn entry(since: &str, event_types: &[EventType]) -> Entry {
        Entry { since: since.to_owned(), event_types: event_types.to_vec() }
    }

    #[test]
    fn an_untouched_form_selects_everything_of_the_last_day() {
        let untouched = Entry::untouched(NOW);
        assert_eq!(untouched.since, "2026-03-27T12:00");
        let selection = untouched.selection(NOW).expect("a selection");
        assert_eq!(selection.types, Subscriptions::all());
        assert_eq!(selection.since.rfc3339_seconds(), "2026-03-27T12:00:00Z");
    }

    #[test]
    fn what_has_not_come_yet_is_refused_with_the_present_time() {
        assert!(entry("2026-03-28T12:00:05", &EventType::ALL).selection(NOW).is_ok());
        let errors = entry("2026-03-28T12:00:06", &EventType::ALL).selection(NOW).expect_err("the future");
        let message = errors.get("since").expect("a message");
        assert_eq!(message, "Choose a time that has passed. It is 28 Mar 2026, 12:00:05 UTC now.");
    }

    #[test]
    fn everything_that_is_wrong_is_said_at_once() {
        let errors = entry("yesterday", &[]).selection(NOW).expect_err("two errors");
        assert!(errors.get("since").is_some_and(|text| text.starts_with("Enter a date and a time")));
        assert_eq!(errors.get("event").as_deref(), Some("Choose at least one event."));
        assert!(errors.is_first("since"));
    }
}

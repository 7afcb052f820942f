//! The delivery log of one webhook.

use axum::response::Response;
use leptos::prelude::*;
use serde::Deserialize;
use signet_engine::{
    UnusableDelivery,
    store::deliveries::{Delivery, Filter, Log, PENDING_SEARCHED, Rest, SEARCHED},
};
use signet_model::{EndpointId, EventId, delivery::State, event::EventType};

use crate::{
    components::{Breadcrumbs, Icon},
    error::PageError,
    frame::{Ids, Member, Params},
    islands::{DeliveryList, LogQuery},
    present::{endpoint_path, row},
    redirect::HOME,
};

/// How many deliveries stand on one page.
const PAGE: u32 = 25;

/// What the address of the page says. What it says wrongly is ignored.
#[derive(Deserialize, Default)]
#[serde(default)]
pub(crate) struct Asked {
    state: String,
    #[serde(rename = "type")]
    event_type: String,
    before: String,
}

impl Asked {
    fn filter(&self) -> Filter {
        Filter { state: self.state(), event_type: self.event_type(), before: self.before.parse::<EventId>().ok() }
    }

    fn state(&self) -> Option<State> {
        self.state.parse().ok()
    }

    fn event_type(&self) -> Option<EventType> {
        self.event_type.parse().ok()
    }

    fn restricts(&self) -> bool {
        self.state().is_some() || self.event_type().is_some()
    }

    /// The address of the first page with the same filter.
    fn first_page(&self, path: &str) -> String {
        let state = self.state().map(State::as_str).unwrap_or_default();
        let event_type = self.event_type().map(EventType::as_str).unwrap_or_default();
        format!("{path}?state={state}&type={event_type}")
    }

    /// The address of the page that begins after `last`.
    fn next_page(&self, path: &str, last: EventId) -> String {
        format!("{}&before={last}", self.first_page(path))
    }
}

/// Lists a page of it.
pub(crate) async fn get(
    member: Member,
    Ids(id): Ids<EndpointId>,
    Params(asked): Params<Asked>,
) -> Result<Response, PageError> {
    let (engine, account) = (member.engine(), member.account);
    let endpoint = engine.endpoint(account, id).await?.ok_or(PageError::NotFound)?;
    // One more than is shown tells whether there is another page.
    let mut log = engine.log(account, id, asked.filter(), PAGE + 1).await?;
    let more = log.deliveries.len() > PAGE as usize;
    log.deliveries.truncate(PAGE as usize);
    Ok(page(&member, &asked, id, &endpoint.host(), &log, more))
}

/// A delivery, or one that cannot be used.
type Line = Result<Delivery, UnusableDelivery>;

/// The event by which the page that begins after a line is found.
fn event(line: &Line) -> Option<EventId> {
    line.as_ref().map_or_else(|delivery| delivery.event, |delivery| Some(delivery.event))
}

fn page(member: &Member, asked: &Asked, id: EndpointId, host: &str, log: &Log, more: bool) -> Response {
    let found = &log.deliveries;
    let older = match log.rest {
        Some(Rest::After(event)) => Some(event),
        _ => found.iter().rev().find_map(event).filter(|_| more),
    };
    let webhook = endpoint_path(id);
    let path = format!("{webhook}/deliveries");
    let above = vec![(HOME.to_owned(), "Webhooks".to_owned()), (webhook, host.to_owned())];
    let now = member.frame.now;
    let query = LogQuery {
        endpoint: id.to_string(),
        state: asked.state.clone(),
        event_type: asked.event_type.clone(),
        before: asked.before.clone(),
        limit: PAGE,
    };
    let rows = found.iter().map(|delivery| row(id, delivery, now)).collect::<Vec<_>>();
    let empty = if asked.restricts() {
        "No deliveries match. Choose another state or event type."
    } else {
        "No deliveries yet. They appear here as soon as an event is sent."
    };
    member.frame.render("Deliveries", || {
        view! {
            <Breadcrumbs above=above here="Deliveries" />
            <header class="page-head">
                <h1>"Deliveries"</h1>
            </header>
            <section class="card flush">
                {filters(asked, &path)}
                {log.rest.map(rest)}
                <DeliveryList rows=rows query=query empty=empty.to_owned() />
                {pages(asked, &path, older)}
            </section>
        }
    })
}

fn filters(asked: &Asked, path: &str) -> impl IntoView + use<> {
    let states = State::ALL.iter().map(|&it| option(it.as_str(), capitalised(it.as_str()), asked.state() == Some(it)));
    let types = EventType::ALL.map(|it| option(it.as_str(), it.to_string(), asked.event_type() == Some(it)));
    view! {
        <form class="filters" method="get" action=path.to_owned()>
            <div>
                <label for="state">"State"</label>
                <select class="input" id="state" name="state">
                    <option value="">"All states"</option>
                    {states.collect_view()}
                </select>
            </div>
            <div>
                <label for="type">"Event type"</label>
                <select class="input" id="type" name="type">
                    <option value="">"All types"</option>
                    {types.into_iter().collect_view()}
                </select>
            </div>
            <button class="button" type="submit">"Filter"</button>
            {asked.restricts().then(|| view! { <a class="button quiet" href=path.to_owned()>"Clear"</a> })}
        </form>
    }
}

/// Says what was not searched.
fn rest(rest: Rest) -> impl IntoView {
    let text = match rest {
        Rest::Pending => format!(
            "Many deliveries are waiting. Of these, the {PENDING_SEARCHED} that are due first were searched; clear the \
             filter to see all."
        ),
        Rest::After(_) => format!("{SEARCHED} deliveries were searched. Choose Older to go on."),
    };
    view! { <p class="hint">{text}</p> }
}

fn option(value: &'static str, label: String, selected: bool) -> impl IntoView {
    view! { <option value=value selected=selected>{label}</option> }
}

fn capitalised(text: &str) -> String {
    let (first, rest) = text.split_at(1);
    format!("{}{rest}", first.to_uppercase())
}

fn pages(asked: &Asked, path: &str, last: Option<EventId>) -> Option<impl IntoView + use<>> {
    let newest =
        (!asked.before.is_empty()).then(|| view! { <a class="button" href=asked.first_page(path)>"Newest"</a> });
    let older = last.map(|last| {
        view! {
            <a class="button" rel="next" href=asked.next_page(path, last)>
                "Older"
                <Icon name="next" />
            </a>
        }
    });
    (newest.is_some() || older.is_some())
        .then(|| view! { <nav class="pages" aria-label="Pages">{newest} {older}</nav> })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_address_says_wrongly_is_ignored() {
        let asked = Asked { state: "lost".into(), event_type: "task.failed".into(), before: "x".into() };
        let filter = asked.filter();
        assert_eq!((filter.state, filter.event_type, filter.before), (None, Some(EventType::TaskFailed), None));
    }
}

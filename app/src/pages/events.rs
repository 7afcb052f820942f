//! Settings > Events: what was accepted, newest first, and one event with its deliveries to every
//! webhook.

mod event;

use axum::{Router, response::Response};
use leptos::prelude::*;
use signet_engine::service::{
    event_types::Catalogue,
    events::{Event, EventFilter, EventPage},
};
use signet_model::{EventId, Timestamp, event::EventType};

use crate::{
    components::{Breadcrumbs, PageLink, When, page_links},
    error::PageResult,
    form::{Field, Form},
    frame::Member,
    html::IntoHtml,
    methods::get,
    pages::event_types,
    state::AppState,
    words::moment,
};

pub(crate) const PATH: &str = "/settings/events";

/// The events on one page.
const PAGE: u32 = 25;
/// The most types to choose from: a page has a size.
const MAX_TYPES: usize = 200;
/// The characters of a task's id that are read.
const TASK_MAX: usize = 300;

const TYPE: Field = Field::text("type", text::TYPE);
const TASK: Field = Field { placeholder: text::TASK_PLACEHOLDER, optional: true, ..Field::text("task", text::TASK) };
const BEFORE: Field = Field::named("before");

pub(crate) mod text {
    use signet_engine::service::events::EVENTS_SEARCHED;

    pub(crate) const TITLE: &str = "Events";
    pub(super) const LEAD: &str = "What your backend has sent in, and the deliveries that each event has made.";
    pub(super) const TYPE: &str = "Event type";
    pub(super) const ALL_TYPES: &str = "All types";
    pub(super) const TASK: &str = "Reference";
    pub(super) const TASK_PLACEHOLDER: &str = "A task or order id, the whole of it";
    pub(super) const FILTER: &str = "Filter";
    pub(super) const CLEAR: &str = "Clear";
    pub(super) const EVENT: &str = "Event";
    pub(super) const ACCEPTED: &str = "Accepted";
    pub(super) const DELIVERIES: &str = "Deliveries";
    pub(super) const TEST: &str = "Test";
    pub(super) const NO_TASK: &str = "None";
    pub(super) const NONE_YET: &str = "No events yet. They appear here as soon as your backend sends one.";
    pub(super) const NO_MATCH: &str = "No events match. Choose another type or reference.";

    pub(super) fn searched() -> String {
        format!("{EVENTS_SEARCHED} events were searched. Choose Older to go on.")
    }
}

pub(crate) fn routes() -> Router<AppState> {
    Router::new().route("/", get(show)).route("/{id}", get(event::show))
}

/// The address of the page of an event.
pub(crate) fn path(id: EventId) -> String {
    format!("{PATH}/{id}")
}

/// The address of the list of the events of one type.
pub(crate) fn of_type(name: &str) -> String {
    address(&[(TYPE.name, name)])
}

fn address(pairs: &[(&str, &str)]) -> String {
    let given = pairs.iter().filter(|(_, value)| !value.is_empty());
    let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(given).finish();
    if query.is_empty() { PATH.to_owned() } else { format!("{PATH}?{query}") }
}

async fn show(member: Member, form: Form) -> PageResult {
    let filter = EventFilter {
        event_types: form.get(&TYPE).parse::<EventType>().ok().map(|kind| [kind].into()),
        task: Some(task(&form)).filter(|task| !task.is_empty()),
        ..EventFilter::default()
    };
    let page = member.account().events(&filter, form.get(&BEFORE).parse().ok(), PAGE).await?;
    let catalogue = member.catalogue().await?;
    Ok(render(&member, &page, &catalogue, &form))
}

fn task(form: &Form) -> String {
    form.get(&TASK).trim().chars().take(TASK_MAX).collect()
}

fn render(member: &Member, page: &EventPage, catalogue: &Catalogue, form: &Form) -> Response {
    let now = member.frame.now;
    let is_filtered = !form.get(&TYPE).is_empty() || !form.get(&TASK).is_empty();
    let is_searched = page.next.is_some() && page.events.len() < PAGE as usize;
    member.frame.render(text::TITLE, || {
        view! {
            <Breadcrumbs here=text::TITLE />
            <header class="page-head">
                <div>
                    <h1>{text::TITLE}</h1>
                    <p class="lead">{text::LEAD}</p>
                </div>
            </header>
            <section class="card flush">
                {filters(catalogue, form, is_filtered)}
                {is_searched.then(|| view! { <p class="hint table-title">{text::searched()}</p> })}
                {table(&page.events, is_filtered, now)}
                {pages(form, page.next)}
            </section>
        }
    })
}

fn filters(catalogue: &Catalogue, form: &Form, is_filtered: bool) -> impl IntoView + use<> {
    let chosen = form.get(&TYPE).to_owned();
    let mut names: Vec<_> = catalogue.active().take(MAX_TYPES).map(|entry| entry.name.to_string()).collect();
    if !chosen.is_empty() && chosen.parse::<EventType>().is_ok() && !names.contains(&chosen) {
        names.push(chosen.clone());
    }
    let options = names.into_iter().map(|name| {
        let selected = name == chosen;
        view! {
            <option value=name.clone() selected=selected>
                {name.clone()}
            </option>
        }
    });
    view! {
        <form class="filters" method="get" action=PATH>
            <div>
                <label for=TYPE.name>{TYPE.label}</label>
                <select class="input" id=TYPE.name name=TYPE.name>
                    <option value="">{text::ALL_TYPES}</option>
                    {options.collect_view()}
                </select>
            </div>
            <div>
                <label for=TASK.name>{TASK.label}</label>
                <input class="input" id=TASK.name name=TASK.name value=task(form) placeholder=TASK.placeholder />
            </div>
            <button class="button" type="submit">{text::FILTER}</button>
            {is_filtered.then(|| view! { <a class="button quiet" href=PATH>{text::CLEAR}</a> })}
        </form>
    }
}

fn table(events: &[Event], is_filtered: bool, now: Timestamp) -> impl IntoView + use<> {
    if events.is_empty() {
        let none = if is_filtered { text::NO_MATCH } else { text::NONE_YET };
        return view! { <p class="table-empty">{none}</p> }.html();
    }
    let rows = events.iter().map(|event| row(event, now)).collect_view();
    view! {
        <table class="table">
            <thead>
                <tr>
                    <th scope="col">{text::EVENT}</th>
                    <th scope="col">{text::TASK}</th>
                    <th scope="col">{text::DELIVERIES}</th>
                    <th scope="col">{text::ACCEPTED}</th>
                </tr>
            </thead>
            <tbody>{rows}</tbody>
        </table>
    }
    .html()
}

fn row(event: &Event, now: Timestamp) -> impl IntoView + use<> {
    let task = event.task.clone();
    view! {
        <tr>
            <td class="main-cell">
                <a class="mono row-link" href=path(event.id)>
                    {event.event_type.clone()}
                </a>
                {event.is_test.then(|| view! { " " <span class="tag">{text::TEST}</span> })}
                <p class="muted mono wrap">{event.id.to_string()}</p>
            </td>
            <td data-label=text::TASK>
                {match task {
                    Some(task) => view! { <span class="mono wrap">{task}</span> }.html(),
                    None => view! { <span class="muted">{text::NO_TASK}</span> }.html(),
                }}
            </td>
            <td data-label=text::DELIVERIES>{event.deliveries}</td>
            <td data-label=text::ACCEPTED><When at=moment(event.accepted_at, now) /></td>
        </tr>
    }
}

fn pages(form: &Form, next: Option<EventId>) -> Option<impl IntoView + use<>> {
    let task = task(form);
    let kept = [(TYPE.name, form.get(&TYPE)), (TASK.name, &*task)];
    let newest = (!form.get(&BEFORE).is_empty()).then(|| PageLink::newest(address(&kept)));
    let older = next.map(|next| {
        let next = next.to_string();
        PageLink::older(address(&[kept[0], kept[1], (BEFORE.name, &next)]))
    });
    page_links(newest, older)
}

/// A link to the page of a type, if the catalogue may have it.
fn type_link(name: &str) -> impl IntoView + use<> {
    view! {
        <a class="mono" href=event_types::path(name)>
            {name.to_owned()}
        </a>
    }
}

#[cfg(test)]
mod tests;

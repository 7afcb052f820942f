//! Settings > Event types: the catalogue, and one type with its schema, a sample, and the webhooks
//! that listen to it.

use std::sync::Arc;

use axum::{Router, extract::Path, response::Response};
use leptos::prelude::*;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use signet_engine::service::{
    endpoints::Endpoint,
    event_types::{Catalogue, Entry},
};
use signet_model::event::EventType;

use crate::{
    components::{Breadcrumbs, PageLink, Status, StatusMark, Tone, page_links},
    error::{PageError, PageResult},
    form::{Field, Form},
    frame::Member,
    html::IntoHtml,
    methods::get,
    pages::events,
    present::{endpoint_path, endpoint_status, indented},
    state::AppState,
};

pub(crate) const PATH: &str = "/settings/event-types";

/// The types on one page.
const PAGE: usize = 50;
/// The webhooks that are asked whether they listen.
const WEBHOOKS: u32 = 1_000;
/// The webhooks that the page of a type names.
const NAMED: usize = 100;

/// All but letters, digits, and the marks that names have.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'.').remove(b'_').remove(b'-');

const AFTER: Field = Field::named("after");

pub(crate) mod text {
    pub(crate) const TITLE: &str = "Event types";
    pub(super) const LEAD: &str = "The kinds of events that webhooks can ask for, and who listens.";
    pub(super) const NAME: &str = "Name";
    pub(super) const LISTENERS: &str = "Webhooks";
    pub(super) const STATUS: &str = "Status";
    pub(super) const URL: &str = "Webhook";
    pub(super) const ACTIVE: &str = "Active";
    pub(super) const ARCHIVED: &str = "Archived";
    pub(super) const NO_DESCRIPTION: &str = "No description";
    pub(super) const SAMPLE: &str = "Sample body";
    pub(super) const SCHEMA: &str = "Schema";
    pub(super) const ANY_MEMBERS: &str = "This type has no schema: an event may have any members.";
    pub(super) const REFERENCE: &str = "Reference";
    pub(super) const REFERENCE_MEANING: &str =
        "Deliveries and events of this type are found by the value of this member.";
    pub(super) const WHO: &str = "Who listens";
    pub(super) const NOBODY: &str = "No webhook asks for this type.";
    pub(super) const EVENTS: &str = "See its events";
    pub(super) const FIRST: &str = "First";
    pub(super) const NEXT: &str = "Next";
    pub(super) const IS_ARCHIVED: &str = "This type is archived. Events of it are not taken any more.";

    pub(super) fn more(count: usize) -> String {
        format!("and {count} more")
    }
}

pub(crate) fn routes() -> Router<AppState> {
    Router::new().route("/", get(show)).route("/{name}", get(show_one))
}

/// The address of the page of a type.
pub(crate) fn path(name: &str) -> String {
    format!("{PATH}/{}", utf8_percent_encode(name, ENCODED))
}

async fn show(member: Member, form: Form) -> PageResult {
    let catalogue = member.catalogue().await?;
    let endpoints = member.account().endpoints().page(None, WEBHOOKS).await?;
    let after = form.get(&AFTER);
    let mut types: Vec<_> =
        catalogue.all().skip_while(|entry| entry.name.as_str() <= after).take(PAGE + 1).cloned().collect();
    let has_more = types.len() > PAGE;
    types.truncate(PAGE);
    let next = types.last().filter(|_| has_more).map(|entry| entry.name.to_string());
    Ok(member.frame.render(text::TITLE, || {
        view! {
            <Breadcrumbs here=text::TITLE />
            <header class="page-head">
                <div>
                    <h1>{text::TITLE}</h1>
                    <p class="lead">{text::LEAD}</p>
                </div>
            </header>
            {table(&types, &endpoints)}
            {pages(!after.is_empty(), next)}
        }
    }))
}

fn table(types: &[Arc<Entry>], endpoints: &[Endpoint]) -> impl IntoView + use<> {
    let rows = types.iter().map(|entry| row(entry, endpoints)).collect_view();
    view! {
        <section class="card flush">
            <table class="table">
                <thead>
                    <tr>
                        <th scope="col">{text::NAME}</th>
                        <th scope="col">{text::STATUS}</th>
                        <th scope="col">{text::LISTENERS}</th>
                    </tr>
                </thead>
                <tbody>{rows}</tbody>
            </table>
        </section>
    }
}

fn row(entry: &Entry, endpoints: &[Endpoint]) -> impl IntoView + use<> {
    let listening = listeners(&entry.name, endpoints).count();
    let description = entry.description.clone();
    view! {
        <tr>
            <td class="main-cell">
                <a class="mono row-link" href=path(entry.name.as_str())>
                    {entry.name.to_string()}
                </a>
                {(!description.is_empty()).then(|| view! { <p class="muted">{description}</p> })}
            </td>
            <td data-label=text::STATUS><StatusMark status=status(entry) /></td>
            <td data-label=text::LISTENERS>{listening}</td>
        </tr>
    }
}

/// The webhooks that ask for a type.
fn listeners<'e>(name: &EventType, endpoints: &'e [Endpoint]) -> impl Iterator<Item = &'e Endpoint> {
    endpoints.iter().filter(move |endpoint| endpoint.event_types.contains(name))
}

fn status(entry: &Entry) -> Status {
    match entry.archived_at {
        Some(_) => Status::new(Tone::Idle, text::ARCHIVED),
        None => Status::new(Tone::Good, text::ACTIVE),
    }
}

fn pages(is_later: bool, next: Option<String>) -> Option<impl IntoView + use<>> {
    let first = is_later.then(|| PageLink { label: text::FIRST, href: PATH.to_owned() });
    let next = next.map(|name| {
        let href = format!("{PATH}?{}={}", AFTER.name, utf8_percent_encode(&name, ENCODED));
        PageLink { label: text::NEXT, href }
    });
    page_links(first, next)
}

async fn show_one(member: Member, Path(name): Path<String>) -> PageResult {
    let catalogue = member.catalogue().await?;
    let entry = catalogue.get(&name).ok_or(PageError::NotFound)?;
    let endpoints = member.account().endpoints().page(None, WEBHOOKS).await?;
    Ok(render(&member, &catalogue, entry, &endpoints))
}

fn render(member: &Member, catalogue: &Catalogue, entry: &Entry, endpoints: &[Endpoint]) -> Response {
    let name = entry.name.to_string();
    let about = if entry.description.is_empty() { text::NO_DESCRIPTION.to_owned() } else { entry.description.clone() };
    let sample = indented(&catalogue.sample(&entry.name, member.frame.now).json);
    let archived = entry.archived_at.map(|_| view! { <p class="alert">{text::IS_ARCHIVED}</p> });
    member.frame.render(&name, || {
        view! {
            <Breadcrumbs above=vec![(PATH.to_owned(), text::TITLE.to_owned())] here=name.clone() />
            <header class="page-head">
                <div>
                    <h1 class="mono-title">{name.clone()}</h1>
                    <p class="lead">{about}</p>
                </div>
                <div class="actions">
                    <a class="button" href=events::of_type(&name)>{text::EVENTS}</a>
                </div>
            </header>
            {archived}
            {listening(member, &entry.name, endpoints)}
            <section class="card">
                <h2>{text::SAMPLE}</h2>
                <pre class="code" tabindex="0">{sample}</pre>
            </section>
            {schema(entry)}
            {reference(entry)}
        }
    })
}

fn schema(entry: &Entry) -> impl IntoView + use<> {
    let schema = entry.body_schema().and_then(|it| serde_json::to_string_pretty(&it).ok());
    view! {
        <section class="card">
            <h2>{text::SCHEMA}</h2>
            {match schema {
                Some(schema) => view! { <pre class="code" tabindex="0">{schema}</pre> }.html(),
                None => view! { <p class="hint">{text::ANY_MEMBERS}</p> }.html(),
            }}
        </section>
    }
}

/// The member by which events are looked for; `None` for a type that has none and names none.
fn reference(entry: &Entry) -> Option<impl IntoView + use<>> {
    let name = entry.reference.as_ref()?.to_string();
    Some(view! {
        <section class="card">
            <h2>{text::REFERENCE}</h2>
            <p><code>{name}</code></p>
            <p class="hint">{text::REFERENCE_MEANING}</p>
        </section>
    })
}

fn listening(member: &Member, name: &EventType, endpoints: &[Endpoint]) -> impl IntoView + use<> {
    let now = member.frame.now;
    let listening: Vec<_> = listeners(name, endpoints).collect();
    let more = listening.len().saturating_sub(NAMED);
    let rows = listening.iter().take(NAMED).map(|endpoint| {
        let description = endpoint.description.clone();
        view! {
            <tr>
                <td class="main-cell">
                    <a class="mono row-link" href=endpoint_path(endpoint.id)>
                        {endpoint.url.clone()}
                    </a>
                    {(!description.is_empty()).then(|| view! { <p class="muted">{description}</p> })}
                </td>
                <td data-label=text::STATUS><StatusMark status=endpoint_status(endpoint, now) /></td>
            </tr>
        }
    });
    let table = if listening.is_empty() {
        view! { <p class="table-empty">{text::NOBODY}</p> }.html()
    } else {
        view! {
            <table class="table">
                <thead>
                    <tr>
                        <th scope="col">{text::URL}</th>
                        <th scope="col">{text::STATUS}</th>
                    </tr>
                </thead>
                <tbody>{rows.collect_view()}</tbody>
            </table>
        }
        .html()
    };
    view! {
        <section class="card flush">
            <h2 class="table-title">{text::WHO}</h2>
            {table}
            {(more > 0).then(|| view! { <p class="hint">{text::more(more)}</p> })}
        </section>
    }
}

#[cfg(test)]
mod tests {
    use axum::http::StatusCode;

    use super::*;
    use crate::testing::Visitor;

    #[tokio::test]
    async fn the_catalogue_lists_types_and_each_has_a_page() {
        let owner = Visitor::owner().await;
        owner.endpoint().await;
        let list = owner.get(PATH).await;
        assert!(list.html.contains("href=\"/settings/event-types/task.failed\""), "{}", list.content());
        let page = owner.get(&path("task.failed")).await;
        assert_eq!(page.status, StatusCode::OK);
        insta::assert_snapshot!("type", page.content());
        assert_eq!(owner.get(&path("no.such")).await.status, StatusCode::NOT_FOUND);
    }

    #[tokio::test]
    async fn a_type_that_no_webhook_wants_says_so() {
        let owner = Visitor::owner().await;
        assert!(owner.get(&path("task.completed")).await.html.contains(text::NOBODY));
    }
}

//! Operator > Event types: the catalogue, which all accounts share, a page after another.

use std::sync::Arc;

use axum::Router;
use leptos::prelude::*;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use signet_engine::service::event_types::{Entry, Origin};
use signet_model::Timestamp;

use super::{ROOT, event_type};
use crate::{
    components::{Breadcrumbs, Icon, PageLink, Status, StatusMark, Tone, When, page_links},
    error::PageResult,
    form::{Field, Form},
    html::IntoHtml,
    methods::get,
    operating::Operating,
    state::AppState,
    words::moment,
};

pub(crate) const PATH: &str = "/operator/event-types";

/// The types on one page.
const PAGE: usize = 100;

const AFTER: Field = Field::named("after");

pub(crate) mod text {
    pub(crate) const TITLE: &str = "Event types";
    pub(super) const LEAD: &str = "The kinds of events that your backend can send. All accounts share them.";
    pub(super) const ADD: &str = "Create event type";
    pub(super) const NAME: &str = "Name";
    pub(super) const STATUS: &str = "Status";
    pub(super) const ORIGIN: &str = "From";
    pub(super) const CHANGED: &str = "Changed";
    pub(super) const BUILT_IN: &str = "Built in";
    pub(super) const PERSON: &str = "These pages or the API";
    pub(super) const FILE: &str = "A file";
    pub(super) const ACTIVE: &str = "Active";
    pub(super) const ARCHIVED: &str = "Archived";
    pub(super) const UNUSABLE: &str = "Cannot be read";
    pub(super) const FIRST: &str = "First";
    pub(super) const NEXT: &str = "Next";
    pub(super) const NONE: &str = "—";
}

pub(super) fn routes() -> Router<AppState> {
    Router::new().route("/", get(show)).merge(event_type::routes())
}

async fn show(operating: Operating, form: Form) -> PageResult {
    let catalogue = operating.engine().event_types().present(None).await?;
    let after = form.get(&AFTER);
    let mut types: Vec<_> =
        catalogue.all().skip_while(|entry| entry.name.as_str() <= after).take(PAGE + 1).cloned().collect();
    let has_more = types.len() > PAGE;
    types.truncate(PAGE);
    let next = types.last().filter(|_| has_more).map(|entry| entry.name.to_string());
    let now = operating.frame.now;
    Ok(operating.frame.render(text::TITLE, || {
        view! {
            <Breadcrumbs root=ROOT here=text::TITLE />
            <header class="page-head">
                <div>
                    <h1>{text::TITLE}</h1>
                    <p class="lead">{text::LEAD}</p>
                </div>
                <a class="button primary" href=event_type::NEW_PATH>
                    <Icon name="plus" />
                    {text::ADD}
                </a>
            </header>
            {table(&types, now)}
            {pages(!after.is_empty(), next)}
        }
    }))
}

fn table(types: &[Arc<Entry>], now: Timestamp) -> impl IntoView + use<> {
    view! {
        <section class="card flush">
            <table class="table">
                <thead>
                    <tr>
                        <th scope="col">{text::NAME}</th>
                        <th scope="col">{text::STATUS}</th>
                        <th scope="col">{text::ORIGIN}</th>
                        <th scope="col">{text::CHANGED}</th>
                    </tr>
                </thead>
                <tbody>{types.iter().map(|entry| row(entry, now)).collect_view()}</tbody>
            </table>
        </section>
    }
}

fn row(entry: &Entry, now: Timestamp) -> impl IntoView + use<> {
    let description = entry.description.clone();
    let origin = match entry.origin {
        Origin::BuiltIn => text::BUILT_IN,
        Origin::Person => text::PERSON,
        Origin::File => text::FILE,
    };
    view! {
        <tr>
            <td class="main-cell">
                <a class="mono row-link" href=event_type::path(&entry.name)>{entry.name.to_string()}</a>
                {(!description.is_empty()).then(|| view! { <p class="muted">{description}</p> })}
            </td>
            <td data-label=text::STATUS><StatusMark status=status(entry) /></td>
            <td data-label=text::ORIGIN>{origin}</td>
            <td data-label=text::CHANGED>
                {match entry.updated_at {
                    Some(at) => view! { <When at=moment(at, now) /> }.html(),
                    None => view! { <span class="muted">{text::NONE}</span> }.html(),
                }}
            </td>
        </tr>
    }
}

/// The state of a type in a word.
pub(super) fn status(entry: &Entry) -> Status {
    if entry.unusable.is_some() {
        Status::new(Tone::Bad, text::UNUSABLE)
    } else if entry.archived_at.is_some() {
        Status::new(Tone::Idle, text::ARCHIVED)
    } else {
        Status::new(Tone::Good, text::ACTIVE)
    }
}

fn pages(is_later: bool, next: Option<String>) -> Option<impl IntoView + use<>> {
    let first = is_later.then(|| PageLink { label: text::FIRST, href: PATH.to_owned() });
    let next = next.map(|name| {
        let href = format!("{PATH}?{}={}", AFTER.name, utf8_percent_encode(&name, NON_ALPHANUMERIC));
        PageLink { label: text::NEXT, href }
    });
    page_links(first, next)
}

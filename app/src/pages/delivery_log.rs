//! The delivery log of one webhook.

use axum::{Router, response::Response, routing::get};
use leptos::prelude::*;
use signet_engine::service::{
    deliveries::{Filter, Log, Position},
    endpoints::Endpoint,
    event_types::Catalogue,
};
use signet_model::{EndpointId, delivery::State, event::EventType};

use crate::{
    components::{Breadcrumbs, DeliveryList, PageLink, page_links},
    error::PageResult,
    form::{Field, Form},
    frame::{Ids, Member},
    pages::webhook,
    present::{endpoint_path, row},
    state::AppState,
};

/// The deliveries on one page.
const PAGE: u32 = 25;
/// The most types to choose from: a page has a size.
const MAX_TYPES: usize = 200;

const STATE: Field = Field::text("state", text::STATE);
const TYPE: Field = Field::text("type", text::TYPE);
const BEFORE: Field = Field::named("before");

pub(crate) mod text {
    use signet_engine::service::deliveries::{PENDING_SEARCHED, Rest, SEARCHED};

    pub(crate) const TITLE: &str = "Deliveries";
    pub(super) const STATE: &str = "State";
    pub(super) const ALL_STATES: &str = "All states";
    pub(super) const TYPE: &str = "Event type";
    pub(super) const ALL_TYPES: &str = "All types";
    pub(super) const FILTER: &str = "Filter";
    pub(super) const CLEAR: &str = "Clear";
    pub(super) const NO_MATCH: &str = "No deliveries match. Choose another state or event type.";
    pub(super) const NONE_YET: &str = "No deliveries yet. They appear here as soon as an event is sent.";

    /// Says that not all deliveries were searched.
    pub(super) fn rest(rest: Rest) -> String {
        match rest {
            Rest::Pending => format!(
                "Many deliveries are waiting. Of these, the {PENDING_SEARCHED} that are due first were searched; clear the \
                 filter to see all."
            ),
            Rest::Searched => format!("About {SEARCHED} deliveries were searched. Choose Older to go on."),
            Rest::Task => "The task has many events. Some of them were searched.".to_owned(),
        }
    }
}

/// The address of the log.
pub(crate) fn path(id: EndpointId) -> String {
    format!("{}/deliveries", endpoint_path(id))
}

pub(super) fn routes() -> Router<AppState> {
    Router::new().route("/deliveries", get(show))
}

/// The query of the address. Values that are invalid are ignored.
#[derive(Debug, Clone)]
struct Query {
    endpoint: EndpointId,
    filter: Filter,
    /// The place at which the page begins.
    from: Option<Position>,
}

impl Query {
    fn new(endpoint: EndpointId, form: &Form) -> Self {
        let filter = Filter {
            state: form.get(&STATE).parse().ok(),
            event_types: form.get(&TYPE).parse().ok().map(|kind: EventType| [kind].into()),
            ..Filter::default()
        };
        Self { endpoint, filter, from: form.get(&BEFORE).parse().ok() }
    }

    fn restricts(&self) -> bool {
        self.filter.state.is_some() || self.filter.event_types.is_some()
    }

    fn state(&self) -> &'static str {
        self.filter.state.map(State::as_str).unwrap_or_default()
    }

    fn event_type(&self) -> &str {
        self.filter.event_types.iter().flatten().next().map(signet_model::event::EventType::as_str).unwrap_or_default()
    }

    /// The address of the first page with the same filter.
    fn first_page(&self) -> String {
        let (state, kind) = (self.state(), self.event_type());
        format!("{}?{}={state}&{}={kind}", path(self.endpoint), STATE.name, TYPE.name)
    }

    /// The address of the page that begins at a place.
    fn next_page(&self, from: Position) -> String {
        format!("{}&{}={from}", self.first_page(), BEFORE.name)
    }
}

/// Shows one page of the log.
async fn show(member: Member, Ids(id): Ids<EndpointId>, form: Form) -> PageResult {
    let query = Query::new(id, &form);
    let endpoint = member.account().endpoint(id).get().await?;
    let log = member.account().endpoint(id).log(&query.filter, query.from, PAGE).await?;
    let catalogue = member.catalogue().await?;
    Ok(page(&member, &endpoint, &catalogue, &query, &log))
}

fn page(member: &Member, endpoint: &Endpoint, catalogue: &Catalogue, query: &Query, log: &Log) -> Response {
    let older = log.next;
    let rows = log.deliveries.iter().map(|delivery| row(endpoint.id, delivery, member.frame.now)).collect::<Vec<_>>();
    let empty = if query.restricts() { text::NO_MATCH } else { text::NONE_YET };
    member.frame.render(text::TITLE, || {
        view! {
            <Breadcrumbs above=webhook::breadcrumbs(endpoint) here=text::TITLE />
            <header class="page-head">
                <h1>{text::TITLE}</h1>
            </header>
            <section class="card flush">
                {filters(query, catalogue)}
                {log.rest.map(|rest| view! { <p class="hint">{text::rest(rest)}</p> })}
                <DeliveryList rows=rows empty=empty.to_owned() live=query.from.is_none() />
                {pages(query, older)}
            </section>
        }
    })
}

fn filters(query: &Query, catalogue: &Catalogue) -> impl IntoView + use<> {
    let path = path(query.endpoint);
    let clear = query.restricts().then(|| view! { <a class="button quiet" href=path.clone()>{text::CLEAR}</a> });
    let state = query.filter.state;
    let event_type = query.filter.event_types.iter().flatten().next().cloned();
    let states =
        State::ALL.iter().map(|&it| option(it.as_str().to_owned(), capitalised(it.as_str()), state == Some(it)));
    let mut types: Vec<EventType> = catalogue.active().take(MAX_TYPES).map(|entry| entry.name.clone()).collect();
    types.extend(event_type.clone().filter(|kind| !types.contains(kind)));
    let types = types.into_iter().map(|it| option(it.to_string(), it.to_string(), event_type.as_ref() == Some(&it)));
    view! {
        <form class="filters" method="get" action=path>
            {choice(&STATE, text::ALL_STATES, states.collect_view())}
            {choice(&TYPE, text::ALL_TYPES, types.collect_view())}
            <button class="button" type="submit">{text::FILTER}</button>
            {clear}
        </form>
    }
}

fn choice(field: &Field, all: &'static str, options: impl IntoView) -> impl IntoView {
    let Field { name, label, .. } = *field;
    view! {
        <div>
            <label for=name>{label}</label>
            <select class="input" id=name name=name>
                <option value="">{all}</option>
                {options}
            </select>
        </div>
    }
}

fn option(value: String, label: String, selected: bool) -> impl IntoView {
    view! { <option value=value selected=selected>{label}</option> }
}

fn capitalised(text: &str) -> String {
    let (first, rest) = text.split_at(1);
    format!("{}{rest}", first.to_uppercase())
}

fn pages(query: &Query, older: Option<Position>) -> Option<impl IntoView + use<>> {
    let newest = query.from.map(|_| PageLink::newest(query.first_page()));
    page_links(newest, older.map(|place| PageLink::older(query.next_page(place))))
}

#[cfg(test)]
mod tests {
    use signet_engine::testing::{Hands, completed};
    use signet_model::Timestamp;

    use super::*;
    use crate::testing::Visitor;

    #[tokio::test]
    async fn the_page_lists_deliveries() {
        let owner = Visitor::owner().await;
        let path = path(owner.endpoint().await.id);
        insta::assert_snapshot!("empty", owner.get(&path).await.content());
        Hands(&owner.engine).ingest(completed(&owner.engine, owner.account, "task_1")).await.0.expect("accepted");
        insta::assert_snapshot!(
            "filtered",
            owner.get(&format!("{path}?state=pending&type=task.completed")).await.content()
        );
        insta::assert_snapshot!("no_match", owner.get(&format!("{path}?state=failed")).await.content());
    }

    #[test]
    fn invalid_values_in_the_address_are_ignored() {
        let form = Form::blank().with(&STATE, "lost").with(&TYPE, "task.failed").with(&BEFORE, "x");
        let query = Query::new(EndpointId::new(Timestamp::from_unix_seconds(0), [0; 10]), &form);
        assert_eq!((query.filter.state, query.event_type(), query.from), (None, "task.failed", None));
        assert!(query.restricts());
    }
}

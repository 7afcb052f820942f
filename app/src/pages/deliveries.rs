//! Settings > Deliveries: what was sent by all webhooks, or by one, with filters, a delivery
//! beside the list, a file of what matches, and sending it again.

mod export;
mod filters;
mod list;
mod panel;
pub(crate) mod query;
pub(crate) mod resend;
pub(crate) mod text;

use std::collections::HashMap;

use axum::{Router, response::Response};
use leptos::prelude::*;
use signet_engine::{
    actor::Permission,
    service::{
        deliveries::{Log, Receiver, StateCounts},
        event_types::Catalogue,
    },
};
use signet_model::{EndpointId, EventId};

use self::{panel::Shown, query::Query};
use crate::{
    components::{Breadcrumbs, PageLink, error_summary, page_links},
    error::{PageError, PageResult},
    form::Form,
    frame::Member,
    html::{Html, IntoHtml},
    instants,
    methods::{AndPost, get},
    redirect::see_other,
    state::AppState,
};

pub(crate) const PATH: &str = "/settings/deliveries";

/// The deliveries on one page.
const PAGE: u32 = 25;

pub(crate) fn routes() -> Router<AppState> {
    Router::new()
        .route("/", get(show))
        .route("/export", get(export::file))
        .route("/resend", get(resend::ask).and_post(resend::start))
}

async fn show(member: Member, form: Form) -> PageResult {
    page(&member, None, form, text::TITLE, || {
        view! {
            <Breadcrumbs here=text::TITLE />
            <header class="page-head">
                <div>
                    <h1>{text::TITLE}</h1>
                    <p class="lead">{text::LEAD}</p>
                </div>
            </header>
        }
        .html()
    })
    .await
}

/// All that a page shows.
struct Found {
    log: Log,
    counts: StateCounts,
    /// The tasks of the events.
    tasks: HashMap<EventId, String>,
    receivers: Vec<Receiver>,
    shown: Option<Shown>,
}

impl Found {
    async fn find(member: &Member, query: &Query) -> Result<Self, PageError> {
        let (account, filter) = (member.account(), query.filter());
        let searched = filter.searched_by_page();
        // The list and the counts take about as long as each other.
        let (log, counts, receivers) = tokio::try_join!(
            account.deliveries_among(searched, &filter, query.before, PAGE),
            account.count_deliveries(&filter),
            account.receivers(),
        )?;
        let shown = match query.show {
            Some(id) => Some(Shown::find(member, query, id).await?),
            None => None,
        };
        let listed = log.deliveries.iter().filter_map(|one| match one {
            Ok(delivery) => Some(delivery.event),
            Err(delivery) => delivery.event,
        });
        let events: Vec<EventId> = listed.chain(shown.as_ref().and_then(Shown::event)).collect();
        let tasks = account.tasks_of(&events).await?;
        Ok(Self { log, counts, tasks, receivers, shown })
    }

    fn receiver(&self, endpoint: EndpointId) -> Option<&Receiver> {
        self.receivers.iter().find(|it| it.id == endpoint)
    }

    /// The host of a webhook.
    fn host(&self, endpoint: EndpointId) -> Option<String> {
        self.receiver(endpoint).map(Receiver::host)
    }

    /// Tells if a webhook has pages: a deleted one has none, and its deliveries have none.
    fn has_pages(&self, endpoint: EndpointId) -> bool {
        self.receiver(endpoint).is_some_and(|it| !it.is_deleted)
    }
}

/// The list of the account or of one webhook, below a head of its own.
pub(crate) async fn page(
    member: &Member,
    of: Option<EndpointId>,
    mut form: Form,
    title: &str,
    head: impl FnOnce() -> Html,
) -> PageResult {
    let (query, found) = match Query::read(of, &mut form) {
        // What was typed in a zone becomes an address that means the same to everybody.
        Ok(query) if instants::is_typed(&form) => return Ok(see_other(&query.first_page())),
        Ok(query) => {
            let found = Found::find(member, &query).await?;
            (query, Some(found))
        }
        Err(_) => (Query::whole(of), None),
    };
    let catalogue = member.catalogue().await?;
    Ok(render(member, &form, title, &View { query, found, catalogue: &catalogue }, head))
}

struct View<'c> {
    query: Query,
    /// `None` if a filter cannot be read.
    found: Option<Found>,
    catalogue: &'c Catalogue,
}

fn render(member: &Member, form: &Form, title: &str, it: &View<'_>, head: impl FnOnce() -> Html) -> Response {
    let View { query, found, catalogue } = it;
    let receivers = found.as_ref().map_or([].as_slice(), |found| &found.receivers);
    member.frame.render_form(form, title, || {
        let shown = found.as_ref().and_then(|found| Some((found, found.shown.as_ref()?)));
        let class = if shown.is_some() { "beside" } else { "beside alone" };
        view! {
            {head()}
            {error_summary(form)}
            <div class=class>
                <section class="card flush">
                    {found.as_ref().map(|found| filters::states(query, &found.counts))}
                    {filters::filters(query, form, catalogue, receivers)}
                    {found.as_ref().map(|found| list::list(member, query, found))}
                    {found.as_ref().map(|found| pages(query, found))}
                </section>
                {shown.map(|(found, shown)| panel::panel(member, query, found, shown))}
            </div>
            {found.as_ref().map(|found| all_that_match(member, query, found))}
        }
    })
}

fn pages(query: &Query, found: &Found) -> impl IntoView + use<> {
    // An empty part of the list has the link in its place.
    let next = found.log.next.filter(|_| !found.log.deliveries.is_empty());
    let newest = query.before.map(|_| PageLink::newest(query.first_page()));
    page_links(newest, next.map(|place| PageLink::older(query.next_page(place))))
}

/// What can be done with all that match.
fn all_that_match(member: &Member, query: &Query, found: &Found) -> impl IntoView + use<> {
    let sendable = found.counts.sendable(query.state);
    let is_some = query.restricts() || query.of.is_some();
    let resend = (member.may(Permission::SendDeliveries) && is_some && !sendable.is_none()).then(|| {
        let href = query.about(resend::PATH, &[]);
        view! { <a class="button" href=href>{text::resend_all(sendable)}</a> }
    });
    let file = |format| query.about(export::PATH, &[("format", format)]);
    view! {
        <div class="form-actions list-actions">
            {resend} <a class="button quiet" href=file("csv")>{text::CSV}</a>
            <a class="button quiet" href=file("ndjson")>{text::NDJSON}</a>
            <p class="hint">{text::export_hint(export::ROWS, export::LOOKED_AT)}</p>
        </div>
    }
}

#[cfg(test)]
mod tests;

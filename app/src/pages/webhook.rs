//! One webhook: how it stands, its secret, a test, its latest deliveries.

mod disabled;
pub(crate) mod held;
mod unusable;

use axum::response::Response;
use leptos::prelude::*;
use serde::Deserialize;
use signet_engine::{
    Engine, Unusable, UnusableDelivery,
    store::{
        Error,
        backlog::Count,
        deliveries::{Delivery, DeliveryDetail, Filter},
        endpoints::Endpoint,
    },
};
use signet_model::{AccountId, DeliveryId, EndpointId, Timestamp, event::EventType, signature::Secret};

use crate::{
    components::{Breadcrumbs, Confirm, StatusMark, When},
    error::PageError,
    frame::{Ids, Member, Params},
    islands::{DeliveryList, LogQuery, StoredSecret, TestPanel},
    pages::{webhook_delete::consequences, webhook_form::verification_hint},
    present::{endpoint_path, endpoint_status, row, test_report},
    redirect::{HOME, see_other},
    words::moment,
};

/// How many deliveries the page shows.
const RECENT: u32 = 10;

/// What the address of the page says.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct Asked {
    /// The test whose result is shown.
    test: Option<DeliveryId>,
}

/// Shows it.
pub(crate) async fn get(
    member: Member,
    Ids(id): Ids<EndpointId>,
    Params(asked): Params<Asked>,
) -> Result<Response, PageError> {
    page(&member, id, asked.test, None).await
}

/// Where a form's address leads when it is opened by itself.
pub(crate) async fn back(Ids(id): Ids<EndpointId>) -> Response {
    see_other(&endpoint_path(id))
}

/// What the page shows.
struct Shown {
    endpoint: Endpoint,
    recent: Vec<Result<Delivery, UnusableDelivery>>,
    held: Vec<(EventType, Count)>,
    /// The delivery whose failure disabled the webhook.
    cause: Option<DeliveryDetail>,
    test: Option<DeliveryDetail>,
    secret: Option<Secret>,
}

/// The page, with the result of a test or with the secret, if there is one to show.
pub(crate) async fn page(
    member: &Member,
    id: EndpointId,
    test: Option<DeliveryId>,
    secret: Option<Secret>,
) -> Result<Response, PageError> {
    let (engine, account) = (member.engine(), member.account);
    let endpoint = engine.endpoint(account, id).await?.ok_or(PageError::NotFound)?;
    let recent = engine.deliveries(account, id, Filter::default(), RECENT).await?;
    let held = engine.held_counts(account, id).await?;
    let cause = match endpoint.disabled.and_then(|disabled| disabled.by) {
        Some(delivery) => usable(engine, account, delivery).await?,
        None => None,
    };
    let test = match test {
        Some(delivery) => usable(engine, account, delivery).await?.filter(|it| it.delivery.endpoint == id),
        None => None,
    };
    Ok(render(member, &Shown { endpoint, recent, held, cause, test, secret }))
}

/// A delivery, if it is there and can be used.
async fn usable(engine: &Engine, account: AccountId, id: DeliveryId) -> Result<Option<DeliveryDetail>, Error> {
    match engine.delivery(account, id).await {
        Err(Error::UnusableDelivery(_)) => Ok(None),
        found => found,
    }
}

fn render(member: &Member, shown: &Shown) -> Response {
    let endpoint = &shown.endpoint;
    let path = endpoint_path(endpoint.id);
    let now = member.frame.now;
    let host = endpoint.host();
    member.frame.render(&host, || {
        view! {
            <Breadcrumbs above=vec![(HOME.to_owned(), "Webhooks".to_owned())] here=host.clone() />
            {head(endpoint, &path)}
            {unusable::panel(endpoint)}
            {disabled::panel(endpoint, &shown.held, shown.cause.as_ref(), now)}
            {held::panel(endpoint, &shown.held)}
            <section class="card">
                <h2>"Details"</h2>
                <dl class="facts">
                    <div><dt>"Description"</dt><dd>{description(endpoint)}</dd></div>
                    <div>
                        <dt>"Events"</dt>
                        <dd>
                            <ul class="tags">
                                {endpoint
                                    .event_types
                                    .iter()
                                    .map(|kind| view! { <li class="tag mono">{kind.as_str()}</li> })
                                    .collect_view()}
                            </ul>
                        </dd>
                    </div>
                    <div><dt>"Created"</dt><dd><When at=moment(endpoint.created_at, now) in_full=true /></dd></div>
                </dl>
            </section>
            {(endpoint.unusable != Some(Unusable::Secret)).then(|| secret_card(endpoint.id, shown.secret.as_ref()))}
            {endpoint.unusable.is_none().then(|| test_card(endpoint, shown.test.as_ref(), now))}
            {recent(&shown.recent, endpoint, &path, now)}
        }
    })
}

fn test_card(endpoint: &Endpoint, test: Option<&DeliveryDetail>, now: Timestamp) -> impl IntoView + use<> {
    view! {
        <section class="card" id="test">
            <h2>"Send a test event"</h2>
            <p class="hint">
                "A sample event goes to your receiver just as a real one would, marked with the header "
                <code>"X-Webhook-Test: true"</code> ". It is sent once, without retries."
            </p>
            <TestPanel
                endpoint=endpoint.id.to_string()
                action=format!("{}/test", endpoint_path(endpoint.id))
                types=EventType::ALL.map(|kind| kind.to_string()).into()
                chosen=chosen(endpoint, test)
                report=test.map(|test| test_report(test, now))
            />
        </section>
    }
}

fn head(endpoint: &Endpoint, path: &str) -> impl IntoView + use<> {
    let pause = endpoint.disabled.is_none().then(|| {
        view! {
            <form method="post" action=format!("{path}/pause")>
                <button class="button" type="submit">"Pause"</button>
            </form>
        }
    });
    let url = endpoint.url.clone();
    view! {
        <header class="page-head">
            <div>
                <h1 class="mono-title">{url.clone()}</h1>
                <p><StatusMark status=endpoint_status(endpoint) /></p>
            </div>
            <div class="actions">
                <a class="button" href=format!("{path}/edit")>"Edit"</a>
                {pause}
                <Confirm
                    id="delete-webhook".to_owned()
                    action=format!("{path}/delete")
                    open="Delete"
                    question="Delete this webhook?"
                    verb="Delete webhook"
                >
                    {consequences(&url)}
                </Confirm>
            </div>
        </header>
    }
}

fn description(endpoint: &Endpoint) -> impl IntoView + use<> {
    if endpoint.description.is_empty() {
        view! { <span class="muted">"None"</span> }.into_any()
    } else {
        endpoint.description.clone().into_any()
    }
}

/// The secret, masked unless it was asked for, and how to verify with it.
pub(crate) fn secret_card(id: EndpointId, secret: Option<&Secret>) -> impl IntoView + use<> {
    view! {
        <section class="card" id="secret">
            <h2>"Signing secret"</h2>
            <StoredSecret
                endpoint=id.to_string()
                page=endpoint_path(id)
                secret=secret.map(|secret| secret.reveal().to_owned())
            />
            {verification_hint()}
        </section>
    }
}

/// The type that was just tested, or the first one that the webhook wants.
fn chosen(endpoint: &Endpoint, test: Option<&DeliveryDetail>) -> String {
    let tested = test.map(|test| test.delivery.event_type);
    tested.or(endpoint.event_types.iter().next()).map(|kind| kind.to_string()).unwrap_or_default()
}

fn recent(
    deliveries: &[Result<Delivery, UnusableDelivery>],
    endpoint: &Endpoint,
    path: &str,
    now: Timestamp,
) -> impl IntoView + use<> {
    let query = LogQuery {
        endpoint: endpoint.id.to_string(),
        state: String::new(),
        event_type: String::new(),
        before: String::new(),
        limit: RECENT,
    };
    let rows = deliveries.iter().map(|delivery| row(endpoint.id, delivery, now)).collect::<Vec<_>>();
    view! {
        <section class="card flush" id="deliveries">
            <header class="card-head">
                <h2>"Recent deliveries"</h2>
                <p class="links">
                    <a href=format!("{path}/recover")>"Recover failed deliveries"</a>
                    <a href=format!("{path}/deliveries")>"View all"</a>
                </p>
            </header>
            <DeliveryList
                rows=rows
                query=query
                empty="Nothing was sent yet. Send a test event to try your receiver.".to_owned()
            />
        </section>
    }
}

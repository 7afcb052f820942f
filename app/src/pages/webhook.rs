//! One webhook: its state, its secret, a test, its latest deliveries.

mod disabled;
pub(crate) mod held;
mod options;
mod resting;
pub(crate) mod secret;
mod test_event;
pub(crate) mod text;
mod unusable;

use std::sync::Arc;

use axum::{Router, response::Response, routing::get};
use leptos::prelude::*;
use signet_engine::{
    Unusable, UnusableDelivery,
    actor::Permission,
    service::{
        Error,
        backlog::Count,
        deliveries::{Delivery, DeliveryDetail, Filter},
        endpoints::Endpoint,
        event_types::Catalogue,
    },
};
use signet_model::{DeliveryId, EndpointId, Timestamp, event::EventType, signature::Secret};

use self::{
    secret::secret_card,
    test_event::{TEST, test_card},
};
use crate::{
    components::{Breadcrumbs, Confirm, DeliveryList, StatusMark, When, event_type_tags},
    error::{PageError, PageResult},
    form::Form,
    frame::{Ids, Member},
    pages::{delivery, delivery_log, webhook_delete, webhook_form, webhook_recover, webhooks},
    present::{endpoint_path, endpoint_status, row},
    redirect::see_other,
    state::AppState,
    words::moment,
};

/// The deliveries on the page.
const RECENT: u32 = 10;

/// The page, its forms, and the pages below it.
pub(super) fn routes() -> Router<AppState> {
    Router::new()
        .route("/", get(show))
        .route("/pause", get(back).post(disabled::pause))
        .route("/enable", get(back).post(disabled::enable))
        .route("/held", get(back).post(held::settle))
        .route("/stop-waiting", get(back).post(resting::end))
        .route("/secret", get(back).post(secret::reveal))
        .route("/secret/new", get(back).post(secret::replace))
        .route("/test", get(back).post(test_event::send))
        .merge(webhook_form::edit_routes())
        .merge(webhook_delete::routes())
        .merge(webhook_recover::routes())
        .merge(delivery_log::routes())
        .merge(delivery::routes())
}

/// The pages above a page of a webhook.
pub(crate) fn breadcrumbs(endpoint: &Endpoint) -> Vec<(String, String)> {
    vec![(webhooks::PATH.to_owned(), webhooks::text::TITLE.to_owned()), (endpoint_path(endpoint.id), endpoint.host())]
}

/// Shows the page, with the result of the test that the address names.
async fn show(member: Member, Ids(id): Ids<EndpointId>, query: Form) -> PageResult {
    page(&member, id, query.get(&TEST).parse().ok(), None).await
}

/// Leads from the address of a form to the page with the form.
async fn back(Ids(id): Ids<EndpointId>) -> Response {
    see_other(&endpoint_path(id))
}

struct PageData {
    endpoint: Endpoint,
    recent: Vec<Result<Delivery, UnusableDelivery>>,
    held: Vec<(EventType, Count)>,
    /// The delivery whose failure disabled the webhook.
    cause: Option<DeliveryDetail>,
    test: Option<DeliveryDetail>,
    secret: Option<Secret>,
    catalogue: Arc<Catalogue>,
}

/// The page, with the result of a test or with the secret, if there is one to show.
async fn page(member: &Member, id: EndpointId, test: Option<DeliveryId>, secret: Option<Secret>) -> PageResult {
    let handle = member.account().endpoint(id);
    let endpoint = handle.get().await?;
    let recent = handle.deliveries(&Filter::default(), RECENT).await?;
    let held = handle.held_counts().await?;
    let cause = usable(member, endpoint.disabled.and_then(|disabled| disabled.by)).await?;
    let test = usable(member, test).await?.filter(|it| it.delivery.endpoint == id);
    let catalogue = member.catalogue().await?;
    Ok(render(member, &PageData { endpoint, recent, held, cause, test, secret, catalogue }))
}

/// The delivery with this id, if it is there and can be used.
async fn usable(member: &Member, id: Option<DeliveryId>) -> Result<Option<DeliveryDetail>, PageError> {
    let Some(id) = id else { return Ok(None) };
    match member.account().delivery(id).get().await {
        Err(Error::UnusableDelivery(_) | Error::DeliveryNotFound) => Ok(None),
        found => Ok(Some(found?)),
    }
}

fn render(member: &Member, data: &PageData) -> Response {
    let endpoint = &data.endpoint;
    let now = member.frame.now;
    let host = endpoint.host();
    let [changes, sends, reveals] =
        [Permission::ChangeWebhooks, Permission::SendDeliveries, Permission::RevealSecrets].map(|it| member.may(it));
    member.frame.render(&host, || {
        view! {
            <Breadcrumbs above=vec![(webhooks::PATH.to_owned(), webhooks::text::TITLE.to_owned())] here=host.clone() />
            {head(member, endpoint)}
            {unusable::panel(endpoint, changes)}
            {resting::panel(endpoint, now, changes)}
            {disabled::panel(endpoint, &data.held, data.cause.as_ref(), now, changes)}
            {sends.then(|| held::panel(endpoint, &data.held))}
            {details(endpoint, now)}
            {(reveals && endpoint.unusable != Some(Unusable::Secret))
                .then(|| secret_card(endpoint.id, data.secret.as_ref()))}
            {(sends && endpoint.unusable.is_none())
                .then(|| test_card(endpoint, &data.catalogue, data.test.as_ref(), now))}
            {recent(&data.recent, endpoint, now, sends)}
        }
    })
}

/// The head, with the buttons that the role may use.
fn head(member: &Member, endpoint: &Endpoint) -> impl IntoView + use<> {
    let now = member.frame.now;
    let path = endpoint_path(endpoint.id);
    let changes = member.may(Permission::ChangeWebhooks);
    let pause = (changes && endpoint.disabled.is_none()).then(|| disabled::pause_button(&path));
    let delete = member.may(Permission::DeleteWebhooks).then(|| {
        let url = endpoint.url.clone();
        view! {
            <Confirm
                id="delete-webhook".to_owned()
                action=webhook_delete::path(endpoint.id)
                open=webhook_delete::text::DELETE
                question=webhook_delete::text::QUESTION
                verb=webhook_delete::text::TITLE
            >
                {webhook_delete::consequences(&url)}
            </Confirm>
        }
    });
    view! {
        <header class="page-head">
            <div>
                <h1 class="mono-title">{endpoint.url.clone()}</h1>
                <p id="webhook-status" data-live=""><StatusMark status=endpoint_status(endpoint, now) /></p>
            </div>
            <div class="actions">
                {changes.then(|| view! { <a class="button" href=format!("{path}/edit")>{text::EDIT}</a> })}
                {pause}
                {delete}
            </div>
        </header>
    }
}

fn details(endpoint: &Endpoint, now: Timestamp) -> impl IntoView + use<> {
    view! {
        <section class="card">
            <h2>{text::DETAILS}</h2>
            <dl class="facts">
                <div><dt>{text::DESCRIPTION}</dt><dd>{description(endpoint)}</dd></div>
                <div>
                    <dt>{text::EVENTS}</dt>
                    <dd>
                        {event_type_tags(&endpoint.event_types)}
                    </dd>
                </div>
                {options::facts(endpoint)}
                <div><dt>{text::CREATED}</dt><dd><When at=moment(endpoint.created_at, now) in_full=true /></dd></div>
            </dl>
        </section>
    }
}

fn description(endpoint: &Endpoint) -> impl IntoView + use<> {
    if endpoint.description.is_empty() {
        view! { <span class="muted">{text::NO_DESCRIPTION}</span> }.into_any()
    } else {
        endpoint.description.clone().into_any()
    }
}

fn recent(
    deliveries: &[Result<Delivery, UnusableDelivery>],
    endpoint: &Endpoint,
    now: Timestamp,
    sends: bool,
) -> impl IntoView + use<> {
    let recover = sends.then(|| view! { <a href=webhook_recover::path(endpoint.id)>{text::RECOVER}</a> });
    let rows = deliveries.iter().map(|delivery| row(endpoint.id, delivery, now)).collect::<Vec<_>>();
    view! {
        <section class="card flush" id="deliveries">
            <header class="card-head">
                <h2>{text::RECENT}</h2>
                <p class="links">
                    {recover}
                    <a href=delivery_log::path(endpoint.id)>{text::VIEW_ALL}</a>
                </p>
            </header>
            <DeliveryList rows=rows empty=text::NOTHING_SENT.to_owned() />
        </section>
    }
}

#[cfg(test)]
mod tests;

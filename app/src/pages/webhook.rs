//! One webhook: tabs for its state, its deliveries, tests and its settings.

mod coming_back;
mod disabled;
pub(crate) mod fuse;
pub(crate) mod head;
pub(crate) mod held;
mod options;
mod overview;
mod resends;
mod resting;
mod rotation;
pub(crate) mod secret;
mod settings;
mod test_event;
pub(crate) mod text;
mod unusable;

use axum::{Router, response::Response};
use signet_engine::service::{Error, deliveries::DeliveryDetail, endpoints::Endpoint};
use signet_model::{DeliveryId, EndpointId};

use crate::{
    error::PageError,
    frame::{Ids, Member},
    methods::{AndPost, get},
    pages::{delivery, delivery_log, webhook_delete, webhook_form, webhook_recover, webhooks},
    present::{endpoint_path, endpoint_title},
    redirect::see_other,
    state::AppState,
};

/// The tabs, their forms, and the pages below them.
pub(super) fn routes() -> Router<AppState> {
    Router::new()
        .route("/", get(overview::show))
        .route("/test", get(test_event::show).and_post(test_event::send))
        .route("/settings", get(settings::show))
        .route("/pause", get(to_settings).and_post(disabled::pause))
        .route("/enable", get(to_overview).and_post(disabled::enable))
        .route("/held", get(to_overview).and_post(held::settle))
        .route("/stop-waiting", get(to_overview).and_post(resting::end))
        .route("/settings/secret", get(to_settings).and_post(secret::reveal))
        .route("/secret/new", get(to_settings).and_post(secret::replace))
        .route("/rotation", get(to_settings).and_post(rotation::begin))
        .route("/rotation/reveal", get(to_settings).and_post(rotation::reveal))
        .route("/rotation/test", get(to_settings).and_post(rotation::prove))
        .route("/rotation/switch", get(to_settings).and_post(rotation::switch))
        .route("/rotation/call-off", get(to_settings).and_post(rotation::call_off))
        .merge(coming_back::routes())
        .merge(resends::routes())
        .merge(webhook_form::edit_routes())
        .merge(webhook_delete::routes())
        .merge(webhook_recover::routes())
        .merge(delivery_log::routes())
        .merge(delivery::routes())
}

/// The pages above a page of a webhook.
pub(crate) fn breadcrumbs(endpoint: &Endpoint) -> Vec<(String, String)> {
    vec![
        (webhooks::PATH.to_owned(), webhooks::text::TITLE.to_owned()),
        (endpoint_path(endpoint.id), endpoint_title(endpoint)),
    ]
}

/// Leads from the address of a form to the tab with the form.
async fn to_overview(Ids(id): Ids<EndpointId>) -> Response {
    see_other(&endpoint_path(id))
}

/// The same, for forms in the settings.
async fn to_settings(Ids(id): Ids<EndpointId>) -> Response {
    see_other(&settings::path(id))
}

/// The delivery with this id, if it is there and can be used.
async fn usable(member: &Member, id: Option<DeliveryId>) -> Result<Option<DeliveryDetail>, PageError> {
    let Some(id) = id else { return Ok(None) };
    match member.account().delivery(id).get().await {
        Err(Error::UnusableDelivery(_) | Error::DeliveryNotFound) => Ok(None),
        found => Ok(Some(found?)),
    }
}

#[cfg(test)]
mod tests;

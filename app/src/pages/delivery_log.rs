//! The deliveries of one webhook: its part of the list of the account.

use axum::{Router, routing::get};
use leptos::prelude::*;
use signet_engine::service::endpoints::Endpoint;
use signet_model::EndpointId;

use crate::{
    components::Breadcrumbs,
    error::PageResult,
    form::Form,
    frame::{Ids, Member},
    pages::{deliveries, webhook},
    present::endpoint_path,
    state::AppState,
};

pub(crate) mod text {
    pub(crate) const TITLE: &str = "Deliveries";
}

/// The address of the log.
pub(crate) fn path(id: EndpointId) -> String {
    format!("{}/deliveries", endpoint_path(id))
}

pub(super) fn routes() -> Router<AppState> {
    Router::new().route("/deliveries", get(show))
}

/// Shows one page of the log.
async fn show(member: Member, Ids(id): Ids<EndpointId>, form: Form) -> PageResult {
    let endpoint = member.account().endpoint(id).get().await?;
    deliveries::page(&member, Some(id), form, text::TITLE, || head(&endpoint)).await
}

fn head(endpoint: &Endpoint) -> AnyView {
    view! {
        <Breadcrumbs above=webhook::breadcrumbs(endpoint) here=text::TITLE />
        <header class="page-head">
            <h1>{text::TITLE}</h1>
        </header>
    }
    .into_any()
}

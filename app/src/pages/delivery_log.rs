//! The deliveries of one webhook: its part of the list of the account.

use axum::Router;
use leptos::prelude::*;
use signet_model::EndpointId;

use crate::{
    error::PageResult,
    form::Form,
    frame::{Ids, Member},
    html::IntoHtml,
    methods::get,
    pages::{
        deliveries,
        webhook::{
            fuse,
            head::{Tab, head, title},
        },
    },
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
    let title = title(&endpoint, Tab::Deliveries);
    let fuse = fuse::read(&member, &endpoint).await?;
    let above = || {
        view! {
            {head(&member, &endpoint, Tab::Deliveries)}
            {fuse::panel(&member, &endpoint, fuse.as_ref())}
        }
        .html()
    };
    deliveries::page(&member, Some(id), form, &title, above).await
}

//! The stream that tells how a test ends, for the page that shows it (server-sent events).
//!
//! Each message is the new content of the section that names the stream. The event `end` says
//! that no more come: a browser would ask again otherwise.

use std::convert::Infallible;

use axum::{
    http::{HeaderValue, header},
    response::{
        IntoResponse, Response,
        sse::{Event, KeepAlive, Sse},
    },
};
use futures_util::{StreamExt, stream};
use leptos::prelude::*;
use signet_engine::service::deliveries::DeliveryDetail;
use signet_model::{DeliveryId, Timestamp};

use super::report::fragment;
use crate::{
    error::PageError,
    frame::{Frame, Ids},
};

/// Waits for the end of a test, which is some seconds away at most, and sends it.
pub(in crate::pages::webhook) async fn stream(frame: Frame, Ids(id): Ids<DeliveryId>) -> Result<Response, PageError> {
    let member = frame.member().ok_or(PageError::SignedOut)?;
    member.account().delivery(id).get().await?;
    let ended = stream::once(async move {
        let detail = member.account().delivery(id).await_test().await.ok()?;
        Some(Event::default().data(html(&detail, member.frame.state.now())))
    });
    let messages =
        ended.filter_map(std::future::ready).chain(stream::once(async { Event::default().event("end").data("") }));
    let mut response = Sse::new(messages.map(Ok::<_, Infallible>)).keep_alive(KeepAlive::default()).into_response();
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}

/// The content of the section. A stream of events has no carriage returns, which a receiver's
/// answer can have.
fn html(detail: &DeliveryDetail, now: Timestamp) -> String {
    let owner = Owner::new();
    let html = owner.with(|| fragment(detail, now).to_html());
    owner.cleanup();
    html.replace('\r', "&#13;")
}

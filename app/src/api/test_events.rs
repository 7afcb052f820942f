//! Test events: send one and wait for what the receiver answers.

use axum::response::Response;
use leptos::prelude::ServerFnError;
use signet_model::{DeliveryId, EndpointId, event::EventType};

use super::{caller, failed, not_found};
use crate::{
    error::PageError,
    form::Fields,
    frame::{Ids, Member},
    islands::TestReport,
    present::{endpoint_path, test_report},
    redirect::see_other,
};

/// Sends a test event and comes back to the webhook with the result.
pub(crate) async fn send(member: Member, Ids(id): Ids<EndpointId>, fields: Fields) -> Result<Response, PageError> {
    let kind: EventType = fields.get("type").parse().map_err(|_| PageError::Unreadable)?;
    let delivery = member.engine().send_test(member.account, id, kind).await?;
    member.engine().await_test(member.account, delivery).await?;
    Ok(see_other(&format!("{}?test={delivery}#test", endpoint_path(id))))
}

/// Sends a test event for an island.
pub(crate) async fn send_live(id: &str, kind: &str) -> Result<TestReport, ServerFnError> {
    let member = caller()?;
    let (Ok(id), Ok(kind)) = (id.parse::<EndpointId>(), kind.parse::<EventType>()) else { return Err(not_found()) };
    let report = outcome(&member, id, kind).await;
    report.map_err(failed)?.ok_or_else(not_found)
}

async fn outcome(member: &Member, id: EndpointId, kind: EventType) -> Result<Option<TestReport>, PageError> {
    let delivery: DeliveryId = member.engine().send_test(member.account, id, kind).await?;
    let detail = member.engine().await_test(member.account, delivery).await?;
    Ok(detail.map(|detail| test_report(&detail, member.frame.state.now())))
}

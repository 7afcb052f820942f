//! Deliveries: list, resend.

use axum::response::Response;
use leptos::prelude::ServerFnError;
use signet_engine::store::deliveries::{Filter, ResendError};
use signet_model::{DeliveryId, EndpointId};

use super::{caller, failed, not_found};
use crate::{
    error::PageError,
    frame::{Ids, Member},
    islands::{DeliveryRow, LogQuery},
    notice::Notice,
    pages,
    present::{delivery_path, row},
    redirect::done,
};

/// The most lines an island can ask for.
const MOST: u32 = 100;

/// Sends a delivery again.
pub(crate) async fn resend(
    member: Member,
    Ids((endpoint, id)): Ids<(EndpointId, DeliveryId)>,
) -> Result<Response, PageError> {
    let found = member.engine().delivery(member.account, id).await?;
    found.filter(|it| it.delivery.endpoint == endpoint).ok_or(PageError::NotFound)?;
    match member.engine().resend(member.account, id).await {
        Ok(()) => Ok(done(Notice::Resent, &delivery_path(endpoint, id))),
        Err(ResendError::Store(error)) => Err(error.into()),
        Err(refused) => pages::delivery::page(&member, endpoint, id, Some(refused.to_string())).await,
    }
}

/// The lines of the log that an island shows.
pub(crate) async fn rows_live(query: &LogQuery) -> Result<Vec<DeliveryRow>, ServerFnError> {
    let member = caller()?;
    let endpoint: EndpointId = query.endpoint.parse().map_err(|_| not_found())?;
    let filter = Filter {
        state: query.state.parse().ok(),
        event_type: query.event_type.parse().ok(),
        before: query.before.parse().ok(),
    };
    let limit = query.limit.min(MOST);
    let (engine, account) = (member.engine(), member.account);
    // No list is kept fresh of a webhook that is not there.
    engine.endpoint(account, endpoint).await.map_err(|error| failed(error.into()))?.ok_or_else(not_found)?;
    let found = engine.deliveries(account, endpoint, filter, limit).await;
    let found = found.map_err(|error| failed(error.into()))?;
    Ok(found.iter().map(|delivery| row(endpoint, delivery, member.frame.now)).collect())
}

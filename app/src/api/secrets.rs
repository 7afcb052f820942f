//! Signing secrets: reveal, replace one that cannot be opened.

use axum::response::Response;
use leptos::prelude::ServerFnError;
use signet_model::EndpointId;

use super::{caller, failed, not_found};
use crate::{
    error::PageError,
    frame::{Ids, Member},
    pages::webhook,
};

/// Shows the webhook with its secret.
pub(crate) async fn reveal(member: Member, Ids(id): Ids<EndpointId>) -> Result<Response, PageError> {
    let secret = member.engine().endpoint_secret(member.account, id).await?;
    webhook::page(&member, id, None, Some(secret)).await
}

/// Makes a new secret for a webhook whose own cannot be opened, and shows it.
pub(crate) async fn replace(member: Member, Ids(id): Ids<EndpointId>) -> Result<Response, PageError> {
    let secret = member.engine().replace_lost_secret(member.account, id).await?;
    webhook::page(&member, id, None, secret).await
}

/// The secret for an island.
pub(crate) async fn reveal_live(id: &str) -> Result<String, ServerFnError> {
    let member = caller()?;
    let id: EndpointId = id.parse().map_err(|_| not_found())?;
    let secret = member.engine().endpoint_secret(member.account, id).await.map_err(|error| failed(error.into()))?;
    Ok(secret.reveal().to_owned())
}

//! `DELETE /v1/accounts/{account}`: erases an account with all that is stored about it.

use axum::Json;
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    access::{AccountsWrite, OperatorIn},
    problem::{Problem, problems},
};

problems!(OPERATOR; NoSuchAccount);

/// The rows that were erased.
#[derive(Debug, Serialize, ToSchema)]
pub struct Erased {
    /// Events.
    events: u64,
    /// Their deliveries.
    deliveries: u64,
    /// The attempts of these.
    attempts: u64,
}

/// Erase an account.
///
/// All that is stored about it goes: events, deliveries, webhooks, keys, and the people who
/// have no other account. The work is done in steps, and goes on if the caller does not wait
/// for the answer. If it was interrupted, the request can be repeated.
#[utoipa::path(
    delete, path = "/v1/accounts/{account}", operation_id = "eraseAccount", tag = "Accounts",
    security(("key" = ["accounts:write"])),
    responses((status = 200, body = Erased, description = "The account is erased."), Problems)
)]
pub async fn erase_account(caller: OperatorIn<AccountsWrite>) -> Result<Json<Erased>, Problem> {
    let erasing = tokio::spawn(async move { caller.account().erase().await });
    let removed = erasing.await.map_err(|_| signet_engine::service::Error::Interrupted)??;
    Ok(Json(Erased { events: removed.events, deliveries: removed.deliveries, attempts: removed.attempts }))
}

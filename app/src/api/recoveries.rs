//! Failed deliveries: send many of them again.

use axum::{
    http::StatusCode,
    response::{IntoResponse, Response},
};
use signet_engine::store::backlog::RecoverError;
use signet_model::EndpointId;

use crate::{
    error::PageError,
    form::Fields,
    frame::{Ids, Member},
    notice::Notice,
    pages::webhook_recover::{Entry, Selection, dry_run},
    present::endpoint_path,
    redirect::done,
};

/// Sends what the form selects again, and goes to the log of deliveries.
pub(crate) async fn start(member: Member, Ids(id): Ids<EndpointId>, fields: Fields) -> Result<Response, PageError> {
    let entry = Entry::read(&fields);
    let Ok(Selection { since, types }) = entry.selection(member.frame.now) else {
        return dry_run(&member, id, &entry).await;
    };
    match member.engine().recover(member.account, id, since, types).await {
        Ok(count) => Ok(done(Notice::Recovered(count), &format!("{}/deliveries", endpoint_path(id)))),
        // The page says so.
        Err(RecoverError::Disabled) => {
            Ok((StatusCode::UNPROCESSABLE_ENTITY, dry_run(&member, id, &entry).await?).into_response())
        }
        Err(RecoverError::Store(error)) => Err(error.into()),
    }
}

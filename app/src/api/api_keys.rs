//! API keys: create, revoke.

use axum::{
    http::StatusCode,
    response::{IntoResponse, Response},
};
use signet_model::ApiKeyId;

use crate::{
    error::PageError,
    form::{Errors, Fields},
    frame::{Ids, Member},
    notice::Notice,
    pages::api_keys::{PATH, Shown, page},
    redirect::done,
};

/// The longest name, in characters.
const MAX_NAME_LEN: usize = 100;

/// Makes a key and shows it, this once.
pub(crate) async fn create(member: Member, fields: Fields) -> Result<Response, PageError> {
    let name = fields.get("name").trim();
    if let Some(message) = fault(name) {
        let shown = Shown { name: name.to_owned(), errors: Errors::one("name", message), created: None };
        return Ok((StatusCode::UNPROCESSABLE_ENTITY, page(&member, shown).await?).into_response());
    }
    let (_, key) = member.engine().create_api_key(Some(member.account), name).await?;
    page(&member, Shown { created: Some(key), ..Shown::default() }).await
}

fn fault(name: &str) -> Option<&'static str> {
    match name.chars().count() {
        0 => Some("Enter a name, so that you recognise the key later."),
        length if length > MAX_NAME_LEN => Some("Use at most 100 characters."),
        _ => None,
    }
}

/// Revokes a key.
pub(crate) async fn revoke(member: Member, Ids(id): Ids<ApiKeyId>) -> Result<Response, PageError> {
    member.engine().revoke_api_key(member.account, id).await?;
    Ok(done(Notice::KeyRevoked, PATH))
}

//! API keys: create, revoke.

use axum::{
    http::StatusCode,
    response::{IntoResponse, Response},
};
use signet_engine::store::api_keys::CreateKeyError;
use signet_model::{
    ApiKeyId,
    text::{KeyName, TextError},
};

use crate::{
    error::PageError,
    form::{Errors, FORM, Fields},
    frame::{Ids, Member},
    notice::Notice,
    pages::api_keys::{PATH, Shown, page},
    redirect::done,
};

/// Makes a key and shows it, this once.
pub(crate) async fn create(member: Member, fields: Fields) -> Result<Response, PageError> {
    let typed = fields.get("name");
    let errors = match typed.parse::<KeyName>() {
        Ok(name) => match member.engine().create_api_key(Some(member.account), &name).await {
            Ok((_, key)) => return page(&member, Shown { created: Some(key), ..Shown::default() }).await,
            Err(CreateKeyError::Store(error)) => return Err(error.into()),
            Err(refused @ CreateKeyError::TooMany(_)) => Errors::one(FORM, refused),
        },
        Err(TextError::TooShort(_)) => Errors::one("name", "Enter a name, so that you recognise the key later."),
        Err(error) => Errors::one("name", error),
    };
    let shown = Shown { name: typed.to_owned(), errors, created: None };
    Ok((StatusCode::UNPROCESSABLE_ENTITY, page(&member, shown).await?).into_response())
}

/// Revokes a key.
pub(crate) async fn revoke(member: Member, Ids(id): Ids<ApiKeyId>) -> Result<Response, PageError> {
    member.engine().revoke_api_key(member.account, id).await?;
    Ok(done(Notice::KeyRevoked, PATH))
}

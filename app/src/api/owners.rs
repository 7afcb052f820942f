//! The first owner of an account.

use axum::{
    http::StatusCode,
    response::{IntoResponse, Response},
};
use signet_engine::store::users::SetupError;

use crate::{
    cookie,
    error::PageError,
    form::{Errors, Fields},
    frame::{Frame, Ids},
    pages::setup,
    redirect::{HOME, see_other, with_cookie},
};

/// Creates the owner and signs them in.
pub(crate) async fn create(frame: Frame, Ids(token): Ids<String>, fields: Fields) -> Result<Response, PageError> {
    let email = fields.get("email").trim();
    let error = match frame.state.engine.create_owner(&token, email, fields.get("password")).await {
        Ok(session) => return Ok(with_cookie(cookie::keep_session(&session), see_other(HOME))),
        Err(error) => error,
    };
    let field = match error {
        SetupError::Email | SetupError::EmailTaken => "email",
        SetupError::PasswordTooShort | SetupError::PasswordTooLong => "password",
        SetupError::LinkInvalid => return setup::invalid(&frame).await,
        SetupError::Store(error) => return Err(error.into()),
    };
    let page = setup::page(&frame, &token, email, &Errors::one(field, error)).await?;
    Ok((StatusCode::UNPROCESSABLE_ENTITY, page).into_response())
}

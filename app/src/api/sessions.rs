//! Signing in and out.

use axum::{
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
};

use crate::{
    cookie,
    error::PageError,
    form::{Errors, FORM, Fields},
    frame::Frame,
    notice::Notice,
    pages::login,
    redirect::{HOME, done, local_path, see_other, with_cookie},
};

const WRONG: &str = "The e-mail address or the password is wrong.";

/// Signs in and goes on to the page that was asked for.
pub(crate) async fn sign_in(frame: Frame, fields: Fields) -> Result<Response, PageError> {
    let (email, next) = (fields.get("email").trim(), fields.get("next"));
    let Some(token) = frame.state.engine.sign_in(email, fields.get("password")).await? else {
        let page = login::page(&frame, email, next, &Errors::one(FORM, WRONG));
        return Ok((StatusCode::UNPROCESSABLE_ENTITY, page).into_response());
    };
    let next = local_path(next).unwrap_or(HOME);
    Ok(with_cookie(cookie::keep_session(&token), see_other(next)))
}

/// Ends the session, if there is one.
pub(crate) async fn sign_out(frame: Frame, headers: HeaderMap) -> Result<Response, PageError> {
    if let Some(token) = cookie::session_token(&headers) {
        frame.state.engine.sign_out(token).await?;
    }
    Ok(with_cookie(cookie::forget_session(), done(Notice::SignedOut, "/login")))
}

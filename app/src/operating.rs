//! The operator at their pages. Everybody else finds no page there.

use axum::{
    extract::FromRequestParts,
    http::request::Parts,
    response::{IntoResponse, Response},
};
use signet_engine::{
    Engine,
    actor::{Actor, Operator},
};
use signet_model::AccountId;

use crate::{
    error::PageError,
    frame::{Frame, sign_in_path},
    redirect::see_other,
    state::AppState,
};

/// A person who operates the server, with a session. A request without a session is sent to
/// the sign-in page, and anybody else is answered 404.
#[derive(Debug, Clone)]
pub(crate) struct Operating {
    pub(crate) frame: Frame,
    pub(crate) operator: Operator,
}

impl Operating {
    pub(crate) const fn engine(&self) -> &Engine {
        &self.frame.state.engine
    }

    /// The operator, acting in one account.
    pub(crate) fn actor(&self, account: AccountId) -> Actor {
        self.operator.in_account(account)
    }
}

impl FromRequestParts<AppState> for Operating {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, Response> {
        let frame = Frame::of(parts, state);
        let Some(session) = &frame.session else { return Err(see_other(&sign_in_path(parts))) };
        match session.as_operator(frame.browser.address()) {
            Some(operator) => Ok(Self { frame, operator }),
            None => Err(PageError::NotFound.into_response()),
        }
    }
}

//! The operator at their pages. Everybody else finds no page there.

use axum::{
    extract::FromRequestParts,
    http::request::Parts,
    response::{IntoResponse, Response},
};
use signet_engine::{
    Engine,
    actor::{Actor, Operator},
    service::sessions::Session,
};
use signet_model::AccountId;

use crate::{
    error::PageError,
    frame::{Frame, to_sign_in},
    pages::security,
    redirect::done,
    state::AppState,
};

mod text {
    pub(super) const SECOND_FACTOR: &str =
        "Those who operate the server need a second factor. Set one up here, and open Operator again.";
}

/// A person who operates the server, with a session. A request without a session is sent to
/// the sign-in page, anybody else is answered 404, and an operator without a second factor is
/// led to set one up.
#[derive(Debug, Clone)]
pub(crate) struct Operating {
    pub(crate) frame: Frame,
    pub(crate) operator: Operator,
    pub(crate) session: Session,
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
        let Some(session) = frame.session.clone() else { return Err(to_sign_in(parts)) };
        let Some(operator) = session.as_operator(frame.browser.address()) else {
            return Err(PageError::NotFound.into_response());
        };
        match state.engine.operators().lacks_second_factor(&session).await {
            Ok(false) => Ok(Self { frame, operator, session }),
            Ok(true) => Err(done(text::SECOND_FACTOR, security::PATH)),
            Err(error) => Err(PageError::from(error).into_response()),
        }
    }
}

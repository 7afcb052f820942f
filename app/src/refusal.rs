//! The pages for requests that the server turns away before they reach one of ours.

use axum::{
    http::{StatusCode, request::Parts},
    response::Response,
};
use signet_engine::request::RequestId;

use crate::{error::PageError, frame::Frame, pages, state::AppState};

/// The reason for which a request is turned away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// The request may change data, and comes from a page of another site (403).
    OtherOrigin,
    /// The request is for another host (421).
    OtherHost,
    /// Its body is too large (413).
    TooLarge,
    /// Its body did not arrive in time (408).
    TooLate,
    /// The database does not answer (503).
    NoDatabase,
}

impl Refusal {
    pub(crate) const fn status(self) -> StatusCode {
        match self {
            Self::OtherOrigin => StatusCode::FORBIDDEN,
            Self::OtherHost => StatusCode::MISDIRECTED_REQUEST,
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::TooLate => StatusCode::REQUEST_TIMEOUT,
            Self::NoDatabase => StatusCode::SERVICE_UNAVAILABLE,
        }
    }
}

/// The page that says why a request is turned away, with the request's number.
pub fn refuse(state: &AppState, request: &Parts, refusal: Refusal) -> Response {
    pages::error::page(&Frame::of(request, state), PageError::Refused(refusal), RequestId::of(&request.extensions))
}

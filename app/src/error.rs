//! What went wrong, as a page.

use axum::{
    extract::{Request, State},
    http::StatusCode,
    middleware::Next,
    response::{IntoResponse, Response},
};
use signet_engine::{
    deliver::ingest::IngestError,
    store::{self, deliveries::TestError},
};

use crate::{frame::Frame, pages, state::AppState};

/// Why there is no page to show.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum PageError {
    /// There is nothing here, or it belongs to another account.
    #[error("not found")]
    NotFound,
    /// The page is there, but not for this method.
    #[error("method not allowed")]
    MethodNotAllowed,
    /// What was sent cannot be read as a form.
    #[error("unreadable form")]
    Unreadable,
    /// Its row cannot be used.
    #[error("unusable")]
    Unusable,
    /// The server cannot keep up, or is stopping.
    #[error("busy")]
    Busy,
    /// As many test events as may be are under way: so many.
    #[error("{0} test events are under way. Wait until one of them has ended, and send another.")]
    TestsUnderWay(usize),
    /// The database was stopped because the page took too long.
    #[error("too slow")]
    TooSlow,
    /// The server is at fault.
    #[error("internal error")]
    Internal,
}

impl PageError {
    /// The status that goes with it.
    pub(crate) const fn status(self) -> StatusCode {
        match self {
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            Self::Unreadable => StatusCode::BAD_REQUEST,
            Self::Unusable => StatusCode::UNPROCESSABLE_ENTITY,
            Self::Busy | Self::TooSlow => StatusCode::SERVICE_UNAVAILABLE,
            Self::TestsUnderWay(_) => StatusCode::TOO_MANY_REQUESTS,
            Self::Internal => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }
}

impl From<store::Error> for PageError {
    fn from(error: store::Error) -> Self {
        match error {
            store::Error::NotFound => Self::NotFound,
            store::Error::Unusable(_) | store::Error::UnusableDelivery(_) => Self::Unusable,
            store::Error::TooSlow => {
                tracing::warn!("a page was stopped because it took too long");
                Self::TooSlow
            }
            error => {
                tracing::error!(error = &error as &dyn std::error::Error, "a page could not be made");
                Self::Internal
            }
        }
    }
}

impl From<TestError> for PageError {
    fn from(error: TestError) -> Self {
        match error {
            TestError::Store(error) => error.into(),
            TestError::Unusable(_) => Self::Unusable,
            TestError::Ingest(error) => error.into(),
        }
    }
}

impl From<IngestError> for PageError {
    fn from(error: IngestError) -> Self {
        match error {
            IngestError::Overloaded | IngestError::Stopping => Self::Busy,
            IngestError::TestsUnderWay(count) => Self::TestsUnderWay(count),
            IngestError::UnknownAccount => Self::NotFound,
            IngestError::KeyReused | IngestError::AnswerUnreadable | IngestError::Store => Self::Internal,
        }
    }
}

impl IntoResponse for PageError {
    fn into_response(self) -> Response {
        let mut response = self.status().into_response();
        response.extensions_mut().insert(self);
        response
    }
}

/// Turns the errors of all handlers into pages.
pub(crate) async fn as_page(State(_): State<AppState>, frame: Frame, request: Request, next: Next) -> Response {
    let response = next.run(request).await;
    match response.extensions().get::<PageError>() {
        Some(&error) => pages::error::page(&frame, error),
        None => response,
    }
}

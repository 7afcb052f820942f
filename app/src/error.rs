//! Errors of pages and of the calls of islands.

use axum::{
    body::{Body, Bytes, to_bytes},
    extract::{Request, State},
    http::{Method, StatusCode},
    middleware::Next,
    response::{IntoResponse, Response},
};
use leptos::prelude::{ServerFnError, expect_context};
use signet_engine::{
    db,
    deliver::ingest::IngestError,
    request::RequestId,
    service::{self, accounts::ThresholdError, deliveries::TestError},
};

use crate::{
    form::Form,
    frame::Frame,
    island_call::AnswerStatus,
    once::Once,
    pages::{self, kept},
    redirect::with_cookie,
    refusal::Refusal,
    state::AppState,
};

/// The largest form, in bytes, as the server lets it through.
const MAX_FORM: usize = 64 * 1024;

/// A page, or its error.
pub(crate) type PageResult = Result<Response, PageError>;

/// The reason for which a request has no page of its own. It is no
/// [`std::error::Error`]: those become answers to islands with their text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PageError {
    /// The address leads to no row of the account.
    NotFound,
    /// The page does not take this method.
    MethodNotAllowed,
    /// The island's call came without a session.
    SignedOut,
    /// The person has to prove again to be the one who signed in.
    ProofNeeded,
    /// The body of the request is no form.
    Unreadable,
    /// The server turned the request away before it reached a page.
    Refused(Refusal),
    /// The row cannot be used as it is stored.
    Unusable,
    /// The person's role does not allow it.
    Forbidden,
    /// The operator has suspended the account.
    Suspended,
    /// The server cannot keep up, or is stopping.
    Busy,
    /// The server, or the account, has as many test events under way as it may.
    TestsUnderWay(usize),
    /// The account has sent as many tests as it may for now.
    TooManyTests,
    /// Too many attempts to get in: the seconds to wait.
    TooManyAttempts(u64),
    /// The database was stopped because the page took too long.
    TooSlow,
    /// The server is at fault.
    Internal,
}

impl PageError {
    /// The status that goes with it.
    pub(crate) const fn status(self) -> StatusCode {
        match self {
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            Self::SignedOut => StatusCode::UNAUTHORIZED,
            Self::Unreadable => StatusCode::BAD_REQUEST,
            Self::Unusable => StatusCode::UNPROCESSABLE_ENTITY,
            Self::Forbidden | Self::Suspended | Self::ProofNeeded => StatusCode::FORBIDDEN,
            Self::Refused(refusal) => refusal.status(),
            Self::Busy | Self::TooSlow => StatusCode::SERVICE_UNAVAILABLE,
            Self::TestsUnderWay(_) | Self::TooManyTests | Self::TooManyAttempts(_) => StatusCode::TOO_MANY_REQUESTS,
            Self::Internal => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }
}

impl PageError {
    /// The seconds after which the request may come again, where they are known.
    pub(crate) const fn retry_after(self) -> Option<u64> {
        match self {
            Self::TooManyAttempts(seconds) => Some(seconds),
            Self::TestsUnderWay(_) | Self::TooManyTests => Some(10),
            Self::Refused(Refusal::NoDatabase) => Some(5),
            _ => None,
        }
    }
}

impl From<service::Error> for PageError {
    fn from(error: service::Error) -> Self {
        match error {
            service::Error::AccountNotFound
            | service::Error::EndpointNotFound
            | service::Error::DeliveryNotFound
            | service::Error::EventNotFound
            | service::Error::ResendNotFound
            | service::Error::ApiKeyNotFound
            | service::Error::PersonNotFound
            | service::Error::SessionNotFound
            | service::Error::InvitationNotFound => Self::NotFound,
            service::Error::Forbidden(_) => Self::Forbidden,
            service::Error::ProofNeeded => Self::ProofNeeded,
            service::Error::Unusable(_) | service::Error::UnusableDelivery(_) => Self::Unusable,
            service::Error::Database(db::Error::TooSlow) => {
                tracing::warn!("a page was stopped because it took too long");
                Self::TooSlow
            }
            // The engine tells the log once, and not for each page.
            error if error.trouble().is_some() => {
                tracing::debug!(error = &error as &dyn std::error::Error, "a page could not be made");
                Self::Refused(Refusal::NoDatabase)
            }
            error => {
                tracing::error!(error = &error as &dyn std::error::Error, "a page could not be made");
                Self::Internal
            }
        }
    }
}

impl From<db::Error> for PageError {
    fn from(error: db::Error) -> Self {
        service::Error::from(error).into()
    }
}

impl From<TestError> for PageError {
    fn from(error: TestError) -> Self {
        match error {
            TestError::Store(error) => error.into(),
            TestError::TooMany => Self::TooManyTests,
            TestError::Unusable(_) => Self::Unusable,
            TestError::UnknownType | TestError::Body(_) => Self::Unreadable,
            TestError::Ingest(error) => error.into(),
        }
    }
}

impl From<ThresholdError> for PageError {
    fn from(error: ThresholdError) -> Self {
        match error {
            ThresholdError::Operation(error) => error.into(),
            ThresholdError::Ingest(error) => error.into(),
        }
    }
}

impl From<IngestError> for PageError {
    fn from(error: IngestError) -> Self {
        match error {
            IngestError::Overloaded | IngestError::Stopping => Self::Busy,
            IngestError::TestsUnderWay(count) => Self::TestsUnderWay(count),
            IngestError::UnknownAccount => Self::NotFound,
            IngestError::Suspended => Self::Suspended,
            IngestError::Store => Self::Refused(Refusal::NoDatabase),
            IngestError::KeyReused | IngestError::AnswerUnreadable => Self::Internal,
        }
    }
}

impl From<PageError> for ServerFnError {
    /// Answers the call of an island with the status of the error, and with a sentence.
    fn from(error: PageError) -> Self {
        expect_context::<AnswerStatus>().set(error.status());
        Self::new(pages::error::text::for_island(error))
    }
}

impl IntoResponse for PageError {
    fn into_response(self) -> Response {
        let mut response = self.status().into_response();
        response.extensions_mut().insert(self);
        response
    }
}

/// Turns the errors of all handlers into pages. Where proof is needed again, that is the
/// question for it, and where the session has ended, the way to sign in: both keep the form.
/// A form with a one-time id is done once.
pub(crate) async fn as_page(State(state): State<AppState>, frame: Frame, request: Request, next: Next) -> Response {
    let id = RequestId::of(request.extensions());
    let (request, fields) = match keep_fields(request).await {
        Ok(kept) => kept,
        Err(error) => return pages::error::page(&frame, error, id),
    };
    let form = fields.as_deref().map(Form::of_body);
    let carried =
        frame.session.is_some() && kept::carried_path(&state, request.headers()).is_some_and(|it| it == frame.path);
    let response = match form.as_ref().and_then(|form| Once::of(&frame, form)) {
        Some(once) => once.run(request, fields.unwrap_or_default(), next).await,
        None => next.run(request).await,
    };
    match (response.extensions().get::<PageError>(), form) {
        (Some(PageError::ProofNeeded), form) => pages::prove::ask(&frame, form).await,
        (Some(PageError::SignedOut), Some(form)) => kept::keep(&frame, &form),
        (Some(&error @ PageError::TooManyAttempts(_)), Some(form)) => kept::too_soon(&frame, &form, error, id),
        (Some(&error), _) => pages::error::page(&frame, error, id),
        // The form that was kept has been sent.
        (None, Some(_)) if carried && response.status().is_redirection() => with_cookie(kept::forgotten(), response),
        (None, _) => response,
    }
}

/// The request, and the fields of its form if it is one.
async fn keep_fields(request: Request) -> Result<(Request, Option<Bytes>), PageError> {
    if request.method() != Method::POST {
        return Ok((request, None));
    }
    let (parts, body) = request.into_parts();
    let body = to_bytes(body, MAX_FORM).await.map_err(|_| PageError::Unreadable)?;
    Ok((Request::from_parts(parts, Body::from(body.clone())), Some(body)))
}

//! Running the server functions that islands call.
//!
//! This is all of `leptos_axum` that these pages need; the rest of it, with Leptos's router, would
//! be built before the pages.

use std::sync::{
    Arc,
    atomic::{AtomicU16, Ordering},
};

use axum::{
    extract::Request,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use leptos::{
    prelude::{Owner, provide_context},
    reactive::computed::ScopedFuture,
};

use crate::state::AppState;

/// The status that an error gives to the answer; without one it is Leptos's.
#[derive(Debug, Clone, Default)]
pub(crate) struct AnswerStatus(Arc<AtomicU16>);

impl AnswerStatus {
    /// Chooses the status.
    pub(crate) fn set(&self, status: StatusCode) {
        self.0.store(status.as_u16(), Ordering::Relaxed);
    }

    /// The chosen one.
    fn get(&self) -> Option<StatusCode> {
        StatusCode::from_u16(self.0.load(Ordering::Relaxed)).ok()
    }
}

/// Answers a call with the function at its path. The head of the request, the state and the
/// status are its context.
pub(crate) async fn run(state: AppState, request: Request) -> Response {
    let service = server_fn::axum::get_server_fn_service(request.uri().path(), request.method().clone());
    let Some(mut service) = service else { return StatusCode::BAD_REQUEST.into_response() };
    let (head, body) = request.into_parts();
    let request = Request::from_parts(head.clone(), body);
    let status = AnswerStatus::default();
    let context = status.clone();
    let owner = Owner::new();
    let answer = owner.with(|| {
        ScopedFuture::new(async move {
            provide_context(head);
            provide_context(context);
            provide_context(state);
            service.run(request).await
        })
    });
    let mut answer = answer.await;
    if let Some(status) = status.get() {
        *answer.status_mut() = status;
    }
    answer
}

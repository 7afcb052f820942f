//! What answers the methods of a path, in axum's router.
//!
//! Around a handler axum puts several layers, each of whose types names the handler's, and the
//! compiler checks all that its future holds for each of them: that took a quarter of the time in
//! which this crate is compiled. Behind a pointer, each handler is checked once.

use std::{pin::Pin, sync::Arc};

use axum::{
    extract::Request,
    handler::Handler,
    response::Response,
    routing::{self, MethodRouter},
};

type Answering = Pin<Box<dyn Future<Output = Response> + Send>>;

/// What axum asks of the state of a router.
pub(crate) trait State: Clone + Send + Sync + 'static {}

impl<S: Clone + Send + Sync + 'static> State for S {}

/// A handler; its type says nothing of the function.
struct Pointer<S>(Arc<dyn Fn(Request, S) -> Answering + Send + Sync>);

impl<S> Pointer<S> {
    fn to<T>(handler: impl Handler<T, S, Future = Answering>) -> Self {
        Self(Arc::new(move |request, state| handler.clone().call(request, state)))
    }
}

impl<S> Clone for Pointer<S> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<S: 'static> Handler<(), S> for Pointer<S> {
    type Future = Answering;

    fn call(self, request: Request, state: S) -> Answering {
        (self.0)(request, state)
    }
}

/// Answers GET.
pub(crate) fn get<T, S: State>(handler: impl Handler<T, S, Future = Answering>) -> MethodRouter<S> {
    routing::get(Pointer::to(handler))
}

/// Answers POST.
pub(crate) fn post<T, S: State>(handler: impl Handler<T, S, Future = Answering>) -> MethodRouter<S> {
    routing::post(Pointer::to(handler))
}

/// Answers POST as well.
pub(crate) trait AndPost<S> {
    /// Answers POST as well.
    fn and_post<T>(self, handler: impl Handler<T, S, Future = Answering>) -> Self;
}

impl<S: State> AndPost<S> for MethodRouter<S> {
    fn and_post<T>(self, handler: impl Handler<T, S, Future = Answering>) -> Self {
        self.post(Pointer::to(handler))
    }
}

//! The router of the dashboard: pages, forms, and the server functions of islands.

use axum::{
    Router,
    extract::{Request, State},
    http::header,
    middleware,
    response::{IntoResponse, Response},
    routing::{get, post},
};
use leptos::prelude::provide_context;

use crate::{
    attempts,
    error::{self, PageError},
    page_limit::{self, PageLimit},
    pages,
    redirect::{HOME, see_other},
    state::AppState,
};

/// All pages, form handlers and server functions. The server adds the session
/// to the requests' extensions, and checks the origin of unsafe requests.
pub fn router(state: AppState) -> Router {
    Router::new()
        .route("/", get(async || see_other(HOME)))
        .route("/favicon.svg", get(favicon))
        .merge(pages::routes(&state))
        .route("/live/{*name}", post(server_function))
        .fallback(async || PageError::NotFound)
        .method_not_allowed_fallback(async || PageError::MethodNotAllowed)
        .layer(middleware::from_fn_with_state(PageLimit::default(), page_limit::apply))
        .layer(middleware::from_fn_with_state(state.clone(), attempts::count))
        .layer(middleware::from_fn_with_state(state.clone(), error::as_page))
        .with_state(state)
}

async fn favicon() -> ([(header::HeaderName, &'static str); 2], &'static str) {
    let headers = [(header::CONTENT_TYPE, "image/svg+xml"), (header::CACHE_CONTROL, "public, max-age=86400")];
    (headers, include_str!("favicon.svg"))
}

/// Answers the calls of islands. No cache stores an answer, and none is the
/// redirect to the `Referer` by which Leptos answers a form.
async fn server_function(State(state): State<AppState>, mut request: Request) -> Response {
    for name in [header::ACCEPT, header::REFERER] {
        request.headers_mut().remove(name);
    }
    let context = move || provide_context(state.clone());
    let answer = leptos_axum::handle_server_fns_with_context(context, request).await;
    ([(header::CACHE_CONTROL, "no-store")], answer).into_response()
}

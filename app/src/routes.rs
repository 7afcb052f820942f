//! Which address shows which page.

use axum::{
    Router,
    extract::Request,
    http::header,
    middleware,
    response::Response,
    routing::{get, post},
};
use leptos::prelude::provide_context;

use crate::{
    api,
    error::{self, PageError},
    pages,
    redirect::{HOME, see_other},
    state::AppState,
};

/// All pages, form handlers and server functions. The server adds the session
/// to the requests' extensions, and checks where unsafe requests come from.
pub fn router(state: AppState) -> Router {
    Router::new()
        .route("/", get(async || see_other(HOME)))
        .route("/favicon.svg", get(favicon))
        .route("/setup/{token}", get(pages::setup::get).post(api::owners::create))
        .route("/login", get(pages::login::get).post(api::sessions::sign_in))
        .route("/logout", post(api::sessions::sign_out))
        .route("/live/{*name}", post(server_function))
        .fallback(async || PageError::NotFound)
        .method_not_allowed_fallback(async || PageError::MethodNotAllowed)
        .layer(middleware::from_fn_with_state(state.clone(), error::as_page))
        .with_state(state)
}

async fn favicon() -> ([(header::HeaderName, &'static str); 2], &'static str) {
    let headers = [(header::CONTENT_TYPE, "image/svg+xml"), (header::CACHE_CONTROL, "public, max-age=86400")];
    (headers, include_str!("favicon.svg"))
}

/// What islands call.
async fn server_function(axum::extract::State(state): axum::extract::State<AppState>, request: Request) -> Response {
    use axum::response::IntoResponse;
    leptos_axum::handle_server_fns_with_context(move || provide_context(state.clone()), request).await.into_response()
}

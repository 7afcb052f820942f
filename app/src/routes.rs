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
    attempts, brand,
    error::{self, PageError},
    icons,
    page_limit::{self, PageLimit},
    pages,
    place::{self, IN_FRAME},
    redirect::{HOME, see_other},
    state::AppState,
};

/// All pages, form handlers and server functions. The server adds the session
/// to the requests' extensions, and checks the origin of unsafe requests.
pub fn router(state: AppState) -> Router {
    Router::new()
        .route("/", get(async || see_other(HOME)))
        .merge(icons::routes())
        .merge(brand::routes())
        .merge(pages::routes(&state))
        .merge(pages::live_routes())
        .route("/live/{*name}", post(server_function))
        .route(&format!("{IN_FRAME}/live/{{*name}}"), post(server_function_in_frame))
        .fallback(async || PageError::NotFound)
        .method_not_allowed_fallback(async || PageError::MethodNotAllowed)
        .layer(middleware::from_fn_with_state(PageLimit::default(), page_limit::apply))
        .layer(middleware::from_fn_with_state(state.clone(), attempts::count))
        .layer(middleware::from_fn_with_state(state.clone(), error::as_page))
        .layer(middleware::from_fn(place::partition_cookies))
        .with_state(state)
}

/// Answers the calls of islands in a frame, by the names that all have.
async fn server_function_in_frame(state: State<AppState>, mut request: Request) -> Response {
    let path = request.uri().path().strip_prefix(IN_FRAME).and_then(|path| path.parse().ok());
    *request.uri_mut() = path.unwrap_or_default();
    server_function(state, request).await
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

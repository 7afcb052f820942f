//! The router of the dashboard: pages, forms, and the server functions of islands.

use axum::{
    Router,
    extract::{Request, State},
    http::header,
    middleware,
    response::{IntoResponse, Response},
};

use crate::{
    attempts, brand,
    error::{self, PageError},
    icons, island_call,
    live::{self, Looks},
    methods::{get, post},
    page_limit::{self, PageLimit},
    pages,
    place::{self, IN_FRAME},
    redirect::{HOME, see_other},
    state::AppState,
    zone,
};

/// All pages, form handlers and server functions. The server adds the session
/// to the requests' extensions, and checks the origin of unsafe requests.
pub fn router(state: AppState) -> Router {
    let pages = pages_of(&state);
    // Shows other pages, each of which waits for its turn by itself.
    pages::kept::routes(&state, &pages).layer(middleware::from_fn(place::partition_cookies)).merge(pages)
}

fn pages_of(state: &AppState) -> Router {
    let limit = PageLimit::default();
    let looks = looks(state, &limit);
    let stream =
        get(async move |State(state): State<AppState>, request: Request| live::open(looks, state, request).await);
    Router::new()
        .route("/", get(async || see_other(HOME)))
        .merge(icons::routes())
        .merge(brand::routes())
        .merge(pages::routes(state))
        .route(live::PATH, stream.clone())
        .route(&format!("{IN_FRAME}{}", live::PATH), stream)
        .route("/live/{*name}", post(server_function))
        .route(&format!("{IN_FRAME}/live/{{*name}}"), post(server_function_in_frame))
        .fallback(async || PageError::NotFound)
        .method_not_allowed_fallback(async || PageError::MethodNotAllowed)
        .layer(middleware::from_fn_with_state(limit, page_limit::apply))
        .layer(middleware::from_fn_with_state(state.clone(), attempts::count))
        .layer(middleware::from_fn_with_state(state.clone(), error::as_page))
        .layer(middleware::from_fn(place::partition_cookies))
        .layer(middleware::from_fn(zone::apply))
        .with_state(state.clone())
}

/// The pages as streams look at them. Their looks count among the pages of an account.
fn looks(state: &AppState, limit: &PageLimit) -> Looks {
    let pages = pages::routes(state)
        .layer(middleware::from_fn_with_state(limit.clone(), page_limit::apply))
        .layer(middleware::from_fn_with_state(state.clone(), error::as_page))
        .layer(middleware::from_fn(zone::apply));
    Looks(pages.with_state(state.clone()))
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
    ([(header::CACHE_CONTROL, "no-store")], island_call::run(state, request).await).into_response()
}

//! Which address shows which page.

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
    api,
    error::{self, PageError},
    pages,
    redirect::{HOME, see_other},
    state::AppState,
    turns::{self, Turns},
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
        .merge(settings())
        .route("/live/{*name}", post(server_function))
        .fallback(async || PageError::NotFound)
        .method_not_allowed_fallback(async || PageError::MethodNotAllowed)
        .layer(middleware::from_fn_with_state(Turns::default(), turns::in_turn))
        .layer(middleware::from_fn_with_state(state.clone(), error::as_page))
        .with_state(state)
}

fn settings() -> Router<AppState> {
    let webhooks = Router::new()
        .route("/", get(pages::webhooks::get))
        .route("/new", get(pages::webhook_form::get_new).post(api::endpoints::create))
        .nest("/{id}", webhook());
    let api_keys = Router::new()
        .route("/", get(pages::api_keys::get).post(api::api_keys::create))
        .route("/{id}/revoke", get(pages::api_keys::get_revoke).post(api::api_keys::revoke));
    Router::new()
        .nest("/settings/webhooks", webhooks)
        .nest("/settings/api-keys", api_keys)
        .route("/settings/account", get(pages::account::get))
        .route("/settings/account/threshold", post(api::thresholds::save))
}

fn webhook() -> Router<AppState> {
    Router::new()
        .route("/", get(pages::webhook::get))
        .route("/edit", get(pages::webhook_form::get_edit).post(api::endpoints::update))
        .route("/delete", get(pages::webhook_delete::get).post(api::endpoints::delete))
        .route("/pause", get(pages::webhook::back).post(api::endpoints::pause))
        .route("/enable", get(pages::webhook::back).post(api::endpoints::enable))
        .route("/held", get(pages::webhook::back).post(api::endpoints::settle_held))
        .route("/recover", get(pages::webhook_recover::get).post(api::recoveries::start))
        .route("/secret", get(pages::webhook::back).post(api::secrets::reveal))
        .route("/secret/new", get(pages::webhook::back).post(api::secrets::replace))
        .route("/test", get(pages::webhook::back).post(api::test_events::send))
        .route("/deliveries", get(pages::delivery_log::get))
        .route("/deliveries/{delivery}", get(pages::delivery::get))
        .route("/deliveries/{delivery}/resend", post(api::deliveries::resend))
}

async fn favicon() -> ([(header::HeaderName, &'static str); 2], &'static str) {
    let headers = [(header::CONTENT_TYPE, "image/svg+xml"), (header::CACHE_CONTROL, "public, max-age=86400")];
    (headers, include_str!("favicon.svg"))
}

/// What islands call. The answers are for them alone: none is stored, and none is the
/// redirect to the `Referer` by which Leptos answers a form.
async fn server_function(State(state): State<AppState>, mut request: Request) -> Response {
    for name in [header::ACCEPT, header::REFERER] {
        request.headers_mut().remove(name);
    }
    let context = move || provide_context(state.clone());
    let answer = leptos_axum::handle_server_fns_with_context(context, request).await;
    ([(header::CACHE_CONTROL, "no-store")], answer).into_response()
}

#[cfg(test)]
mod tests;

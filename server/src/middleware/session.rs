//! The session of the cookie, put among the request's extensions.

use axum::{
    extract::{Request, State},
    middleware::Next,
    response::Response,
};
use signet_app::{Place, Refusal, cookie::session_token};
use signet_engine::{Engine, service::Error};

use super::Refusals;

/// Looks the session up. A store that fails is answered 503, not taken for an unknown cookie.
pub async fn look_up(
    State((engine, refusals)): State<(Engine, Refusals)>,
    mut request: Request,
    next: Next,
) -> Response {
    let place = Place::of(request.uri().path(), request.headers());
    if let Some(token) = session_token(place, request.headers()) {
        match engine.sessions().get(token).await {
            Ok(Some(session)) if place.admits(&session) => {
                request.extensions_mut().insert(session);
            }
            Ok(_) => {}
            Err(error) => {
                if !matches!(&error, Error::Database(error) if engine.report(error)) {
                    tracing::error!(error = &error as &dyn std::error::Error, "a session could not be looked up");
                }
                return refusals.page(&request.into_parts().0, Refusal::NoDatabase);
            }
        }
    }
    next.run(request).await
}

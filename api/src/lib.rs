//! The API: all that the dashboard can do, and sending events, by program. One file an
//! operation, with its request and its answer as types, from which its description is made.
//!
//! A request is authenticated by its bearer key, which must have the scope that the operation
//! names, and speak for the account in the path ([`access`]). Its body is read to a cap
//! ([`body`]) if there is room for it ([`room`]), into a type ([`json`]). A refusal is a problem
//! document ([`problem`]) that names the member at fault. Lists come in pages ([`list`]), what
//! can be changed has a version ([`version`]), and a repeated POST gets the first answer again
//! ([`repeat`]). The description of all of it is [`document`], from the router itself.

mod access;
mod accounts;
mod api_keys;
mod audit_log;
mod body;
mod deliveries;
mod document;
mod endpoints;
mod event_rate;
mod event_types;
mod events;
mod feed;
mod front;
mod health;
mod ids;
mod intake;
mod json;
mod list;
mod names;
mod portal_links;
mod problem;
pub mod reference;
mod repeat;
mod request_rate;
mod resends;
mod room;
mod statistics;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
mod time;
mod version;

use axum::{
    Router,
    middleware::from_fn_with_state,
    response::{IntoResponse, Response},
    routing::any,
};
use utoipa_axum::router::OpenApiRouter;

use problem::{Code, Problem};

pub use access::Api;
pub use event_rate::MAX_EVENT_RATE;
pub use front::FrontOptions;
pub use request_rate::{MAX_REQUEST_RATE, request_rate};

/// All paths.
pub fn router(api: Api) -> Router {
    let managing = managing()
        .route_layer(from_fn_with_state(api.clone(), repeat::once))
        .route_layer(from_fn_with_state(api.clone(), request_rate::count));
    let (operations, _) = managing.merge(sending()).split_for_parts();
    operations
        .route("/v1/{*rest}", any(no_such_operation))
        .method_not_allowed_fallback(method_not_allowed)
        .layer(from_fn_with_state(api.clone(), problem::add_instance))
        .with_state(api)
}

/// All operations, with their descriptions.
fn operations() -> OpenApiRouter<Api> {
    sending().merge(managing())
}

/// Operations that pass no other layer on their way: sending events is to cost little.
fn sending() -> OpenApiRouter<Api> {
    OpenApiRouter::with_openapi(document::frame()).merge(events::routes())
}

/// All others. A POST among them is done once for an idempotency key.
fn managing() -> OpenApiRouter<Api> {
    OpenApiRouter::default()
        .merge(accounts::routes())
        .merge(endpoints::routes())
        .merge(deliveries::routes())
        .merge(resends::routes())
        .merge(events::reading())
        .merge(api_keys::routes())
        .merge(portal_links::routes())
        .merge(audit_log::routes())
        .merge(statistics::routes())
        .merge(event_types::routes())
        .merge(document::routes())
        .merge(health::routes())
}

/// The answer to a request for a host that is not this server's.
pub fn misdirected() -> Response {
    let detail = "This server does not answer for this host: use its own address, or let its operator name this \
                  one with --other-host.";
    Problem::new(Code::WrongHost, detail).into_response()
}

async fn no_such_operation() -> Problem {
    Problem::new(Code::NoSuchOperation, "The API has no such path.")
}

async fn method_not_allowed() -> Problem {
    let detail = "The Allow header of this answer names the methods that this path takes.";
    Problem::new(Code::MethodNotAllowed, detail)
}

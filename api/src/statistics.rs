//! Statistics of an account.

mod read;

use utoipa_axum::{router::OpenApiRouter, routes};

use crate::access::Api;

/// The operations.
pub fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(read::read_statistics))
}

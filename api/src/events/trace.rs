//! The trace of a producer's request, which its events and their deliveries belong to.

use std::{convert::Infallible, sync::Arc};

use axum::{
    extract::FromRequestParts,
    http::{HeaderValue, request::Parts},
};
use signet_model::trace::TraceContext;
use utoipa::{
    IntoParams,
    openapi::{
        ObjectBuilder, Required,
        path::{Parameter, ParameterBuilder, ParameterIn},
        schema::Type,
    },
};

/// The headers, with what is said of each.
const HEADERS: [(&str, &str); 2] = [
    (
        "traceparent",
        "The trace that the request belongs to (W3C Trace Context). It is kept with each event of the request, and sent \
         on with the deliveries. One that cannot be read is ignored.",
    ),
    ("tracestate", "What tracing systems have noted for themselves, sent on with `traceparent`: up to 512 characters."),
];

/// The trace that a request belongs to. Headers that cannot be read are ignored, as Trace Context
/// demands.
#[derive(Debug, Clone)]
pub struct ProducerTrace(pub Option<Arc<TraceContext>>);

impl<S: Sync> FromRequestParts<S> for ProducerTrace {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Infallible> {
        let [parents, states] =
            HEADERS.map(|(name, _)| parts.headers.get_all(name).into_iter().map(HeaderValue::as_bytes));
        Ok(Self(TraceContext::from_headers(parents, states).map(Arc::new)))
    }
}

impl IntoParams for ProducerTrace {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        let header = |(name, description)| {
            let text = ObjectBuilder::new().schema_type(Type::String);
            let header = ParameterBuilder::new().name(name).parameter_in(ParameterIn::Header);
            header.required(Required::False).description(Some(description)).schema(Some(text)).build()
        };
        HEADERS.map(header).into()
    }
}

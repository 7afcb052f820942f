//! The description of the API: an OpenAPI 3.1 document, made once from the router's own
//! operations. Parts that follow from others are added here, and written nowhere else: the
//! parameters of paths, `Idempotency-Key` where a problem is about it, `If-Match` likewise.

pub mod webhooks;

use axum::{
    extract::State,
    http::header,
    response::{IntoResponse, Response},
};
use serde_json::{Map, Value, json};
use utoipa::{
    OpenApi, ToSchema,
    openapi::security::{Http, HttpAuthScheme, SecurityScheme},
};
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    access::Api,
    problem::{Problem, problems},
};

problems!(; TryAgain);

/// The document around the operations.
#[derive(OpenApi)]
#[openapi(
    info(title = "Signet", description = "Send events, and manage webhooks. Every request but those under `Health` carries an API key as bearer token."),
    components(schemas(Problem)),
    tags(
        (name = "Events", description = "Events are accepted once, and delivered to each webhook that wants their type."),
        (name = "Event types", description = "The catalogue of events that there can be."),
        (name = "Webhooks", description = "A webhook is a URL with the event types that it wants, and a secret that signs."),
        (name = "Deliveries", description = "A delivery is one event on its way to one webhook."),
        (name = "Statistics", description = "Numbers of deliveries by hour."),
        (name = "Audit log", description = "Who changed what, from where, and when."),
        (name = "Accounts", description = "An account is a customer of the service that runs Signet."),
        (name = "Portal links", description = "A portal link opens the dashboard of one account for a person whom your service has signed in."),
        (name = "API keys", description = "A key allows the requests of its scopes, in one account or, for the operator, in all."),
        (name = "Health", description = "For the supervisor of the process, without a key."),
    )
)]
struct Frame;

/// The document without operations.
pub fn frame() -> utoipa::openapi::OpenApi {
    let mut frame = Frame::openapi();
    env!("CARGO_PKG_VERSION").clone_into(&mut frame.info.version);
    let mut http = Http::new(HttpAuthScheme::Bearer);
    http.description = Some("An API key, `signet_sk_…`. Each operation names the scope that the key needs.".to_owned());
    let components = frame.components.get_or_insert_default();
    components.security_schemes.insert("key".to_owned(), SecurityScheme::Http(http).into());
    frame
}

/// The document.
#[derive(Debug)]
pub struct Document(Value);

impl Document {
    /// The document of these operations.
    pub fn new(operations: utoipa::openapi::OpenApi) -> Self {
        // Only a map with keys that are no text cannot be written.
        let mut document = serde_json::to_value(operations).unwrap_or_default();
        for (path, item) in members_mut(&mut document["paths"]) {
            for (method, operation) in members_mut(item) {
                add_parameters(path, method, operation);
            }
        }
        Self(document)
    }

    /// The document, with the types of events as its webhooks.
    pub fn with_webhooks(&self, webhooks: Value) -> Value {
        let mut document = self.0.clone();
        document["webhooks"] = webhooks;
        document
    }
}

fn members_mut(value: &mut Value) -> impl Iterator<Item = (&String, &mut Value)> {
    value.as_object_mut().into_iter().flatten()
}

/// The codes of an operation's problems.
pub fn codes(operation: &Value) -> Vec<&str> {
    let responses = operation["responses"].as_object().into_iter().flat_map(Map::values);
    let parts = responses.flat_map(|response| {
        response["content"]["application/problem+json"]["schema"]["allOf"].as_array().into_iter().flatten()
    });
    let names = parts.flat_map(|part| part["properties"]["code"]["enum"].as_array().into_iter().flatten());
    names.filter_map(Value::as_str).collect()
}

fn add_parameters(path: &str, method: &str, operation: &mut Value) {
    let mut parameters: Vec<Value> = path.split('/').filter_map(path_parameter).collect();
    let codes = codes(operation);
    if method == "post" && codes.contains(&"bad_idempotency_key") {
        parameters.push(header_parameter(
            "Idempotency-Key",
            "Recognises a repetition of the request, which gets the first answer again: up to 255 visible ASCII characters.",
            &json!({"type": "string", "minLength": 1, "maxLength": 255}),
        ));
    }
    if codes.contains(&"changed_meanwhile") {
        parameters.push(header_parameter(
            "If-Match",
            "The `ETag` of the version that the change is made for. If it has changed since, nothing is changed.",
            &json!({"type": "string", "pattern": "^(\\*|\"[0-9]+\")$"}),
        ));
    }
    let own = operation["parameters"].as_array().cloned().unwrap_or_default();
    parameters.extend(own.into_iter().filter(|one| one["in"] != "path"));
    if !parameters.is_empty() {
        operation["parameters"] = parameters.into();
    }
}

fn header_parameter(name: &str, description: &str, schema: &Value) -> Value {
    json!({"name": name, "in": "header", "required": false, "description": description, "schema": schema})
}

/// The parameter of a part of a path such as `{account}`.
fn path_parameter(part: &str) -> Option<Value> {
    let name = part.strip_prefix('{')?.strip_suffix('}')?;
    let (description, schema) = match name {
        "account" => ("The id or the name of the account.".to_owned(), json!({"type": "string", "minLength": 1})),
        _ => (format!("The id of the {name}."), json!({"type": "string"})),
    };
    Some(json!({"name": name, "in": "path", "required": true, "description": description, "schema": schema}))
}

/// The document, with the types of events that there are at this moment.
///
/// # Errors
/// The types were never read, and the store failed.
pub async fn whole(api: &Api) -> Result<Value, Problem> {
    let catalogue = api.intake().catalogue().await?;
    Ok(api.document().with_webhooks(webhooks::of(&catalogue)))
}

/// The operation that answers with the document.
pub fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(describe))
}

/// An OpenAPI document.
#[derive(ToSchema)]
#[schema(as = Description, value_type = Object)]
#[expect(dead_code, reason = "described here, and written as JSON")]
struct Description(Value);

/// This document.
#[utoipa::path(
    get, path = "/openapi.json", operation_id = "describe", tag = "Health",
    responses((status = 200, body = Description, description = "OpenAPI 3.1, with the event types as webhooks."), Problems)
)]
async fn describe(State(api): State<Api>) -> Result<Response, Problem> {
    let document = whole(&api).await?.to_string();
    Ok(([(header::CONTENT_TYPE, "application/json"), (header::CACHE_CONTROL, "no-cache")], document).into_response())
}

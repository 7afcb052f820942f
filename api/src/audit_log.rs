//! Operations on the audit log: of an account, and of the installation.

mod list;
mod list_installations;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use signet_engine::audit::{self, Filter};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{access::Api, json::members, time::Time};

/// The operations.
pub fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(list::list_audit_log))
        .routes(routes!(list_installations::list_installations_audit_log))
}

/// A selection of entries. What is left out does not restrict.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct AuditParams {
    /// Only this action, such as `endpoint.created`, or those of one noun: `endpoint`.
    #[serde(default, deserialize_with = "members::if_given")]
    #[param(value_type = Option<String>)]
    action: Option<String>,
    /// Only by this actor: an id, or an e-mail address.
    #[serde(default, deserialize_with = "members::if_given")]
    #[param(value_type = Option<String>)]
    actor: Option<String>,
    /// Only about the row with this id.
    #[serde(default, deserialize_with = "members::if_given")]
    #[param(value_type = Option<String>)]
    target: Option<String>,
    /// Only at this instant or later (RFC 3339).
    #[serde(default, deserialize_with = "members::parsed_if_given")]
    #[param(value_type = Option<Time>, inline)]
    since: Option<Time>,
    /// Only before this instant (RFC 3339).
    #[serde(default, deserialize_with = "members::parsed_if_given")]
    #[param(value_type = Option<Time>, inline)]
    until: Option<Time>,
}

impl From<AuditParams> for Filter {
    fn from(params: AuditParams) -> Self {
        Self {
            action: params.action.unwrap_or_default(),
            actor: params.actor.unwrap_or_default(),
            target: params.target.unwrap_or_default(),
            since: params.since.map(|time| time.0),
            until: params.until.map(|time| time.0),
        }
    }
}

/// An entry of the audit log. Secrets are never in it.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct AuditEntry {
    /// Its place in the log, from 1, without gaps.
    number: i64,
    /// The instant of the change.
    at: Time,
    /// A noun and a participle, such as `endpoint.created`.
    action: String,
    /// The one who acted.
    actor: AuditActor,
    /// The row that it is about.
    target: Option<AuditTarget>,
    /// The members that changed, as they were.
    before: Option<Value>,
    /// The members that changed, as they are since.
    after: Option<Value>,
}

/// The one who acted.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct AuditActor {
    /// `person`, `portal`, `key`, `command` or `signet`.
    kind: String,
    /// The id of a person or a key.
    id: Option<String>,
    /// An e-mail address, the subject of a portal link, or a user of the server's machine.
    name: String,
    /// The address from which the request came.
    address: Option<String>,
}

/// A row.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct AuditTarget {
    /// Its noun, such as `endpoint`.
    kind: String,
    /// Its id.
    id: Option<String>,
}

impl From<audit::Entry> for AuditEntry {
    fn from(entry: audit::Entry) -> Self {
        let json = |text: Option<String>| serde_json::from_str(&text?).ok();
        let id = entry.target_id;
        Self {
            number: entry.number,
            at: entry.at.into(),
            action: entry.action,
            actor: AuditActor {
                kind: entry.actor_kind,
                id: entry.actor_id,
                name: entry.actor_name,
                address: entry.address,
            },
            target: entry.target_kind.map(|kind| AuditTarget { kind, id }),
            before: json(entry.before),
            after: json(entry.after),
        }
    }
}

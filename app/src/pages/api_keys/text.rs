//! The sentences of the screen.

use signet_model::text::TextError;

use crate::words;

pub(crate) const TITLE: &str = "API keys";
pub(super) const LEAD: &str = "Your backend uses a key to send events, and to manage webhooks by program.";

pub(super) const CREATE_HEADING: &str = "Create a key";
pub(super) const CREATE: &str = "Create API key";
pub(super) const NAME: &str = "Name";
pub(super) const NAME_HINT: &str = "Where the key is used, such as the name of a service.";
pub(super) const NAME_MISSING: &str = "Enter a name, so that you recognise the key later.";

pub(super) const SCOPES: &str = "Scopes";
pub(super) const SCOPES_HINT: &str = "The requests that the key allows. Tick no more than its holder needs.";
pub(super) const NO_SCOPE: &str = "Tick one scope or more: without any, the key would allow nothing.";

pub(super) const CREATED: &str = "API key created";
pub(super) const COPY_NOW: &str = "Copy it now. It is not stored, and cannot be shown again.";
pub(super) const KEY_LABEL: &str = "API key";
pub(super) const CURL: &str = "Send an event with curl";

pub(super) const NO_KEYS: &str = "No API keys yet";
pub(super) const NO_KEYS_ADVICE: &str = "Create a key above, and give it to the service that sends events.";
pub(super) const KEY: &str = "Key";
pub(super) const STATUS: &str = "Status";
pub(super) const CREATED_AT: &str = "Created";
pub(super) const LAST_USED: &str = "Last used";
pub(super) const NEVER: &str = "Never";
pub(super) const ACTIONS: &str = "Actions";

pub(super) const REVOKE: &str = "Revoke";
pub(super) const REVOKE_KEY: &str = "Revoke API key";
pub(super) const REVOKE_QUESTION: &str = "Revoke this API key?";
pub(super) const CONSEQUENCES: &str = "Requests with the key “{}” are refused from now on. This cannot be undone.";
pub(super) const CANCEL: &str = "Cancel";
pub(super) const REVOKED: &str = "API key revoked.";

pub(super) fn invalid(error: TextError) -> String {
    match error {
        TextError::TooShort(_) => NAME_MISSING.to_owned(),
        error => words::invalid_text(error),
    }
}

pub(super) fn too_many(limit: u32) -> String {
    format!("This account has {limit} API keys, and may not have more. Revoke one that is no longer used.")
}

pub(super) fn key_hint(hint: &str) -> String {
    format!("…{hint}")
}

/// A command that sends an event with a key to the server at this address.
pub(super) fn curl(origin: &str, key: &str) -> String {
    let event = r#"{"event":"task.completed","taskId":"task_abc123","status":"ready","solution":{"token":"0.mF7gg2"}}"#;
    format!(
        "curl {origin}/v1/events \\\n  -H 'Authorization: Bearer {key}' \\\n  -H 'Content-Type: application/json' \\\n  -d '{event}'"
    )
}

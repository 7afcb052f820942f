//! The sentences of the screen.

use signet_model::text::TextError;

use crate::words;

pub(crate) const TITLE: &str = "API keys";
pub(crate) const LEAD: &str = "Your backend uses a key to send events, and to manage webhooks by program.";

pub(crate) const CREATE_HEADING: &str = "Create a key";
pub(crate) const CREATE: &str = "Create API key";
pub(crate) const NAME: &str = "Name";
pub(crate) const NAME_HINT: &str = "Where the key is used, such as the name of a service.";
pub(crate) const NAME_MISSING: &str = "Enter a name, so that you recognise the key later.";

pub(crate) const SCOPES: &str = "Scopes";
pub(crate) const SCOPES_HINT: &str = "The requests that the key allows. Tick no more than its holder needs.";
pub(crate) const NO_SCOPE: &str = "Tick one scope or more: without any, the key would allow nothing.";

pub(crate) const CREATED: &str = "API key created";
pub(crate) const COPY_NOW: &str = "Copy it now. It is not stored, and cannot be shown again.";
pub(crate) const KEY_LABEL: &str = "API key";
pub(crate) const CURL: &str = "Send an event with curl";

pub(crate) const NO_KEYS: &str = "No API keys yet";
pub(crate) const NO_KEYS_ADVICE: &str = "Create a key above, and give it to the service that sends events.";
pub(crate) const KEY: &str = "Key";
pub(crate) const STATUS: &str = "Status";
pub(crate) const CREATED_AT: &str = "Created";
pub(crate) const LAST_USED: &str = "Last used";
pub(crate) const NEVER: &str = "Never";
pub(crate) const ACTIONS: &str = "Actions";

pub(crate) const REVOKE: &str = "Revoke";
pub(crate) const REVOKE_KEY: &str = "Revoke API key";
pub(crate) const REVOKE_QUESTION: &str = "Revoke this API key?";
pub(crate) const CONSEQUENCES: &str = "Requests with the key “{}” are refused from now on. This cannot be undone.";
pub(crate) const CANCEL: &str = "Cancel";
pub(crate) const REVOKED: &str = "API key revoked.";

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

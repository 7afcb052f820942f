//! The sentences of the audit log.

use signet_engine::audit::Entry;

pub(crate) const TITLE: &str = "Audit log";
pub(super) const LEAD: &str = "Every change and every reveal of a secret: by whom, from where, and what it was before. \
     Entries cannot be changed, and each is chained to the one before.";
pub(super) const ACTION: &str = "About";
pub(super) const ALL: &str = "Everything";
pub(super) const ACTOR: &str = "By";
pub(super) const ACTOR_PLACEHOLDER: &str = "E-mail or key id";
pub(super) const TARGET: &str = "Id";
pub(super) const TARGET_PLACEHOLDER: &str = "ep_…";
pub(super) const SINCE: &str = "From day (UTC)";
pub(super) const UNTIL: &str = "To day (UTC)";
pub(super) const FILTER: &str = "Filter";
pub(super) const CLEAR: &str = "Clear";
pub(super) const CSV: &str = "Export CSV";
pub(super) const NDJSON: &str = "Export NDJSON";
pub(super) const NUMBER: &str = "No.";
pub(super) const WHEN: &str = "When";
pub(super) const WHO: &str = "Who";
pub(super) const WHAT: &str = "What";
pub(super) const ON: &str = "On";
pub(super) const CHANGE: &str = "Change";
pub(super) const BEFORE: &str = "Before";
pub(super) const AFTER: &str = "After";
pub(super) const NO_MATCH: &str = "No entry matches on this page.";
pub(super) const DAY: &str = "Enter a day, such as 2026-03-28.";

/// The nouns of all actions: a person can choose one.
pub(super) const NOUNS: [(&str, &str); 29] = [
    ("endpoint", "Webhook"),
    ("secret", "Signing secret"),
    ("rotation", "Rotation"),
    ("rest", "Rest"),
    ("delivery", "Delivery"),
    ("held", "Held deliveries"),
    ("resend", "Resend"),
    ("api_key", "API key"),
    ("threshold", "Balance threshold"),
    ("balance", "Balance"),
    ("member", "Person"),
    ("invitation", "Invitation"),
    ("claim", "Claim of a provider"),
    ("email", "E-mail address"),
    ("password", "Password"),
    ("reset_link", "Reset link"),
    ("app", "Authenticator app"),
    ("passkey", "Passkey"),
    ("recovery_codes", "Recovery codes"),
    ("sessions", "Sessions"),
    ("portal_link", "Portal link"),
    ("portal", "Portal"),
    ("account", "Account"),
    ("task", "Task"),
    ("event_type", "Event type"),
    ("event_types", "Event types"),
    ("sealing_key", "Sealing key"),
    ("operator", "Operator"),
    ("database", "Database"),
];

/// The name of an action in words: `endpoint.created` is “Webhook created”.
pub(super) fn action(name: &str) -> String {
    let (noun, verb) = name.split_once('.').unwrap_or((name, ""));
    let noun = NOUNS.iter().find(|(key, _)| *key == noun).map_or(noun, |(_, label)| label);
    format!("{noun} {verb}").replace('_', " ").trim().to_owned()
}

/// The actor in words.
pub(super) fn actor(entry: &Entry) -> String {
    let name = &entry.actor_name;
    match entry.actor_kind.as_str() {
        "portal" if name.is_empty() => "A portal visitor".to_owned(),
        "portal" => format!("{name} (portal)"),
        "key" => format!("API key {name}"),
        "command" if name.is_empty() => "The operator’s command line".to_owned(),
        "command" => format!("{name} (command line)"),
        _ => name.clone(),
    }
}

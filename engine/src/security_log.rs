//! Security events in the log: sign-ins, refusals, and what concerns keys, secrets and people.
//!
//! They have the target `security`, and never a path, a token or a text that somebody typed: a
//! path may hold the token of a one-time link, and a password is sometimes typed into the field
//! above. The request is told by its [`span`]: route, client and number.

use std::fmt;

use http::Extensions;
use signet_model::{AccountId, UserId};
use tracing::Span;

use crate::{
    actor::{By, Permission, Who},
    audit::Action,
    metrics::{self, labels::SignInFailure},
    request::{ClientAddress, RequestId},
};

/// The target of security events.
pub const TARGET: &str = "security";

/// The span of a request: the route with its names in place of values, and where it came from.
/// Spans are for requests that people and programs make now and then, not for those that send
/// events.
pub fn span(route: &str, request: &Extensions) -> Span {
    let id = RequestId::of(request).map(tracing::field::display);
    tracing::info_span!(target: TARGET, "request", route, client = %ClientAddress::of(request), id)
}

/// A change that concerns security is made.
pub(crate) fn changed(account: Option<AccountId>, by: &By, action: Action) {
    if concerns(action) {
        let account = account.map(tracing::field::display);
        tracing::info!(target: TARGET, action = action.as_str(), who = %Id(&by.who), account, "changed");
    }
}

/// Webhooks and deliveries come and go all day; the audit log has these.
fn concerns(action: Action) -> bool {
    let daily = matches!(
        action.permission(),
        Permission::ChangeWebhooks | Permission::SendDeliveries | Permission::SetThreshold
    );
    !daily || ["secret.", "rotation."].iter().any(|subject| action.as_str().starts_with(subject))
}

/// Somebody has not the permission for what they asked.
pub(crate) fn forbidden(by: &By, permission: Permission) {
    tracing::warn!(target: TARGET, who = %Id(&by.who), ?permission, "refused: not permitted");
}

/// A session has begun.
pub(crate) fn signed_in(person: Option<UserId>, account: Option<AccountId>) {
    let (person, account) = (person.map(tracing::field::display), account.map(tracing::field::display));
    tracing::info!(target: TARGET, person, account, "signed in");
}

/// An attempt to get in let nobody in.
pub fn attempt_failed(known_device: bool) {
    metrics::sign_in_failed(SignInFailure::Refused);
    tracing::info!(target: TARGET, known_device, "an attempt to get in failed");
}

/// An attempt to get in was not made: there were too many before, by this limit.
pub fn attempt_refused(by: &str) {
    metrics::sign_in_failed(SignInFailure::TooMany);
    tracing::warn!(target: TARGET, by, "refused: too many attempts to get in");
}

/// A session has ended by its holder.
pub(crate) fn signed_out() {
    tracing::info!(target: TARGET, "signed out");
}

/// The one who acts, without a name or an address.
struct Id<'a>(&'a Who);

impl fmt::Display for Id<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Who::Person { id, .. } => write!(f, "person {id}"),
            Who::Portal { .. } => f.write_str("portal"),
            Who::Key { id } => write!(f, "key {id}"),
            Who::Command { .. } => f.write_str("command"),
            Who::Signet => f.write_str("signet"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_secrets_and_people_are_told_and_daily_work_is_not() {
        for action in [Action::KeyCreated, Action::KeyRevoked, Action::SecretRevealed, Action::RotationBegun] {
            assert!(concerns(action), "{action:?}");
        }
        for action in [Action::EndpointChanged, Action::DeliveryResent, Action::ThresholdSet] {
            assert!(!concerns(action), "{action:?}");
        }
    }
}

//! The event types that an endpoint can name: a name with a typing error would never get an
//! event. Groups may have any name, because their types may be yet to come.

use std::sync::Arc;

use signet_model::{AccountId, Subscriptions, event::EventType};

use super::SaveError;
use crate::service::{
    Result, Service,
    event_types::{Catalogue, EventTypesHandle},
};

/// An endpoint wants a type that there is not.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{name} {reason}.")]
pub struct UnknownType {
    /// The name of the type.
    pub name: EventType,
    /// Names the nearest types; worded to stand behind the name.
    pub reason: String,
}

/// Checks that an endpoint of the account can want these types. Those that it wanted `before`
/// can stay: another version may have known them.
pub(super) async fn check(
    service: &Arc<Service>,
    account: AccountId,
    wanted: &Subscriptions,
    before: impl AsyncFnOnce() -> Result<Subscriptions>,
) -> Result<(), SaveError> {
    let types = EventTypesHandle(service);
    if first_unknown(wanted, &Subscriptions::default(), &*types.seen_by(account).await?).is_none() {
        return Ok(());
    }
    // Another process may have made the type in the last second.
    let present = types.present(Some(account)).await?;
    match first_unknown(wanted, &before().await?, &present) {
        Some(unknown) => Err(SaveError::UnknownType(unknown)),
        None => Ok(()),
    }
}

fn first_unknown(wanted: &Subscriptions, before: &Subscriptions, catalogue: &Catalogue) -> Option<UnknownType> {
    let unknown = |name: &EventType| {
        let reason = catalogue.check_wanted(name.as_str()).err()?;
        Some(UnknownType { name: name.clone(), reason })
    };
    wanted.types().filter(|name| !before.types().any(|it| it == *name)).find_map(unknown)
}

//! Subscriptions: the event types that an endpoint wants.

use std::{fmt, str::FromStr};

use crate::event::{EventType, UnknownEventType};

/// A set of event types, written with single spaces between. Only a stored set of
/// types that all belong to a newer version is empty here: it wants no event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Subscriptions([bool; EventType::ALL.len()]);

/// No event type was chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no event type is chosen")]
pub struct NoEventType;

impl Subscriptions {
    /// A set of one type or more.
    pub fn new(types: impl IntoIterator<Item = EventType>) -> Result<Self, NoEventType> {
        let mut set = [false; EventType::ALL.len()];
        for kind in types {
            set[kind as usize] = true;
        }
        if set.contains(&true) { Ok(Self(set)) } else { Err(NoEventType) }
    }

    /// The known types among those that are stored; a newer version can have others.
    pub fn from_stored(text: &str) -> Self {
        let known: Vec<EventType> = text.split(' ').filter_map(|name| name.parse().ok()).collect();
        Self(EventType::ALL.map(|kind| known.contains(&kind)))
    }

    /// The set of all types.
    pub const fn all() -> Self {
        Self([true; EventType::ALL.len()])
    }

    /// Returns `true` if the endpoint wants events of this type.
    pub const fn contains(self, kind: EventType) -> bool {
        self.0[kind as usize]
    }

    /// The types, in the order of [`EventType::ALL`].
    pub fn iter(self) -> impl Iterator<Item = EventType> {
        EventType::ALL.into_iter().filter(move |&kind| self.contains(kind))
    }
}

impl fmt::Display for Subscriptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, kind) in self.iter().enumerate() {
            write!(f, "{}{kind}", if index == 0 { "" } else { " " })?;
        }
        Ok(())
    }
}

impl FromStr for Subscriptions {
    type Err = UnknownEventType;

    fn from_str(text: &str) -> Result<Self, UnknownEventType> {
        let types = text.split(' ').map(str::parse).collect::<Result<Vec<EventType>, _>>()?;
        Self::new(types).map_err(|NoEventType| UnknownEventType)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_survives_being_written_and_read_and_is_never_empty() {
        let set = Subscriptions::new([EventType::BalanceLow, EventType::TaskCompleted]).expect("not empty");
        assert_eq!(set.to_string(), "task.completed balance.low");
        assert_eq!(set.to_string().parse(), Ok(set));
        assert!(!set.contains(EventType::TaskFailed));
        assert_eq!(Subscriptions::new([]), Err(NoEventType));
        assert!("".parse::<Subscriptions>().is_err());
    }

    #[test]
    fn types_of_a_newer_version_are_ignored_in_a_stored_set() {
        let set = Subscriptions::from_stored("order.paid task.failed");
        assert_eq!(set.iter().collect::<Vec<_>>(), [EventType::TaskFailed]);
        assert!("order.paid task.failed".parse::<Subscriptions>().is_err(), "people choose what exists");
        assert_eq!(Subscriptions::from_stored("order.paid").iter().count(), 0);
    }
}

//! Subscriptions: the events that an endpoint wants.

use std::{collections::BTreeSet, fmt, str::FromStr};

use crate::event::{EventType, InvalidEventType};

/// The most selectors of one endpoint.
pub const MAX_SELECTORS: usize = 500;

/// Selects event types: all of them, those of a group, or one.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Selector {
    /// Each type, also those that are yet to come: `*`.
    All,
    /// Each type of a group: `task.*`.
    Group(EventType),
    /// One type.
    Type(EventType),
}

impl fmt::Display for Selector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::All => f.write_str("*"),
            Self::Group(group) => write!(f, "{group}.*"),
            Self::Type(kind) => kind.fmt(f),
        }
    }
}

/// The text selects no event types.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("selects no event types: use the name of a type, a group such as task.*, or * for all")]
pub struct InvalidSelector;

impl From<InvalidEventType> for InvalidSelector {
    fn from(_: InvalidEventType) -> Self {
        Self
    }
}

impl FromStr for Selector {
    type Err = InvalidSelector;

    fn from_str(text: &str) -> Result<Self, InvalidSelector> {
        Ok(match (text, text.strip_suffix(".*")) {
            ("*", _) => Self::All,
            (_, Some(group)) => Self::Group(group.parse()?),
            (name, None) => Self::Type(name.parse()?),
        })
    }
}

/// The selectors of an endpoint, written with single spaces between. Only a stored set
/// without a selector that this version can read is empty: it wants no event.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Subscriptions {
    all: bool,
    groups: BTreeSet<EventType>,
    types: BTreeSet<EventType>,
    unreadable: usize,
}

/// The selectors make no subscription.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidSubscriptions {
    /// No event type is chosen.
    #[error("no event type is chosen")]
    Empty,
    /// There are more selectors than an endpoint can have.
    #[error("more than {MAX_SELECTORS} event types are chosen; choose groups, or all")]
    TooMany,
}

impl Subscriptions {
    /// The set of one selector or more.
    ///
    /// # Errors
    /// There is no selector, or there are more than [`MAX_SELECTORS`].
    pub fn new(selectors: impl IntoIterator<Item = Selector>) -> Result<Self, InvalidSubscriptions> {
        let set: Self = selectors.into_iter().collect();
        match set.len() {
            0 => Err(InvalidSubscriptions::Empty),
            1..=MAX_SELECTORS => Ok(set),
            _ => Err(InvalidSubscriptions::TooMany),
        }
    }

    /// The set of these types alone.
    ///
    /// # Errors
    /// There is no type, or there are more than [`MAX_SELECTORS`].
    pub fn of_types(types: impl IntoIterator<Item = EventType>) -> Result<Self, InvalidSubscriptions> {
        Self::new(types.into_iter().map(Selector::Type))
    }

    /// The readable selectors among those that are stored; another version can have others.
    pub fn from_stored(text: &str) -> Self {
        let selectors: Vec<_> = text.split(' ').map(str::parse).collect();
        let unreadable = selectors.iter().filter(|it| it.is_err()).count();
        Self { unreadable, ..selectors.into_iter().filter_map(Result::ok).collect() }
    }

    /// The number of stored selectors that this version cannot read, and that select nothing.
    pub const fn unreadable(&self) -> usize {
        self.unreadable
    }

    /// The set of all types.
    pub fn all() -> Self {
        Self { all: true, ..Self::default() }
    }

    /// Returns `true` if the endpoint wants events of this type.
    pub fn contains(&self, kind: &EventType) -> bool {
        self.all
            || self.types.contains(kind)
            || (!self.groups.is_empty() && kind.group().is_some_and(|group| self.groups.contains(group)))
    }

    /// Returns `true` if this selector is one of the set.
    pub fn has(&self, selector: &Selector) -> bool {
        match selector {
            Selector::All => self.all,
            Selector::Group(group) => self.groups.contains(group),
            Selector::Type(kind) => self.types.contains(kind),
        }
    }

    /// The selectors: all, groups, types, each by its name.
    pub fn iter(&self) -> impl Iterator<Item = Selector> {
        let all = self.all.then_some(Selector::All);
        let groups = self.groups.iter().cloned().map(Selector::Group);
        all.into_iter().chain(groups).chain(self.types.iter().cloned().map(Selector::Type))
    }

    /// The single types among the selectors, by name.
    pub fn types(&self) -> impl Iterator<Item = &EventType> {
        self.types.iter()
    }

    fn len(&self) -> usize {
        usize::from(self.all) + self.groups.len() + self.types.len()
    }
}

impl FromIterator<Selector> for Subscriptions {
    fn from_iter<I: IntoIterator<Item = Selector>>(selectors: I) -> Self {
        let mut set = Self::default();
        for selector in selectors {
            match selector {
                Selector::All => set.all = true,
                Selector::Group(group) => drop(set.groups.insert(group)),
                Selector::Type(kind) => drop(set.types.insert(kind)),
            }
        }
        set
    }
}

impl fmt::Display for Subscriptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, selector) in self.iter().enumerate() {
            write!(f, "{}{selector}", if index == 0 { "" } else { " " })?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(text: &str) -> Subscriptions {
        Subscriptions::from_stored(text)
    }

    #[test]
    fn a_set_survives_being_written_and_read_and_is_never_empty() {
        let types = Subscriptions::of_types([EventType::TASK_COMPLETED, EventType::BALANCE_LOW]).expect("not empty");
        assert_eq!(types.to_string(), "balance.low task.completed");
        for text in ["*", "order.* task.*", "* order.* ping", "balance.low task.completed"] {
            assert_eq!(set(text).to_string(), text);
        }
        assert_eq!(Subscriptions::new([]), Err(InvalidSubscriptions::Empty));
        let many = (0..=MAX_SELECTORS).map(|number| Selector::Type(format!("t{number}").parse().expect("a name")));
        assert_eq!(Subscriptions::new(many), Err(InvalidSubscriptions::TooMany));
    }

    #[test]
    fn a_set_wants_its_types_and_those_of_its_groups() {
        let wants = |text: &str, kind: &str| set(text).contains(&kind.parse().expect("a name"));
        assert!(wants("*", "ping") && wants("task.failed ping", "ping"));
        assert!(!wants("task.failed", "task.completed"));
        assert!(wants("order.*", "order.paid") && wants("order.item.*", "order.item.added"));
        assert!(!wants("order.*", "order"), "a type is not in the group of its name");
        assert!(!wants("order.*", "order.item.added"), "a group ends before the last dot");
        assert!(!wants("order.*", "orders.paid"));
    }

    #[test]
    fn what_cannot_be_read_in_a_stored_set_is_passed_over() {
        let read = set("ORDER task.failed a..b *.task");
        assert_eq!((read.to_string().as_str(), read.unreadable()), ("task.failed", 3));
        assert_eq!(set("").iter().count(), 0);
        for text in ["", "ORDER", "*.task", "task.", "task.**", "**"] {
            assert_eq!(text.parse::<Selector>(), Err(InvalidSelector), "{text:?}");
        }
    }
}

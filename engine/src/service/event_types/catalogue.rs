//! The catalogue as this process remembers it.

use std::{collections::BTreeMap, ops::Bound, sync::Arc};

use signet_model::{
    Timestamp,
    event::{BUILT_IN, BuiltIn, EventBody, EventType, EventTypes, MemberFault, OPERATIONAL, Reference},
};

use super::{Entry, Origin, nearest, schema::Schema};

/// All event types at one revision.
#[derive(Debug, Default)]
pub struct Catalogue {
    /// The revision of the catalogue.
    pub(super) revision: i64,
    /// All types by name, those that are built in among them.
    types: BTreeMap<EventType, Arc<Entry>>,
    /// Rows whose name cannot be read.
    unreadable: usize,
}

impl Catalogue {
    /// The types that are built in, alone.
    pub(super) fn built_in() -> Self {
        let types = BUILT_IN.map(|it| (it.name.clone(), Arc::new(Entry::built_in(it))));
        Self { types: types.into(), ..Self::default() }
    }

    /// This catalogue with some of its types changed. `unreadable` counts the rows whose name
    /// could not be read.
    pub(super) fn with(&self, revision: i64, changed: Vec<Entry>, unreadable: usize) -> Self {
        let mut types = self.types.clone();
        types.extend(changed.into_iter().map(|entry| (entry.name.clone(), Arc::new(entry))));
        Self { revision, types, unreadable: self.unreadable + unreadable }
    }

    /// This catalogue with the operational types, which one account alone sees.
    pub(super) fn with_operational(&self) -> Self {
        let mut types = self.types.clone();
        types.extend(OPERATIONAL.map(|it| (it.name.clone(), Arc::new(Entry::built_in(it)))));
        Self { types, ..*self }
    }

    /// All types, by name, archived ones included.
    pub fn all(&self) -> impl Iterator<Item = &Arc<Entry>> {
        self.types.values()
    }

    /// The types that take events, those that are built in first, then by name.
    pub fn active(&self) -> impl Iterator<Item = &Arc<Entry>> {
        let built_in = BUILT_IN.into_iter().chain(OPERATIONAL).filter_map(|it| self.types.get(&it.name));
        let own = self.types.values().filter(|entry| entry.origin != Origin::BuiltIn);
        built_in.chain(own).filter(|entry| entry.archived_at.is_none())
    }

    /// The type with this name, archived or not.
    pub fn get(&self, name: &str) -> Option<&Arc<Entry>> {
        self.types.get(name)
    }

    /// Checks that a webhook can want this type: there is one, archived or not, or it is one
    /// of Signet's own.
    ///
    /// # Errors
    /// There is none. The message stands behind the name.
    pub(in crate::service) fn check_wanted(&self, name: &str) -> Result<(), String> {
        if self.types.contains_key(name) || BuiltIn::find(name).is_some() {
            return Ok(());
        }
        Err(nearest::unknown(name, self, |_| true))
    }

    /// The types before a name, the nearest first.
    pub(super) fn before(&self, name: &str) -> impl Iterator<Item = &Arc<Entry>> {
        self.types.range::<str, _>((Bound::Unbounded, Bound::Excluded(name))).rev().map(|(_, entry)| entry)
    }

    /// The types from a name on, the nearest first.
    pub(super) fn from(&self, name: &str) -> impl Iterator<Item = &Arc<Entry>> {
        self.types.range::<str, _>((Bound::Included(name), Bound::Unbounded)).map(|(_, entry)| entry)
    }

    /// The number of stored types whose name this version cannot read.
    pub const fn unreadable(&self) -> usize {
        self.unreadable
    }

    /// A body of a type with sample values. A type without a sample, or that is not in the
    /// catalogue any more, has a body without members.
    pub fn sample(&self, event_type: &EventType, occurred_at: Timestamp) -> EventBody {
        if let Some(it) = BuiltIn::find(event_type.as_str()) {
            return it.sample(occurred_at);
        }
        let sample = self.get(event_type.as_str()).and_then(|entry| entry.sample.as_deref()).unwrap_or("{}");
        let read = |text| EventBody::parse(event_type, text, occurred_at, &Unchecked);
        // A stored sample was checked when it was saved, but another version may have saved it.
        read(sample).unwrap_or_else(|_| EventBody::empty(event_type.clone(), occurred_at))
    }
}

impl EventTypes for Catalogue {
    fn find(&self, name: &str) -> Result<EventType, String> {
        match self.types.get(name) {
            Some(entry) if entry.archived_at.is_some() => {
                Err("is archived: new events of this type are not taken; restore it first".to_owned())
            }
            Some(entry) if entry.unusable.is_some() => {
                Err("cannot be checked: the schema of this event type cannot be read; save it again".to_owned())
            }
            Some(entry) => Ok(entry.name.clone()),
            None => Err(nearest::unknown(name, self, |entry| entry.takes_submissions)),
        }
    }

    fn check(&self, event_type: &EventType, body: &str) -> Result<(), MemberFault> {
        match self.get(event_type.as_str()).and_then(|entry| entry.validator.as_ref()) {
            Some(schema) => schema.check(body),
            None => Ok(()),
        }
    }

    fn reference(&self, event_type: &EventType) -> Option<&Reference> {
        self.get(event_type.as_str())?.reference.as_ref()
    }
}

/// Checks that a sample makes a body of its type, which the schema takes.
pub(super) fn check_sample(name: &EventType, sample: &str, schema: Option<&Schema>) -> Result<(), MemberFault> {
    let at = Timestamp::from_unix_seconds(1_774_699_200); // 2026-03-28T12:00:00Z
    let body = EventBody::parse(name, sample, at, &Unchecked)?;
    schema.map_or(Ok(()), |schema| schema.check(&body.json))
}

/// Takes each body as it is.
struct Unchecked;

impl EventTypes for Unchecked {
    fn find(&self, _: &str) -> Result<EventType, String> {
        Err("is not known here".to_owned())
    }

    fn check(&self, _: &EventType, _: &str) -> Result<(), MemberFault> {
        Ok(())
    }

    fn reference(&self, _: &EventType) -> Option<&Reference> {
        None
    }
}

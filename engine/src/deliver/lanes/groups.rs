//! Groups of lanes that share a limit: those of one account, or of one account and host. A
//! lane finds its group by key once, and by number from then on.

use std::{
    collections::{HashMap, VecDeque},
    hash::Hash,
    ops::{Index, IndexMut},
};

use signet_model::EndpointId;
use slab::Slab;

use super::load::Load;

/// Lanes with the same key.
#[derive(Debug)]
pub(super) struct Group<K> {
    key: K,
    members: usize,
    pub(super) load: Load,
    /// Lanes that only the limit of this group keeps from beginning an attempt.
    pub(super) queue: VecDeque<EndpointId>,
}

/// All groups of one kind. Each lasts as long as it has members.
#[derive(Debug)]
pub(super) struct Groups<K> {
    numbers: HashMap<K, usize>,
    groups: Slab<Group<K>>,
}

impl<K> Default for Groups<K> {
    fn default() -> Self {
        Self { numbers: HashMap::new(), groups: Slab::new() }
    }
}

impl<K: Hash + Eq + Clone> Groups<K> {
    /// Adds a lane to the group with this key; returns the group's number.
    pub(super) fn join(&mut self, key: K) -> usize {
        let groups = &mut self.groups;
        let number = *self.numbers.entry(key).or_insert_with_key(|key| {
            let (key, load, queue) = (key.clone(), Load::default(), VecDeque::new());
            groups.insert(Group { key, members: 0, load, queue })
        });
        self.groups[number].members += 1;
        number
    }

    /// Takes a lane without load out of its group.
    pub(super) fn leave(&mut self, number: usize) {
        self.groups[number].members -= 1;
        if self.groups[number].members == 0 {
            let group = self.groups.remove(number);
            self.numbers.remove(&group.key);
        }
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.numbers.len()
    }

    /// Returns the load of the lanes with this key.
    pub(super) fn load(&self, key: &K) -> Load {
        self.numbers.get(key).map_or_else(Load::default, |&number| self.groups[number].load)
    }
}

impl<K> Index<usize> for Groups<K> {
    type Output = Group<K>;

    fn index(&self, number: usize) -> &Group<K> {
        &self.groups[number]
    }
}

impl<K> IndexMut<usize> for Groups<K> {
    fn index_mut(&mut self, number: usize) -> &mut Group<K> {
        &mut self.groups[number]
    }
}

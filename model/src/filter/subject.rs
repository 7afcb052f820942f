//! A body that filters look into.

use std::{collections::HashMap, ptr};

use super::pointer::Pointer;
use crate::payload::{Members, Value};

/// Objects with more members than this get an index once one of their members is looked up.
const SEARCHED_MAX: usize = 16;

/// A body, with indexes of its large objects: a look-up must not cost more in a body with
/// more members, because many filters of one account can look into each body.
#[derive(Debug)]
pub struct Subject<'v, 'b> {
    body: &'v Value<'b>,
    /// By the address of the object.
    indexes: HashMap<usize, HashMap<&'v str, &'v Value<'b>>>,
}

impl<'v, 'b> Subject<'v, 'b> {
    /// A body to look into.
    pub fn new(body: &'v Value<'b>) -> Self {
        Self { body, indexes: HashMap::new() }
    }

    /// Finds the value that a pointer names.
    pub(super) fn find(&mut self, pointer: &Pointer) -> Option<&'v Value<'b>> {
        pointer.steps().try_fold(self.body, |value, step| match value {
            Value::Object(members) => self.member(members, step),
            Value::Array(values) => values.get(index(step)?),
            _ => None,
        })
    }

    fn member(&mut self, members: &'v Members<'b>, name: &str) -> Option<&'v Value<'b>> {
        if members.len() <= SEARCHED_MAX {
            return members.get(name);
        }
        let index = self.indexes.entry(ptr::from_ref(members).addr()).or_insert_with(|| members.iter().collect());
        index.get(name).copied()
    }
}

/// Reads the index of an element: digits without a zero before them.
fn index(step: &str) -> Option<usize> {
    let is_index = step == "0" || (!step.starts_with('0') && step.bytes().all(|byte| byte.is_ascii_digit()));
    is_index.then(|| step.parse().ok()).flatten()
}

//! JSON that is a fixed point of ECMAScript's `JSON.stringify(JSON.parse(text))`.
//!
//! Receivers verify a signature over the output of their own `JSON.stringify`, so
//! a body must come out of that function byte for byte as it went in
//! (ECMA-262, `SerializeJSONProperty` and `OrdinaryOwnPropertyKeys`). [`parse`]
//! reads a document into the shape it has in ECMAScript and refuses values that
//! ECMAScript would alter; [`Value::write`] prints that shape.

mod indented;
mod number;
mod parse;
mod write;

use std::borrow::Cow;

pub use indented::indented;
pub(crate) use number::read as read_number;
pub(crate) use parse::is_array_index;
pub use parse::{Fault, Problem, parse};
pub use write::write_string;

/// A JSON value as ECMAScript holds it.
#[derive(Debug, Clone, PartialEq)]
pub enum Value<'a> {
    /// `null`.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A finite number.
    Number(f64),
    /// A string without lone surrogates.
    String(Cow<'a, str>),
    /// An array.
    Array(Vec<Value<'a>>),
    /// An object, its members in ECMAScript's order: see [`Members`].
    Object(Members<'a>),
}

/// The members of an object: integer-like keys first, ascending, then the others
/// in the order in which they first came; of equal keys the last value.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Members<'a>(Vec<(Cow<'a, str>, Value<'a>)>);

impl<'a> Members<'a> {
    /// The members in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Value<'a>)> {
        self.0.iter().map(|(key, value)| (key.as_ref(), value))
    }

    /// The number of members.
    pub const fn len(&self) -> usize {
        self.0.len()
    }

    /// Returns `true` if there are none.
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The value of a member.
    pub fn get(&self, key: &str) -> Option<&Value<'a>> {
        self.iter().find(|(name, _)| *name == key).map(|(_, value)| value)
    }

    /// Takes a member out.
    pub fn take(&mut self, key: &str) -> Option<Value<'a>> {
        let place = self.0.iter().position(|(name, _)| name == key)?;
        Some(self.0.remove(place).1)
    }
}

impl Value<'_> {
    /// Prints compact JSON, as `JSON.stringify` does, at the end of `out`.
    pub fn write(&self, out: &mut String) {
        write::write(self, out);
    }

    /// The kind of the value, for messages: "a string".
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool(_) => "a boolean",
            Self::Number(_) => "a number",
            Self::String(_) => "a string",
            Self::Array(_) => "an array",
            Self::Object(_) => "an object",
        }
    }
}

/// Appends one step to a JSON pointer (RFC 6901).
pub fn push_pointer(pointer: &mut String, step: &str) {
    pointer.push('/');
    for letter in step.chars() {
        match letter {
            '~' => pointer.push_str("~0"),
            '/' => pointer.push_str("~1"),
            other => pointer.push(other),
        }
    }
}

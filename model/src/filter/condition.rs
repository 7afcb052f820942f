//! One condition on one member of a body.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize};

use super::{
    pointer::{Pointer, PointerError},
    subject::Subject,
};
use crate::payload::Value;

/// The most values of a list.
pub const VALUES_MAX: usize = 50;
/// The longest text to compare with, in characters.
pub const TEXT_MAX: usize = 255;

/// The bytes of a number or a boolean, roughly.
const SCALAR_BYTES: usize = 8;

/// A member, and a test of its value.
#[derive(Debug, Clone, PartialEq)]
pub struct Condition {
    pointer: Pointer,
    test: Test,
}

/// A test of a value.
#[derive(Debug, Clone, PartialEq)]
pub enum Test {
    /// The value is this one.
    Equals(Scalar),
    /// The value is one of these.
    OneOf(Vec<Scalar>),
    /// The member is there, whatever its value; or is not.
    Exists(bool),
    /// The value is a number, and compares so.
    Compare(Comparison, f64),
}

/// A value to compare with.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged, expecting = "a text, a number or a boolean")]
pub enum Scalar {
    /// A boolean.
    Bool(bool),
    /// A number.
    Number(#[serde(serialize_with = "number::write")] f64),
    /// A text.
    Text(Box<str>),
}

/// The comparison of a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Comparison {
    /// Less than.
    Lt,
    /// Less than or equal.
    Lte,
    /// Greater than.
    Gt,
    /// Greater than or equal.
    Gte,
}

impl Comparison {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Lt, Self::Lte, Self::Gt, Self::Gte];
}

/// A condition as it is written: a pointer, and one of the tests.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RawCondition {
    /// A JSON pointer (RFC 6901) to a member of the body.
    pub pointer: String,
    /// The value that the member has.
    #[serde(default, deserialize_with = "given", skip_serializing_if = "Option::is_none")]
    pub equals: Option<Scalar>,
    /// The values of which the member has one.
    #[serde(default, deserialize_with = "given", skip_serializing_if = "Option::is_none")]
    pub one_of: Option<Vec<Scalar>>,
    /// The member is there, or is not.
    #[serde(default, deserialize_with = "given", skip_serializing_if = "Option::is_none")]
    pub exists: Option<bool>,
    /// The member is a number less than this.
    #[serde(default, with = "number", skip_serializing_if = "Option::is_none")]
    pub lt: Option<f64>,
    /// The member is a number less than or equal to this.
    #[serde(default, with = "number", skip_serializing_if = "Option::is_none")]
    pub lte: Option<f64>,
    /// The member is a number greater than this.
    #[serde(default, with = "number", skip_serializing_if = "Option::is_none")]
    pub gt: Option<f64>,
    /// The member is a number greater than or equal to this.
    #[serde(default, with = "number", skip_serializing_if = "Option::is_none")]
    pub gte: Option<f64>,
}

/// Reads a value where there is one: `null` is none.
fn given<'de, T: Deserialize<'de>, D: Deserializer<'de>>(deserializer: D) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}

/// Numbers, written as ECMAScript does: `5`, and not `5.0`.
mod number {
    use serde::{Deserializer, Serializer};

    /// The numbers between this and its negative can be written as integers.
    const INTEGERS: f64 = 9_007_199_254_740_992.0;

    // A number is as small as a reference where references have eight bytes.
    #[cfg_attr(
        target_pointer_width = "64",
        expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")
    )]
    #[expect(clippy::cast_possible_truncation, reason = "an integer of this size has its exact equal")]
    pub(super) fn write<S: Serializer>(number: &f64, serializer: S) -> Result<S::Ok, S::Error> {
        if number.fract() == 0.0 && number.abs() < INTEGERS {
            serializer.serialize_i64(*number as i64)
        } else {
            serializer.serialize_f64(*number)
        }
    }

    #[expect(clippy::ref_option, reason = "serde passes a reference")]
    pub(super) fn serialize<S: Serializer>(number: &Option<f64>, serializer: S) -> Result<S::Ok, S::Error> {
        match number {
            Some(number) => write(number, serializer),
            None => serializer.serialize_none(),
        }
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<f64>, D::Error> {
        super::given(deserializer)
    }
}

/// The fault of a condition, worded to stand behind its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ConditionError {
    /// The pointer is none.
    #[error("has a pointer that {0}")]
    Pointer(#[from] PointerError),
    /// There is no test.
    #[error("needs one of equals, oneOf, exists, lt, lte, gt, gte")]
    NoTest,
    /// There are two tests or more.
    #[error("has more than one of equals, oneOf, exists, lt, lte, gt, gte")]
    ManyTests,
    /// A list without a value, or with more than [`VALUES_MAX`].
    #[error("needs from 1 to 50 values to compare with")]
    Values,
    /// A text is longer than [`TEXT_MAX`].
    #[error("compares with a text that is longer than 255 characters")]
    Text,
}

impl Condition {
    /// Names the member.
    pub const fn pointer(&self) -> &Pointer {
        &self.pointer
    }

    /// The test of its value.
    pub const fn test(&self) -> &Test {
        &self.test
    }

    /// Joins a pointer and a test.
    ///
    /// # Errors
    /// The values of the test are too many, or too long.
    pub fn new(pointer: Pointer, test: Test) -> Result<Self, ConditionError> {
        match &test {
            Test::Equals(scalar) => scalar.check()?,
            Test::OneOf(scalars) if !(1..=VALUES_MAX).contains(&scalars.len()) => return Err(ConditionError::Values),
            Test::OneOf(scalars) => scalars.iter().try_for_each(Scalar::check)?,
            Test::Exists(_) | Test::Compare(..) => {}
        }
        Ok(Self { pointer, test })
    }

    /// The bytes of its texts, and some for each number.
    pub(super) fn weight(&self) -> usize {
        let scalars = match &self.test {
            Test::Equals(scalar) => scalar.weight(),
            Test::OneOf(scalars) => scalars.iter().map(Scalar::weight).sum(),
            Test::Exists(_) | Test::Compare(..) => SCALAR_BYTES,
        };
        self.pointer.as_str().len() + scalars
    }

    pub(super) fn holds(&self, body: &mut Subject<'_, '_>) -> bool {
        let found = body.find(&self.pointer);
        match &self.test {
            Test::Exists(exists) => found.is_some() == *exists,
            Test::Equals(scalar) => found.is_some_and(|value| scalar.is(value)),
            Test::OneOf(scalars) => found.is_some_and(|value| scalars.iter().any(|scalar| scalar.is(value))),
            Test::Compare(comparison, number) => {
                matches!(found, Some(Value::Number(value)) if comparison.holds(*value, *number))
            }
        }
    }
}

impl Comparison {
    fn holds(self, value: f64, number: f64) -> bool {
        match self {
            Self::Lt => value < number,
            Self::Lte => value <= number,
            Self::Gt => value > number,
            Self::Gte => value >= number,
        }
    }
}

impl Scalar {
    /// Returns `true` if a value of a body is this one. Numbers are equal as numbers of
    /// ECMAScript are.
    #[expect(clippy::float_cmp, reason = "a filter asks for exactly this number")]
    fn is(&self, value: &Value<'_>) -> bool {
        match (self, value) {
            (Self::Bool(a), Value::Bool(b)) => a == b,
            (Self::Number(a), Value::Number(b)) => a == b,
            (Self::Text(a), Value::String(b)) => **a == **b,
            _ => false,
        }
    }

    const fn weight(&self) -> usize {
        match self {
            Self::Text(text) => text.len(),
            Self::Bool(_) | Self::Number(_) => SCALAR_BYTES,
        }
    }

    fn check(&self) -> Result<(), ConditionError> {
        match self {
            Self::Text(text) if text.chars().count() > TEXT_MAX => Err(ConditionError::Text),
            _ => Ok(()),
        }
    }
}

impl fmt::Display for Scalar {
    /// The form in JSON.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut json = String::new();
        match self {
            Self::Bool(value) => Value::Bool(*value).write(&mut json),
            Self::Number(value) => Value::Number(*value).write(&mut json),
            Self::Text(text) => Value::String((&**text).into()).write(&mut json),
        }
        f.write_str(&json)
    }
}

impl TryFrom<RawCondition> for Condition {
    type Error = ConditionError;

    fn try_from(raw: RawCondition) -> Result<Self, ConditionError> {
        let pointer = raw.pointer.parse()?;
        let compare = |comparison| move |number| Test::Compare(comparison, number);
        let mut tests = [
            raw.equals.map(Test::Equals),
            raw.one_of.map(Test::OneOf),
            raw.exists.map(Test::Exists),
            raw.lt.map(compare(Comparison::Lt)),
            raw.lte.map(compare(Comparison::Lte)),
            raw.gt.map(compare(Comparison::Gt)),
            raw.gte.map(compare(Comparison::Gte)),
        ]
        .into_iter()
        .flatten();
        let test = tests.next().ok_or(ConditionError::NoTest)?;
        if tests.next().is_some() {
            return Err(ConditionError::ManyTests);
        }
        Self::new(pointer, test)
    }
}

impl From<Condition> for RawCondition {
    fn from(condition: Condition) -> Self {
        let mut raw = Self { pointer: condition.pointer.as_str().to_owned(), ..Self::default() };
        match condition.test {
            Test::Equals(scalar) => raw.equals = Some(scalar),
            Test::OneOf(scalars) => raw.one_of = Some(scalars),
            Test::Exists(exists) => raw.exists = Some(exists),
            Test::Compare(Comparison::Lt, number) => raw.lt = Some(number),
            Test::Compare(Comparison::Lte, number) => raw.lte = Some(number),
            Test::Compare(Comparison::Gt, number) => raw.gt = Some(number),
            Test::Compare(Comparison::Gte, number) => raw.gte = Some(number),
        }
        raw
    }
}

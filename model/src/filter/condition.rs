//! One condition on one member of a body.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::pointer::{Pointer, PointerError};
use crate::payload::Value;

/// The most values of a list.
const VALUES_MAX: usize = 50;
/// The longest text to compare with, in bytes.
const TEXT_MAX: usize = 1_024;

/// A member, and a test of its value.
#[derive(Debug, Clone, PartialEq)]
pub struct Condition {
    /// Names the member.
    pub pointer: Pointer,
    /// The test.
    pub test: Test,
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
    Number(f64),
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
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub equals: Option<Scalar>,
    /// The values of which the member has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub one_of: Option<Vec<Scalar>>,
    /// The member is there, or is not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exists: Option<bool>,
    /// The member is a number less than this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lt: Option<f64>,
    /// The member is a number less than or equal to this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lte: Option<f64>,
    /// The member is a number greater than this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gt: Option<f64>,
    /// The member is a number greater than or equal to this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gte: Option<f64>,
}

/// The fault of a condition.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ConditionError {
    /// The pointer is none.
    #[error("its pointer {0}")]
    Pointer(#[from] PointerError),
    /// There is no test.
    #[error("it needs one of equals, oneOf, exists, lt, lte, gt, gte")]
    NoTest,
    /// There are two tests or more.
    #[error("it can have one of equals, oneOf, exists, lt, lte, gt, gte, and not more")]
    ManyTests,
    /// A list without a value, or with too many.
    #[error("oneOf needs from 1 to 50 values")]
    Values,
    /// A text is too long.
    #[error("a text to compare with has at most 1,024 characters")]
    Text,
}

impl Condition {
    pub(super) fn holds(&self, body: &Value<'_>) -> bool {
        let found = self.pointer.find(body);
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

    fn check(&self) -> Result<(), ConditionError> {
        match self {
            Self::Text(text) if text.len() > TEXT_MAX => Err(ConditionError::Text),
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
        match &test {
            Test::Equals(scalar) => scalar.check()?,
            Test::OneOf(scalars) if !(1..=VALUES_MAX).contains(&scalars.len()) => return Err(ConditionError::Values),
            Test::OneOf(scalars) => scalars.iter().try_for_each(Scalar::check)?,
            Test::Exists(_) | Test::Compare(..) => {}
        }
        Ok(Self { pointer, test })
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

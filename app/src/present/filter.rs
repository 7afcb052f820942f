//! The conditions of filters, in words.

use signet_model::filter::{Comparison, Condition, Scalar, Test};

/// A kind of test, as forms offer it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TestKind {
    Equals,
    OneOf,
    Compare(Comparison),
    Exists(bool),
}

impl TestKind {
    pub(crate) const ALL: [Self; 8] = [
        Self::Equals,
        Self::OneOf,
        Self::Compare(Comparison::Lt),
        Self::Compare(Comparison::Lte),
        Self::Compare(Comparison::Gt),
        Self::Compare(Comparison::Gte),
        Self::Exists(true),
        Self::Exists(false),
    ];

    /// The kind with this name in a form.
    pub(crate) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

    /// The name in a form.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Equals => "equals",
            Self::OneOf => "one-of",
            Self::Compare(Comparison::Lt) => "lt",
            Self::Compare(Comparison::Lte) => "lte",
            Self::Compare(Comparison::Gt) => "gt",
            Self::Compare(Comparison::Gte) => "gte",
            Self::Exists(true) => "exists",
            Self::Exists(false) => "absent",
        }
    }

    /// The words between the member and the value.
    pub(crate) const fn words(self) -> &'static str {
        match self {
            Self::Equals => "is",
            Self::OneOf => "is one of",
            Self::Compare(Comparison::Lt) => "is less than",
            Self::Compare(Comparison::Lte) => "is at most",
            Self::Compare(Comparison::Gt) => "is more than",
            Self::Compare(Comparison::Gte) => "is at least",
            Self::Exists(true) => "is there",
            Self::Exists(false) => "is not there",
        }
    }

    pub(crate) const fn of(test: &Test) -> Self {
        match test {
            Test::Equals(_) => Self::Equals,
            Test::OneOf(_) => Self::OneOf,
            Test::Compare(comparison, _) => Self::Compare(*comparison),
            Test::Exists(exists) => Self::Exists(*exists),
        }
    }
}

/// The value that a test compares with, as people type it; empty if there is none.
pub(crate) fn typed_value(test: &Test) -> String {
    match test {
        Test::Equals(value) => value.typed(),
        Test::OneOf(values) => Scalar::list_typed(values),
        Test::Compare(_, number) => Scalar::Number(*number).typed(),
        Test::Exists(_) => String::new(),
    }
}

/// A condition as a sentence: `/total is at least 100`.
pub(crate) fn condition(condition: &Condition) -> String {
    let (kind, value) = (TestKind::of(condition.test()), typed_value(condition.test()));
    format!("{} {} {value}", condition.pointer().as_str(), kind.words()).trim_end().to_owned()
}

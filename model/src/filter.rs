//! Filters: conditions on the members of an event's body, all of which must hold for the
//! event to be delivered to an endpoint.

mod condition;
mod pointer;
mod subject;
mod typed;

use serde::{Deserialize, Serialize};

pub use condition::{Comparison, Condition, ConditionError, RawCondition, Scalar, TEXT_MAX, Test, VALUES_MAX};
pub use pointer::{POINTER_MAX, Pointer, PointerError, STEPS_MAX};
pub use subject::Subject;

/// The most conditions of one filter.
pub const CONDITIONS_MAX: usize = 10;
/// The most bytes of all pointers and values of one filter together: an account has many
/// webhooks, and each of its events passes all their filters.
pub const BYTES_MAX: usize = 4_096;

/// One condition or more. The serialised form is an array of [`RawCondition`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Vec<RawCondition>", into = "Vec<RawCondition>")]
pub struct Filter(Vec<Condition>);

/// Conditions that are no filter.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FilterError {
    /// There is no condition.
    #[error("a filter has one condition or more")]
    Empty,
    /// More than [`CONDITIONS_MAX`].
    #[error("a filter has at most 10 conditions")]
    TooMany,
    /// The conditions have more bytes than [`BYTES_MAX`].
    #[error("the conditions of a filter have at most 4,096 characters together")]
    TooLarge,
    /// A condition, counted from 0, is invalid.
    #[error("condition {} {reason}", place + 1)]
    Condition {
        /// The place of the condition.
        place: usize,
        /// Its fault.
        reason: ConditionError,
    },
}

impl Filter {
    /// Joins conditions.
    pub fn new(conditions: Vec<Condition>) -> Result<Self, FilterError> {
        match conditions.len() {
            0 => Err(FilterError::Empty),
            1..=CONDITIONS_MAX if conditions.iter().map(Condition::weight).sum::<usize>() > BYTES_MAX => {
                Err(FilterError::TooLarge)
            }
            1..=CONDITIONS_MAX => Ok(Self(conditions)),
            _ => Err(FilterError::TooMany),
        }
    }

    /// The conditions.
    pub fn conditions(&self) -> &[Condition] {
        &self.0
    }

    /// Returns `true` if all conditions hold for a body.
    pub fn matches(&self, body: &mut Subject<'_, '_>) -> bool {
        self.0.iter().all(|condition| condition.holds(body))
    }
}

impl TryFrom<Vec<RawCondition>> for Filter {
    type Error = FilterError;

    fn try_from(raw: Vec<RawCondition>) -> Result<Self, FilterError> {
        if raw.len() > CONDITIONS_MAX {
            return Err(FilterError::TooMany);
        }
        let parse = |(place, raw)| Condition::try_from(raw).map_err(|reason| FilterError::Condition { place, reason });
        Self::new(raw.into_iter().enumerate().map(parse).collect::<Result<_, _>>()?)
    }
}

impl From<Filter> for Vec<RawCondition> {
    fn from(filter: Filter) -> Self {
        filter.0.into_iter().map(RawCondition::from).collect()
    }
}

#[cfg(test)]
#[expect(clippy::float_cmp, reason = "a filter asks for exactly this number")]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::payload;

    const BODY: &str =
        r#"{"event":"order.paid","total":45.5,"lines":[{"sku":"a/b"},{"sku":"c"}],"vip":true,"note":null,"k~":"x"}"#;

    fn matches(filter: &str, body: &str) -> bool {
        let filter: Filter = serde_json::from_str(filter).expect(filter);
        filter.matches(&mut Subject::new(&payload::parse(body).expect(body)))
    }

    #[test]
    fn each_test_looks_at_the_member_that_its_pointer_names() {
        for (condition, holds) in [
            (r#"{"pointer":"/event","equals":"order.paid"}"#, true),
            (r#"{"pointer":"/event","equals":"order.sent"}"#, false),
            (r#"{"pointer":"/lines/0/sku","equals":"a/b"}"#, true),
            (r#"{"pointer":"/lines/2/sku","exists":false}"#, true),
            (r#"{"pointer":"/lines/01/sku","exists":true}"#, false),
            (r#"{"pointer":"/vip","equals":true}"#, true),
            (r#"{"pointer":"/vip","equals":"true"}"#, false),
            (r#"{"pointer":"/note","exists":true}"#, true),
            (r#"{"pointer":"/k~0","equals":"x"}"#, true),
            (r#"{"pointer":"/absent","exists":false}"#, true),
            (r#"{"pointer":"/absent","equals":"x"}"#, false),
            (r#"{"pointer":"/event","oneOf":["order.sent","order.paid"]}"#, true),
            (r#"{"pointer":"/total","oneOf":[1,45.5]}"#, true),
            (r#"{"pointer":"/total","oneOf":["45.5"]}"#, false),
            (r#"{"pointer":"/total","gt":45.5}"#, false),
            (r#"{"pointer":"/total","gte":45.5}"#, true),
            (r#"{"pointer":"/total","lt":46}"#, true),
            (r#"{"pointer":"/total","lte":45}"#, false),
            (r#"{"pointer":"/event","gt":0}"#, false),
        ] {
            assert_eq!(matches(&format!("[{condition}]"), BODY), holds, "{condition}");
        }
    }

    #[test]
    fn members_of_large_objects_are_found_as_those_of_small_ones_are() {
        let members: Vec<_> = (0..1_000).map(|number| format!("\"m{number}\":{number}")).collect();
        let body = format!("{{\"large\":{{{}}},\"small\":{{\"m7\":7}}}}", members.join(","));
        for (condition, holds) in [
            (r#"{"pointer":"/large/m999","equals":999}"#, true),
            (r#"{"pointer":"/large/m1000","exists":true}"#, false),
            (r#"{"pointer":"/small/m7","equals":7}"#, true),
        ] {
            assert_eq!(matches(&format!("[{condition},{condition}]"), &body), holds, "{condition}");
        }
    }

    #[test]
    fn all_conditions_must_hold() {
        let both = |total| format!(r#"[{{"pointer":"/vip","equals":true}},{{"pointer":"/total","gt":{total}}}]"#);
        assert!(matches(&both(45), BODY));
        assert!(!matches(&both(46), BODY));
    }

    #[test]
    fn a_filter_that_is_none_says_which_condition_and_why() {
        for (text, reason) in [
            ("[]", "a filter has one condition or more"),
            (r#"[{"pointer":"total","gt":1}]"#, "condition 1 has a pointer that must begin with /"),
            (
                r#"[{"pointer":"/a~2","gt":1}]"#,
                "condition 1 has a pointer that has a ~ that is followed by neither 0 nor 1",
            ),
            (r#"[{"pointer":"/a"}]"#, "condition 1 needs one of equals, oneOf, exists, lt, lte, gt, gte"),
            (r#"[{"pointer":"/a","gt":1},{"pointer":"/a","gt":1,"lt":2}]"#, "condition 2 has more than one of"),
            (r#"[{"pointer":"/a","oneOf":[]}]"#, "condition 1 needs from 1 to 50 values"),
            (r#"[{"pointer":"/a","equal":1}]"#, "unknown field `equal`"),
            (r#"[{"pointer":"/a","equals":{}}]"#, "a text, a number or a boolean"),
            (r#"[{"pointer":"/a","equals":null}]"#, "a text, a number or a boolean"),
            (r#"[{"pointer":"/a","gt":1,"lt":null}]"#, "expected f64"),
            (&format!(r#"[{{"pointer":"{}","gt":1}}]"#, "/a".repeat(17)), "has a pointer that has more than 16 steps"),
            (&format!(r#"[{{"pointer":"/{}","gt":1}}]"#, "a".repeat(255)), "has a pointer that is longer than 255"),
            (&format!(r#"[{{"pointer":"/a","equals":"{}"}}]"#, "a".repeat(256)), "a text that is longer than 255"),
            (
                &format!(
                    r#"[{{"pointer":"/a","oneOf":[{}]}}]"#,
                    vec![format!("\"{}\"", "a".repeat(200)); 21].join(",")
                ),
                "at most 4,096 characters together",
            ),
        ] {
            let error = serde_json::from_str::<Filter>(text).expect_err(text).to_string();
            assert!(error.contains(reason), "{text}: {error}");
        }
        let many = format!("[{}]", [r#"{"pointer":"/a","exists":true}"#; 11].join(","));
        assert!(serde_json::from_str::<Filter>(&many).expect_err("many").to_string().contains("at most 10"));
    }

    fn scalar() -> impl Strategy<Value = Scalar> {
        prop_oneof![
            any::<bool>().prop_map(Scalar::Bool),
            (-1_000_i32..1_000).prop_map(|number| Scalar::Number(f64::from(number) / 8.0)),
            "[a-z/~ é]{0,8}".prop_map(|text| Scalar::Text(text.into())),
        ]
    }

    fn test() -> impl Strategy<Value = Test> {
        let comparison = prop::sample::select(Comparison::ALL.to_vec());
        prop_oneof![
            scalar().prop_map(Test::Equals),
            prop::collection::vec(scalar(), 1..4).prop_map(Test::OneOf),
            any::<bool>().prop_map(Test::Exists),
            (comparison, -100_i32..100).prop_map(|(comparison, number)| Test::Compare(comparison, number.into())),
        ]
    }

    fn filter() -> impl Strategy<Value = Filter> {
        let condition = ("(/[a-c]|/[0-2]|/~1|/~0){1,3}", test())
            .prop_map(|(pointer, test)| Condition::new(pointer.parse().expect("a pointer"), test).expect("valid"));
        prop::collection::vec(condition, 1..=CONDITIONS_MAX)
            .prop_map(|conditions| Filter::new(conditions).expect("some"))
    }

    proptest! {
        #[test]
        fn a_filter_survives_being_written_and_read(filter in filter()) {
            let text = serde_json::to_string(&filter).expect("JSON");
            prop_assert_eq!(serde_json::from_str::<Filter>(&text).expect("a filter"), filter);
        }

        #[test]
        fn a_filter_goes_by_the_values_that_another_reader_of_json_finds(
            filter in filter(),
            members in prop::collection::vec(("[a-c]", "(true|null|[1-9]|\"[a-z]\"|\\[1,2\\]|\\{\"a\":1\\})"), 0..4),
        ) {
            let body = members.iter().map(|(key, value)| format!("\"{key}\":{value}")).collect::<Vec<_>>().join(",");
            let body = format!("{{{body}}}");
            let other: serde_json::Value = serde_json::from_str(&body).expect("JSON");
            let holds = |condition: &Condition| {
                let found = other.pointer(condition.pointer().as_str());
                let equals = |scalar: &Scalar| found == Some(&serde_json::to_value(scalar).expect("JSON"))
                    || matches!((found.and_then(serde_json::Value::as_f64), scalar), (Some(a), Scalar::Number(b)) if a == *b);
                match condition.test() {
                    Test::Equals(scalar) => equals(scalar),
                    Test::OneOf(scalars) => scalars.iter().any(equals),
                    Test::Exists(exists) => found.is_some() == *exists,
                    Test::Compare(comparison, number) => {
                        found.and_then(serde_json::Value::as_f64).is_some_and(|found| match comparison {
                            Comparison::Lt => found < *number,
                            Comparison::Lte => found <= *number,
                            Comparison::Gt => found > *number,
                            Comparison::Gte => found >= *number,
                        })
                    }
                }
            };
            let expected = filter.conditions().iter().all(holds);
            let parsed = payload::parse(&body).expect("JSON");
            prop_assert_eq!(filter.matches(&mut Subject::new(&parsed)), expected, "{}", body);
        }
    }
}

//! Values to compare with as people type them: `ready`, `45.5`, `true`. Quotes make a text of
//! what would be another value: `"45.5"`.

use super::Scalar;
use crate::payload::{self, Value};

impl Scalar {
    /// Reads a value: a number, a boolean or a text in quotes as JSON has them, and each other
    /// text as it is.
    pub fn from_typed(text: &str) -> Self {
        match payload::parse(text) {
            Ok(Value::Bool(value)) => Self::Bool(value),
            Ok(Value::Number(value)) => Self::Number(value),
            Ok(Value::String(value)) => Self::Text(value.into()),
            _ => Self::Text(text.into()),
        }
    }

    /// Reads values with commas between them.
    pub fn list_from_typed(text: &str) -> Vec<Self> {
        let (mut values, mut rest) = (Vec::new(), text.trim());
        while !rest.is_empty() {
            let (value, after) = first(rest);
            values.push(Self::from_typed(value.trim()));
            rest = after.trim_start();
        }
        values
    }

    /// The value as [`Scalar::from_typed`] reads it, alone or in a list.
    pub fn typed(&self) -> String {
        match self {
            Self::Text(text) if is_plain(text) => text.to_string(),
            other => other.to_string(),
        }
    }

    /// Values as [`Scalar::list_from_typed`] reads them.
    pub fn list_typed(values: &[Self]) -> String {
        values.iter().map(Self::typed).collect::<Vec<_>>().join(", ")
    }
}

/// True for a text that is read as itself.
fn is_plain(text: &str) -> bool {
    !text.is_empty()
        && text.trim() == text
        && !text.contains([',', '"'])
        && Scalar::from_typed(text) == Scalar::Text(text.into())
}

/// The first value, and what stands behind its comma.
fn first(text: &str) -> (&str, &str) {
    if let Some(end) = text.strip_prefix('"').and_then(closing_quote) {
        let (value, after) = text.split_at(end + 2);
        if let Some(after) = after.trim_start().strip_prefix(',').or(after.trim().is_empty().then_some("")) {
            return (value, after);
        }
    }
    text.split_once(',').unwrap_or((text, ""))
}

/// The place of the quote that ends a text in JSON.
fn closing_quote(text: &str) -> Option<usize> {
    let mut escaped = false;
    text.bytes().position(|byte| {
        let ends = byte == b'"' && !escaped;
        escaped = byte == b'\\' && !escaped;
        ends
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn text(text: &str) -> Scalar {
        Scalar::Text(text.into())
    }

    #[test]
    fn a_typed_value_is_what_it_looks_like() {
        for (typed, value) in [
            ("ready", text("ready")),
            ("45.5", Scalar::Number(45.5)),
            ("true", Scalar::Bool(true)),
            ("\"true\"", text("true")),
            ("\"\"", text("")),
            ("a, b", text("a, b")),
            ("{}", text("{}")),
            ("null", text("null")),
        ] {
            assert_eq!(Scalar::from_typed(typed), value, "{typed}");
        }
    }

    #[test]
    fn a_typed_list_has_commas_between_its_values() {
        let list = Scalar::list_from_typed(r#" EUR, 5 ,"a, \"b\"" , x"y,"#);
        assert_eq!(list, [text("EUR"), Scalar::Number(5.0), text("a, \"b\""), text("x\"y")]);
        assert_eq!(Scalar::list_from_typed("\"a\"b, c"), [text("\"a\"b"), text("c")]);
        assert_eq!(Scalar::list_from_typed(" "), []);
    }

    fn scalar() -> impl Strategy<Value = Scalar> {
        prop_oneof![
            any::<bool>().prop_map(Scalar::Bool),
            (-1_000_i32..1_000).prop_map(|number| Scalar::Number(f64::from(number) / 8.0)),
            r#"[a-c0-9, "\\é{\[]{0,8}"#.prop_map(|text| Scalar::Text(text.into())),
        ]
    }

    proptest! {
        #[test]
        fn a_value_that_is_shown_is_read_as_itself(values in prop::collection::vec(scalar(), 1..5)) {
            prop_assert_eq!(Scalar::from_typed(&values[0].typed()), values[0].clone());
            prop_assert_eq!(Scalar::list_from_typed(&Scalar::list_typed(&values)), values);
        }
    }
}

//! The JSON Schema (2020-12) of an event type.

use jsonschema::{Draft, PatternOptions, ValidationError, Validator, error::ValidationErrorKind};
use serde_json::{Map, Value, json};
use signet_model::{
    event::{EventType, MemberFault},
    payload::{self, push_pointer},
};

use super::effort::Effort;

/// The longest schema and the longest sample, in bytes.
pub(super) const MAX_LEN: usize = 64 * 1024;
/// The longest message about a member, in characters: it can repeat a value.
const MAX_MESSAGE: usize = 300;
/// The only dialect.
const DIALECT: &str = "https://json-schema.org/draft/2020-12/schema";
/// The memory of one compiled pattern, and of its cache, in bytes.
const PATTERN_MAX: usize = 256 * 1024;

/// A schema that was compiled.
#[derive(Debug)]
pub(super) struct Schema {
    validator: Validator,
    effort: Effort,
}

impl Schema {
    /// Compiles the schema of a type. Properties for `event` and `timestamp` are added where
    /// the schema has none, so that it need not name what all bodies have.
    ///
    /// # Errors
    /// The text is no schema of this dialect, refers to another document, or has no end. The
    /// pointer leads into the schema.
    pub(super) fn compile(event_type: &EventType, text: &str) -> Result<Self, MemberFault> {
        let schema = whole(event_type, text)?;
        let effort = Effort::of(&schema)?;
        let validator = jsonschema::options()
            .with_draft(Draft::Draft202012)
            .with_pattern_options(PatternOptions::regex().size_limit(PATTERN_MAX).dfa_size_limit(PATTERN_MAX))
            .offline()
            .build(&schema)
            .map_err(|error| at(error.instance_path().to_string(), &error.to_string()))?;
        Ok(Self { validator, effort })
    }

    /// Checks a body.
    ///
    /// # Errors
    /// A member does not match; the first is named. Or the check would take too long.
    pub(super) fn check(&self, body: &str) -> Result<(), MemberFault> {
        let len = body.len();
        let body: Value = serde_json::from_str(body).map_err(|error| at(String::new(), &error.to_string()))?;
        self.effort.check(&body, len)?;
        self.validator.validate(&body).map_err(|error| fault(&error))
    }
}

/// The schema of a whole body, as a document.
///
/// # Errors
/// The text is no JSON, or names another dialect.
pub(super) fn whole(event_type: &EventType, text: &str) -> Result<Value, MemberFault> {
    let mut schema: Value = serde_json::from_str(text).map_err(|error| at(String::new(), &error.to_string()))?;
    let Value::Object(members) = &mut schema else {
        return if schema.is_boolean() { Ok(schema) } else { Err(at(String::new(), "must be a JSON Schema")) };
    };
    if members
        .get("$schema")
        .is_some_and(|dialect| dialect.as_str().map(|it| it.trim_end_matches('#')) != Some(DIALECT))
    {
        return Err(at("/$schema".to_owned(), &format!("must be {DIALECT}, or be left out")));
    }
    let properties = members.entry("properties").or_insert_with(|| Value::Object(Map::new()));
    if let Value::Object(properties) = properties {
        properties.entry("event").or_insert_with(|| json!({ "const": event_type.as_str() }));
        properties.entry("timestamp").or_insert_with(|| json!({ "type": "string", "format": "date-time" }));
    }
    Ok(schema)
}

/// Reads a JSON text, and prints it in the shape in which it is kept.
pub(super) fn normal(text: &str) -> Result<String, MemberFault> {
    if text.len() > MAX_LEN {
        return Err(at(String::new(), &format!("may have at most {MAX_LEN} bytes")));
    }
    let mut printed = String::with_capacity(text.len());
    payload::parse(text)?.write(&mut printed);
    Ok(printed)
}

fn fault(error: &ValidationError<'_>) -> MemberFault {
    let mut pointer = error.instance_path().to_string();
    let member = match error.kind() {
        ValidationErrorKind::Required { property } => property.as_str(),
        ValidationErrorKind::AdditionalProperties { unexpected }
        | ValidationErrorKind::UnevaluatedProperties { unexpected } => unexpected.first().map(String::as_str),
        _ => None,
    };
    let message = match (error.kind(), member) {
        (ValidationErrorKind::Required { .. }, Some(_)) => "is missing".to_owned(),
        (_, Some(_)) => "is not a member of this event type; remove it".to_owned(),
        _ => format!("does not match the schema of the event type: {}", error.masked()),
    };
    if let Some(member) = member {
        push_pointer(&mut pointer, member);
    }
    at(pointer, &message)
}

pub(super) fn at(pointer: String, message: &str) -> MemberFault {
    MemberFault { pointer, message: message.chars().take(MAX_MESSAGE).collect() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind() -> EventType {
        "order.paid".parse().expect("a name")
    }

    fn compile(schema: &Value) -> Result<Schema, MemberFault> {
        Schema::compile(&kind(), &schema.to_string())
    }

    #[test]
    fn a_body_is_checked_and_the_member_at_fault_is_named() {
        let schema = compile(&json!({
            "type": "object",
            "properties": {
                "orderId": { "type": "string" },
                "lines": { "type": "array", "items": { "type": "object", "required": ["sku"] } },
                "total": { "type": "integer", "minimum": 1 },
            },
            "required": ["orderId"],
            "additionalProperties": false,
        }))
        .expect("a schema");
        let check = |members: &str| {
            let body = format!(r#"{{"event":"order.paid",{members},"timestamp":"2026-03-28T12:00:00Z"}}"#);
            schema.check(&body).map_err(|fault| fault.pointer)
        };
        assert_eq!(check(r#""orderId":"o1","total":50,"lines":[{"sku":"a"}]"#), Ok(()));
        for (members, pointer) in [
            (r#""orderId":7"#, "/orderId"),
            (r#""total":1"#, "/orderId"),
            (r#""orderId":"o","total":0"#, "/total"),
            (r#""orderId":"o","total":1.5"#, "/total"),
            (r#""orderId":"o","lines":[{"sku":1},{}]"#, "/lines/1/sku"),
            (r#""orderId":"o","a/b":1"#, "/a~1b"),
        ] {
            assert_eq!(check(members), Err(pointer.to_owned()), "{members}");
        }
    }

    #[test]
    fn a_message_repeats_no_value_of_the_body() {
        let schema = compile(&json!({ "properties": { "card": { "maxLength": 3 } } })).expect("a schema");
        let fault = schema.check(r#"{"event":"order.paid","card":"4111111111111111"}"#).expect_err("too long");
        assert!(!fault.message.contains("4111"), "{fault}");
    }

    #[test]
    fn a_schema_may_describe_event_and_timestamp_itself() {
        let schema =
            compile(&json!({ "properties": { "event": { "type": "string" } }, "required": ["event", "timestamp"],
            "unevaluatedProperties": false }));
        let body = r#"{"event":"order.paid","timestamp":"2026-03-28T12:00:00Z"}"#;
        assert_eq!(schema.expect("a schema").check(body), Ok(()));
    }

    #[test]
    fn a_text_that_is_no_schema_is_refused_with_its_place() {
        for (schema, pointer) in [
            (json!([]), ""),
            (json!({ "properties": { "a": { "type": "text" } } }), "/properties/a/type"),
            (json!({ "$schema": "http://json-schema.org/draft-07/schema#" }), "/$schema"),
            (json!({ "minimum": "1" }), "/minimum"),
        ] {
            assert_eq!(compile(&schema).map(drop).expect_err("refused").pointer, pointer, "{schema}");
        }
        for other in ["https://example.com/schema.json", "file:///etc/passwd", "http://127.0.0.1:1/x"] {
            assert!(compile(&json!({ "$ref": other })).is_err(), "{other}");
        }
        assert!(compile(&json!({ "pattern": "(a)\\1" })).is_err(), "a pattern that could take for ever");
    }

    #[test]
    fn the_dialect_may_be_named_and_schemas_of_true_and_false_are_taken() {
        assert!(compile(&json!({ "$schema": DIALECT })).is_ok());
        assert!(compile(&json!(true)).expect("a schema").check("{}").is_ok());
        assert!(compile(&json!(false)).expect("a schema").check("{}").is_err());
    }
}

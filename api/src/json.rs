//! Bodies as types: an unknown, missing or mistyped member is refused with its pointer.

use axum::extract::{FromRequest, Request};
use serde::de::DeserializeOwned;
use serde_json::error::Category;
use serde_path_to_error::Segment;
use signet_model::payload::push_pointer;

use crate::{access::Api, body::JsonBody, problem::Problem};

/// The largest body of an operation that takes a few members, in bytes.
pub const MAX_LEN: usize = 64 * 1024;

/// The body of a request, read into its type.
#[derive(Debug)]
pub struct Given<T>(pub T);

impl<T: DeserializeOwned> FromRequest<Api> for Given<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, api: &Api) -> Result<Self, Problem> {
        let body = JsonBody::<MAX_LEN>::from_request(request, api).await?;
        read(body.text()?).map(Self)
    }
}

/// The body of a request that may have none, which counts as an object without members.
#[derive(Debug)]
pub struct GivenOrNone<T>(pub T);

impl<T: DeserializeOwned> FromRequest<Api> for GivenOrNone<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, api: &Api) -> Result<Self, Problem> {
        use axum::body::HttpBody;
        if request.body().is_end_stream() {
            return read("{}").map(Self);
        }
        Given::from_request(request, api).await.map(|Given(value)| Self(value))
    }
}

/// Reads a text as JSON of a type.
///
/// # Errors
/// The member at fault.
pub fn read<T: DeserializeOwned>(text: &str) -> Result<T, Problem> {
    // A type with named members would take an array of their values too.
    if text.trim_start().starts_with('[') {
        return Err(Problem::member("", "must be an object"));
    }
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let value = serde_path_to_error::deserialize(&mut deserializer).map_err(|error| {
        let mut pointer = String::new();
        for segment in error.path() {
            match segment {
                Segment::Seq { index } => push_pointer(&mut pointer, &index.to_string()),
                Segment::Map { key } => push_pointer(&mut pointer, key),
                Segment::Enum { .. } | Segment::Unknown => {}
            }
        }
        fault(pointer, &error.into_inner())
    })?;
    deserializer.end().map_err(|error| fault(String::new(), &error))?;
    Ok(value)
}

fn fault(pointer: String, error: &serde_json::Error) -> Problem {
    let text = error.to_string();
    let place = format!(" at line {} column {}", error.line(), error.column());
    let text = text.strip_suffix(&place).unwrap_or(&text);
    match error.classify() {
        Category::Data => member(pointer, text),
        Category::Syntax | Category::Eof | Category::Io => {
            Problem::member("", &format!("is not JSON: {text}, at line {} column {}", error.line(), error.column()))
        }
    }
}

/// A fault in serde's words, in ours: they stand behind the name of the member.
pub fn member(mut pointer: String, text: &str) -> Problem {
    let message = words(&mut pointer, text);
    Problem::member(pointer, &message)
}

/// The words of a fault. A member that is missing or unknown is added to the pointer.
pub fn words(pointer: &mut String, text: &str) -> String {
    let quoted = |prefix: &str| text.strip_prefix(prefix).and_then(|rest| rest.split_once('`')).map(|(name, _)| name);
    if let Some(name) = quoted("unknown field `") {
        add(pointer, name);
        "is not known here; remove it".to_owned()
    } else if let Some(name) = quoted("missing field `") {
        add(pointer, name);
        "is missing".to_owned()
    } else if let Some(name) = quoted("duplicate field `") {
        add(pointer, name);
        "is there twice".to_owned()
    } else if let Some((_, expected)) = text.split_once(", expected ").filter(|_| is_from_serde(text)) {
        let expected = expected.strip_prefix("struct ").map_or(expected, |_| "an object");
        format!("must be {expected}")
    } else {
        text.to_owned()
    }
}

fn is_from_serde(text: &str) -> bool {
    ["invalid type: ", "invalid value: ", "invalid length ", "unknown variant `"].iter().any(|it| text.starts_with(it))
}

/// Adds a name to the pointer, unless it ends with that name.
fn add(pointer: &mut String, name: &str) {
    let mut last = String::new();
    push_pointer(&mut last, name);
    if !pointer.ends_with(&last) {
        pointer.push_str(&last);
    }
}

/// Ways in which members are read, for `#[serde(deserialize_with = "…")]`.
pub mod members {
    use std::{borrow::Cow, fmt::Display, str::FromStr};

    use serde::{Deserialize, Deserializer, de::Error};

    /// A text that is parsed.
    pub fn parsed<'de, T, D>(deserializer: D) -> Result<T, D::Error>
    where
        T: FromStr<Err: Display>,
        D: Deserializer<'de>,
    {
        Cow::<str>::deserialize(deserializer)?.parse().map_err(Error::custom)
    }

    /// A text that is parsed, if the member is there; `null` is no text.
    pub fn parsed_if_given<'de, T, D>(deserializer: D) -> Result<Option<T>, D::Error>
    where
        T: FromStr<Err: Display>,
        D: Deserializer<'de>,
    {
        parsed(deserializer).map(Some)
    }

    /// A text that is parsed, or `null`.
    pub fn parsed_or_null<'de, T, D>(deserializer: D) -> Result<Option<T>, D::Error>
    where
        T: FromStr<Err: Display>,
        D: Deserializer<'de>,
    {
        let text: Option<Cow<'_, str>> = Option::deserialize(deserializer)?;
        text.map(|text| text.parse().map_err(Error::custom)).transpose()
    }

    /// A value, if the member is there; `null` is none.
    pub fn if_given<'de, T, D>(deserializer: D) -> Result<Option<T>, D::Error>
    where
        T: Deserialize<'de>,
        D: Deserializer<'de>,
    {
        T::deserialize(deserializer).map(Some)
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;
    use serde_json::Value;
    use signet_model::text::KeyName;

    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(rename_all = "camelCase", deny_unknown_fields)]
    struct Outer {
        #[serde(deserialize_with = "members::parsed")]
        #[expect(dead_code, reason = "read for its faults")]
        key_name: KeyName,
        #[serde(default, deserialize_with = "members::if_given")]
        #[expect(dead_code, reason = "read for its faults")]
        inner: Option<Vec<Inner>>,
    }

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Inner {
        #[expect(dead_code, reason = "read for its faults")]
        enabled: bool,
    }

    #[test]
    fn a_fault_names_its_member() {
        for (text, pointer, message) in [
            (r#"{"keyName":"a","extra/x":1}"#, "/extra~1x", "is not known here; remove it"),
            (r#"{"keyName":"a","inner":[{"enabled":true},{"enabled":1}]}"#, "/inner/1/enabled", "must be a boolean"),
            (r#"{"keyName":"a","inner":[{"enabled":true,"x":1}]}"#, "/inner/0/x", "is not known here; remove it"),
            (r#"{"keyName":"a","inner":[{}]}"#, "/inner/0/enabled", "is missing"),
            (r#"{"keyName":"a","inner":null}"#, "/inner", "must be a sequence"),
            (r"{}", "/keyName", "is missing"),
            (r#"{"keyName":"a","keyName":"b"}"#, "/keyName", "is there twice"),
            (r#"{"keyName":7}"#, "/keyName", "must be a string"),
            (r#"{"keyName":""}"#, "/keyName", "has too few characters: at least 1 needed"),
            (r"[1]", "", "must be an object"),
            (r"{", "", "is not JSON: EOF while parsing an object, at line 1 column 1"),
            (r#"{"keyName":"a"} x"#, "", "is not JSON: trailing characters, at line 1 column 17"),
        ] {
            let problem = read::<Outer>(text).expect_err(text);
            let json: Value = serde_json::to_value(&problem).expect("JSON");
            let fault = &json["errors"][0];
            assert_eq!((fault["pointer"].as_str(), fault["detail"].as_str()), (Some(pointer), Some(message)), "{text}");
        }
    }
}

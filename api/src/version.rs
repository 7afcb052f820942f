//! Versions: the `ETag` of what can be changed, and the `If-Match` of a change (RFC 9110).

use axum::{
    Json,
    extract::FromRequestParts,
    http::{HeaderMap, HeaderValue, header, request::Parts},
    response::{IntoResponse, Response},
};
use serde::Serialize;

use crate::{
    access::Api,
    problem::{Code, Problem},
};

/// The version that a change is made for; `None` where the change is to be made in any case.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IfMatch(pub Option<i64>);

impl FromRequestParts<Api> for IfMatch {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &Api) -> Result<Self, Problem> {
        read(&parts.headers).map(Self)
    }
}

fn read(headers: &HeaderMap) -> Result<Option<i64>, Problem> {
    let mut values = headers.get_all(header::IF_MATCH).iter();
    let Some(value) = values.next() else { return Ok(None) };
    let text = value.to_str().unwrap_or_default().trim();
    if values.next().is_some() || text.contains(',') {
        let detail = "If-Match must have one ETag: the one that came with the version that you have changed.";
        return Err(Problem::new(Code::BadPrecondition, detail));
    }
    if text == "*" {
        return Ok(None);
    }
    // Another text than an ETag from here is the version of nothing.
    let number = text.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).and_then(|text| text.parse().ok());
    Ok(Some(number.unwrap_or(-1)))
}

/// An answer with its version as `ETag`.
#[derive(Debug)]
pub struct Versioned<T>(pub i64, pub T);

impl<T: Serialize> IntoResponse for Versioned<T> {
    fn into_response(self) -> Response {
        let mut response = Json(self.1).into_response();
        let tag = HeaderValue::try_from(format!("\"{}\"", self.0));
        response.headers_mut().extend(tag.map(|tag| (header::ETAG, tag)));
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn if_match(text: &str) -> Result<Option<i64>, Problem> {
        read(&HeaderMap::from_iter([(header::IF_MATCH, HeaderValue::from_str(text).expect("a value"))]))
    }

    #[test]
    fn a_precondition_names_one_version_or_any() {
        assert_eq!(read(&HeaderMap::new()), Ok(None));
        assert_eq!(if_match("*"), Ok(None));
        assert_eq!(if_match("\"7\""), Ok(Some(7)));
        for other in ["7", "W/\"7\"", "\"seven\"", ""] {
            assert_eq!(if_match(other), Ok(Some(-1)), "{other}: no version");
        }
        assert_eq!(if_match("\"7\", \"8\"").map_err(|it| it.code()), Err(Code::BadPrecondition));
    }
}

//! Problem documents (RFC 9457).

mod code;

use axum::{
    http::{HeaderValue, header},
    response::{IntoResponse, Response},
};
use serde::Serialize;
use signet_engine::{deliver::ingest::IngestError, service};
use signet_model::event::MemberFault;

pub use code::Code;

/// The seconds after which a request with a temporary problem may come back.
pub const RETRY_AFTER: HeaderValue = HeaderValue::from_static("1");

/// The longest pointer in a problem, in bytes: names of members are as long as the request
/// makes them.
const MAX_POINTER: usize = 200;

/// The reason why a request was refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Problem {
    #[serde(flatten)]
    code: Code,
    /// The fault, and its remedy.
    detail: String,
    /// The members at fault.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    errors: Vec<MemberError>,
}

/// The fault of one member.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct MemberError {
    /// JSON pointer (RFC 6901) into the request; empty for the whole document. Ends with `…`
    /// where it was cut.
    pointer: String,
    detail: String,
}

impl Problem {
    /// A problem of this kind.
    pub fn new(code: Code, detail: impl Into<String>) -> Self {
        Self { code, detail: detail.into(), errors: Vec::new() }
    }

    /// Adds the member at fault.
    pub fn at(mut self, pointer: impl Into<String>) -> Self {
        self.errors.push(MemberError { pointer: pointer.into(), detail: self.detail.clone() });
        self
    }

    /// A member is not valid. `message` stands behind its name.
    pub fn member(pointer: impl Into<String>, message: &str) -> Self {
        let pointer = readable(pointer.into());
        let subject = if pointer.is_empty() { "The body" } else { &pointer };
        let mut problem = Self::new(Code::InvalidMember, format!("{subject} {message}."));
        problem.errors.push(MemberError { pointer, detail: message.to_owned() });
        problem
    }

    /// The kind of the problem.
    pub const fn code(&self) -> Code {
        self.code
    }

    /// True if the first member at fault is this one.
    pub fn is_at(&self, pointer: &str) -> bool {
        self.errors.first().is_some_and(|error| error.pointer == pointer)
    }

    /// The same problem, where its document is a part of another one, at `pointer`.
    pub fn within(mut self, pointer: &str) -> Self {
        for error in &mut self.errors {
            error.pointer.insert_str(0, pointer);
        }
        self
    }

    fn to_json(&self) -> String {
        // Only a map with keys that are no text cannot be written.
        serde_json::to_string(self).unwrap_or_default()
    }
}

/// The pointer, cut to a length one can read.
fn readable(mut pointer: String) -> String {
    if pointer.len() > MAX_POINTER {
        pointer.truncate(pointer.floor_char_boundary(MAX_POINTER));
        pointer.push('…');
    }
    pointer
}

impl From<MemberFault> for Problem {
    fn from(fault: MemberFault) -> Self {
        Self::member(fault.pointer, &fault.message)
    }
}

impl From<IngestError> for Problem {
    fn from(error: IngestError) -> Self {
        match error {
            IngestError::KeyReused => Self::new(
                Code::KeyReused,
                "This idempotency key was used for another request. Send a new key with a new request.",
            ),
            IngestError::AnswerUnreadable => Self::new(Code::AnswerUnreadable, error.to_string()),
            IngestError::UnknownAccount => Self::member("/account", "is not the id or the name of an account"),
            IngestError::Overloaded | IngestError::TestsUnderWay(_) | IngestError::Stopping | IngestError::Store => {
                Self::new(Code::TryAgain, error.to_string())
            }
        }
    }
}

impl From<service::Error> for Problem {
    fn from(error: service::Error) -> Self {
        tracing::error!(%error, "a request could not be answered");
        Self::new(Code::TryAgain, "The store cannot be reached.")
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let content_type = [(header::CONTENT_TYPE, "application/problem+json")];
        let mut response = (self.code.status(), content_type, self.to_json()).into_response();
        let extra = match self.code {
            Code::Unauthenticated => Some((header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"))),
            code if code.is_temporary() => Some((header::RETRY_AFTER, RETRY_AFTER)),
            _ => None,
        };
        response.headers_mut().extend(extra);
        response
    }
}

#[cfg(test)]
mod tests {
    use axum::http::StatusCode;

    use super::*;

    #[test]
    fn a_problem_names_the_member_by_its_pointer() {
        let problem = Problem::member("/taskId", "is missing").within("/3");
        assert_eq!(
            problem.to_json(),
            r#"{"title":"The request is not valid","status":422,"code":"invalid_member","detail":"/taskId is missing.","errors":[{"pointer":"/3/taskId","detail":"is missing"}]}"#
        );
    }

    #[test]
    fn a_long_pointer_is_cut() {
        let problem = Problem::member("/é".repeat(100_000), "is not a member").within("/3");
        let pointer = &problem.errors[0].pointer;
        assert!(pointer.starts_with("/3/é/é") && pointer.ends_with('…'), "{pointer}");
        assert!(problem.to_json().len() < 3 * MAX_POINTER, "{}", problem.to_json());
    }

    #[test]
    fn a_temporary_problem_says_when_to_come_back() {
        let response = Problem::from(IngestError::Overloaded).into_response();
        assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(response.headers()[header::RETRY_AFTER], RETRY_AFTER);
        assert_eq!(response.headers()[header::CONTENT_TYPE], "application/problem+json");
    }
}

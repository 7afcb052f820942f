//! Problem documents (RFC 9457).

use axum::{
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::{Serialize, Serializer};
use signet_engine::{deliver::ingest::IngestError, store};
use signet_model::event::MemberFault;

/// When to come back after the store could not keep up, or the account had too many events in one second; in seconds.
pub const RETRY_AFTER: HeaderValue = HeaderValue::from_static("1");

/// The longest pointer in a problem, in bytes: names of members are as long as the request makes them.
const MAX_POINTER: usize = 200;

/// Why a request was refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// What kind of problem it is, for people.
    title: &'static str,
    #[serde(serialize_with = "as_number")]
    status: StatusCode,
    /// What kind of problem it is, for programs.
    code: &'static str,
    /// What is wrong and what to do about it.
    detail: String,
    /// The members at fault.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    errors: Vec<MemberError>,
}

/// What is wrong with one member.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct MemberError {
    /// JSON pointer (RFC 6901) into the request; empty for the whole document. Ends with `…` where it was cut.
    pointer: String,
    detail: String,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature is serde's")]
fn as_number<S: Serializer>(status: &StatusCode, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_u16(status.as_u16())
}

impl Problem {
    fn new(status: StatusCode, code: &'static str, title: &'static str, detail: impl Into<String>) -> Self {
        Self { title, status, code, detail: detail.into(), errors: Vec::new() }
    }

    /// The same, with the member at fault.
    fn at(mut self, pointer: impl Into<String>) -> Self {
        self.errors.push(MemberError { pointer: pointer.into(), detail: self.detail.clone() });
        self
    }

    /// A member is wrong. `message` is meant to stand behind its name.
    pub fn member(pointer: impl Into<String>, message: &str) -> Self {
        let pointer = readable(pointer.into());
        let subject = if pointer.is_empty() { "The body" } else { &pointer };
        let detail = format!("{subject} {message}.");
        let mut problem =
            Self::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid_member", "The request is not valid", detail);
        problem.errors.push(MemberError { pointer, detail: message.to_owned() });
        problem
    }

    /// No key, or one that is not known.
    pub fn unauthenticated(detail: &str) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "unauthenticated", "An API key is needed", detail)
    }

    /// The key speaks for another account.
    pub fn foreign_account() -> Self {
        let detail = "This key speaks for one account, which is not the one named here.";
        Self::new(StatusCode::FORBIDDEN, "foreign_account", "The key does not allow this", detail).at("/account")
    }

    /// The account in the path is not there for this key.
    pub fn no_such_account() -> Self {
        Self::new(StatusCode::NOT_FOUND, "no_such_account", "Not found", "There is no such account.")
    }

    /// The path leads nowhere.
    pub fn no_such_operation() -> Self {
        Self::new(StatusCode::NOT_FOUND, "no_such_operation", "Not found", "The API has no such path.")
    }

    /// The path does not take this method.
    pub fn method_not_allowed() -> Self {
        let detail = "The Allow header of this answer names the methods that this path takes.";
        Self::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", "Another method is needed", detail)
    }

    /// The body is not called JSON.
    pub fn not_json() -> Self {
        let detail = "Send the body as it is, with Content-Type: application/json.";
        Self::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "not_json", "The body must be JSON", detail)
    }

    /// The body is compressed.
    pub fn compressed() -> Self {
        let detail = "The body is compressed, as Content-Encoding says. Send it as it is, without that header.";
        Self::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "compressed", "The body must not be compressed", detail)
    }

    /// The body is larger than `limit` bytes.
    pub fn too_large(limit: usize) -> Self {
        let detail = format!("The body may have at most {limit} bytes.");
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "too_large", "The body is too large", detail)
    }

    /// The entry of a batch is larger than `limit` bytes.
    pub fn entry_too_large(limit: usize) -> Self {
        let detail = format!("An event may have at most {limit} bytes.");
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "too_large", "The event is too large", detail).at("")
    }

    /// The body did not arrive.
    pub fn incomplete() -> Self {
        let detail = "The body did not arrive in full, or not in time.";
        Self::new(StatusCode::REQUEST_TIMEOUT, "incomplete", "The body did not arrive", detail)
    }

    /// `Idempotency-Key` cannot be used.
    pub fn bad_idempotency_key() -> Self {
        let detail = "The Idempotency-Key header must have 1 to 255 visible ASCII characters.";
        Self::new(StatusCode::BAD_REQUEST, "bad_idempotency_key", "The request is not valid", detail)
    }

    /// The process cannot do its work at this moment.
    pub fn not_ready(detail: &str) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "not_ready", "The server is not ready", detail)
    }

    /// The store failed or cannot keep up.
    pub fn try_again(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "try_again", "Try again in a moment", detail)
    }

    /// The account has sent too many events in the last second.
    pub fn too_many_events() -> Self {
        let detail = "This account sends more events a second than it may. Send this one again a little later.";
        Self::new(StatusCode::TOO_MANY_REQUESTS, "too_many_events", "Too many events", detail)
    }

    /// Whether the same request may succeed a little later.
    pub fn is_temporary(&self) -> bool {
        matches!(self.status, StatusCode::SERVICE_UNAVAILABLE | StatusCode::TOO_MANY_REQUESTS)
    }

    /// The same problem, where the document it is about is a part of another,
    /// at `pointer`.
    pub fn within(mut self, pointer: &str) -> Self {
        for error in &mut self.errors {
            error.pointer.insert_str(0, pointer);
        }
        self
    }

    /// As JSON.
    pub fn to_json(&self) -> String {
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
                StatusCode::UNPROCESSABLE_ENTITY,
                "key_reused",
                "The idempotency key was used before",
                "This idempotency key was used for another request. Send a new key with a new request.",
            ),
            IngestError::AnswerUnreadable => Self::new(
                StatusCode::UNPROCESSABLE_ENTITY,
                "answer_unreadable",
                "The first answer cannot be repeated",
                error.to_string(),
            ),
            IngestError::UnknownAccount => Self::member("/account", "is not the id or the name of an account"),
            IngestError::Overloaded | IngestError::TestsUnderWay(_) | IngestError::Stopping | IngestError::Store => {
                Self::try_again(error.to_string())
            }
        }
    }
}

impl From<store::Error> for Problem {
    fn from(error: store::Error) -> Self {
        match error {
            store::Error::NotFound => Self::no_such_account(),
            error => {
                tracing::error!(%error, "a request could not be answered");
                Self::try_again("The store cannot be reached.")
            }
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let content_type = [(header::CONTENT_TYPE, "application/problem+json")];
        let mut response = (self.status, content_type, self.to_json()).into_response();
        let extra = match self.status {
            StatusCode::UNAUTHORIZED => Some((header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"))),
            _ if self.is_temporary() => Some((header::RETRY_AFTER, RETRY_AFTER)),
            _ => None,
        };
        response.headers_mut().extend(extra);
        response
    }
}

#[cfg(test)]
mod tests {
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
    fn a_pointer_is_cut_to_a_length_one_can_read() {
        let problem = Problem::member("/é".repeat(100_000), "is not a member").within("/3");
        let pointer = &problem.errors[0].pointer;
        assert!(pointer.starts_with("/3/é/é") && pointer.ends_with('…'), "{pointer}");
        assert!(problem.to_json().len() < 3 * MAX_POINTER, "{}", problem.to_json());
    }

    #[test]
    fn who_may_come_back_is_told_when() {
        let response = Problem::from(IngestError::Overloaded).into_response();
        assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(response.headers()[header::RETRY_AFTER], RETRY_AFTER);
        assert_eq!(response.headers()[header::CONTENT_TYPE], "application/problem+json");
    }
}

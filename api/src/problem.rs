//! Problem documents (RFC 9457).

mod code;
mod declared;
mod instance;

use axum::{
    http::{HeaderValue, header},
    response::{IntoResponse, Response},
};
use serde::Serialize;
use signet_engine::{actor::Permission, db, deliver::ingest::IngestError, service};
use signet_model::event::MemberFault;
use utoipa::ToSchema;

pub use code::Code;
pub(crate) use declared::problems;
pub use declared::{BODY, CALLER, CHANGE, IN_ACCOUNT, LIST, OPERATOR, POST, responses};
pub use instance::add_instance;

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
    /// The path of the request, and a number that is in the log too.
    #[serde(skip_serializing_if = "Option::is_none")]
    instance: Option<String>,
    /// The members at fault.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    errors: Vec<MemberError>,
}

/// The fault of one member, or of one parameter.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = ProblemError)]
pub(crate) struct MemberError {
    /// JSON pointer (RFC 6901) into the request; empty for the whole document. Ends with `…`
    /// where it was cut.
    #[serde(skip_serializing_if = "Option::is_none")]
    pointer: Option<String>,
    /// The name of the parameter of the query.
    #[serde(skip_serializing_if = "Option::is_none")]
    parameter: Option<String>,
    /// The fault, worded to stand behind the name.
    detail: String,
}

impl MemberError {
    const fn at(pointer: String, detail: String) -> Self {
        Self { pointer: Some(pointer), parameter: None, detail }
    }
}

impl Problem {
    /// A problem of this kind.
    pub fn new(code: Code, detail: impl Into<String>) -> Self {
        Self { code, detail: detail.into(), instance: None, errors: Vec::new() }
    }

    /// Adds the member at fault.
    pub fn at(mut self, pointer: impl Into<String>) -> Self {
        self.errors.push(MemberError::at(pointer.into(), self.detail.clone()));
        self
    }

    /// A member is not valid. `message` stands behind its name.
    pub fn member(pointer: impl Into<String>, message: &str) -> Self {
        let pointer = readable(pointer.into());
        let subject = if pointer.is_empty() { "The body" } else { &pointer };
        let mut problem = Self::new(Code::InvalidMember, format!("{subject} {}.", message.trim_end_matches('.')));
        problem.errors.push(MemberError::at(pointer, message.to_owned()));
        problem
    }

    /// A parameter of the query is not valid. `message` stands behind its name.
    pub fn parameter(name: &str, message: &str) -> Self {
        let name = readable(name.to_owned());
        let mut problem = Self::new(Code::InvalidParameter, format!("The parameter {name} {message}."));
        problem.errors.push(MemberError { pointer: None, parameter: Some(name), detail: message.to_owned() });
        problem
    }

    /// The problem of a member as that of the parameter that has it.
    pub fn of_parameter(self, name: &str) -> Self {
        let message = self.errors.into_iter().next().map_or(self.detail, |error| error.detail);
        Self::parameter(name, &message)
    }

    /// The kind of the problem.
    pub const fn code(&self) -> Code {
        self.code
    }

    /// True if the first member at fault is this one.
    pub fn is_at(&self, pointer: &str) -> bool {
        self.errors.first().is_some_and(|error| error.pointer.as_deref() == Some(pointer))
    }

    /// The same problem, where its document is a part of another one, at `pointer`.
    pub fn within(mut self, pointer: &str) -> Self {
        for error in self.errors.iter_mut().filter_map(|error| error.pointer.as_mut()) {
            error.insert_str(0, pointer);
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
            IngestError::Suspended => Self::new(Code::AccountSuspended, error.to_string()),
            IngestError::UnknownAccount => Self::member("/account", "is not the id or the name of an account"),
            IngestError::Overloaded | IngestError::TestsUnderWay(_) | IngestError::Stopping | IngestError::Store => {
                Self::new(Code::TryAgain, error.to_string())
            }
        }
    }
}

impl From<service::Error> for Problem {
    fn from(error: service::Error) -> Self {
        use service::Error;
        let missing = |code| Self::new(code, sentence(&error));
        match &error {
            // The API has no operation on people.
            Error::AccountNotFound | Error::PersonNotFound | Error::SessionNotFound | Error::InvitationNotFound => {
                missing(Code::NoSuchAccount)
            }
            Error::EndpointNotFound => missing(Code::NoSuchEndpoint),
            Error::DeliveryNotFound => missing(Code::NoSuchDelivery),
            Error::EventNotFound => missing(Code::NoSuchEvent),
            Error::ResendNotFound => missing(Code::NoSuchResend),
            Error::ApiKeyNotFound => missing(Code::NoSuchApiKey),
            // No operation of the API is about people.
            Error::Unusable(_) | Error::UnusableDelivery(_) => missing(Code::Unusable),
            Error::Changed => Self::new(
                Code::ChangedMeanwhile,
                "Another request has changed it since. Read it again, and repeat the change on what it is now.",
            ),
            Error::Forbidden(permission) => Self::forbidden(*permission),
            // Keys are never asked.
            Error::ProofNeeded => missing(Code::MissingScope),
            Error::Interrupted => missing(Code::TryAgain),
            Error::Database(error) => error.into(),
        }
    }
}

impl Problem {
    /// The problem of a key without a permission.
    fn forbidden(permission: Permission) -> Self {
        let scope =
            permission.scope().map(|scope| format!("This key has not the scope {scope}, which the request needs."));
        Self::new(Code::MissingScope, scope.unwrap_or_else(|| "This key does not allow the request.".to_owned()))
    }
}

impl From<&db::Error> for Problem {
    fn from(error: &db::Error) -> Self {
        // The engine tells the log once of what all statements share, and not for each request.
        if error.trouble().is_some() {
            tracing::debug!(%error, "a request could not be answered");
        } else {
            tracing::error!(%error, "a request could not be answered");
        }
        Self::new(Code::TryAgain, "The store cannot be reached.")
    }
}

/// The words of an error as a sentence.
pub(crate) fn sentence(error: &impl ToString) -> String {
    let text = error.to_string();
    let mut letters = text.chars();
    let first = letters.next().map(|letter| letter.to_uppercase().to_string()).unwrap_or_default();
    let end = if text.ends_with('.') { "" } else { "." };
    format!("{first}{}{end}", letters.as_str())
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
        // The request is known to `add_instance` alone.
        response.extensions_mut().insert(self);
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
            r#"{"type":"/docs/api#problem-invalid_member","title":"The request is not valid","status":422,"code":"invalid_member","detail":"/taskId is missing.","errors":[{"pointer":"/3/taskId","detail":"is missing"}]}"#
        );
    }

    #[test]
    fn a_message_that_ends_as_a_sentence_gets_no_second_end() {
        let problem = Problem::member("/url", "is a private address. Use another one.");
        assert_eq!(problem.detail, "/url is a private address. Use another one.");
    }

    #[test]
    fn a_long_pointer_is_cut() {
        let problem = Problem::member("/é".repeat(100_000), "is not a member").within("/3");
        let pointer = problem.errors[0].pointer.as_ref().expect("a pointer");
        assert!(pointer.starts_with("/3/é/é") && pointer.ends_with('…'), "{pointer}");
        assert!(problem.to_json().len() < 4 * MAX_POINTER, "{}", problem.to_json());
    }

    #[test]
    fn a_temporary_problem_says_when_to_come_back() {
        let response = Problem::from(IngestError::Overloaded).into_response();
        assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(response.headers()[header::RETRY_AFTER], RETRY_AFTER);
        assert_eq!(response.headers()[header::CONTENT_TYPE], "application/problem+json");
    }
}

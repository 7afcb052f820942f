//! The kinds of problems, which the README lists.

use axum::http::StatusCode;
use serde::{Serialize, Serializer, ser::SerializeStruct};

/// The kind of a problem.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Code {
    /// A member of the request is missing, unknown or not valid.
    InvalidMember,
    /// The idempotency key came with another request before.
    KeyReused,
    /// The idempotency key came before, and the answer of then cannot be read.
    AnswerUnreadable,
    /// The `Idempotency-Key` header cannot be used.
    BadIdempotencyKey,
    /// The request has no key, an unknown or a revoked one.
    Unauthenticated,
    /// The key speaks for another account.
    ForeignAccount,
    /// The account in the path does not exist for this key.
    NoSuchAccount,
    /// The API has no such path.
    NoSuchOperation,
    /// The path does not take this method.
    MethodNotAllowed,
    /// The body did not arrive in full, or not in time.
    Incomplete,
    /// The body is too large.
    BodyTooLarge,
    /// The entry of a batch is larger than a single event may be.
    EventTooLarge,
    /// `Content-Type` names another format than JSON.
    NotJson,
    /// `Content-Encoding` names a compression.
    Compressed,
    /// The account has sent too many events in the last second.
    TooManyEvents,
    /// The store failed, or cannot keep up.
    TryAgain,
    /// The process cannot do its work at this moment.
    NotReady,
}

impl Code {
    /// The name on the wire.
    pub const fn name(self) -> &'static str {
        self.meaning().1
    }

    /// The status of the answer.
    pub const fn status(self) -> StatusCode {
        self.meaning().0
    }

    /// The kind of the problem, for people.
    pub const fn title(self) -> &'static str {
        self.meaning().2
    }

    /// Returns true if the same request may succeed a little later.
    pub const fn is_temporary(self) -> bool {
        matches!(self, Self::TooManyEvents | Self::TryAgain | Self::NotReady)
    }

    const fn meaning(self) -> (StatusCode, &'static str, &'static str) {
        match self {
            Self::InvalidMember => (StatusCode::UNPROCESSABLE_ENTITY, "invalid_member", "The request is not valid"),
            Self::KeyReused => (StatusCode::UNPROCESSABLE_ENTITY, "key_reused", "The idempotency key was used before"),
            Self::AnswerUnreadable => {
                (StatusCode::UNPROCESSABLE_ENTITY, "answer_unreadable", "The first answer cannot be repeated")
            }
            Self::BadIdempotencyKey => (StatusCode::BAD_REQUEST, "bad_idempotency_key", "The request is not valid"),
            Self::Unauthenticated => (StatusCode::UNAUTHORIZED, "unauthenticated", "An API key is needed"),
            Self::ForeignAccount => (StatusCode::FORBIDDEN, "foreign_account", "The key does not allow this"),
            Self::NoSuchAccount => (StatusCode::NOT_FOUND, "no_such_account", "Not found"),
            Self::NoSuchOperation => (StatusCode::NOT_FOUND, "no_such_operation", "Not found"),
            Self::MethodNotAllowed => {
                (StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", "Another method is needed")
            }
            Self::Incomplete => (StatusCode::REQUEST_TIMEOUT, "incomplete", "The body did not arrive"),
            Self::BodyTooLarge => (StatusCode::PAYLOAD_TOO_LARGE, "too_large", "The body is too large"),
            Self::EventTooLarge => (StatusCode::PAYLOAD_TOO_LARGE, "too_large", "The event is too large"),
            Self::NotJson => (StatusCode::UNSUPPORTED_MEDIA_TYPE, "not_json", "The body must be JSON"),
            Self::Compressed => (StatusCode::UNSUPPORTED_MEDIA_TYPE, "compressed", "The body must not be compressed"),
            Self::TooManyEvents => (StatusCode::TOO_MANY_REQUESTS, "too_many_events", "Too many events"),
            Self::TryAgain => (StatusCode::SERVICE_UNAVAILABLE, "try_again", "Try again in a moment"),
            Self::NotReady => (StatusCode::SERVICE_UNAVAILABLE, "not_ready", "The server is not ready"),
        }
    }
}

impl Serialize for Code {
    /// Writes the members of a problem document that follow from its kind.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut members = serializer.serialize_struct("Code", 3)?;
        members.serialize_field("title", self.title())?;
        members.serialize_field("status", &self.status().as_u16())?;
        members.serialize_field("code", self.name())?;
        members.end()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    const ALL: [Code; 17] = [
        Code::InvalidMember,
        Code::KeyReused,
        Code::AnswerUnreadable,
        Code::BadIdempotencyKey,
        Code::Unauthenticated,
        Code::ForeignAccount,
        Code::NoSuchAccount,
        Code::NoSuchOperation,
        Code::MethodNotAllowed,
        Code::Incomplete,
        Code::BodyTooLarge,
        Code::EventTooLarge,
        Code::NotJson,
        Code::Compressed,
        Code::TooManyEvents,
        Code::TryAgain,
        Code::NotReady,
    ];

    #[test]
    fn the_readme_lists_each_code_with_its_status() {
        let readme = include_str!("../../../README.md");
        let listed: BTreeSet<_> = readme.lines().filter_map(|line| line.strip_prefix("| `").and_then(row)).collect();
        let codes: BTreeSet<_> = ALL.map(|code| (code.name().to_owned(), code.status().as_u16())).into();
        assert_eq!(listed, codes);
        assert!(ALL.iter().enumerate().all(|(place, code)| *code as usize == place), "ALL leaves out a code");
    }

    /// The code and the status in the rest of a row.
    fn row(rest: &str) -> Option<(String, u16)> {
        let (code, rest) = rest.split_once("` | ")?;
        Some((code.to_owned(), rest.split_once(" | ")?.0.parse().ok()?))
    }
}

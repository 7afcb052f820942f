//! The kinds of problems, which `docs/API.md` lists.

use axum::http::StatusCode;
use serde::{Serialize, Serializer, ser::SerializeStruct};

/// The page that explains a code, up to the code.
pub const DOCS: &str = "/docs/api#problem-";

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
    /// The request is for the host of another server.
    WrongHost,
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
    /// The key, or its client, has made too many requests in a short time.
    TooManyRequests,
    /// The store failed, or cannot keep up.
    TryAgain,
    /// The process cannot do its work at this moment.
    NotReady,
    /// A parameter of the query is unknown or not valid.
    InvalidParameter,
    /// The `If-Match` header cannot be used.
    BadPrecondition,
    /// The key has not the scope that the request needs.
    MissingScope,
    /// The request needs a key of the operator.
    OperatorOnly,
    /// The account is suspended.
    AccountSuspended,
    /// The account has no such webhook.
    NoSuchEndpoint,
    /// The account has no such event.
    NoSuchEvent,
    /// The account has no such delivery.
    NoSuchDelivery,
    /// There is no such API key.
    NoSuchApiKey,
    /// The catalogue has no such event type.
    NoSuchEventType,
    /// The catalogue has an event type with this name.
    EventTypeExists,
    /// The event type is built in.
    EventTypeBuiltIn,
    /// The catalogue has as many event types as it may.
    TooManyEventTypes,
    /// Another account has the name.
    NameTaken,
    /// The account has as many webhooks as it may.
    TooManyEndpoints,
    /// The account has as many API keys as it may.
    TooManyApiKeys,
    /// The webhook is disabled.
    EndpointDisabled,
    /// The stored row cannot be used.
    Unusable,
    /// The first request with the idempotency key has no known answer.
    AnswerUnknown,
    /// The account has used as many idempotency keys as it may.
    TooManyIdempotencyKeys,
    /// The account, or the server, has as many streams open as it may.
    TooManyStreams,
    /// Another request has changed it meanwhile.
    ChangedMeanwhile,
    /// The account has no such resend.
    NoSuchResend,
    /// The delivery has ended or is held.
    DeliveryNotPending,
    /// The delivery is waiting to be sent already.
    DeliveryPending,
    /// An attempt is under way.
    DeliveryInFlight,
    /// What is held is still being sorted.
    EndpointSettling,
    /// The body of the event is no longer stored.
    BodyGone,
    /// Another resend is at work on the webhook.
    ResendUnderWay,
    /// The account has as many resends under way as it may.
    TooManyResends,
    /// The webhook has a next secret already.
    RotationUnderWay,
    /// The webhook has no next secret.
    NoRotation,
    /// The account has sent as many tests as it may for now.
    TooManyTests,
    /// The server could not make the attempt.
    AttemptNotMade,
}

impl Code {
    /// All of them.
    pub const ALL: &[Self] = &[
        Self::InvalidMember,
        Self::KeyReused,
        Self::AnswerUnreadable,
        Self::BadIdempotencyKey,
        Self::Unauthenticated,
        Self::ForeignAccount,
        Self::NoSuchAccount,
        Self::NoSuchOperation,
        Self::MethodNotAllowed,
        Self::WrongHost,
        Self::Incomplete,
        Self::BodyTooLarge,
        Self::EventTooLarge,
        Self::NotJson,
        Self::Compressed,
        Self::TooManyEvents,
        Self::TooManyRequests,
        Self::TryAgain,
        Self::NotReady,
        Self::InvalidParameter,
        Self::BadPrecondition,
        Self::MissingScope,
        Self::OperatorOnly,
        Self::AccountSuspended,
        Self::NoSuchEndpoint,
        Self::NoSuchEvent,
        Self::NoSuchDelivery,
        Self::NoSuchApiKey,
        Self::NoSuchEventType,
        Self::EventTypeExists,
        Self::EventTypeBuiltIn,
        Self::TooManyEventTypes,
        Self::NameTaken,
        Self::TooManyEndpoints,
        Self::TooManyApiKeys,
        Self::EndpointDisabled,
        Self::Unusable,
        Self::AnswerUnknown,
        Self::TooManyIdempotencyKeys,
        Self::TooManyStreams,
        Self::ChangedMeanwhile,
        Self::NoSuchResend,
        Self::DeliveryNotPending,
        Self::DeliveryPending,
        Self::DeliveryInFlight,
        Self::EndpointSettling,
        Self::BodyGone,
        Self::ResendUnderWay,
        Self::TooManyResends,
        Self::RotationUnderWay,
        Self::NoRotation,
        Self::TooManyTests,
        Self::AttemptNotMade,
    ];

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

    /// The meaning, as the docs list it.
    pub const fn meaning_for_people(self) -> &'static str {
        match self {
            Self::InvalidMember => "a member is missing, unknown or not valid; errors has a JSON pointer to it",
            Self::KeyReused => "the idempotency key came with another request before",
            Self::AnswerUnreadable => {
                "the idempotency key came before, and the first answer cannot be repeated: send a new key"
            }
            Self::BadIdempotencyKey => "the Idempotency-Key header cannot be used",
            Self::Unauthenticated => "the API key is missing, unknown or revoked",
            Self::ForeignAccount => "the API key speaks for another account",
            Self::NoSuchAccount => "the account in the path does not exist for this key",
            Self::NoSuchOperation => "the API has no such path",
            Self::MethodNotAllowed => "the path takes other methods, which Allow lists",
            Self::WrongHost => "the server does not answer for this host",
            Self::Incomplete => "the body did not arrive in full, or not in time",
            Self::NotJson => "Content-Type is not application/json",
            Self::Compressed => "the body is compressed",
            Self::TooManyEvents => "the account has sent too many events in one second: send the request again",
            Self::TooManyRequests => "too many requests came in a short time: wait as long as Retry-After says",
            Self::TryAgain => "the store cannot keep up, or cannot be reached: send the request again",
            Self::NotReady => "/readyz: the server cannot do its work at this moment",
            Self::InvalidParameter => "a parameter of the query is unknown or not valid; errors names it",
            Self::BadPrecondition => "the If-Match header has more than one ETag",
            Self::MissingScope => "the API key has not the scope that the request needs",
            Self::OperatorOnly => "the request needs a key of the operator",
            Self::AccountSuspended => "the operator has suspended the account",
            Self::NoSuchEndpoint => "the account has no such webhook",
            Self::NoSuchEvent => "the account has no such event",
            Self::NoSuchDelivery => "the account has no such delivery",
            Self::NoSuchApiKey => "there is no such API key",
            Self::NoSuchEventType => "the catalogue has no such event type",
            Self::EventTypeExists => "the catalogue has an event type with this name, which can be archived",
            Self::EventTypeBuiltIn => "event types that are built in cannot be made or changed",
            Self::TooManyEventTypes => "the catalogue has as many event types as it may",
            Self::NameTaken => "another account has the name",
            Self::TooManyEndpoints => "the account has as many webhooks as it may",
            Self::TooManyApiKeys => "the account has as many API keys as it may",
            Self::EndpointDisabled => "the webhook is disabled: re-enable it first",
            Self::Unusable => "the stored row cannot be used; its page in the dashboard gives advice",
            Self::AnswerUnknown => "the first request with the idempotency key has no known answer",
            Self::TooManyIdempotencyKeys => "as many idempotency keys are kept for the account as may be",
            Self::TooManyStreams => "the account, or the server, has as many streams open as it may: end one of them",
            Self::ChangedMeanwhile => "another request has changed it since the version in If-Match",
            Self::NoSuchResend => "the account has no such resend",
            Self::DeliveryNotPending => "the delivery has ended or is held: send it again instead",
            Self::DeliveryPending => "the delivery is waiting to be sent already",
            Self::DeliveryInFlight => "an attempt is under way: wait until it has ended",
            Self::EndpointSettling => "what is held is still being sorted: try again in a minute",
            Self::BodyGone => "the body of the event is no longer stored",
            Self::ResendUnderWay => "another resend is at work on the webhook: wait for it, or stop it",
            Self::TooManyResends => "the account has as many resends under way as it may",
            Self::RotationUnderWay => "the webhook has a next secret already: switch to it, or call it off",
            Self::NoRotation => "the webhook has no next secret",
            Self::TooManyTests => "the account has sent as many tests as it may for now",
            Self::AttemptNotMade => "the server could not make the attempt: try again",
            Self::BodyTooLarge | Self::EventTooLarge => "the body, or the event in a batch, is too large",
        }
    }

    /// Returns true if the same request may succeed a little later.
    pub const fn is_temporary(self) -> bool {
        matches!(
            self,
            Self::TooManyEvents
                | Self::TooManyRequests
                | Self::TryAgain
                | Self::NotReady
                | Self::AttemptNotMade
                | Self::TooManyTests
        )
    }

    /// Returns true if the refusal is an event of security.
    pub const fn concerns_security(self) -> bool {
        matches!(
            self,
            Self::Unauthenticated
                | Self::MissingScope
                | Self::ForeignAccount
                | Self::OperatorOnly
                | Self::TooManyRequests
        )
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
            Self::WrongHost => (StatusCode::MISDIRECTED_REQUEST, "wrong_host", "Another server's host"),
            Self::Incomplete => (StatusCode::REQUEST_TIMEOUT, "incomplete", "The body did not arrive"),
            Self::BodyTooLarge => (StatusCode::PAYLOAD_TOO_LARGE, "too_large", "The body is too large"),
            Self::EventTooLarge => (StatusCode::PAYLOAD_TOO_LARGE, "too_large", "The event is too large"),
            Self::NotJson => (StatusCode::UNSUPPORTED_MEDIA_TYPE, "not_json", "The body must be JSON"),
            Self::Compressed => (StatusCode::UNSUPPORTED_MEDIA_TYPE, "compressed", "The body must not be compressed"),
            Self::TooManyEvents => (StatusCode::TOO_MANY_REQUESTS, "too_many_events", "Too many events"),
            Self::TooManyRequests => (StatusCode::TOO_MANY_REQUESTS, "too_many_requests", "Too many requests"),
            Self::TryAgain => (StatusCode::SERVICE_UNAVAILABLE, "try_again", "Try again in a moment"),
            Self::NotReady => (StatusCode::SERVICE_UNAVAILABLE, "not_ready", "The server is not ready"),
            Self::InvalidParameter => (StatusCode::BAD_REQUEST, "invalid_parameter", "The request is not valid"),
            Self::BadPrecondition => (StatusCode::BAD_REQUEST, "bad_precondition", "The request is not valid"),
            Self::MissingScope => (StatusCode::FORBIDDEN, "missing_scope", "The key does not allow this"),
            Self::OperatorOnly => (StatusCode::FORBIDDEN, "operator_only", "The key does not allow this"),
            Self::AccountSuspended => (StatusCode::FORBIDDEN, "account_suspended", "The account is suspended"),
            Self::NoSuchEndpoint => (StatusCode::NOT_FOUND, "no_such_endpoint", "Not found"),
            Self::NoSuchEvent => (StatusCode::NOT_FOUND, "no_such_event", "Not found"),
            Self::NoSuchDelivery => (StatusCode::NOT_FOUND, "no_such_delivery", "Not found"),
            Self::NoSuchApiKey => (StatusCode::NOT_FOUND, "no_such_api_key", "Not found"),
            Self::NoSuchEventType => (StatusCode::NOT_FOUND, "no_such_event_type", "Not found"),
            Self::EventTypeExists => (StatusCode::CONFLICT, "event_type_exists", "The event type exists"),
            Self::EventTypeBuiltIn => (StatusCode::CONFLICT, "event_type_built_in", "The event type is built in"),
            Self::TooManyEventTypes => (StatusCode::CONFLICT, "too_many_event_types", "Too many event types"),
            Self::NameTaken => (StatusCode::CONFLICT, "name_taken", "The name is taken"),
            Self::TooManyEndpoints => (StatusCode::CONFLICT, "too_many_endpoints", "Too many webhooks"),
            Self::TooManyApiKeys => (StatusCode::CONFLICT, "too_many_api_keys", "Too many API keys"),
            Self::EndpointDisabled => (StatusCode::CONFLICT, "endpoint_disabled", "The webhook is disabled"),
            Self::Unusable => (StatusCode::CONFLICT, "unusable", "The stored row cannot be used"),
            Self::AnswerUnknown => (StatusCode::CONFLICT, "answer_unknown", "The first answer is not known"),
            Self::TooManyIdempotencyKeys => {
                (StatusCode::TOO_MANY_REQUESTS, "too_many_idempotency_keys", "Too many idempotency keys")
            }
            Self::TooManyStreams => (StatusCode::TOO_MANY_REQUESTS, "too_many_streams", "Too many streams"),
            Self::ChangedMeanwhile => (StatusCode::PRECONDITION_FAILED, "changed_meanwhile", "Changed meanwhile"),
            Self::NoSuchResend => (StatusCode::NOT_FOUND, "no_such_resend", "Not found"),
            Self::DeliveryNotPending => (StatusCode::CONFLICT, "delivery_not_pending", "The delivery is not pending"),
            Self::DeliveryPending => (StatusCode::CONFLICT, "delivery_pending", "The delivery is pending"),
            Self::DeliveryInFlight => (StatusCode::CONFLICT, "delivery_in_flight", "The delivery is being attempted"),
            Self::EndpointSettling => (StatusCode::CONFLICT, "endpoint_settling", "The webhook was just enabled"),
            Self::BodyGone => (StatusCode::CONFLICT, "body_gone", "The body is gone"),
            Self::ResendUnderWay => (StatusCode::CONFLICT, "resend_under_way", "A resend is under way"),
            Self::TooManyResends => (StatusCode::CONFLICT, "too_many_resends", "Too many resends"),
            Self::RotationUnderWay => (StatusCode::CONFLICT, "rotation_under_way", "A rotation is under way"),
            Self::NoRotation => (StatusCode::CONFLICT, "no_rotation", "No rotation is under way"),
            Self::TooManyTests => (StatusCode::TOO_MANY_REQUESTS, "too_many_tests", "Too many tests"),
            Self::AttemptNotMade => (StatusCode::SERVICE_UNAVAILABLE, "attempt_not_made", "The attempt was not made"),
        }
    }
}

impl Serialize for Code {
    /// Writes the members of a problem document that follow from its kind.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut members = serializer.serialize_struct("Code", 4)?;
        members.serialize_field("type", &format!("{DOCS}{}", self.name()))?;
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

    #[test]
    fn the_docs_list_each_code_with_its_status() {
        let docs = include_str!("../../../docs/API.md");
        let listed: BTreeSet<_> = docs.lines().filter_map(|line| line.strip_prefix("| `").and_then(row)).collect();
        let codes: BTreeSet<_> =
            Code::ALL.iter().map(|code| (code.name().to_owned(), code.status().as_u16())).collect();
        assert_eq!(listed, codes);
        for code in Code::ALL {
            let row = docs.lines().find(|line| line.starts_with(&format!("| `{}` |", code.name()))).unwrap_or_default();
            assert_eq!(row.rsplit(" | ").next(), Some(&*format!("{} |", code.meaning_for_people())), "{}", code.name());
        }
        assert!(Code::ALL.iter().enumerate().all(|(place, code)| *code as usize == place), "ALL leaves out a code");
    }

    /// The code and the status in the rest of a row.
    fn row(rest: &str) -> Option<(String, u16)> {
        let (code, rest) = rest.split_once("` | ")?;
        Some((code.to_owned(), rest.split_once(" | ")?.0.parse().ok()?))
    }
}

//! The values of labels: what tells the parts of one metric apart.

use signet_model::{
    delivery::{Attempt, Failure, Outcome},
    endpoint::DisabledReason,
};

/// A label with a fixed number of values.
pub trait Label: Copy + 'static {
    /// Its name.
    const NAME: &'static str;
    /// Its values, in order.
    const ALL: &'static [Self];

    /// A value as it is written.
    fn text(self) -> &'static str;

    /// The place of a value among all.
    fn index(self) -> usize;
}

macro_rules! labels {
    ($($(#[$doc:meta])* $type:ident: $name:literal { $($(#[$value_doc:meta])* $value:ident = $text:literal,)* })*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum $type {
            $($(#[$value_doc])* $value,)*
        }

        impl Label for $type {
            const NAME: &'static str = $name;
            const ALL: &'static [Self] = &[$(Self::$value),*];

            fn text(self) -> &'static str {
                match self { $(Self::$value => $text,)* }
            }

            fn index(self) -> usize {
                self as usize
            }
        }
    )*};
}

labels! {
    /// Why a delivery is held.
    HeldReason: "reason" {
        /// A delivery of the webhook has used up its attempts.
        RetriesExhausted = "retries_exhausted",
        /// The receiver answered 410.
        Gone = "gone",
        /// A person has paused the webhook.
        Paused = "paused",
        /// The webhook or the delivery cannot be used as it is stored.
        Unusable = "unusable",
        /// It waited when the webhook was stopped, and the webhook is enabled again.
        EarlierStop = "earlier_stop",
        /// For a reason that only a newer version knows.
        Other = "other",
    }

    /// Why an event was not accepted.
    RefusedEvent: "reason" {
        /// More wait to be stored than there is room for, or the database does not keep up.
        Overloaded = "overloaded",
        /// The database refused it.
        Store = "store",
        /// The server was stopping.
        Stopping = "stopping",
        /// Its account is suspended, or does not exist.
        Account = "account",
        /// Its idempotency key belongs to another request.
        IdempotencyKey = "idempotency_key",
    }

    /// How an attempt ended.
    AttemptEnd: "result" {
        /// An answer that delivers: 2xx.
        Success = "success",
        /// A redirect, which is not followed.
        Redirect = "http_3xx",
        /// The receiver refused it.
        ClientError = "http_4xx",
        /// The receiver failed.
        ServerError = "http_5xx",
        /// Another status.
        OtherStatus = "http_other",
        /// No connection stood in time.
        ConnectTimeout = "connect_timeout",
        /// No answer came in time.
        Timeout = "timeout",
        /// The name does not resolve.
        Dns = "dns",
        /// The address must not be reached.
        AddressRefused = "address_refused",
        /// No program listens there.
        ConnectionRefused = "connection_refused",
        /// The connection could not be made.
        Connect = "connect",
        /// TLS failed.
        Tls = "tls",
        /// The connection broke.
        ConnectionReset = "connection_reset",
        /// The answer is not HTTP.
        Protocol = "protocol",
        /// For a reason that only a newer version knows.
        Unknown = "unknown",
    }

    /// A part of the time of an attempt.
    Phase: "phase" {
        /// Looking the name up; on a new connection alone.
        Lookup = "lookup",
        /// Connecting; on a new connection alone.
        Connect = "connect",
        /// The handshake of TLS; on a new connection alone.
        Tls = "tls",
        /// From the beginning to the head of the answer.
        FirstByte = "first_byte",
        /// From the beginning to the end.
        Total = "total",
    }

    /// What is done with the database.
    Operation: "operation" {
        /// Commit events and outcomes, all trips together.
        Commit = "commit",
        /// Claim due deliveries.
        Claim = "claim",
        /// Run a statement of a page, a look-up or background work.
        Statement = "statement",
        /// Wait for a connection, or on SQLite for the turn to write.
        Wait = "wait",
    }

    /// The kind of an address that must not be reached.
    RefusedAddress: "kind" {
        /// This machine.
        Loopback = "loopback",
        /// A private network.
        Private = "private",
        /// One network cable.
        LinkLocal = "link_local",
        /// The metadata service of a cloud.
        Metadata = "metadata",
        /// Another address that is not public.
        Other = "other",
    }

    /// Who has signed in.
    SignIn: "who" {
        /// A person.
        Person = "person",
        /// Whoever has a portal link.
        Portal = "portal",
    }

    /// Why an attempt to get in came to nothing.
    SignInFailure: "reason" {
        /// The password, the code or the link is not right.
        Refused = "refused",
        /// There were too many attempts before.
        TooMany = "too_many",
    }

    /// What a slot is taken by.
    Slot: "state" {
        /// An attempt in its first second.
        Working = "working",
        /// An attempt that has taken longer.
        Hanging = "hanging",
        /// A delivery that waits in its lane.
        Waiting = "waiting",
    }
}

impl HeldReason {
    /// The reason of an endpoint that is disabled for this reason.
    pub(crate) fn of(reason: DisabledReason) -> Self {
        match reason {
            DisabledReason::RetriesExhausted => Self::RetriesExhausted,
            DisabledReason::Gone => Self::Gone,
            DisabledReason::Paused => Self::Paused,
        }
    }
}

impl AttemptEnd {
    /// The end of this attempt.
    pub(crate) fn of(attempt: &Attempt) -> Self {
        match attempt.outcome() {
            outcome if outcome.is_success() => Self::Success,
            Outcome::Failed(failure) => Self::failed(failure),
            Outcome::Answered(status) => match status / 100 {
                3 => Self::Redirect,
                4 => Self::ClientError,
                5 => Self::ServerError,
                _ => Self::OtherStatus,
            },
        }
    }

    const fn failed(failure: Failure) -> Self {
        match failure {
            Failure::ConnectTimeout => Self::ConnectTimeout,
            Failure::Timeout => Self::Timeout,
            Failure::Dns => Self::Dns,
            Failure::AddressRefused => Self::AddressRefused,
            Failure::ConnectionRefused => Self::ConnectionRefused,
            Failure::Connect => Self::Connect,
            Failure::Tls => Self::Tls,
            Failure::ConnectionReset => Self::ConnectionReset,
            Failure::Protocol => Self::Protocol,
            Failure::Unknown => Self::Unknown,
        }
    }
}

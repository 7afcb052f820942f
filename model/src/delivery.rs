//! A delivery is one event on its way to one endpoint; an attempt is one POST.

use std::{borrow::Cow, time::Duration};

use serde::{Deserialize, Serialize};

use crate::{Timestamp, retry::RETRY_AFTER_CAP};

/// Defines an enum with a fixed text for each variant, the one in the databases.
macro_rules! text_enum {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $text:literal,)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
        pub enum $name {
            $($(#[$variant_doc])* #[serde(rename = $text)] $variant,)*
        }

        impl $name {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// The text in the databases and in the API.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text,)* }
            }
        }

        impl std::str::FromStr for $name {
            type Err = $crate::delivery::UnknownText;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Self::ALL.iter().copied().find(|it| it.as_str() == text).ok_or($crate::delivery::UnknownText(stringify!($name)))
            }
        }
    };
}
pub(crate) use text_enum;

/// The text is not one of those that the type has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("is not a {0}")]
pub struct UnknownText(pub &'static str);

text_enum! {
    /// The state of a delivery.
    State {
        /// Due at a time; being attempted counts.
        Pending = "pending",
        /// Answered with a 2xx.
        Delivered = "delivered",
        /// Given up after the last retry.
        Failed = "failed",
        /// Kept while its endpoint is disabled.
        Held = "held",
        /// Dropped by the user.
        Discarded = "discarded",
    }
}

text_enum! {
    /// The reason for a failed attempt, other than the status of its answer.
    Failure {
        /// The time budget ran out before the name was looked up and a connection stood.
        ConnectTimeout = "connect_timeout",
        /// The time budget ran out before the head of an answer was there.
        Timeout = "timeout",
        /// The host name does not resolve.
        Dns = "dns",
        /// The host resolves to an address that must not be reached.
        AddressRefused = "address_refused",
        /// No program listens on the port.
        ConnectionRefused = "connection_refused",
        /// The connection could not be made for another reason.
        Connect = "connect",
        /// The certificate is not acceptable, or the TLS handshake failed.
        Tls = "tls",
        /// The connection broke before the head of an answer was there.
        ConnectionReset = "connection_reset",
        /// The answer is not HTTP, or its head is too large.
        Protocol = "protocol",
        /// A newer version recorded it under a name that only that version knows.
        Unknown = "unknown",
    }
}

impl Failure {
    /// The failure with this stored text.
    pub fn from_stored(text: &str) -> Self {
        text.parse().unwrap_or(Self::Unknown)
    }
}

/// The answer of a receiver.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Response {
    /// HTTP status.
    pub status: u16,
    /// The headers in the order received, cut at a cap.
    pub headers: Vec<(String, String)>,
    /// The kept part of the body, after decompression, with bytes that are not UTF-8 replaced.
    pub body: String,
    /// Set if a part of the body is missing: it is longer, came too late, or broke off.
    pub body_truncated: bool,
}

/// Name and value of a header that was sent; many of them are always the same.
pub type SentHeader = (Cow<'static, str>, Cow<'static, str>);

/// The durations of the steps that make a connection. A step is missing that was not needed, as on a
/// connection that was kept, or that did not end.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Phases {
    /// Looking the name up.
    pub lookup: Option<Duration>,
    /// Connecting to the address.
    pub connect: Option<Duration>,
    /// The handshake of TLS.
    pub tls: Option<Duration>,
}

impl Phases {
    /// No step was made.
    pub const NONE: Self = Self { lookup: None, connect: None, tls: None };
}

/// One POST and how it ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attempt {
    /// 1 for the first, counting up over retries and resends.
    pub number: u32,
    /// The begin of the attempt.
    pub started_at: Timestamp,
    /// The time from begin to end.
    pub duration: Duration,
    /// The time from the begin to the head of the answer.
    pub first_byte: Option<Duration>,
    /// The steps before the request was sent.
    #[serde(default)]
    pub phases: Phases,
    /// The headers that were sent.
    pub request_headers: Vec<SentHeader>,
    /// The answer, if one came; attempts of earlier versions can have a failure too.
    pub response: Option<Response>,
    /// The failure, unless an answer came.
    pub failure: Option<Failure>,
    /// The failure in the words of the part that failed, for the curious.
    pub failure_detail: Option<String>,
    /// The wait that the receiver asked for with `Retry-After`.
    pub retry_after: Option<Duration>,
}

impl Attempt {
    /// An attempt as it begins, without an answer and without a failure.
    pub const fn begun(number: u32, started_at: Timestamp) -> Self {
        Self {
            number,
            started_at,
            duration: Duration::ZERO,
            first_byte: None,
            phases: Phases::NONE,
            request_headers: Vec::new(),
            response: None,
            failure: None,
            failure_detail: None,
            retry_after: None,
        }
    }

    /// The end of the attempt.
    pub fn ended_at(&self) -> Timestamp {
        self.started_at + self.duration
    }

    /// The value of a header that was sent.
    pub fn sent_header(&self, name: &str) -> Option<&str> {
        self.request_headers.iter().find(|(sent, _)| sent.eq_ignore_ascii_case(name)).map(|(_, value)| &**value)
    }

    /// HTTP status of the answer, if one came.
    pub fn status(&self) -> Option<u16> {
        self.response.as_ref().map(|response| response.status)
    }

    /// The instant until which the receiver asks to be left alone: it answered 429 or 503
    /// with `Retry-After`. A rest ends with a whole second, so that answers of one second
    /// ask for one rest.
    pub fn rests_until(&self) -> Option<Timestamp> {
        let asked = self.retry_after.filter(|asked| !asked.is_zero())?;
        let asks = matches!(self.outcome(), Outcome::Answered(429 | 503));
        asks.then(|| (self.ended_at() + asked.min(RETRY_AFTER_CAP)).next_whole_second())
    }

    /// The outcome of the attempt.
    pub fn outcome(&self) -> Outcome {
        match (self.failure, self.status()) {
            (Some(failure), _) => Outcome::Failed(failure),
            (None, Some(status)) => Outcome::Answered(status),
            // An attempt without an answer and without a failure cannot be made
            // by the engine; read as the connection that broke.
            (None, None) => Outcome::Failed(Failure::ConnectionReset),
        }
    }
}

/// The outcome of an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Outcome {
    /// An answer with this HTTP status.
    Answered(u16),
    /// No answer.
    Failed(Failure),
}

impl Outcome {
    /// Any 2xx is success; a redirect is not.
    pub const fn is_success(self) -> bool {
        matches!(self, Self::Answered(200..=299))
    }

    /// `410 Gone`: the receiver wants no more, ever.
    pub const fn is_gone(self) -> bool {
        matches!(self, Self::Answered(410))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answered(status: u16, retry_after: u64) -> Attempt {
        let response = Response { status, headers: Vec::new(), body: String::new(), body_truncated: false };
        let begun = Attempt::begun(1, Timestamp::from_unix_micros(1_500_000));
        Attempt { response: Some(response), retry_after: Some(Duration::from_secs(retry_after)), ..begun }
    }

    #[test]
    fn an_endpoint_rests_after_429_and_503_with_a_wait_up_to_the_cap() {
        let seconds = |status, wait| answered(status, wait).rests_until().map(Timestamp::unix_micros);
        assert_eq!(seconds(429, 60), Some(62_000_000));
        assert_eq!(seconds(503, 60), Some(62_000_000));
        assert_eq!(seconds(429, 999_999), Some(14_402_000_000));
        for (status, wait) in [(429, 0), (500, 60), (200, 60), (410, 60)] {
            assert_eq!(seconds(status, wait), None, "{status}");
        }
        assert_eq!(Attempt { retry_after: None, ..answered(429, 1) }.rests_until(), None);
    }
}

//! The filter of deliveries, the one that pages, the API and resending share.

use std::{collections::BTreeSet, fmt, str::FromStr};

use serde::{Deserialize, Serialize};
use signet_model::{
    DeliveryId, EndpointId, EventId, Timestamp,
    delivery::{Failure, Outcome, State},
    event::EventType,
};
use uuid::Uuid;

/// Selects deliveries of an account. What is empty does not restrict.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    /// Only those of this endpoint.
    pub endpoint: Option<EndpointId>,
    /// Only those in this state.
    pub state: Option<State>,
    /// Only those of one of these types.
    pub event_types: Option<BTreeSet<EventType>>,
    /// Only those of events accepted at this instant or later.
    pub since: Option<Timestamp>,
    /// Only those of events accepted before this instant.
    pub until: Option<Timestamp>,
    /// Only those whose last attempt ended in this way.
    pub result: Option<ResultClass>,
    /// Only those whose last attempt was answered with this HTTP status.
    pub status: Option<u16>,
    /// Only those of events about this task.
    pub task: Option<String>,
    /// Those of all tasks whose ids begin with that text.
    pub task_begins: bool,
    /// Only those whose own id, or that of whose event, begins in this way.
    pub id: Option<IdPrefix>,
}

/// The way in which the last attempt at a delivery ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum ResultClass {
    /// An answer 2xx.
    #[serde(rename = "2xx")]
    Success,
    /// An answer 3xx.
    #[serde(rename = "3xx")]
    Redirect,
    /// An answer 4xx.
    #[serde(rename = "4xx")]
    ClientError,
    /// An answer 5xx.
    #[serde(rename = "5xx")]
    ServerError,
    /// The time budget ran out.
    #[serde(rename = "timeout")]
    Timeout,
    /// A certificate or a handshake failed.
    #[serde(rename = "tls")]
    Tls,
    /// The name does not resolve, or to an address that must not be reached.
    #[serde(rename = "dns")]
    Dns,
    /// No program listens, or the connection broke.
    #[serde(rename = "refused")]
    Refused,
}

impl ResultClass {
    /// All of them, with their texts in addresses and in the API.
    pub const ALL: [(Self, &'static str); 8] = [
        (Self::Success, "2xx"),
        (Self::Redirect, "3xx"),
        (Self::ClientError, "4xx"),
        (Self::ServerError, "5xx"),
        (Self::Timeout, "timeout"),
        (Self::Tls, "tls"),
        (Self::Dns, "dns"),
        (Self::Refused, "refused"),
    ];

    /// The text in addresses and in the API.
    pub const fn as_str(self) -> &'static str {
        Self::ALL[self as usize].1
    }

    /// The class of the end of an attempt; not every end has one.
    pub fn of(outcome: Outcome) -> Option<Self> {
        let has = |class: &Self| match (class.ends(), outcome) {
            (Ends::Answered(first), Outcome::Answered(status)) => (first..first + 100).contains(&status),
            (Ends::Failed(failures), Outcome::Failed(failure)) => failures.contains(&failure),
            _ => false,
        };
        Self::ALL.into_iter().map(|(class, _)| class).find(has)
    }

    /// The statuses of the class, or its failures.
    const fn ends(self) -> Ends {
        match self {
            Self::Success => Ends::Answered(200),
            Self::Redirect => Ends::Answered(300),
            Self::ClientError => Ends::Answered(400),
            Self::ServerError => Ends::Answered(500),
            Self::Timeout => Ends::Failed(&[Failure::ConnectTimeout, Failure::Timeout]),
            Self::Tls => Ends::Failed(&[Failure::Tls]),
            Self::Dns => Ends::Failed(&[Failure::Dns, Failure::AddressRefused]),
            Self::Refused => Ends::Failed(&[Failure::ConnectionRefused, Failure::Connect, Failure::ConnectionReset]),
        }
    }

    /// The condition on the last attempt `a`. An attempt that is missing does not fail the
    /// condition for want of a value: PostgreSQL would read the attempts first.
    pub(super) fn condition(self) -> String {
        match self.ends() {
            Ends::Answered(first) => {
                format!("a.failure IS NULL AND COALESCE(a.status, 0) BETWEEN {first} AND {}", first + 99)
            }
            Ends::Failed(failures) => {
                let texts: Vec<_> = failures.iter().map(|failure| format!("'{}'", failure.as_str())).collect();
                format!("COALESCE(a.failure, '') IN ({})", texts.join(", "))
            }
        }
    }
}

enum Ends {
    /// Hundred statuses, from this one on.
    Answered(u16),
    Failed(&'static [Failure]),
}

impl FromStr for ResultClass {
    type Err = UnknownClass;

    fn from_str(text: &str) -> Result<Self, UnknownClass> {
        Self::ALL.into_iter().find(|(_, own)| *own == text).map(|(class, _)| class).ok_or(UnknownClass)
    }
}

/// The text names no class of results.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("is none of 2xx, 3xx, 4xx, 5xx, timeout, tls, dns, refused")]
pub struct UnknownClass;

/// The beginning of the id of a delivery or of an event, or all of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum IdPrefix {
    /// From the first delivery to the last.
    Delivery(DeliveryId, DeliveryId),
    /// From the first event to the last.
    Event(EventId, EventId),
}

/// The text is no beginning of an id of a delivery or of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("is not the beginning of an id: msg_ or evt_, and up to 26 letters and digits")]
pub struct InvalidIdPrefix;

impl FromStr for IdPrefix {
    type Err = InvalidIdPrefix;

    fn from_str(text: &str) -> Result<Self, InvalidIdPrefix> {
        let delivery = || DeliveryId::range_of(text).map(|(first, last)| Self::Delivery(first, last));
        let event = || EventId::range_of(text).map(|(first, last)| Self::Event(first, last));
        delivery().or_else(event).ok_or(InvalidIdPrefix)
    }
}

impl fmt::Display for IdPrefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (first, last) = match self {
            Self::Delivery(first, last) => (first.to_string(), last.to_string()),
            Self::Event(first, last) => (first.to_string(), last.to_string()),
        };
        let common = first.bytes().zip(last.bytes()).take_while(|(one, other)| one == other).count();
        f.write_str(&first[..common])
    }
}

impl From<IdPrefix> for String {
    fn from(prefix: IdPrefix) -> Self {
        prefix.to_string()
    }
}

impl TryFrom<String> for IdPrefix {
    type Error = InvalidIdPrefix;

    fn try_from(text: String) -> Result<Self, InvalidIdPrefix> {
        text.parse()
    }
}

/// A place in the log of an account, which is ordered by events and, of one event, by
/// endpoints.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    /// The event.
    pub event: EventId,
    /// The endpoint.
    pub endpoint: EndpointId,
}

impl Position {
    /// The place before all.
    pub(super) const NEWEST: Self = Self::beyond(EventId::from_uuid(Uuid::max()));

    /// The place just after an event's deliveries, in the order of age.
    pub const fn before(event: EventId) -> Self {
        Self { event, endpoint: EndpointId::from_uuid(Uuid::nil()) }
    }

    /// The place just before an event's deliveries, in the order of age.
    pub(crate) const fn beyond(event: EventId) -> Self {
        Self { event, endpoint: EndpointId::from_uuid(Uuid::max()) }
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { event, endpoint } = self;
        if endpoint.uuid().is_nil() { write!(f, "{event}") } else { write!(f, "{event}.{endpoint}") }
    }
}

/// The text is no place in the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("is no place in the log")]
pub struct InvalidPosition;

impl FromStr for Position {
    type Err = InvalidPosition;

    fn from_str(text: &str) -> Result<Self, InvalidPosition> {
        let (event, endpoint) = text.split_once('.').map_or((text, None), |(event, it)| (event, Some(it)));
        let event = event.parse().map_err(|_| InvalidPosition)?;
        let Some(endpoint) = endpoint else { return Ok(Self::before(event)) };
        Ok(Self { event, endpoint: endpoint.parse().map_err(|_| InvalidPosition)? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_and_a_prefix_survive_being_written_and_read() {
        let event = EventId::new(Timestamp::from_unix_seconds(1_774_699_200), [7; 10]);
        let endpoint = EndpointId::new(Timestamp::from_unix_seconds(1), [8; 10]);
        for place in [Position::before(event), Position { event, endpoint }] {
            assert_eq!(place.to_string().parse(), Ok(place));
        }
        for wrong in ["", ".", "evt_1", &format!("{event}.x")] {
            assert_eq!(wrong.parse::<Position>(), Err(InvalidPosition), "{wrong}");
        }
        for text in ["msg_", "evt_01k", &event.to_string()] {
            assert_eq!(text.parse::<IdPrefix>().map(|it| it.to_string()), Ok(text.to_owned()));
        }
    }

    #[test]
    fn each_class_is_read_from_its_text() {
        for (class, text) in ResultClass::ALL {
            assert_eq!((text.parse(), class.as_str()), (Ok(class), text));
        }
    }

    #[test]
    fn the_end_of_an_attempt_has_a_class_or_none() {
        for (outcome, class) in [
            (Outcome::Answered(204), Some(ResultClass::Success)),
            (Outcome::Answered(503), Some(ResultClass::ServerError)),
            (Outcome::Answered(101), None),
            (Outcome::Failed(Failure::AddressRefused), Some(ResultClass::Dns)),
            (Outcome::Failed(Failure::Protocol), None),
        ] {
            assert_eq!(ResultClass::of(outcome), class, "{outcome:?}");
        }
    }
}

//! Identifiers: a UUID of version 7 (RFC 9562, section 5.7), written as a short
//! prefix that names the noun and 26 characters of Crockford's base 32.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use uuid::Uuid;

use crate::Timestamp;

const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
const ENCODED_LEN: usize = 26;

/// The text is not an identifier of the expected noun.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("is not an id of the form {0}_ and 26 letters and digits")]
pub struct InvalidId(pub &'static str);

/// The time since the beginning of the millisecond, in 4096ths of it.
fn fraction(now: Timestamp) -> u16 {
    let micros = now.unix_micros().rem_euclid(1_000);
    u16::try_from(micros * 4_096 / 1_000).unwrap_or(0)
}

fn encode(id: Uuid) -> [u8; ENCODED_LEN] {
    let mut value = id.as_u128();
    let mut text = [0; ENCODED_LEN];
    for digit in text.iter_mut().rev() {
        *digit = ALPHABET[(value & 31) as usize];
        value >>= 5;
    }
    text
}

fn decode(text: &str) -> Option<Uuid> {
    // 26 digits of 5 bits hold 130 bits, an id has 128: the first digit is at most 7.
    if text.len() != ENCODED_LEN || text.as_bytes()[0] > b'7' {
        return None;
    }
    text.bytes()
        .try_fold(0_u128, |value, byte| {
            let digit = ALPHABET.iter().position(|&letter| letter == byte)?;
            Some((value << 5) | digit as u128)
        })
        .map(Uuid::from_u128)
}

/// The first and the last id whose text begins with these digits.
fn range(digits: &str) -> Option<(Uuid, Uuid)> {
    if digits.len() > ENCODED_LEN || !digits.is_ascii() {
        return None;
    }
    let filled = |with: &str| format!("{digits}{}", with.repeat(ENCODED_LEN - digits.len()));
    // The first digit of the last id is 7.
    let last = if digits.is_empty() { format!("7{}", "z".repeat(ENCODED_LEN - 1)) } else { filled("z") };
    Some((decode(&filled("0"))?, decode(&last)?))
}

macro_rules! define_ids {
    ($($(#[$doc:meta])* $name:ident = $prefix:literal;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(Uuid);

        impl $name {
            /// The part of the text before the underscore.
            pub const PREFIX: &'static str = $prefix;

            /// A new id: its first 48 bits are the millisecond, the next 12 the
            /// fraction of it (RFC 9562, section 6.2, method 3), the rest is random.
            pub fn new(now: Timestamp, mut random: [u8; 10]) -> Self {
                random[..2].copy_from_slice(&fraction(now).to_be_bytes());
                Self(uuid::Builder::from_unix_timestamp_millis(now.unix_millis(), &random).into_uuid())
            }

            /// The millisecond in which the id was made.
            pub fn created_at(self) -> Timestamp {
                let millis = i64::try_from(self.0.as_u128() >> 80).unwrap_or_default();
                Timestamp::from_unix_micros(millis.saturating_mul(1_000))
            }

            /// The first and the last id whose text begins with this one, which has the
            /// underscore at least.
            pub fn range_of(beginning: &str) -> Option<(Self, Self)> {
                let (first, last) = range(beginning.strip_prefix(concat!($prefix, "_"))?)?;
                Some((Self(first), Self(last)))
            }

            /// The id as the databases store it.
            pub const fn uuid(self) -> Uuid {
                self.0
            }

            /// The id of a stored UUID.
            pub const fn from_uuid(id: Uuid) -> Self {
                Self(id)
            }
        }

        impl From<$name> for Uuid {
            fn from(id: $name) -> Self {
                id.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                let text = encode(self.0);
                f.write_str(concat!($prefix, "_"))?;
                f.write_str(std::str::from_utf8(&text).map_err(|_| fmt::Error)?)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;

            fn from_str(text: &str) -> Result<Self, InvalidId> {
                text.strip_prefix(concat!($prefix, "_"))
                    .and_then(decode)
                    .map(Self)
                    .ok_or(InvalidId($prefix))
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
    )*};
}

define_ids! {
    /// An account: a customer of the service, and the owner of endpoints.
    AccountId = "acc";
    /// A user of the dashboard.
    UserId = "usr";
    /// A passkey of a user.
    PasskeyId = "psk";
    /// An API key, with which a backend sends events in.
    ApiKeyId = "key";
    /// A webhook: the URL that events are delivered to.
    EndpointId = "ep";
    /// An event: it happened once and is accepted once.
    EventId = "evt";
    /// One event on its way to one endpoint. Receivers see it as `webhook-id`,
    /// the same for every attempt and every resend.
    DeliveryId = "msg";
    /// Deliveries that are sent again by a filter.
    ResendId = "rsd";
    /// An invitation into an account.
    InvitationId = "inv";
    /// A session: a browser in which somebody is signed in.
    SessionId = "ses";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_survives_being_written_and_read() {
        let id = EventId::new(Timestamp::from_unix_seconds(1_774_699_200), [0xa5; 10]);
        let text = id.to_string();
        assert_eq!(text.len(), 4 + ENCODED_LEN);
        assert_eq!(text.parse(), Ok(id));
        assert_eq!(id.created_at(), Timestamp::from_unix_seconds(1_774_699_200));
    }

    #[test]
    fn ids_sort_by_time_to_the_microsecond() {
        let early = EventId::new(Timestamp::from_unix_micros(1_000_001), [0xff; 10]);
        let late = EventId::new(Timestamp::from_unix_micros(1_000_002), [0; 10]);
        assert!(early < late && early.to_string() < late.to_string());
    }

    #[test]
    fn the_beginning_of_an_id_is_a_range_with_the_id_in_it() {
        let id = EventId::new(Timestamp::from_unix_seconds(1_774_699_200), [0xa5; 10]);
        let text = id.to_string();
        for end in 4..=text.len() {
            let (first, last) = EventId::range_of(&text[..end]).expect("a range");
            assert!(first <= id && id <= last, "{first} {last}");
            assert_eq!(first == last, end == text.len());
        }
        for wrong in ["evt", "msg_0", "evt_u", "evt_8", "evt_ß", &format!("{text}0")] {
            assert_eq!(EventId::range_of(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn an_id_of_another_noun_or_form_is_refused() {
        let id = EventId::new(Timestamp::from_unix_seconds(1), [1; 10]).to_string();
        assert!(id.replace("evt", "msg").parse::<EventId>().is_err());
        assert!(id[..29].parse::<EventId>().is_err());
        assert!("evt_8zzzzzzzzzzzzzzzzzzzzzzzzz".parse::<EventId>().is_err());
        assert!("evt_0000000000000000000000000u".parse::<EventId>().is_err());
    }
}

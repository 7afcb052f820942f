//! The headers that an endpoint has besides those of the contract: names and values of an
//! account's own, such as a token that a gateway in front of its receiver asks for.

use std::{fmt, str::FromStr};

/// The most headers of one endpoint.
pub const CUSTOM_HEADERS_MAX: usize = 20;
/// The longest name, in bytes.
pub const HEADER_NAME_MAX: usize = 100;
/// The longest value, in bytes.
pub const HEADER_VALUE_MAX: usize = 4_096;
/// The most bytes of all names and values together: servers take heads of 8 KiB.
pub const HEADERS_BYTES_MAX: usize = 6_144;

/// Names that the contract has, that frame or route the message, or that belong to one
/// connection (RFC 9110, sections 5 to 7).
const RESERVED: [&str; 19] = [
    "accept",
    "accept-encoding",
    "connection",
    "date",
    "expect",
    "forwarded",
    "host",
    "http2-settings",
    "keep-alive",
    "max-forwards",
    "range",
    "te",
    "traceparent",
    "tracestate",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "user-agent",
    "via",
];

/// The beginnings of such names.
const RESERVED_PREFIXES: [&str; 5] = ["ce-", "content-", "proxy-", "webhook-", "x-webhook-"];

/// The name of a header in title case, as it is sent.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CustomHeaderName(Box<str>);

/// The reason for which a text names no custom header, worded to stand behind the name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum HeaderNameError {
    /// The text is empty.
    #[error("is empty")]
    Empty,
    /// Longer than [`HEADER_NAME_MAX`].
    #[error("is longer than 100 characters")]
    TooLong,
    /// A character that no name has (RFC 9110, section 5.6.2).
    #[error("has a character that no header name has: use letters, digits and hyphens")]
    Letter,
    /// The name belongs to Signet, or to HTTP.
    #[error("cannot be set: the server or HTTP itself sets it")]
    Reserved,
}

impl CustomHeaderName {
    /// Reads a stored name. A name that became reserved since is read as well.
    pub fn from_stored(text: &str) -> Result<Self, HeaderNameError> {
        match text.len() {
            0 => return Err(HeaderNameError::Empty),
            1..=HEADER_NAME_MAX => {}
            _ => return Err(HeaderNameError::TooLong),
        }
        if !text.bytes().all(is_token) {
            return Err(HeaderNameError::Letter);
        }
        Ok(Self(title_case(text).into()))
    }

    /// The name in title case.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for CustomHeaderName {
    type Err = HeaderNameError;

    fn from_str(text: &str) -> Result<Self, HeaderNameError> {
        let name = Self::from_stored(text.trim())?;
        if is_reserved(&name.0.to_ascii_lowercase()) { Err(HeaderNameError::Reserved) } else { Ok(name) }
    }
}

fn is_reserved(lower_case: &str) -> bool {
    RESERVED.contains(&lower_case) || RESERVED_PREFIXES.iter().any(|prefix| lower_case.starts_with(prefix))
}

/// The characters of a token (RFC 9110, section 5.6.2).
const fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
        || matches!(
            byte,
            b'!' | b'#' | b'$' | b'%' | b'&' | b'\'' | b'*' | b'+' | b'-' | b'.' | b'^' | b'_' | b'`' | b'|' | b'~'
        )
}

fn title_case(name: &str) -> String {
    let mut begins = true;
    let letter = |letter: char| {
        let cased = if begins { letter.to_ascii_uppercase() } else { letter.to_ascii_lowercase() };
        begins = letter == '-';
        cased
    };
    name.chars().map(letter).collect()
}

impl fmt::Display for CustomHeaderName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for CustomHeaderName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The value of a header. Its `Debug` form hides the text; only
/// [`CustomHeaderValue::reveal`] returns it.
#[derive(Clone, PartialEq, Eq)]
pub struct CustomHeaderValue(Box<str>);

/// The reason for which a text is no value of a header, worded to stand behind "its value".
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum HeaderValueError {
    /// The text is empty.
    #[error("is empty")]
    Empty,
    /// Longer than [`HEADER_VALUE_MAX`].
    #[error("is longer than 4,096 characters")]
    TooLong,
    /// A line break, another control character, or a letter that is not ASCII.
    #[error("has a character that no header can carry: use ASCII without line breaks")]
    Letter,
}

impl CustomHeaderValue {
    /// The text that stands for every value where values are hidden.
    pub const MASK: &'static str = "••••••••";

    /// The text of the value.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl FromStr for CustomHeaderValue {
    type Err = HeaderValueError;

    fn from_str(text: &str) -> Result<Self, HeaderValueError> {
        let text = text.trim_matches([' ', '\t']);
        if !text.bytes().all(|byte| matches!(byte, b'\t' | b' '..=b'~')) {
            return Err(HeaderValueError::Letter);
        }
        match text.len() {
            0 => Err(HeaderValueError::Empty),
            1..=HEADER_VALUE_MAX => Ok(Self(text.into())),
            _ => Err(HeaderValueError::TooLong),
        }
    }
}

impl fmt::Debug for CustomHeaderValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CustomHeaderValue(hidden)")
    }
}

/// The custom headers of an endpoint, in the order in which they were entered.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CustomHeaders(Vec<(CustomHeaderName, CustomHeaderValue)>);

/// Headers that are each valid cannot be one endpoint's together.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HeadersError {
    /// More than [`CUSTOM_HEADERS_MAX`].
    #[error("A webhook has at most 20 headers of its own. Remove some.")]
    TooMany,
    /// More bytes than [`HEADERS_BYTES_MAX`].
    #[error("The headers have more than 6,144 characters together. Shorten or remove some.")]
    TooLarge,
    /// Two headers have one name.
    #[error("The header {0} is there twice. Remove one of the two.")]
    Twice(CustomHeaderName),
}

/// Stored headers cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum StoredHeadersError {
    /// A name cannot be read.
    #[error("a name {0}")]
    Name(#[from] HeaderNameError),
    /// A value cannot be read.
    #[error("a value {0}")]
    Value(#[from] HeaderValueError),
}

impl CustomHeaders {
    /// Joins headers.
    pub fn new(headers: Vec<(CustomHeaderName, CustomHeaderValue)>) -> Result<Self, HeadersError> {
        if headers.len() > CUSTOM_HEADERS_MAX {
            return Err(HeadersError::TooMany);
        }
        if headers.iter().map(|(name, value)| name.0.len() + value.0.len()).sum::<usize>() > HEADERS_BYTES_MAX {
            return Err(HeadersError::TooLarge);
        }
        let twice =
            headers.iter().enumerate().find(|(place, (name, _))| headers[..*place].iter().any(|(it, _)| it == name));
        match twice {
            Some((_, (name, _))) => Err(HeadersError::Twice(name.clone())),
            None => Ok(Self(headers)),
        }
    }

    /// Reads stored headers. The rules about which and how many are those of people's input.
    pub fn from_stored(pairs: &[(String, String)]) -> Result<Self, StoredHeadersError> {
        let read = |(name, value): &(String, String)| Ok((CustomHeaderName::from_stored(name)?, value.parse()?));
        pairs.iter().map(read).collect::<Result<_, StoredHeadersError>>().map(Self)
    }

    /// Returns `true` if there are none.
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The headers.
    pub fn iter(&self) -> impl Iterator<Item = (&CustomHeaderName, &CustomHeaderValue)> {
        self.0.iter().map(|(name, value)| (name, value))
    }

    /// The value of the header with this name.
    pub fn get(&self, name: &CustomHeaderName) -> Option<&CustomHeaderValue> {
        self.iter().find(|(it, _)| *it == name).map(|(_, value)| value)
    }

    /// The names.
    pub fn names(&self) -> Vec<CustomHeaderName> {
        self.iter().map(|(name, _)| name.clone()).collect()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn header(name: &str, value: &str) -> (CustomHeaderName, CustomHeaderValue) {
        (name.parse().expect("a name"), value.parse().expect("a value"))
    }

    #[test]
    fn a_name_is_written_in_title_case() {
        for (typed, name) in [("authorization", "Authorization"), (" X-API-key ", "X-Api-Key"), ("a_b", "A_b")] {
            assert_eq!(typed.parse::<CustomHeaderName>().expect("a name").as_str(), name);
        }
    }

    #[test]
    fn names_of_the_contract_and_of_http_are_refused_in_any_case() {
        for name in [
            "Content-Type",
            "CONTENT-LENGTH",
            "Accept",
            "User-Agent",
            "X-Webhook-Signature",
            "x-webhook-anything",
            "Webhook-Id",
            "Webhook-Signature",
            "Host",
            "Transfer-Encoding",
            "Connection",
            "Keep-Alive",
            "Expect",
            "Upgrade",
            "TE",
            "Trailer",
            "Proxy-Authorization",
            "Ce-Id",
            "traceparent",
        ] {
            assert_eq!(name.parse::<CustomHeaderName>(), Err(HeaderNameError::Reserved), "{name}");
        }
        for name in ["Authorization", "X-Api-Key", "Cookie", "X-Content-Kind", "Webhook", "Webhooks-Token"] {
            assert!(name.parse::<CustomHeaderName>().is_ok(), "{name}");
        }
    }

    #[test]
    fn a_name_is_a_token_of_a_bounded_length() {
        for (text, error) in [
            ("", HeaderNameError::Empty),
            ("X Key", HeaderNameError::Letter),
            ("X-Key:", HeaderNameError::Letter),
            ("X-Kéy", HeaderNameError::Letter),
            ("X\r\nHost", HeaderNameError::Letter),
            (&"x".repeat(101), HeaderNameError::TooLong),
        ] {
            assert_eq!(text.parse::<CustomHeaderName>(), Err(error), "{text:?}");
        }
    }

    #[test]
    fn a_value_is_visible_ascii_and_hidden_in_debug() {
        assert_eq!(" Bearer a\tb ".parse::<CustomHeaderValue>().expect("a value").reveal(), "Bearer a\tb");
        for (text, error) in [
            ("", HeaderValueError::Empty),
            (" \t", HeaderValueError::Empty),
            ("a\r\nHost: b", HeaderValueError::Letter),
            ("a\0", HeaderValueError::Letter),
            ("\n", HeaderValueError::Letter),
            ("é", HeaderValueError::Letter),
            ("\u{7f}", HeaderValueError::Letter),
            (&"x".repeat(4_097), HeaderValueError::TooLong),
        ] {
            assert_eq!(text.parse::<CustomHeaderValue>(), Err(error), "{text:?}");
        }
        assert!(!format!("{:?}", header("X-Key", "hunter2")).contains("hunter2"));
    }

    #[test]
    fn an_endpoint_has_so_many_headers_and_each_name_once() {
        let many = |count: usize| (0..count).map(|number| header(&format!("X-{number}"), "a")).collect();
        assert!(CustomHeaders::new(many(20)).is_ok());
        assert_eq!(CustomHeaders::new(many(21)), Err(HeadersError::TooMany));
        let twice = CustomHeaders::new(vec![header("X-Key", "a"), header("x-KEY", "b")]);
        assert_eq!(twice.expect_err("twice").to_string(), "The header X-Key is there twice. Remove one of the two.");
        let large = vec![header("X-1", &"a".repeat(4_096)), header("X-2", &"a".repeat(4_096))];
        assert_eq!(CustomHeaders::new(large), Err(HeadersError::TooLarge));
    }

    #[test]
    fn a_stored_name_that_became_reserved_is_still_read() {
        let pairs = [("Traceparent".to_owned(), "00-1".to_owned())];
        assert_eq!(CustomHeaders::from_stored(&pairs).expect("read").names()[0].as_str(), "Traceparent");
        assert!(CustomHeaders::from_stored(&[("a b".to_owned(), "c".to_owned())]).is_err());
    }

    proptest! {
        #[test]
        fn nothing_that_is_taken_breaks_a_line(name in ".*", value in ".*") {
            if let Ok(name) = name.parse::<CustomHeaderName>() {
                prop_assert!(name.as_str().bytes().all(|byte| byte.is_ascii_graphic() && byte != b':'));
            }
            if let Ok(value) = value.parse::<CustomHeaderValue>() {
                prop_assert!(value.reveal().bytes().all(|byte| byte == b'\t' || (b' '..=b'~').contains(&byte)));
            }
        }
    }
}

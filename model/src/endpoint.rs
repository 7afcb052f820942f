//! Endpoints: where events are delivered to.

pub mod custom_headers;
mod host_name;

use std::{fmt, net::IpAddr, str::FromStr};

use serde::{Deserialize, Serialize};
use url::{Host, Url};

use crate::{delivery::text_enum, has_user_info};

/// The longest URL, in bytes.
pub const MAX_URL_LEN: usize = 2_048;

/// An absolute HTTPS URL that a delivery can be sent to.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct EndpointUrl(Url);

/// The reason for which a URL cannot be an endpoint's, worded to stand behind "it".
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum UrlError {
    /// The text is empty.
    #[error("is empty")]
    Empty,
    /// Longer than [`MAX_URL_LEN`].
    #[error("is longer than 2,048 bytes")]
    TooLong,
    /// No scheme, no host, or otherwise not absolute.
    #[error("is not absolute")]
    NotAbsolute,
    /// `http://`.
    #[error("is not encrypted")]
    NotEncrypted,
    /// Another scheme.
    #[error("is not an https URL")]
    NotHttps,
    /// The host is empty or no host name.
    #[error("has an invalid host name")]
    Host,
    /// A letter in the host that no host name has.
    #[error("has a letter in its host name that no host name has")]
    HostLetter,
    /// `*` in the host.
    #[error("stands for many hosts")]
    HostWildcard,
    /// A part of the host name begins or ends with a hyphen.
    #[error("has a part of its host name that begins or ends with a hyphen")]
    HostHyphen,
    /// A part of the host name has more than 63 letters, or the whole more than 253.
    #[error("has a host name that is too long")]
    HostTooLong,
    /// The port is no port.
    #[error("has an invalid port")]
    Port,
    /// `user:password@`.
    #[error("has a user name or a password in it")]
    Credentials,
    /// `#…`, which is never sent.
    #[error("has a fragment")]
    Fragment,
    /// Control characters or spaces inside.
    #[error("has white space in it")]
    WhiteSpace,
}

impl EndpointUrl {
    /// Reads a stored URL, which an earlier version accepted from a person: rules that apply
    /// to people's input alone are left out. Refuses a URL that no request can be sent to.
    pub fn from_stored(text: &str) -> Result<Self, UrlError> {
        let url = parse(text)?;
        check(&url, text)?;
        Ok(Self(url))
    }

    /// The URL in its normal form (WHATWG URL).
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }

    /// The parsed URL.
    pub const fn url(&self) -> &Url {
        &self.0
    }

    /// The host as it is looked up.
    pub fn host(&self) -> &str {
        self.0.host_str().unwrap_or_default()
    }

    /// The address, where the host is one instead of a name. Decimal, octal and
    /// hexadecimal forms of IPv4 have become addresses by then.
    pub fn literal_address(&self) -> Option<IpAddr> {
        match self.0.host()? {
            Host::Ipv4(address) => Some(address.into()),
            Host::Ipv6(address) => Some(address.into()),
            Host::Domain(_) => None,
        }
    }
}

impl FromStr for EndpointUrl {
    type Err = UrlError;

    fn from_str(text: &str) -> Result<Self, UrlError> {
        let text = text.trim();
        if text.is_empty() {
            return Err(UrlError::Empty);
        }
        if text.len() > MAX_URL_LEN {
            return Err(UrlError::TooLong);
        }
        if text.contains(|letter: char| letter.is_whitespace() || letter.is_control()) {
            return Err(UrlError::WhiteSpace);
        }
        let url = parse(text)?;
        check(&url, text)?;
        // The normal form can be longer, and the databases return the normal form.
        if url.as_str().len() > MAX_URL_LEN {
            return Err(UrlError::TooLong);
        }
        Ok(Self(url))
    }
}

fn parse(text: &str) -> Result<Url, UrlError> {
    Url::parse(text).map_err(|error| match error {
        url::ParseError::InvalidPort => UrlError::Port,
        url::ParseError::RelativeUrlWithoutBase => UrlError::NotAbsolute,
        _ => UrlError::Host,
    })
}

/// The rules for entered and for stored URLs alike.
fn check(url: &Url, text: &str) -> Result<(), UrlError> {
    match url.scheme() {
        "https" => {}
        "http" => return Err(UrlError::NotEncrypted),
        // `example.com:8080` parses as a scheme and a path.
        _ if url.cannot_be_a_base() => return Err(UrlError::NotAbsolute),
        _ => return Err(UrlError::NotHttps),
    }
    // The parser forgives `https:example.com` and backslashes: typing errors of another
    // URL.
    if !text.get(..8).is_some_and(|start| start.eq_ignore_ascii_case("https://")) || text.contains('\\') {
        return Err(UrlError::NotAbsolute);
    }
    if has_user_info(url) {
        return Err(UrlError::Credentials);
    }
    if url.fragment().is_some() {
        return Err(UrlError::Fragment);
    }
    if url.port() == Some(0) {
        return Err(UrlError::Port);
    }
    match url.host() {
        Some(Host::Domain(name)) => host_name::check(name),
        Some(Host::Ipv4(_) | Host::Ipv6(_)) => Ok(()),
        None => Err(UrlError::Host),
    }
}

impl fmt::Display for EndpointUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for EndpointUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Serialize for EndpointUrl {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for EndpointUrl {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

text_enum! {
    /// The reason why an endpoint is disabled.
    DisabledReason {
        /// The last retry of a delivery failed.
        RetriesExhausted = "retries_exhausted",
        /// The receiver answered `410 Gone`.
        Gone = "gone",
        /// A person switched it off.
        Paused = "paused",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn https_urls_are_taken_in_their_normal_form() {
        for (text, normal) in [
            ("https://example.com", "https://example.com/"),
            ("  https://Example.COM:443/a?b=c ", "https://example.com/a?b=c"),
            ("HTTPS://bücher.example/x", "https://xn--bcher-kva.example/x"),
            ("https://example.com:8443/hook", "https://example.com:8443/hook"),
            ("https://example.com./", "https://example.com./"),
            ("https://[2606:4700::1111]/", "https://[2606:4700::1111]/"),
        ] {
            assert_eq!(text.parse::<EndpointUrl>().map(|url| url.to_string()).as_deref(), Ok(normal), "{text}");
        }
    }

    #[test]
    fn every_way_to_be_wrong_has_its_own_message() {
        for (text, error) in [
            ("", UrlError::Empty),
            ("   ", UrlError::Empty),
            ("example.com/webhooks", UrlError::NotAbsolute),
            ("example.com:8080", UrlError::NotAbsolute),
            ("https:example.com", UrlError::NotAbsolute),
            ("https:\\\\example.com", UrlError::NotAbsolute),
            ("http://example.com", UrlError::NotEncrypted),
            ("ftp://example.com", UrlError::NotHttps),
            ("https://", UrlError::Host),
            ("https://exa%20mple.com", UrlError::Host),
            ("https://127.0.0.1..", UrlError::Host),
            ("https://example..com", UrlError::Host),
            ("https://.example.com", UrlError::Host),
            ("https://example.com:99999", UrlError::Port),
            ("https://example.com:0", UrlError::Port),
            ("https://user:pw@example.com", UrlError::Credentials),
            ("https://example.com@evil.example", UrlError::Credentials),
            ("https://example.com/#x", UrlError::Fragment),
            ("https://example.com/a b", UrlError::WhiteSpace),
            ("https://exa\nmple.com", UrlError::WhiteSpace),
        ] {
            assert_eq!(text.parse::<EndpointUrl>(), Err(error), "{text:?}");
        }
        let long = format!("https://example.com/{}", "a".repeat(MAX_URL_LEN));
        assert_eq!(long.parse::<EndpointUrl>(), Err(UrlError::TooLong));
    }

    #[test]
    fn a_stored_url_is_read_as_long_as_requests_can_be_sent_to_it() {
        let long = format!("https://example.com/{}", "a".repeat(MAX_URL_LEN));
        for text in ["https://example.com/", &long] {
            assert_eq!(EndpointUrl::from_stored(text).map(|url| url.to_string()).as_deref(), Ok(text));
        }
        for (text, error) in [
            ("https://a..b/", UrlError::Host),
            ("https://", UrlError::Host),
            ("http://example.com/", UrlError::NotEncrypted),
            ("https://user:pw@example.com/", UrlError::Credentials),
        ] {
            assert_eq!(EndpointUrl::from_stored(text), Err(error), "{text}");
        }
    }

    #[test]
    fn hosts_that_can_never_be_reached_are_refused() {
        let long_label = format!("https://{}.example/", "a".repeat(64));
        let long_name = format!("https://{}example/", "a.".repeat(124));
        for (text, error) in [
            ("https://exa{mple}.com/", UrlError::HostLetter),
            ("https://a\"b.example/", UrlError::HostLetter),
            ("https://a'b.example/", UrlError::HostLetter),
            ("https://example.com,example.org/", UrlError::HostLetter),
            ("https://*.example.com/", UrlError::HostWildcard),
            ("https://-example.com/", UrlError::HostHyphen),
            ("https://example-.com/", UrlError::HostHyphen),
            ("https://example.-/", UrlError::HostHyphen),
            ("https://example.com..", UrlError::Host),
            (&long_label, UrlError::HostTooLong),
            (&long_name, UrlError::HostTooLong),
        ] {
            assert_eq!(text.parse::<EndpointUrl>(), Err(error), "{text}");
            assert_eq!(EndpointUrl::from_stored(text), Err(error), "{text}");
        }
    }

    #[test]
    fn hosts_that_exist_are_taken() {
        let long_label = format!("https://{}.example/", "a".repeat(63));
        let long_name = format!("https://{}examples/", "a.".repeat(122));
        for text in [
            "https://example.com/",
            "https://example.com./",
            "https://a-b.c--d.example/",
            "https://my_service.example/",
            "https://_dmarc.example/",
            "https://bücher.example/",
            "https://1.example/",
            "https://localhost:8443/",
            "https://203.0.113.9/",
            "https://[2606:4700::1111]/",
            &long_label,
            &long_name,
        ] {
            assert!(text.parse::<EndpointUrl>().is_ok(), "{text}");
        }
    }

    #[test]
    fn disguised_ipv4_addresses_become_addresses() {
        for text in ["https://2130706433/", "https://0x7f.1/", "https://0177.0.0.1/", "https://127.1/"] {
            let url: EndpointUrl = text.parse().expect("an address");
            assert_eq!(url.literal_address(), Some(IpAddr::from([127, 0, 0, 1])), "{text}");
        }
    }
}

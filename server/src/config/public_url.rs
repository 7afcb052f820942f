//! The address of the dashboard.

use std::{fmt, str::FromStr};

use signet_model::has_user_info;
use url::Url;

/// The origin at which browsers reach the dashboard: a scheme, a host and perhaps a port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicUrl(String);

/// The text is not the URL of an origin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be http:// or https:// and a host, such as https://signet.example.com, with nothing after it")]
pub struct InvalidPublicUrl;

impl PublicUrl {
    /// The origin as browsers write it in the Origin header: without a slash at the end.
    pub fn origin(&self) -> &str {
        &self.0
    }

    /// Returns true if this is the host of the origin, with its port, as a request names it: in
    /// any case, and with the usual port or without.
    pub fn is_at(&self, authority: &str) -> bool {
        let (scheme, own) = self.0.split_once("://").unwrap_or_default();
        let usual = if scheme == "https" { ":443" } else { ":80" };
        let asked = authority.strip_suffix(usual).unwrap_or(authority);
        asked.eq_ignore_ascii_case(own)
    }

    /// Returns true if browsers reach the dashboard over TLS.
    pub fn is_https(&self) -> bool {
        self.0.starts_with("https:")
    }
}

impl FromStr for PublicUrl {
    type Err = InvalidPublicUrl;

    fn from_str(text: &str) -> Result<Self, InvalidPublicUrl> {
        let url = Url::parse(text).map_err(|_| InvalidPublicUrl)?;
        let bare = url.path() == "/" && url.query().is_none() && url.fragment().is_none();
        if matches!(url.scheme(), "http" | "https") && bare && !has_user_info(&url) {
            Ok(Self(url.origin().ascii_serialization()))
        } else {
            Err(InvalidPublicUrl)
        }
    }
}

impl fmt::Display for PublicUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_the_origins_in_any_case_and_with_the_usual_port() {
        let at = |url: &str, host| url.parse::<PublicUrl>().expect("a URL").is_at(host);
        for (url, host, fits) in [
            ("https://signet.example", "signet.example", true),
            ("https://signet.example", "Signet.Example:443", true),
            ("https://signet.example", "signet.example:80", false),
            ("https://signet.example", "signet.example:8443", false),
            ("https://signet.example", "signet.example.evil.example", false),
            ("https://signet.example", "a@signet.example", false),
            ("https://signet.example", "", false),
            ("https://signet.example:8443", "signet.example:8443", true),
            ("https://signet.example:8443", "signet.example", false),
            ("http://127.0.0.1:8080", "127.0.0.1:8080", true),
            ("http://[::1]", "[::1]:80", true),
        ] {
            assert_eq!(at(url, host), fits, "{url} {host}");
        }
    }

    #[test]
    fn a_public_url_is_an_origin() {
        let origin = |text: &str| text.parse().map(|url: PublicUrl| url.origin().to_owned());
        assert_eq!(origin("https://Signet.example.com:443/"), Ok("https://signet.example.com".into()));
        assert_eq!(origin("http://[::1]:8080"), Ok("http://[::1]:8080".into()));
        for text in
            ["signet.example.com", "ftp://a.example", "https://a.example/b", "https://u:p@a.example", "https://"]
        {
            assert_eq!(origin(text), Err(InvalidPublicUrl), "{text}");
        }
    }
}

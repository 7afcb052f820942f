//! The page of the service to which the dashboard leads back.

use std::{fmt, str::FromStr};

use url::Url;

use crate::{has_user_info, is_this_machine};

/// The greatest number of characters.
const MAX_LEN: usize = 2_000;

/// An `https` URL without a user; on this machine `http` as well.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReturnUrl(Url);

/// The text is no such URL.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be an https:// URL of at most 2000 characters, without a user name; http:// is for this machine alone")]
pub struct InvalidReturnUrl;

impl ReturnUrl {
    /// The URL.
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }

    /// The name of its host.
    pub fn host(&self) -> &str {
        self.0.host_str().unwrap_or_default()
    }
}

impl fmt::Display for ReturnUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for ReturnUrl {
    type Err = InvalidReturnUrl;

    fn from_str(text: &str) -> Result<Self, InvalidReturnUrl> {
        let url = Url::parse(text).map_err(|_| InvalidReturnUrl)?;
        let safe = match url.scheme() {
            "https" => url.has_host(),
            "http" => url.host().is_some_and(|host| is_this_machine(&host)),
            _ => false,
        };
        let anonymous = !has_user_info(&url);
        // The parser leaves tabs and line breaks out.
        let plain = !text.contains(|letter: char| letter.is_control() || letter.is_whitespace());
        let short = url.as_str().len() <= MAX_LEN;
        if safe && anonymous && plain && short { Ok(Self(url)) } else { Err(InvalidReturnUrl) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_pages_over_tls_or_of_this_machine_are_returned_to() {
        for url in [
            "https://app.example.com/settings?tab=webhooks#top",
            "http://localhost:3000/",
            "http://127.0.0.1/",
            "http://[::1]:1/",
        ] {
            assert_eq!(url.parse::<ReturnUrl>().map(|it| it.to_string()), Ok(url.to_owned()));
        }
        for url in [
            "",
            "/settings",
            "//app.example.com",
            "http://app.example.com",
            "http://10.0.0.7/",
            "http://localhost.evil.example/",
            "https://user:secret@app.example.com/",
            "https://user@app.example.com/",
            "javascript:alert(1)",
            "java\nscript:alert(1)",
            "data:text/html,x",
            "https://app.example.com/\r\nSet-Cookie: a=b",
            "https:// app.example.com",
        ] {
            assert_eq!(url.parse::<ReturnUrl>(), Err(InvalidReturnUrl), "{url:?}");
        }
        assert!(format!("https://a.example/{}", "a".repeat(2_000)).parse::<ReturnUrl>().is_err());
    }

    #[test]
    fn a_quote_in_a_url_does_not_end_its_attribute() {
        let url = r#"https://a.example/"><script>"#.parse::<ReturnUrl>().expect("a URL");
        assert!(!url.as_str().contains(['"', '<', '>']), "{url}");
    }
}

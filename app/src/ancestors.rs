//! The pages of the service that may have portal pages in a frame.

use std::{fmt, str::FromStr};

/// An origin such as `https://app.example.com`, as `frame-ancestors` of a
/// Content-Security-Policy takes it. A first label `*` stands for all subdomains.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ancestor(String);

/// The text is no such origin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InvalidAncestor;

impl fmt::Display for InvalidAncestor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("must be an origin such as https://app.example.com or https://*.example.com, with nothing after it")
    }
}

impl std::error::Error for InvalidAncestor {}

impl FromStr for Ancestor {
    type Err = InvalidAncestor;

    fn from_str(text: &str) -> Result<Self, InvalidAncestor> {
        let text = text.strip_suffix('/').unwrap_or(text);
        let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://")).ok_or(InvalidAncestor)?;
        let name = rest.strip_prefix("*.").unwrap_or(rest);
        let (host, port) = match name.rsplit_once(':') {
            Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
            _ => (name, None),
        };
        let is_label =
            |label: &str| !label.is_empty() && label.bytes().all(|it| it.is_ascii_alphanumeric() || it == b'-');
        let is_host = host.split('.').all(is_label);
        let is_port = port.is_none_or(|port| port.parse::<u16>().is_ok_and(|port| port > 0));
        // A star before a single label would stand for all of a top-level domain.
        let is_wide = name.len() < rest.len() && !host.contains('.');
        if is_host && is_port && !is_wide { Ok(Self(text.to_ascii_lowercase())) } else { Err(InvalidAncestor) }
    }
}

/// The sources for `frame-ancestors`: none, or these.
pub(crate) fn sources(ancestors: &[Ancestor]) -> String {
    if ancestors.is_empty() {
        return "'none'".to_owned();
    }
    ancestors.iter().map(|it| it.0.as_str()).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ancestor_is_an_origin_that_cannot_add_to_the_policy() {
        for (text, source) in [
            ("https://App.example.com/", "https://app.example.com"),
            ("https://app.example.com:8443", "https://app.example.com:8443"),
            ("https://*.example.com", "https://*.example.com"),
            ("http://localhost:3000", "http://localhost:3000"),
            ("http://127.0.0.1:3000", "http://127.0.0.1:3000"),
        ] {
            assert_eq!(text.parse::<Ancestor>().map(|it| it.0), Ok(source.to_owned()));
        }
        for text in [
            "",
            "app.example.com",
            "https://",
            "https://*",
            "https://*.com",
            "https://a.*.example.com",
            "https://a.example/path",
            "https://a.example;script-src *",
            "https://a.example https://b.example",
            "https://a.example,https://b.example",
            "https://a.example:port",
            "https://user@a.example",
            "'self'",
            "*",
            "data:",
        ] {
            assert_eq!(text.parse::<Ancestor>(), Err(InvalidAncestor), "{text}");
        }
    }

    #[test]
    fn without_ancestors_no_page_has_it_in_a_frame() {
        assert_eq!(sources(&[]), "'none'");
        let two = ["https://a.example", "https://b.example"].map(|it| it.parse().expect("an origin"));
        assert_eq!(sources(&two), "https://a.example https://b.example");
    }
}

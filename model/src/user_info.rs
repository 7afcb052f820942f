//! Names and passwords in URLs.

use url::Url;

/// Tells whether a URL has a user name or a password (RFC 3986, section 3.2.1), which would stand
/// in logs and on pages.
pub fn has_user_info(url: &Url) -> bool {
    !url.username().is_empty() || url.password().is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_or_a_password_is_found() {
        let has = |text: &str| has_user_info(&text.parse().expect("a URL"));
        assert!(
            has("https://me@example.com/") && has("https://me:secret@example.com/") && has("https://:x@example.com/")
        );
        assert!(!has("https://example.com/?user=me@home") && !has("https://example.com/@me"));
    }
}

//! The host names that can exist (RFC 1123, section 2.1, and underscores, which DNS
//! allows).

use super::UrlError;

/// The longest name, with the dot at its end if it has one (RFC 1035, section 2.3.4).
const MAX_LEN: usize = 253;
/// The longest part between two dots.
const MAX_LABEL_LEN: usize = 63;

/// Checks a name that the URL parser has made ASCII and lower-case.
pub(super) fn check(name: &str) -> Result<(), UrlError> {
    if name.len() > MAX_LEN {
        return Err(UrlError::HostTooLong);
    }
    name.strip_suffix('.').unwrap_or(name).split('.').try_for_each(check_label)
}

fn check_label(label: &str) -> Result<(), UrlError> {
    let is_known = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    if label.is_empty() {
        // Two dots in a row, or one at the beginning: some systems take the rest for an address.
        Err(UrlError::Host)
    } else if label.contains('*') {
        Err(UrlError::HostWildcard)
    } else if !label.bytes().all(is_known) {
        Err(UrlError::HostLetter)
    } else if label.starts_with('-') || label.ends_with('-') {
        Err(UrlError::HostHyphen)
    } else if label.len() > MAX_LABEL_LEN {
        Err(UrlError::HostTooLong)
    } else {
        Ok(())
    }
}

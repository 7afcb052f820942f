//! The header `Retry-After`, with which a receiver asks to be left alone.

use std::time::{Duration, UNIX_EPOCH};

use signet_model::{Timestamp, retry::RETRY_AFTER_CAP};

/// Returns the wait that `Retry-After` asks for, up to [`RETRY_AFTER_CAP`]: seconds, or a date
/// (RFC 9110, section 10.2.3).
pub(crate) fn wait(text: &str, now: Timestamp) -> Option<Duration> {
    let text = text.trim();
    let asked = if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        // More digits than a number holds ask for longer than any cap.
        Duration::from_secs(text.parse().unwrap_or(u64::MAX))
    } else {
        let date = httpdate::parse_http_date(text).ok()?.duration_since(UNIX_EPOCH).ok()?;
        (Timestamp::from_unix_micros(0) + date).since(now)
    };
    Some(asked.min(RETRY_AFTER_CAP))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_unix_seconds(1_774_699_200); // 2026-03-28T12:00:00Z

    #[test]
    fn retry_after_is_read_as_seconds_or_as_a_date() {
        for (text, seconds) in [
            ("120", Some(120)),
            (" 0 ", Some(0)),
            ("Sat, 28 Mar 2026 12:01:30 GMT", Some(90)),
            ("Saturday, 28-Mar-26 12:01:30 GMT", Some(90)),
            ("Sat, 28 Mar 2026 11:00:00 GMT", Some(0)),
            ("Thu, 01 Jan 1970 00:00:00 GMT", Some(0)),
            ("-5", None),
            ("1.5", None),
            ("soon", None),
            ("", None),
            ("14401", Some(14_400)),
            ("99999999999999999999999999", Some(14_400)),
            ("Fri, 31 Dec 9999 23:59:59 GMT", Some(14_400)),
        ] {
            assert_eq!(wait(text, NOW), seconds.map(Duration::from_secs), "{text:?}");
        }
    }
}

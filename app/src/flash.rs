//! The flash message: the sentence of a form that the page after its redirect shows.
//!
//! The text travels in a cookie of this host. It is untrusted when it comes back:
//! only a short line of plain text is taken, and the page escapes it.

use axum::http::{HeaderMap, HeaderValue};
use percent_encoding::{NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use signet_model::text::PlainText;

use crate::cookie;

const COOKIE: &str = "__Host-signet-notice";
const LIFETIME_SECONDS: u64 = 30;

/// A sentence that one page shows once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Flash(PlainText<1, 200>);

impl Flash {
    /// The message that a request carries.
    pub(crate) fn from_headers(headers: &HeaderMap) -> Option<Self> {
        let text = percent_decode_str(cookie::value(headers, COOKIE)?).decode_utf8().ok()?;
        text.parse().ok().map(Self)
    }

    /// A sentence of this page.
    pub(crate) fn of(text: &str) -> Option<Self> {
        text.parse().ok().map(Self)
    }

    /// The sentence to show.
    pub(crate) fn text(&self) -> &str {
        self.0.as_str()
    }

    /// `Set-Cookie` that hands a sentence to the next page.
    pub(crate) fn keep(text: &str) -> Option<HeaderValue> {
        cookie::set(COOKIE, &utf8_percent_encode(text, NON_ALPHANUMERIC).to_string(), LIFETIME_SECONDS)
    }

    /// `Set-Cookie` for the page that has shown the message.
    pub(crate) fn forget() -> Option<HeaderValue> {
        cookie::set(COOKIE, "", 0)
    }
}

#[cfg(test)]
mod tests {
    use axum::http::header;

    use super::*;

    fn carried(cookie: &HeaderValue) -> Option<Flash> {
        Flash::from_headers(&HeaderMap::from_iter([(header::COOKIE, cookie.clone())]))
    }

    #[test]
    fn a_sentence_survives_its_cookie() {
        for text in ["Webhook saved.", "“Orders”; 100 %, a=b", "1 failed delivery is being sent again."] {
            assert_eq!(carried(&Flash::keep(text).expect("a header")).as_ref().map(Flash::text), Some(text));
        }
    }

    #[test]
    fn a_cookie_that_carries_no_short_line_of_text_is_ignored() {
        for value in ["", "%FF", "a%00b", "a%0Ab", "%E2%80%AE", &"x".repeat(201)] {
            let cookie = HeaderValue::try_from(format!("{COOKIE}={value}")).expect("a header");
            assert_eq!(carried(&cookie), None, "{value}");
        }
    }
}

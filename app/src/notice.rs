//! The short message that the next page shows after something was done.

use std::borrow::Cow;

use axum::http::{HeaderMap, HeaderValue};

use crate::cookie;

const COOKIE: &str = "__Host-signet-notice";
const LIFETIME_SECONDS: u64 = 30;
/// What the key begins with that ends with a number.
const RECOVERED: &str = "recovered-";

macro_rules! notices {
    ($($name:ident = $key:literal, $text:literal;)*) => {
        /// What was done.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(crate) enum Notice {
            $($name,)*
            /// So many failed deliveries were put back into the queue.
            Recovered(u64),
        }

        impl Notice {
            fn key(self) -> Cow<'static, str> {
                match self {
                    $(Self::$name => $key.into(),)*
                    Self::Recovered(count) => format!("{RECOVERED}{count}").into(),
                }
            }

            fn read(key: &str) -> Option<Self> {
                match key {
                    $($key => Some(Self::$name),)*
                    _ => key.strip_prefix(RECOVERED)?.parse().ok().map(Self::Recovered),
                }
            }

            /// What the person reads.
            pub(crate) fn text(self) -> Cow<'static, str> {
                match self {
                    $(Self::$name => $text.into(),)*
                    Self::Recovered(0) => "There was nothing left to send again.".into(),
                    Self::Recovered(1) => "1 failed delivery is being sent again.".into(),
                    Self::Recovered(count) => format!("{count} failed deliveries are being sent again.").into(),
                }
            }
        }
    };
}

notices! {
    WebhookCreated = "webhook-created", "Webhook created. Send a test event to check your receiver.";
    WebhookThere = "webhook-there", "This form had created this webhook before. Edit it to change it.";
    WebhookSaved = "webhook-saved", "Webhook saved.";
    WebhookDeleted = "webhook-deleted", "Webhook deleted.";
    WebhookPaused = "webhook-paused", "Webhook paused. Its events are held until you re-enable it.";
    WebhookEnabled = "webhook-enabled", "Webhook re-enabled.";
    HeldSettled = "held-settled", "Held deliveries updated.";
    Resent = "resent", "Delivery is being sent again.";
    KeyRevoked = "key-revoked", "API key revoked.";
    ThresholdSaved = "threshold-saved", "Balance threshold saved.";
    ThresholdCleared = "threshold-cleared", "Balance threshold removed.";
    SignedOut = "signed-out", "You are signed out.";
}

impl Notice {
    /// The notice that a request carries.
    pub(crate) fn from_headers(headers: &HeaderMap) -> Option<Self> {
        Self::read(cookie::value(headers, COOKIE)?)
    }

    /// `Set-Cookie` that hands the notice to the next page.
    pub(crate) fn keep(self) -> Option<HeaderValue> {
        cookie::set(COOKIE, &self.key(), LIFETIME_SECONDS)
    }

    /// `Set-Cookie` for the page that showed it.
    pub(crate) fn forget() -> Option<HeaderValue> {
        cookie::set(COOKIE, "", 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_notice_survives_its_cookie() {
        for notice in [Notice::WebhookSaved, Notice::Recovered(0), Notice::Recovered(1_204)] {
            assert_eq!(Notice::read(&notice.key()), Some(notice));
        }
        for key in ["", "recovered-", "recovered--1", "recovered-x", "webhook"] {
            assert_eq!(Notice::read(key), None, "{key}");
        }
    }

    #[test]
    fn what_was_recovered_is_counted() {
        assert_eq!(Notice::Recovered(1).text(), "1 failed delivery is being sent again.");
        assert_eq!(Notice::Recovered(3).text(), "3 failed deliveries are being sent again.");
    }
}

//! The short message that the next page shows after something was done.

use axum::http::{HeaderMap, HeaderValue};

use crate::cookie;

const COOKIE: &str = "__Host-signet-notice";
const LIFETIME_SECONDS: u64 = 30;

macro_rules! notices {
    ($($name:ident = $key:literal, $text:literal;)*) => {
        /// What was done.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(crate) enum Notice { $($name),* }

        impl Notice {
            const ALL: &'static [Self] = &[$(Self::$name),*];

            const fn key(self) -> &'static str {
                match self { $(Self::$name => $key),* }
            }

            /// What the person reads.
            pub(crate) const fn text(self) -> &'static str {
                match self { $(Self::$name => $text),* }
            }
        }
    };
}

notices! {
    WebhookCreated = "webhook-created", "Webhook created. Send a test event to check your receiver.";
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
        let key = cookie::value(headers, COOKIE)?;
        Self::ALL.iter().copied().find(|notice| notice.key() == key)
    }

    /// `Set-Cookie` that hands the notice to the next page.
    pub(crate) fn keep(self) -> Option<HeaderValue> {
        cookie::set(COOKIE, self.key(), LIFETIME_SECONDS)
    }

    /// `Set-Cookie` for the page that showed it.
    pub(crate) fn forget() -> Option<HeaderValue> {
        cookie::set(COOKIE, "", 0)
    }
}

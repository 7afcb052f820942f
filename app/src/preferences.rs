//! Small choices of a reader that the browser keeps: they say nothing about anybody, and the
//! page's script writes some of them as well.

use axum::http::{HeaderMap, HeaderValue};

use crate::cookie;

/// `exact` shows times in full.
const TIMES: &str = "__Host-signet-times";
/// `off` takes the shortcuts of single keys away.
const SHORTCUTS: &str = "__Host-signet-shortcuts";
const LIFETIME_SECONDS: u64 = 365 * 24 * 60 * 60;

/// The choices that a request carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Preferences {
    /// Times are shown in full, and not as distances from now.
    pub(crate) exact_times: bool,
    /// Single keys do nothing.
    pub(crate) no_shortcuts: bool,
}

impl Preferences {
    /// The choices of a browser.
    pub(crate) fn of(headers: &HeaderMap) -> Self {
        Self {
            exact_times: cookie::value(headers, TIMES) == Some("exact"),
            no_shortcuts: cookie::value(headers, SHORTCUTS) == Some("off"),
        }
    }

    /// `Set-Cookie` that keeps the form of times.
    pub(crate) fn keep_times(exact: bool) -> Option<HeaderValue> {
        keep(TIMES, if exact { "exact" } else { "ago" })
    }

    /// `Set-Cookie` that keeps whether single keys act.
    pub(crate) fn keep_shortcuts(on: bool) -> Option<HeaderValue> {
        keep(SHORTCUTS, if on { "on" } else { "off" })
    }
}

fn keep(name: &str, value: &str) -> Option<HeaderValue> {
    cookie::set_for_scripts(name, value, LIFETIME_SECONDS)
}

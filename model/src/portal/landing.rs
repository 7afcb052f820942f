//! The page on which a link lands.

use std::{fmt, str::FromStr};

use url::Url;

/// The greatest number of characters.
const MAX_LEN: usize = 500;
/// The path below which all pages of an account are.
const SETTINGS: &str = "/settings";

/// The path of a page of the settings, with its query: never another site, however a browser
/// reads it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Landing(String);

/// The text is not the path of such a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be the path of a page of the settings, such as /settings/webhooks, of at most 500 characters")]
pub struct InvalidLanding;

impl Landing {
    /// The path.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Default for Landing {
    fn default() -> Self {
        Self(format!("{SETTINGS}/webhooks"))
    }
}

impl fmt::Display for Landing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for Landing {
    type Err = InvalidLanding;

    fn from_str(text: &str) -> Result<Self, InvalidLanding> {
        const HOME: &str = "https://home.invalid";
        let inside = text.strip_prefix(SETTINGS).is_some_and(|rest| rest.is_empty() || rest.starts_with(['/', '?']));
        // A browser reads `/a/../b`, a tab and a backslash as something else. What it leaves as
        // it is means what it says.
        let read = Url::parse(HOME).and_then(|home| home.join(text)).map_err(|_| InvalidLanding)?;
        let unchanged = read.as_str().strip_prefix(HOME) == Some(text) && read.fragment().is_none();
        let path = text.split('?').next().unwrap_or_default().to_ascii_lowercase();
        let plain = !["//", "%2e", "%2f", "%5c", "\\"].iter().any(|part| path.contains(part));
        if inside && unchanged && plain && text.len() <= MAX_LEN {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidLanding)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_pages_of_the_settings_are_landed_on() {
        for path in
            ["/settings", "/settings/webhooks", "/settings/webhooks/ep_1?state=failed&type=task.failed", "/settings?a"]
        {
            assert_eq!(path.parse::<Landing>().map(|it| it.to_string()), Ok(path.to_owned()));
        }
        for path in [
            "",
            "/",
            "settings",
            "/login",
            "/settingsx",
            "//evil.example/settings",
            "/settings//evil.example",
            "/settings/../login",
            "/settings/%2e%2E/login",
            "/settings/..%2f..",
            "/settings\\evil.example",
            "/settings/\t/evil.example",
            "/settings/a\r\nSet-Cookie: x",
            "/settings/a b",
            "/settings/é",
            "/settings#x",
            "https://evil.example/settings",
            "javascript:alert(1)",
        ] {
            assert_eq!(path.parse::<Landing>(), Err(InvalidLanding), "{path:?}");
        }
        assert!(format!("/settings/{}", "a".repeat(500)).parse::<Landing>().is_err());
    }
}

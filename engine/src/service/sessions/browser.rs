//! The browser that signs in: the words by which its owner recognises it.

use std::net::IpAddr;

use crate::{
    db::{self, Tx},
    service::token,
};

/// The names that tell a browser, the more special first: each also calls itself by names
/// that stand below.
const PROGRAMS: [(&str, &str); 9] = [
    ("Edg/", "Edge"),
    ("EdgA/", "Edge"),
    ("OPR/", "Opera"),
    ("SamsungBrowser/", "Samsung Internet"),
    ("FxiOS/", "Firefox"),
    ("Firefox/", "Firefox"),
    ("CriOS/", "Chrome"),
    ("Chrome/", "Chrome"),
    ("Safari/", "Safari"),
];

/// The names that tell a system, likewise.
const SYSTEMS: [(&str, &str); 8] = [
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Android", "Android"),
    ("CrOS", "ChromeOS"),
    ("Windows", "Windows"),
    ("Mac OS X", "macOS"),
    ("Linux", "Linux"),
    ("BSD", "BSD"),
];

/// The most characters of a program that calls itself by another name.
const MAX_OTHER_LEN: usize = 60;

/// The browser that signs in.
#[derive(Debug, Clone, Default)]
pub struct Browser {
    device: String,
    address: Option<IpAddr>,
    /// The hash of the token that it had before.
    former: Option<[u8; 32]>,
}

impl Browser {
    /// A browser that calls itself by `user_agent`, connects from an address, and sends the
    /// token of a session that it has already.
    pub fn new(user_agent: Option<&str>, address: Option<IpAddr>, former: Option<&str>) -> Self {
        let device = user_agent.map(name).unwrap_or_default();
        Self { device, address: address.map(|it| it.to_canonical()), former: former.map(token::hash) }
    }

    /// A few words such as `Firefox, Linux`; empty if nothing is known.
    pub fn device(&self) -> &str {
        &self.device
    }

    /// The address that it connects from.
    pub const fn address(&self) -> Option<IpAddr> {
        self.address
    }

    /// Ends the session that this browser has.
    pub(super) async fn end_former(&self, tx: &mut Tx<'_>) -> db::Result<()> {
        const SQL: &str = "DELETE FROM sessions WHERE token_hash = $1";
        match &self.former {
            Some(former) => tx.query(SQL).bind(&former[..]).execute().await.map(drop),
            None => Ok(()),
        }
    }
}

/// Program and system in words. A program of another name is called by the beginning of what
/// it says, without marks that could disturb a page or a terminal.
fn name(user_agent: &str) -> String {
    let find = |names: &[(&str, &'static str)]| {
        names.iter().find(|(part, _)| user_agent.contains(part)).map(|(_, name)| *name)
    };
    match (find(&PROGRAMS), find(&SYSTEMS)) {
        (Some(program), Some(system)) => format!("{program}, {system}"),
        (Some(program), None) => program.to_owned(),
        (None, _) => user_agent.chars().filter(|c| c.is_ascii_graphic() || *c == ' ').take(MAX_OTHER_LEN).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_browser_is_named_by_program_and_system() {
        for (user_agent, device) in [
            ("Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0", "Firefox, Linux"),
            (
                "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/139.0.0.0 Safari/537.36 Edg/139.0.0.0",
                "Edge, Windows",
            ),
            (
                "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/139.0.0.0 Mobile Safari/537.36",
                "Chrome, Android",
            ),
            (
                "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Mobile/15E148 Safari/604.1",
                "Safari, iPhone",
            ),
            (
                "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Safari/605.1.15",
                "Safari, macOS",
            ),
            ("curl/8.14.1", "curl/8.14.1"),
            ("a\u{202e}b\u{7}\n<c>", "ab<c>"),
            ("", ""),
        ] {
            assert_eq!(name(user_agent), device, "{user_agent}");
        }
        assert_eq!(name(&"x".repeat(1_000)).len(), MAX_OTHER_LEN);
    }

    #[test]
    fn an_address_has_one_spelling_and_the_token_is_not_kept() {
        let browser = Browser::new(None, Some("::ffff:192.0.2.1".parse().expect("an address")), Some("token"));
        assert_eq!(browser.address().map(|it| it.to_string()).as_deref(), Some("192.0.2.1"));
        assert!(!format!("{browser:?}").contains("\"token\""));
    }
}

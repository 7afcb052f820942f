//! Links with which a service sends its own signed-in people into the dashboard.

mod landing;
mod lifetime;
mod return_url;
mod theme;

use std::{fmt, str::FromStr};

pub use landing::{InvalidLanding, Landing};
pub use lifetime::{InvalidLifetime, SessionLifetime};
pub use return_url::{InvalidReturnUrl, ReturnUrl};
pub use theme::{InvalidTheme, Theme};

use crate::{Role, text::PlainText};

/// The name of the person behind a link, in the words of the service: an id, an address.
pub type Subject = PlainText<1, 200>;

/// The role of the person behind a link. An owner signs in with a password.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PortalRole {
    /// Sees all but secrets.
    Viewer,
    /// Sets up webhooks, and sees their secrets.
    Developer,
    /// Manages keys and people too.
    Admin,
}

/// The text names no role that a link can give.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be viewer, developer or admin")]
pub struct InvalidPortalRole;

impl PortalRole {
    /// The name on the wire and in the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Developer => "developer",
            Self::Admin => "admin",
        }
    }
}

impl From<PortalRole> for Role {
    fn from(role: PortalRole) -> Self {
        match role {
            PortalRole::Viewer => Self::Viewer,
            PortalRole::Developer => Self::Developer,
            PortalRole::Admin => Self::Admin,
        }
    }
}

impl fmt::Display for PortalRole {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for PortalRole {
    type Err = InvalidPortalRole;

    fn from_str(text: &str) -> Result<Self, InvalidPortalRole> {
        [Self::Viewer, Self::Developer, Self::Admin]
            .into_iter()
            .find(|role| role.as_str() == text)
            .ok_or(InvalidPortalRole)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_makes_nobody_an_owner() {
        assert_eq!("admin".parse(), Ok(PortalRole::Admin));
        for text in ["owner", "Admin", ""] {
            assert_eq!(text.parse::<PortalRole>(), Err(InvalidPortalRole), "{text}");
        }
    }
}

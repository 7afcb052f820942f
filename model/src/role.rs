//! Roles: the things that a person may do in an account.

use std::{fmt, str::FromStr};

/// A person's role in one account. Greater roles may do all that lesser ones may.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// Sees everything but secrets, and changes nothing.
    Viewer,
    /// Sets up webhooks and sends deliveries again; no people, keys or deletion.
    Developer,
    /// Everything but making and removing owners.
    Admin,
    /// Everything. An account has at least one.
    Owner,
}

/// The text names no role.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("is no role; the roles are owner, admin, developer and viewer")]
pub struct UnknownRole;

impl Role {
    /// All roles, the greatest first.
    pub const ALL: [Self; 4] = [Self::Owner, Self::Admin, Self::Developer, Self::Viewer];

    /// The name in the database and on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Developer => "developer",
            Self::Admin => "admin",
            Self::Owner => "owner",
        }
    }

    /// The things that the role may do, in plain words.
    pub const fn meaning(self) -> &'static str {
        match self {
            Self::Viewer => "Sees webhooks and deliveries, but no signing secret, and changes nothing.",
            Self::Developer => "Sets up webhooks, sees their secrets, and sends tests and deliveries again.",
            Self::Admin => "Everything that a developer may, and people, API keys and deletion.",
            Self::Owner => "Everything, and the other owners.",
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Role {
    type Err = UnknownRole;

    fn from_str(text: &str) -> Result<Self, UnknownRole> {
        Self::ALL.into_iter().find(|role| role.as_str() == text).ok_or(UnknownRole)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_role_survives_being_written_and_read_and_no_other_word_is_one() {
        for role in Role::ALL {
            assert_eq!(role.to_string().parse(), Ok(role));
        }
        assert_eq!("Owner".parse::<Role>(), Err(UnknownRole));
        assert!(Role::ALL.is_sorted_by(|greater, lesser| greater > lesser));
    }
}

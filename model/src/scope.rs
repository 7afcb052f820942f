//! Scopes: the kinds of requests that an API key allows.

use std::{fmt, str::FromStr};

/// One kind of requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Scope {
    /// Send events.
    EventsWrite,
    /// Read webhooks, and the account itself.
    EndpointsRead,
    /// Change webhooks, and read their secrets.
    EndpointsWrite,
    /// Read events, deliveries and statistics.
    DeliveriesRead,
    /// Send again, stop and test deliveries.
    DeliveriesWrite,
    /// Read and set the balance.
    BalanceWrite,
    /// Make links into the dashboard.
    PortalWrite,
    /// Change accounts, API keys and event types.
    AccountsWrite,
}

/// The text names no scope.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "is no scope; the scopes are events:write, endpoints:read, endpoints:write, deliveries:read, deliveries:write, balance:write, portal:write and accounts:write"
)]
pub struct UnknownScope;

/// No scope was chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("names no scope")]
pub struct NoScope;

impl Scope {
    /// All scopes, in the order in which people read them.
    pub const ALL: [Self; 8] = [
        Self::EventsWrite,
        Self::EndpointsRead,
        Self::EndpointsWrite,
        Self::DeliveriesRead,
        Self::DeliveriesWrite,
        Self::BalanceWrite,
        Self::PortalWrite,
        Self::AccountsWrite,
    ];

    /// The name on the wire and in the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::EventsWrite => "events:write",
            Self::EndpointsRead => "endpoints:read",
            Self::EndpointsWrite => "endpoints:write",
            Self::DeliveriesRead => "deliveries:read",
            Self::DeliveriesWrite => "deliveries:write",
            Self::BalanceWrite => "balance:write",
            Self::PortalWrite => "portal:write",
            Self::AccountsWrite => "accounts:write",
        }
    }

    /// The requests that the scope allows, in plain words.
    pub const fn meaning(self) -> &'static str {
        match self {
            Self::EventsWrite => "Send events.",
            Self::EndpointsRead => "Read webhooks, the event types and the account, but no signing secret.",
            Self::EndpointsWrite => "Create, change and delete webhooks, and read and rotate their signing secrets.",
            Self::DeliveriesRead => "Read events, deliveries with what was sent and answered, and statistics.",
            Self::DeliveriesWrite => "Send tests, retry, resend and stop deliveries, and release what is held.",
            Self::BalanceWrite => "Set the balance and its threshold.",
            Self::PortalWrite => "Make links that open the dashboard.",
            Self::AccountsWrite => "Change the account, and make and revoke API keys.",
        }
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Scope {
    type Err = UnknownScope;

    fn from_str(text: &str) -> Result<Self, UnknownScope> {
        Self::ALL.into_iter().find(|scope| scope.as_str() == text).ok_or(UnknownScope)
    }
}

/// A set of scopes, written with single spaces between. Only a stored set whose scopes all
/// belong to a newer version is empty here: its key allows nothing.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Scopes(u8);

impl Scopes {
    /// Every scope.
    pub const ALL: Self = Self(u8::MAX);
    /// The scopes of keys that were made before there were any, and of those that are made
    /// without a choice.
    pub const FIRST: Self = Self(bit(Scope::EventsWrite) | bit(Scope::BalanceWrite));

    /// A set of one scope or more.
    pub fn new(scopes: impl IntoIterator<Item = Scope>) -> Result<Self, NoScope> {
        match scopes.into_iter().fold(0, |set, scope| set | bit(scope)) {
            0 => Err(NoScope),
            set => Ok(Self(set)),
        }
    }

    /// The known scopes among those that are stored; a newer version can have others.
    pub fn from_stored(text: &str) -> Self {
        let known = text.split(' ').filter_map(|name| name.parse().ok());
        Self(known.fold(0, |set, scope| set | bit(scope)))
    }

    /// Returns `true` if the set has this scope.
    pub const fn contains(self, scope: Scope) -> bool {
        self.0 & bit(scope) != 0
    }

    /// Returns the first scope of this set that `others` has not.
    pub fn beyond(self, others: Self) -> Option<Scope> {
        self.iter().find(|&scope| !others.contains(scope))
    }

    /// The scopes, in the order of [`Scope::ALL`].
    pub fn iter(self) -> impl Iterator<Item = Scope> {
        Scope::ALL.into_iter().filter(move |&scope| self.contains(scope))
    }
}

const fn bit(scope: Scope) -> u8 {
    1 << scope as u8
}

impl fmt::Display for Scopes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, scope) in self.iter().enumerate() {
            write!(f, "{}{scope}", if place == 0 { "" } else { " " })?;
        }
        Ok(())
    }
}

impl fmt::Debug for Scopes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_survives_being_written_and_read() {
        let set = Scopes::new([Scope::BalanceWrite, Scope::EventsWrite]).expect("not empty");
        assert_eq!(set, Scopes::FIRST);
        assert_eq!(set.to_string(), "events:write balance:write");
        assert_eq!(Scopes::from_stored(&set.to_string()), set);
        assert_eq!(Scopes::ALL.iter().collect::<Vec<_>>(), Scope::ALL);
        assert_eq!(Scopes::new([]), Err(NoScope));
    }

    #[test]
    fn scopes_of_a_newer_version_allow_nothing() {
        assert_eq!(Scopes::from_stored("events:read events:write").to_string(), "events:write");
        assert_eq!(Scopes::from_stored("events:read").iter().count(), 0);
        assert_eq!("events:read".parse::<Scope>(), Err(UnknownScope));
    }

    #[test]
    fn a_set_tells_the_first_scope_that_goes_beyond_another() {
        assert_eq!(Scopes::ALL.beyond(Scopes::FIRST), Some(Scope::EndpointsRead));
        assert_eq!(Scopes::FIRST.beyond(Scopes::ALL), None);
    }
}

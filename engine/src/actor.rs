//! The actor: the one who makes a change, and the things that they may do.
//!
//! Every operation on an account is reached through an [`Actor`], and every operation on the
//! installation (accounts, event types, keys of the operator) takes an [`Operator`]. The actor's
//! permission is checked, and the audit log is written, where a change begins and commits:
//! `crate::service::change`.

mod permission;

use std::net::IpAddr;

use signet_model::{AccountId, ApiKeyId, Role, Scopes, Timestamp, UserId};

pub use permission::Permission;

/// The one who acts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Who {
    /// A person who is signed in.
    Person {
        /// The person.
        id: UserId,
        /// Their e-mail address.
        email: String,
    },
    /// A customer's person who came in by a portal link.
    Portal {
        /// The name that the service gave them; can be empty.
        subject: String,
    },
    /// The holder of an API key.
    Key {
        /// The key.
        id: ApiKeyId,
    },
    /// A command on the server's machine.
    Command {
        /// The name of the operating system's user.
        user: String,
    },
    /// Signet itself, by its own rules.
    Signet,
}

impl Who {
    /// A command of the operating system's present user.
    pub fn command() -> Self {
        let user = ["USER", "LOGNAME"].into_iter().find_map(|name| std::env::var(name).ok());
        Self::Command { user: user.unwrap_or_default() }
    }
}

/// The one who acts, and the place that the request came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct By {
    /// The one who acts.
    pub who: Who,
    /// The client's address, for what came over the network.
    pub address: Option<IpAddr>,
}

impl By {
    /// Signet itself.
    pub const SIGNET: Self = Self { who: Who::Signet, address: None };
}

/// The last proof by a person that they are who they were at sign-in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Proof {
    /// Keys, commands and Signet itself prove themselves with each request.
    NotAsked,
    /// A password, a code or a passkey was given at this instant.
    At(Timestamp),
}

/// The ground for a permission.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rights {
    /// A role in the account.
    Role(Role),
    /// The scopes of a key of the account.
    Scopes(Scopes),
    /// The scopes of a key of the operator.
    OperatorScopes(Scopes),
    /// The operator: everything.
    Operator,
}

/// The one who acts in an account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Actor {
    /// The account.
    pub account: AccountId,
    /// The one who acts.
    pub by: By,
    /// The ground for their permissions.
    pub rights: Rights,
    /// Their last proof.
    pub proved: Proof,
}

impl Actor {
    /// Returns true if the actor has a permission.
    pub fn may(&self, permission: Permission) -> bool {
        match self.rights {
            Rights::Role(role) => permission.least_role().is_some_and(|least| role >= least),
            Rights::Scopes(scopes) => permission != Permission::Operate && has_scope(scopes, permission),
            Rights::OperatorScopes(scopes) => has_scope(scopes, permission),
            Rights::Operator => true,
        }
    }
}

fn has_scope(scopes: Scopes, permission: Permission) -> bool {
    permission.scope().is_none_or(|scope| scopes.contains(scope))
}

/// The operator, who acts on the whole installation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Operator {
    by: By,
    rights: Rights,
    proved: Proof,
}

impl Operator {
    /// The operator at the server's own command line.
    pub fn command() -> Self {
        Self::signed_in(By { who: Who::command(), address: None }, Proof::NotAsked)
    }

    /// A person who is an operator.
    pub const fn signed_in(by: By, proved: Proof) -> Self {
        Self { by, rights: Rights::Operator, proved }
    }

    /// Signet itself, as the operator's options tell it.
    pub const fn signet() -> Self {
        Self::signed_in(By::SIGNET, Proof::NotAsked)
    }

    /// The holder of a key of the operator.
    pub const fn key(id: ApiKeyId, scopes: Scopes, address: Option<IpAddr>) -> Self {
        let by = By { who: Who::Key { id }, address };
        Self { by, rights: Rights::OperatorScopes(scopes), proved: Proof::NotAsked }
    }

    /// The one who acts.
    pub const fn by(&self) -> &By {
        &self.by
    }

    /// The last proof.
    pub const fn proved(&self) -> Proof {
        self.proved
    }

    /// Returns true if the operator has a permission.
    pub fn may(&self, permission: Permission) -> bool {
        match self.rights {
            Rights::OperatorScopes(scopes) => has_scope(scopes, permission),
            _ => true,
        }
    }

    /// The operator, acting in one account.
    pub fn in_account(&self, account: AccountId) -> Actor {
        Actor { account, by: self.by.clone(), rights: self.rights, proved: self.proved }
    }
}

#[cfg(test)]
mod tests {
    use signet_model::Scope;

    use super::*;

    fn may(rights: Rights, permission: Permission) -> bool {
        let account = AccountId::from_uuid(uuid::Uuid::nil());
        Actor { account, by: By::SIGNET, rights, proved: Proof::NotAsked }.may(permission)
    }

    #[test]
    fn each_role_may_what_its_page_says() {
        use Permission::{ChangeWebhooks, DeleteWebhooks, ManageKeys, ManagePeople, Operate, Read, RevealSecrets};
        for (role, allowed) in [
            (Role::Viewer, vec![Read]),
            (Role::Developer, vec![Read, ChangeWebhooks, RevealSecrets]),
            (Role::Admin, vec![Read, ChangeWebhooks, RevealSecrets, DeleteWebhooks, ManageKeys, ManagePeople]),
            (Role::Owner, vec![Read, ChangeWebhooks, RevealSecrets, DeleteWebhooks, ManageKeys, ManagePeople]),
        ] {
            for permission in [Read, ChangeWebhooks, RevealSecrets, DeleteWebhooks, ManageKeys, ManagePeople, Operate] {
                assert_eq!(may(Rights::Role(role), permission), allowed.contains(&permission), "{role} {permission:?}");
            }
        }
    }

    #[test]
    fn a_key_may_what_its_scopes_say_and_only_the_operators_may_operate() {
        let scopes = Scopes::new([Scope::EndpointsWrite]).expect("a scope");
        assert!(may(Rights::Scopes(scopes), Permission::RevealSecrets));
        assert!(!may(Rights::Scopes(scopes), Permission::SendDeliveries));
        assert!(!may(Rights::Scopes(Scopes::ALL), Permission::Operate));
        assert!(may(Rights::OperatorScopes(Scopes::ALL), Permission::Operate));
        assert!(!may(Rights::OperatorScopes(scopes), Permission::Operate));
        assert!(may(Rights::Operator, Permission::Operate));
    }
}

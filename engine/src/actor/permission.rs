//! Permissions, and the roles and scopes that give them.

use signet_model::{Role, Scope};

/// A kind of operations.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Permission {
    /// See everything but secrets.
    Read,
    /// Create, change, pause and enable webhooks, and rotate their secrets.
    ChangeWebhooks,
    /// Delete webhooks.
    DeleteWebhooks,
    /// See signing secrets.
    RevealSecrets,
    /// Send tests, retry, stop and resend deliveries, release and discard what is held.
    SendDeliveries,
    /// Change the balance threshold.
    SetThreshold,
    /// Make and revoke API keys.
    ManageKeys,
    /// Invite people, and change and remove them.
    ManagePeople,
    /// Read the audit log.
    ReadAudit,
    /// Make links into the account.
    OpenPortal,
    /// Everything that is the operator's: accounts, event types.
    Operate,
}

impl Permission {
    /// The least role that has the permission; `None` if no role has.
    pub const fn least_role(self) -> Option<Role> {
        match self {
            Self::Read => Some(Role::Viewer),
            Self::ChangeWebhooks | Self::RevealSecrets | Self::SendDeliveries => Some(Role::Developer),
            Self::DeleteWebhooks | Self::SetThreshold | Self::ManageKeys | Self::ManagePeople | Self::ReadAudit => {
                Some(Role::Admin)
            }
            Self::OpenPortal | Self::Operate => None,
        }
    }

    /// The scope that gives the permission to a key; `None` if each operation asks for a
    /// scope of its own.
    pub const fn scope(self) -> Option<Scope> {
        match self {
            Self::Read => None,
            Self::ChangeWebhooks | Self::DeleteWebhooks | Self::RevealSecrets => Some(Scope::EndpointsWrite),
            Self::SendDeliveries => Some(Scope::DeliveriesWrite),
            Self::SetThreshold => Some(Scope::BalanceWrite),
            Self::OpenPortal => Some(Scope::PortalWrite),
            Self::ManageKeys | Self::ManagePeople | Self::ReadAudit | Self::Operate => Some(Scope::AccountsWrite),
        }
    }
}

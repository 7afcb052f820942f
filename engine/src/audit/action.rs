//! The kinds of entries, and the permission that each kind of change needs.

use crate::actor::Permission;

macro_rules! actions {
    ($($(#[$doc:meta])* $name:ident = $text:literal, $permission:ident;)*) => {
        /// A kind of change, or of reveal.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Action {
            $($(#[$doc])* $name,)*
        }

        impl Action {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$name),*];

            /// The name in the log: a noun and a participle.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$name => $text,)*
                }
            }

            /// The permission that it needs.
            pub const fn permission(self) -> Permission {
                match self {
                    $(Self::$name => Permission::$permission,)*
                }
            }
        }
    };
}

actions! {
    /// An account was created.
    AccountCreated = "account.created", Operate;
    /// An account got another name.
    AccountRenamed = "account.renamed", Operate;
    /// An account was suspended.
    AccountSuspended = "account.suspended", Operate;
    /// A suspension was ended.
    AccountResumed = "account.resumed", Operate;
    /// An account was erased.
    AccountErased = "account.erased", Operate;
    /// The events of a task were erased.
    TaskErased = "task.erased", Operate;
    /// A balance threshold was set or removed.
    ThresholdSet = "threshold.set", SetThreshold;
    /// A person set a balance. Those that a producer reports are data, and no entries.
    BalanceSet = "balance.set", Operate;
    /// An endpoint was created.
    EndpointCreated = "endpoint.created", ChangeWebhooks;
    /// An endpoint was changed.
    EndpointChanged = "endpoint.changed", ChangeWebhooks;
    /// An endpoint was deleted.
    EndpointDeleted = "endpoint.deleted", DeleteWebhooks;
    /// An endpoint was paused.
    EndpointPaused = "endpoint.paused", ChangeWebhooks;
    /// An endpoint was enabled.
    EndpointEnabled = "endpoint.enabled", ChangeWebhooks;
    /// An endpoint was disabled, after failures.
    EndpointDisabled = "endpoint.disabled", ChangeWebhooks;
    /// The rest of an endpoint was ended.
    RestEnded = "rest.ended", ChangeWebhooks;
    /// A signing secret was shown.
    SecretRevealed = "secret.revealed", RevealSecrets;
    /// A signing secret that could not be opened was replaced.
    SecretReplaced = "secret.replaced", ChangeWebhooks;
    /// A next secret was made.
    RotationBegun = "rotation.begun", ChangeWebhooks;
    /// The next secret took over at once.
    RotationSwitched = "rotation.switched", ChangeWebhooks;
    /// The next secret was dropped.
    RotationCalledOff = "rotation.called_off", ChangeWebhooks;
    /// A delivery is sent again.
    DeliveryResent = "delivery.resent", SendDeliveries;
    /// The next attempt of a delivery was made due.
    DeliveryRetried = "delivery.retried", SendDeliveries;
    /// The retries of a delivery were ended.
    DeliveryStopped = "delivery.stopped", SendDeliveries;
    /// Held deliveries were released.
    HeldReleased = "held.released", SendDeliveries;
    /// Held deliveries were discarded.
    HeldDiscarded = "held.discarded", SendDeliveries;
    /// A resend was begun.
    ResendBegun = "resend.begun", SendDeliveries;
    /// A resend was stopped.
    ResendStopped = "resend.stopped", SendDeliveries;
    /// A resend was paused.
    ResendPaused = "resend.paused", SendDeliveries;
    /// A resend that was paused goes on.
    ResendResumed = "resend.resumed", SendDeliveries;
    /// Somebody was invited.
    MemberInvited = "member.invited", ManagePeople;
    /// An invitation was taken back.
    InvitationWithdrawn = "invitation.withdrawn", ManagePeople;
    /// Somebody accepted an invitation.
    MemberJoined = "member.joined", Read;
    /// A person got another role.
    MemberRoleChanged = "member.role_changed", ManagePeople;
    /// A person was removed from the account.
    MemberRemoved = "member.removed", ManagePeople;
    /// A person left the account.
    MemberLeft = "member.left", Read;
    /// A link was made with which a person sets another password.
    ResetLinkMade = "reset_link.made", ManagePeople;
    /// The operator made such a link.
    ResetLinkMadeByOperator = "reset_link.made_by_operator", Operate;
    /// A person set another password with a link.
    PasswordReset = "password.reset", Read;
    /// A person changed their password.
    PasswordChanged = "password.changed", Read;
    /// A person changed their e-mail address.
    EmailChanged = "email.changed", Read;
    /// A person ended sessions of theirs.
    SessionsEnded = "sessions.ended", Read;
    /// A stranger made an account, as the operator allows.
    SignedUp = "account.signed_up", Read;
    /// An API key was made.
    KeyCreated = "api_key.created", ManageKeys;
    /// An API key was revoked.
    KeyRevoked = "api_key.revoked", ManageKeys;
    /// A person was made an operator, or a link was that makes one.
    OperatorAdded = "operator.added", Operate;
    /// Somebody came with such a link.
    OperatorJoined = "operator.joined", Operate;
    /// A person operates the server no more.
    OperatorRemoved = "operator.removed", Operate;
    /// A portal link was made.
    PortalLinkCreated = "portal_link.created", OpenPortal;
    /// A portal link was used, and a session begun.
    PortalOpened = "portal.opened", Read;
    /// Another sealing key took over.
    SealingKeyRotated = "sealing_key.rotated", Operate;
    /// The database was restored from a backup.
    DatabaseRestored = "database.restored", Operate;
    /// An event type was made.
    EventTypeCreated = "event_type.created", Operate;
    /// An event type was changed.
    EventTypeChanged = "event_type.changed", Operate;
    /// An event type was archived.
    EventTypeArchived = "event_type.archived", Operate;
    /// An event type was restored.
    EventTypeRestored = "event_type.restored", Operate;
    /// A file of event types was imported.
    EventTypesImported = "event_types.imported", Operate;
    /// An app makes codes for a person from now on.
    AppAdded = "app.added", Read;
    /// An app makes codes for a person no more.
    AppRemoved = "app.removed", Read;
    /// A passkey of a person was added.
    PasskeyAdded = "passkey.added", Read;
    /// A passkey of a person was removed.
    PasskeyRemoved = "passkey.removed", Read;
    /// New recovery codes were made for a person.
    RecoveryCodesRenewed = "recovery_codes.renewed", Read;
    /// A person got accounts by the claim of an OpenID provider, other roles, or lost them.
    ClaimFollowed = "claim.followed", ManagePeople;
}

impl Action {
    /// Returns true if a person has to have proved a short while ago to be the one who signed
    /// in. Keys, people and secrets always ask for it, and so does all that cannot be undone.
    pub const fn needs_proof(self) -> bool {
        let by_permission = matches!(
            self.permission(),
            Permission::RevealSecrets | Permission::DeleteWebhooks | Permission::ManageKeys | Permission::ManagePeople
        );
        let by_itself = matches!(
            self,
            Self::SecretReplaced
                | Self::RotationBegun
                | Self::RotationSwitched
                | Self::RotationCalledOff
                | Self::AccountCreated
                | Self::ResetLinkMadeByOperator
                | Self::AccountErased
                | Self::OperatorAdded
                | Self::OperatorRemoved
                | Self::TaskErased
                | Self::AppAdded
                | Self::AppRemoved
                | Self::PasskeyAdded
                | Self::PasskeyRemoved
                | Self::RecoveryCodesRenewed
        );
        by_permission || by_itself
    }

    /// The action with this name, if this version knows it.
    pub fn find(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|action| action.as_str() == name)
    }
}

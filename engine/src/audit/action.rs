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
    /// An API key was made.
    KeyCreated = "api_key.created", ManageKeys;
    /// An API key was revoked.
    KeyRevoked = "api_key.revoked", ManageKeys;
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
}

impl Action {
    /// The action with this name, if this version knows it.
    pub fn find(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|action| action.as_str() == name)
    }
}

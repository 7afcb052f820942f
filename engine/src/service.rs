//! The operations of the service, a file a noun.
//!
//! An operation on the data of an account is reached through a handle that has its actor, and so
//! its account, bound: `engine.account(&actor).endpoint(endpoint).pause()`. Every statement names that
//! account, and a row of another account counts as a row that does not exist. The operator
//! has [`Accounts`], [`OperatorKeys`], [`Users`] and [`Sessions`].

pub mod accounts;
pub mod activity;
pub mod api_keys;
pub mod audit_log;
pub mod backlog;
pub mod balance_history;
pub mod carried;
mod change;
pub mod changes;
mod closing;
pub mod deliveries;
pub mod endpoints;
mod erasure;
mod error;
pub mod event_stream;
pub mod event_types;
pub mod events;
pub mod factors;
pub(crate) mod gauges;
pub mod health;
pub mod identities;
pub mod invitations;
pub mod ledger;
pub mod mail_notices;
pub mod members;
pub mod myself;
pub(crate) mod operational_events;
pub mod operators;
pub mod password;
#[cfg(test)]
mod plans;
pub mod portal_links;
pub mod removal;
pub mod resends;
pub mod resets;
pub mod restores;
pub mod retention;
pub mod sealing;
pub mod sealing_check;
pub mod sessions;
mod sign_up;
mod state;
pub mod statistics;
pub mod stored_answers;
mod suspension;
mod token;
pub mod users;

use std::{fmt, sync::Arc};

use signet_model::{AccountId, EndpointId, time::Clock};

use crate::{
    db::Database,
    deliver,
    limits::{AccountLimits, Attempts},
    outbound::Policy,
    random::Random,
    seal::Sealer,
    settings::Settings,
};
use api_keys::RecentKeys;

pub use accounts::{AccountHandle, Accounts};
pub use api_keys::{ApiKeys, OperatorKeys};
pub use audit_log::AuditLog;
pub use deliveries::DeliveryHandle;
pub use endpoints::{EndpointHandle, Endpoints};
pub use error::Error;
pub use event_types::EventTypesHandle;
pub use factors::Factors;
pub use invitations::Invitations;
pub use mail_notices::MailNotices;
pub use members::Members;
pub use myself::Myself;
pub use operators::Operators;
pub(crate) use password::Passwords;
pub use portal_links::PortalLinks;
pub use resends::{ResendHandle, Resends};
pub use resets::Resets;
pub use restores::Restores;
pub use sealing::Sealing;
pub use sealing_check::SealingKeyError;
pub(crate) use sealing_check::opens_proof;
pub use sessions::Sessions;
pub use sign_up::SignUpError;
pub(crate) use state::EFFECTIVE_STATE;
pub use users::Users;

/// The result of an operation.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// The parts that operations share.
pub(crate) struct Service {
    pub(crate) delivery: Arc<deliver::Context>,
    pub(crate) settings: Settings,
    pub(crate) db: Database,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) random: Random,
    pub(crate) sealer: Sealer,
    /// Decides which URLs can be saved.
    pub(crate) policy: Policy,
    pub(crate) passwords: Passwords,
    pub(crate) recent_keys: RecentKeys,
    /// The open streams of events.
    pub(crate) streams: Arc<event_stream::Places>,
    /// The pages that are kept fresh.
    pub(crate) live_pages: Arc<event_stream::Places>,
    pub(crate) event_types: event_types::Remembered,
    pub(crate) resend_turns: resends::Turns,
    pub(crate) seen_notes: sessions::SeenNotes,
    /// What the hours of accounts came to that change no more.
    pub(crate) settled_hours: statistics::Settled<AccountId, statistics::Figures>,
    /// The same of endpoints.
    pub(crate) settled_hours_of_endpoints: statistics::Settled<(AccountId, EndpointId), statistics::Attempts>,
    pub(crate) limits: AccountLimits,
    pub(crate) attempts: Attempts,
    pub(crate) queue_figures: gauges::QueueFigures,
}

impl fmt::Debug for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Service")
    }
}

//! The failures that operations share.

use crate::{Unusable, UnusableDelivery, actor::Permission, db};

/// An operation failed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The account does not exist.
    #[error("there is no such account")]
    AccountNotFound,
    /// The account has no such endpoint.
    #[error("there is no such webhook")]
    EndpointNotFound,
    /// The account has no such delivery.
    #[error("there is no such delivery")]
    DeliveryNotFound,
    /// The account has no such event.
    #[error("there is no such event")]
    EventNotFound,
    /// The account has no such resend.
    #[error("there is no such task of sending again")]
    ResendNotFound,
    /// The account has no such API key.
    #[error("there is no such API key")]
    ApiKeyNotFound,
    /// There is no such person.
    #[error("nobody signs in with this address")]
    PersonNotFound,
    /// The person has no such session.
    #[error("there is no such session")]
    SessionNotFound,
    /// The account has no such invitation.
    #[error("there is no such invitation")]
    InvitationNotFound,
    /// The actor's role, or the key's scopes, do not allow it.
    #[error("the role or the key does not allow this")]
    Forbidden(Permission),
    /// It has another version than the change was made for.
    #[error("it was changed meanwhile")]
    Changed,
    /// The person has to prove again to be the one who is signed in.
    #[error("prove again who you are")]
    ProofNeeded,
    /// The row cannot be used.
    #[error(transparent)]
    Unusable(#[from] Unusable),
    /// The row of a delivery cannot be used.
    #[error(transparent)]
    UnusableDelivery(#[from] Box<UnusableDelivery>),
    /// The process is stopping.
    #[error("the process is stopping")]
    Interrupted,
    /// The database failed.
    #[error(transparent)]
    Database(#[from] db::Error),
}

impl Error {
    /// The trouble of the database that all operations share, if the failure is one of it.
    pub fn trouble(&self) -> Option<db::Trouble> {
        if let Self::Database(error) = self { error.trouble() } else { None }
    }
}

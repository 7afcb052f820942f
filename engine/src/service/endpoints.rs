//! Endpoints: customers call them webhooks.

pub(super) mod change;
mod create;
mod rotation;
mod secret;

use std::sync::Arc;

use const_format::formatcp;
use signet_model::{
    AccountId, DeliveryId, EndpointId, Subscriptions, Timestamp,
    endpoint::{DisabledReason, EndpointUrl},
    sql::{Lossy, Stored, Unreadable},
    text::Description,
};

pub use rotation::{RotateError, Rotation};
pub use secret::LostSecret;

use super::{AccountHandle, Error, Result, Service};
use crate::{
    Unusable,
    db::{self, Pool},
    outbound::AddressRefused,
    seal::Sealer,
};

/// An endpoint, without its secret.
#[derive(Debug, Clone)]
pub struct Endpoint {
    /// Its id.
    pub id: EndpointId,
    /// Its URL, as it is stored.
    pub url: String,
    /// The reason for which it cannot be used; its events are held meanwhile.
    pub unusable: Option<Unusable>,
    /// The words of a person about it.
    pub description: String,
    /// The types of events that it gets.
    pub event_types: Subscriptions,
    /// The reason that disabled it; `None` while it is enabled.
    pub disabled: Option<Disabled>,
    /// The instant of its creation.
    pub created_at: Timestamp,
    /// The last change by a person.
    pub updated_at: Timestamp,
    /// The last delivery that arrived.
    pub last_success_at: Option<Timestamp>,
    /// The last attempt that failed.
    pub last_failure_at: Option<Timestamp>,
    /// The attempts that have failed since the last success.
    pub consecutive_failures: u32,
}

impl Endpoint {
    /// The host of its URL, or the whole text if that is no URL.
    pub fn host(&self) -> String {
        EndpointUrl::from_stored(&self.url).map_or_else(|_| self.url.clone(), |url| url.host().to_owned())
    }

    /// True if all is as a person has entered it here.
    pub fn is_as(&self, draft: &EndpointDraft) -> bool {
        self.url == draft.url.as_str()
            && self.description == *draft.description
            && self.event_types == draft.event_types
    }
}

/// The reason for which an endpoint gets tests alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Disabled {
    /// The instant from which on it was disabled.
    pub at: Timestamp,
    /// The reason, if this version knows it.
    pub reason: Option<DisabledReason>,
    /// The failed delivery that caused it.
    pub by: Option<DeliveryId>,
}

/// An endpoint as a person enters it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EndpointDraft {
    /// Its URL.
    pub url: EndpointUrl,
    /// Its purpose; may be empty.
    pub description: Description,
    /// The types of events that it gets.
    pub event_types: Subscriptions,
}

/// An endpoint was not saved.
#[derive(Debug, thiserror::Error)]
pub enum SaveError {
    /// The URL names an address that is not on the public internet.
    #[error(transparent)]
    Address(#[from] AddressRefused),
    /// The account has as many endpoints as it may.
    #[error("This account has {0} webhooks, and may not have more. Delete one that is no longer used.")]
    TooMany(u32),
    /// The database failed, or there is no such endpoint.
    #[error(transparent)]
    Store(#[from] Error),
}

impl From<db::Error> for SaveError {
    fn from(error: db::Error) -> Self {
        Self::Store(error.into())
    }
}

/// The endpoints of an account (`$1`), with the columns of [`Row`].
const ENDPOINTS: &str = "SELECT e.id, e.url, e.description, e.event_types, e.secret, e.next_secret,
       e.disabled_at, e.disabled_reason, e.disabled_by, e.created_at, e.updated_at, h.last_success_at, h.last_failure_at,
       COALESCE(h.consecutive_failures, 0) AS consecutive_failures
     FROM endpoints e LEFT JOIN endpoint_health h ON h.account_id = e.account_id AND h.endpoint_id = e.id
     WHERE e.deleted_at IS NULL AND e.account_id = $1";

#[derive(sqlx::FromRow)]
struct Row {
    id: Stored<EndpointId>,
    url: Lossy,
    description: Lossy,
    event_types: Subscriptions,
    secret: Vec<u8>,
    next_secret: Option<Vec<u8>>,
    disabled_at: Option<Timestamp>,
    disabled_reason: Option<Stored<DisabledReason>>,
    disabled_by: Option<Stored<DeliveryId>>,
    created_at: Timestamp,
    updated_at: Timestamp,
    last_success_at: Option<Timestamp>,
    last_failure_at: Option<Timestamp>,
    consecutive_failures: Stored<i32>,
}

impl Row {
    /// The endpoint; `None` if its id is none, since no page could name it.
    fn read(self, sealer: &Sealer) -> Option<Endpoint> {
        let id = self.id.ok()?;
        let unusable = unusable(id, &self.url.0, [Some(&self.secret), self.next_secret.as_ref()], sealer);
        let disabled = self.disabled_at.map(|at| Disabled {
            at,
            reason: self.disabled_reason.and_then(Stored::ok),
            by: self.disabled_by.and_then(Stored::ok),
        });
        Some(Endpoint {
            id,
            url: self.url.0,
            unusable,
            description: self.description.0,
            event_types: self.event_types,
            disabled,
            created_at: self.created_at,
            updated_at: self.updated_at,
            last_success_at: self.last_success_at,
            last_failure_at: self.last_failure_at,
            consecutive_failures: self.consecutive_failures.ok().unwrap_or(i32::MAX).unsigned_abs(),
        })
    }
}

/// The reason for which an endpoint cannot be used with this URL and these sealed secrets.
pub(crate) fn unusable(id: EndpointId, url: &str, secrets: [Option<&Vec<u8>>; 2], sealer: &Sealer) -> Option<Unusable> {
    let unopened = || secrets.into_iter().flatten().find_map(|sealed| sealer.open_secret(id, sealed).err());
    unusable_url(url).or_else(unopened)
}

/// The reason for which this URL cannot be used.
pub(crate) fn unusable_url(url: &str) -> Option<Unusable> {
    EndpointUrl::from_stored(url).err().map(|error| Unusable::Url(Unreadable::new(error)))
}

impl<'e> AccountHandle<'e> {
    /// All endpoints of the account.
    pub const fn endpoints(self) -> Endpoints<'e> {
        Endpoints { service: self.service, account: self.id }
    }

    /// One endpoint of the account.
    pub const fn endpoint(self, id: EndpointId) -> EndpointHandle<'e> {
        EndpointHandle { service: self.service, account: self.id, id }
    }
}

/// All endpoints of an account.
#[derive(Debug, Clone, Copy)]
pub struct Endpoints<'e> {
    service: &'e Arc<Service>,
    account: AccountId,
}

impl<'e> Endpoints<'e> {
    const fn endpoint(self, id: EndpointId) -> EndpointHandle<'e> {
        EndpointHandle { service: self.service, account: self.account, id }
    }

    /// Lists them, oldest first.
    pub async fn list(self) -> Result<Vec<Endpoint>> {
        const SQL: &str = formatcp!("{ENDPOINTS} ORDER BY e.id");
        let mut conn = self.service.db.read(Pool::Pages).await?;
        let rows: Vec<Row> = conn.query(SQL).bind(self.account).fetch_all().await?;
        Ok(rows.into_iter().filter_map(|row| row.read(&self.service.sealer)).collect())
    }
}

/// One endpoint of an account.
#[derive(Debug, Clone, Copy)]
pub struct EndpointHandle<'e> {
    pub(super) service: &'e Arc<Service>,
    pub(super) account: AccountId,
    pub(super) id: EndpointId,
}

impl EndpointHandle<'_> {
    /// The endpoint itself.
    pub async fn get(self) -> Result<Endpoint> {
        const SQL: &str = formatcp!("{ENDPOINTS} AND e.id = $2");
        let mut conn = self.service.db.read(Pool::Pages).await?;
        let row: Option<Row> = conn.query(SQL).bind(self.account).bind(self.id).fetch_optional().await?;
        row.and_then(|row| row.read(&self.service.sealer)).ok_or(Error::EndpointNotFound)
    }
}

//! Endpoints: customers call them webhooks.

mod attention;
pub(super) mod change;
mod create;
mod fuse;
mod list_page;
mod listing;
mod options;
mod preview;
mod rotation;
mod secret;
mod states;
mod url_check;
mod wanted_types;

use std::sync::Arc;

use const_format::formatcp;
use signet_model::{
    AccountId, DeliveryId, EndpointId, Filter, Subscriptions, Throttle, Timestamp,
    endpoint::{
        DisabledReason, EndpointUrl,
        custom_headers::{CustomHeaderName, HeadersError},
    },
    sql::{Lossy, Stored, Unreadable},
    text::Description,
};
use uuid::Uuid;

#[cfg(test)]
pub(super) use attention::ATTENTION;
pub use attention::{Attention, FailedDelivery};
#[cfg(test)]
pub(super) use fuse::CANDIDATES as FUSES;
pub use fuse::Fuse;
pub use list_page::ListPage;
#[cfg(test)]
pub(super) use list_page::SOME;
pub use listing::{ListFilter, Listed, ListedStatus};
pub use options::{EndpointOptions, HeaderDraft};
#[cfg(test)]
pub(super) use preview::LATEST as LATEST_EVENTS;
pub use preview::{FilterPreview, PreviewedEvent};
pub use rotation::{RotateError, Rotation};
pub use secret::LostSecret;
#[cfg(test)]
pub(super) use states::STATES;
pub use states::StatusCounts;
pub use url_check::UrlCheck;
pub use wanted_types::UnknownType;

use super::{AccountHandle, Error, Result, Service};
use crate::{
    Unusable,
    actor::Actor,
    db::{self, Pool, Sql, Tx},
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
    /// Its receiver asked to be left alone until then; can have passed.
    pub resting_until: Option<Timestamp>,
    /// The names of its custom headers, in their order; their values are never shown.
    pub headers: Vec<CustomHeaderName>,
    /// Deliveries carry the attributes of CloudEvents as headers.
    pub cloud_events: bool,
    /// The deliveries that may start in a second.
    pub throttle: Option<Throttle>,
    /// Grows with each change.
    pub version: i64,
    /// Only events whose bodies match are delivered.
    pub filter: Option<Filter>,
}

impl Endpoint {
    /// The host of its URL, or the whole text if that is no URL.
    pub fn host(&self) -> String {
        EndpointUrl::from_stored(&self.url).map_or_else(|_| self.url.clone(), |url| url.host().to_owned())
    }

    /// The members that a person can change, for the audit log: of headers only their names.
    fn members(&self) -> serde_json::Value {
        let headers: Vec<_> = self.headers.iter().map(CustomHeaderName::as_str).collect();
        serde_json::json!({
            "url": self.url,
            "description": self.description,
            "eventTypes": self.event_types.to_string(),
            "headers": headers,
            "cloudEvents": self.cloud_events,
            "throttle": self.throttle.map(Throttle::per_second),
            "filter": self.filter,
        })
    }

    /// True if all is as a person has entered it here.
    pub fn is_as(&self, draft: &EndpointDraft) -> bool {
        self.url == draft.url.as_str()
            && self.description == *draft.description
            && self.event_types == draft.event_types
            && draft.options.are_of(self)
    }

    /// The end of its rest, if it rests at this instant.
    pub fn rests_until(&self, now: Timestamp) -> Option<Timestamp> {
        self.resting_until.filter(|&until| until > now)
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
#[derive(Debug, Clone, PartialEq)]
pub struct EndpointDraft {
    /// Its URL.
    pub url: EndpointUrl,
    /// Its purpose; may be empty.
    pub description: Description,
    /// The types of events that it gets.
    pub event_types: Subscriptions,
    /// Everything that it can have besides.
    pub options: EndpointOptions,
}

impl EndpointDraft {
    /// An endpoint without a description and without options.
    pub fn new(url: EndpointUrl, event_types: Subscriptions) -> Self {
        Self { url, description: Description::default(), event_types, options: EndpointOptions::default() }
    }
}

/// The members of an endpoint that change; the others stay.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct EndpointChange {
    /// Its URL.
    pub url: Option<EndpointUrl>,
    /// Its purpose.
    pub description: Option<Description>,
    /// The types of events that it gets.
    pub event_types: Option<Subscriptions>,
    /// All of its custom headers.
    pub headers: Option<Vec<HeaderDraft>>,
    /// Deliveries carry the attributes of CloudEvents as headers.
    pub cloud_events: Option<bool>,
    /// The deliveries that may start in a second; `Some(None)` ends the limit.
    pub throttle: Option<Option<Throttle>>,
    /// The filter of events; `Some(None)` ends it.
    pub filter: Option<Option<Filter>>,
}

impl From<EndpointDraft> for EndpointChange {
    fn from(draft: EndpointDraft) -> Self {
        let EndpointOptions { headers, cloud_events, throttle, filter } = draft.options;
        Self {
            url: Some(draft.url),
            description: Some(draft.description),
            event_types: Some(draft.event_types),
            headers: Some(headers),
            cloud_events: Some(cloud_events),
            throttle: Some(throttle),
            filter: Some(filter),
        }
    }
}

/// The state in which an endpoint begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Start {
    /// It gets events from the first instant on.
    Enabled,
    /// Its events are held until it is enabled.
    Paused,
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
    /// The account has made many endpoints in a short time.
    #[error("This account has made many webhooks in a short time. Wait a few minutes, and create it again.")]
    TooFast,
    /// The endpoint wants an event type that there is not.
    #[error(transparent)]
    UnknownType(UnknownType),
    /// A header has no value, and no stored one to keep.
    #[error("Enter a value for the header {0}.")]
    NoHeaderValue(CustomHeaderName),
    /// The headers cannot be those of one endpoint.
    #[error(transparent)]
    Headers(#[from] HeadersError),
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
       COALESCE(h.consecutive_failures, 0) AS consecutive_failures, e.resting_until, e.headers,
       COALESCE(e.cloud_events, FALSE) AS cloud_events, e.throttle, e.version, e.filter
     FROM endpoints e LEFT JOIN endpoint_health h ON h.account_id = e.account_id AND h.endpoint_id = e.id
     WHERE e.deleted_at IS NULL AND e.account_id = $1";

/// One endpoint (`$2`) of an account (`$1`).
const ONE: &str = formatcp!("{ENDPOINTS} AND e.id = $2");

/// Endpoints of an account (`$1`) newer than one (`$2`), at most `$3`. Rows whose ids cannot be
/// read are passed over before they are counted.
pub(crate) const PAGE: Sql = Sql {
    sqlite: formatcp!("{ENDPOINTS} AND length(e.id) = 16 AND e.id > $2 ORDER BY e.id LIMIT $3"),
    postgres: formatcp!("{ENDPOINTS} AND e.id > $2 ORDER BY e.id LIMIT $3"),
};

#[derive(sqlx_macros::FromRow)]
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
    resting_until: Option<Timestamp>,
    headers: Option<Vec<u8>>,
    cloud_events: bool,
    throttle: Option<Stored<Throttle>>,
    version: i64,
    filter: Option<Stored<String>>,
}

impl Row {
    /// The endpoint; `None` if its id is none, since no page could name it.
    fn read(self, sealer: &Sealer) -> Option<Endpoint> {
        let id = self.id.ok()?;
        let columns = TargetColumns {
            url: &self.url.0,
            secrets: [Some(&self.secret), self.next_secret.as_ref()],
            headers: self.headers.as_ref(),
            throttle: self.throttle.as_ref(),
            filter: self.filter.as_ref(),
        };
        let unusable = columns.unusable(id, Some(sealer));
        let headers = self.headers.as_ref().and_then(|sealed| sealer.open_headers(id, sealed).ok());
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
            resting_until: self.resting_until,
            headers: headers.unwrap_or_default().names(),
            cloud_events: self.cloud_events,
            throttle: self.throttle.and_then(Stored::ok),
            version: self.version,
            filter: self.filter.as_ref().and_then(|stored| Unusable::filter(stored).ok()),
        })
    }
}

/// The columns of an endpoint without which no delivery can be made.
pub(crate) struct TargetColumns<'r> {
    pub(crate) url: &'r str,
    /// The sealed secrets.
    pub(crate) secrets: [Option<&'r Vec<u8>>; 2],
    /// The sealed headers.
    pub(crate) headers: Option<&'r Vec<u8>>,
    pub(crate) throttle: Option<&'r Stored<Throttle>>,
    pub(crate) filter: Option<&'r Stored<String>>,
}

impl TargetColumns<'_> {
    /// The reason for which the endpoint cannot be used. Sealed columns are opened only with a
    /// sealer.
    pub(crate) fn unusable(&self, id: EndpointId, sealer: Option<&Sealer>) -> Option<Unusable> {
        let url = EndpointUrl::from_stored(self.url).err().map(|error| Unusable::Url(Unreadable::new(error)));
        let filter = || Unusable::filter(self.filter?).err();
        let throttle = || Unusable::column("throttle", self.throttle?.clone()).err();
        url.or_else(|| sealer.and_then(|sealer| self.unopened(id, sealer))).or_else(throttle).or_else(filter)
    }

    fn unopened(&self, id: EndpointId, sealer: &Sealer) -> Option<Unusable> {
        let secret = self.secrets.into_iter().flatten().find_map(|sealed| sealer.open_secret(id, sealed).err());
        secret.or_else(|| sealer.open_headers(id, self.headers?).err())
    }
}

impl<'e> AccountHandle<'e> {
    /// All endpoints of the account.
    pub const fn endpoints(self) -> Endpoints<'e> {
        Endpoints { service: self.service, actor: self.actor, account: self.id }
    }

    /// One endpoint of the account.
    pub const fn endpoint(self, id: EndpointId) -> EndpointHandle<'e> {
        EndpointHandle { service: self.service, actor: self.actor, account: self.id, id, expected: None }
    }
}

/// All endpoints of an account.
#[derive(Debug, Clone, Copy)]
pub struct Endpoints<'e> {
    service: &'e Arc<Service>,
    actor: &'e Actor,
    account: AccountId,
}

impl<'e> Endpoints<'e> {
    const fn endpoint(self, id: EndpointId) -> EndpointHandle<'e> {
        EndpointHandle { service: self.service, actor: self.actor, account: self.account, id, expected: None }
    }

    /// Lists them, oldest first.
    pub async fn list(self) -> Result<Vec<Endpoint>> {
        const SQL: &str = formatcp!("{ENDPOINTS} ORDER BY e.id");
        let mut conn = self.service.db.read(Pool::Pages).await?;
        let rows: Vec<Row> = conn.query(SQL).bind(self.account).fetch_all().await?;
        Ok(rows.into_iter().filter_map(|row| row.read(&self.service.sealer)).collect())
    }

    /// Lists up to `limit` of them that are newer than one, oldest first.
    pub async fn page(self, after: Option<EndpointId>, limit: u32) -> Result<Vec<Endpoint>> {
        let after = after.unwrap_or(EndpointId::from_uuid(Uuid::nil()));
        let mut conn = self.service.db.read(Pool::Pages).await?;
        let rows: Vec<Row> = conn.query(PAGE).bind(self.account).bind(after).bind(i64::from(limit)).fetch_all().await?;
        Ok(rows.into_iter().filter_map(|row| row.read(&self.service.sealer)).collect())
    }
}

/// One endpoint of an account.
#[derive(Debug, Clone, Copy)]
pub struct EndpointHandle<'e> {
    pub(super) service: &'e Arc<Service>,
    pub(super) actor: &'e Actor,
    pub(super) account: AccountId,
    pub(super) id: EndpointId,
    /// The version that a change is made for.
    expected: Option<i64>,
}

impl EndpointHandle<'_> {
    /// The same endpoint, whose changes are made only if it has this version still. Without one
    /// they are made in any case.
    #[must_use]
    pub const fn if_version(self, expected: Option<i64>) -> Self {
        Self { expected, ..self }
    }

    /// The endpoint itself.
    pub async fn get(self) -> Result<Endpoint> {
        let mut conn = self.service.db.read(Pool::Pages).await?;
        let row: Option<Row> = conn.query(ONE).bind(self.account).bind(self.id).fetch_optional().await?;
        row.and_then(|row| row.read(&self.service.sealer)).ok_or(Error::EndpointNotFound)
    }

    /// The endpoint as it is in a transaction.
    async fn read(self, tx: &mut Tx<'_>) -> Result<Endpoint> {
        let row: Option<Row> = tx.query(ONE).bind(self.account).bind(self.id).fetch_optional().await?;
        row.and_then(|row| row.read(&self.service.sealer)).ok_or(Error::EndpointNotFound)
    }
}

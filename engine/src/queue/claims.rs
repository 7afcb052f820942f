//! Claims: the order of the dispatcher, and the deliveries that it gets.

use std::{
    collections::{HashMap, HashSet},
    fmt,
    sync::Arc,
};

use signet_model::{
    AccountId, DeliveryId, EndpointId, Throttle, Timestamp,
    event::EventType,
    sql::{Stored, Unreadable},
    trace::TraceContext,
};
use sqlx::{Database, Decode, Postgres, Type, error::BoxDynError};
use uuid::Uuid;

use super::{Lease, Revision};
use crate::Unusable;

/// An order to claim due deliveries in one transaction.
#[derive(Debug, Clone)]
pub(crate) struct ClaimOrder {
    /// The accounts of the endpoints, with the revisions that they must have.
    pub(crate) accounts: Vec<Revision>,
    pub(crate) endpoints: Vec<ClaimQuota>,
    /// Deliveries due by this instant are claimed.
    pub(crate) now: Timestamp,
    /// The end of the lease.
    pub(crate) until: Timestamp,
    pub(crate) lease: Lease,
}

/// The part of a claim for one endpoint, whose earliest deliveries are claimed.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ClaimQuota {
    pub(crate) account: AccountId,
    pub(crate) endpoint: EndpointId,
    pub(crate) deliveries_max: i64,
    /// Bytes that the bodies of the deliveries may have together.
    pub(crate) bytes_max: i64,
    /// The throttle of the endpoint, which can allow fewer.
    pub(crate) throttle: Option<Throttle>,
    /// A claim has found something there a moment ago. On PostgreSQL the queue of such an endpoint
    /// stays due after another one that finds something.
    pub(crate) is_busy: bool,
}

impl ClaimQuota {
    /// Takes no more deliveries than the throttle allows, where the next regular start is at
    /// `next`.
    pub(super) fn limit(&mut self, throttle: Throttle, next: Option<Timestamp>, now: Timestamp) {
        let starts = i64::try_from(throttle.starts(next, now)).unwrap_or(i64::MAX);
        self.deliveries_max = self.deliveries_max.min(starts);
    }
}

/// The result of a claim.
#[derive(Debug)]
#[must_use]
pub(crate) enum Claim {
    /// An account has another revision than the order says, and no delivery is claimed.
    Stale,
    Claimed(ClaimedBatch),
}

/// The deliveries of a claim. A delivery whose body does not fit stays due, except for the
/// first one: a claim always gets one.
#[derive(Debug, Default)]
pub(crate) struct ClaimedBatch {
    /// The number of endpoints at which it claimed.
    pub(crate) endpoints: usize,
    pub(crate) deliveries: Vec<Result<Claimed, UnreadableRow>>,
    /// The endpoints at which deliveries are still due.
    pub(crate) still_due: HashSet<EndpointId>,
    /// The busy endpoints whose queues look due, though all that was due has been claimed: a claim
    /// may look there again a little later.
    pub(crate) emptied: Vec<EndpointId>,
    /// The throttled endpoints, and the instants at which to claim there again.
    pub(crate) look_again: HashMap<EndpointId, Timestamp>,
}

impl ClaimedBatch {
    /// Counts the deliveries that were claimed at an endpoint.
    pub(super) fn claimed_at(&self, endpoint: EndpointId) -> usize {
        let of = |delivery: &Result<Claimed, UnreadableRow>| match delivery {
            Ok(claimed) => claimed.endpoint,
            Err(row) => row.endpoint,
        };
        self.deliveries.iter().filter(|delivery| of(delivery) == endpoint).count()
    }

    /// Notes a throttled endpoint after the claim, and the instant at which to claim there again.
    pub(super) fn throttled(&mut self, endpoint: EndpointId, look_at: Timestamp) {
        self.look_again.insert(endpoint, look_at);
        self.still_due.remove(&endpoint);
    }

    /// Notes the next due time of an endpoint after the claim.
    pub(super) fn advanced(&mut self, endpoint: EndpointId, next_due_at: Option<Timestamp>, now: Timestamp) {
        self.endpoints += 1;
        if next_due_at.is_some_and(|due| due <= now) {
            self.still_due.insert(endpoint);
        }
    }
}

/// Returns the due time of overdue deliveries after a claim. An endpoint from which none was
/// claimed keeps its place before the others.
pub(super) fn due_again(was_claimed_from: bool, now: Timestamp) -> Timestamp {
    if was_claimed_from { now } else { Timestamp::from_unix_micros(0) }
}

/// A delivery that was claimed and can be attempted.
#[derive(Debug)]
pub(crate) struct Claimed {
    pub(crate) id: DeliveryId,
    pub(crate) account: AccountId,
    pub(crate) endpoint: EndpointId,
    pub(crate) event_type: EventType,
    pub(crate) is_test: bool,
    /// Attempts made so far.
    pub(crate) attempts: i32,
    /// Failed attempts of this round.
    pub(crate) failures: i32,
    /// The bytes to deliver.
    pub(crate) body: String,
    /// The trace of its event.
    pub(crate) trace: Option<Arc<TraceContext>>,
}

/// A claimed delivery that cannot be attempted; the claim has held it.
#[derive(Debug)]
pub(crate) struct UnreadableRow {
    pub(crate) id: RawId,
    pub(crate) account: AccountId,
    pub(crate) endpoint: EndpointId,
    pub(crate) reason: Unusable,
}

/// A claimed delivery as it is stored.
#[derive(Debug, sqlx_macros::FromRow)]
pub(super) struct ClaimedRow {
    pub(super) id: RawId,
    pub(super) account_id: AccountId,
    pub(super) endpoint_id: EndpointId,
    pub(super) event_type: Stored<EventType>,
    pub(super) is_test: bool,
    pub(super) attempts: Stored<i32>,
    pub(super) failures: Stored<i32>,
    pub(super) body: Option<Stored<String>>,
    pub(super) trace_context: Option<Stored<TraceContext>>,
}

impl ClaimedRow {
    /// Returns the delivery, if it can be attempted as it is stored.
    pub(super) fn read(self) -> Result<Claimed, UnreadableRow> {
        let (id, account, endpoint) = (self.id.clone(), self.account_id, self.endpoint_id);
        self.parse().map_err(|reason| UnreadableRow { id, account, endpoint, reason })
    }

    fn parse(self) -> Result<Claimed, Unusable> {
        Ok(Claimed {
            id: Unusable::column("id", self.id.parse())?,
            account: self.account_id,
            endpoint: self.endpoint_id,
            event_type: Unusable::column("event_type", self.event_type)?,
            is_test: self.is_test,
            attempts: Unusable::column("attempts", self.attempts)?,
            failures: Unusable::column("failures", self.failures)?,
            body: Unusable::column("body", self.body.ok_or(Unusable::NoBody)?)?,
            // One that cannot be read costs the trace, and not the delivery.
            trace: self.trace_context.and_then(Stored::ok).map(Arc::new),
        })
    }
}

/// The stored bytes of a delivery's id, valid or not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RawId(Vec<u8>);

impl From<&[u8]> for RawId {
    fn from(bytes: &[u8]) -> Self {
        Self(bytes.to_owned())
    }
}

impl RawId {
    pub(super) fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Returns the id; `None` if the bytes are no id.
    pub(super) fn uuid(&self) -> Option<Uuid> {
        Uuid::from_slice(&self.0).ok()
    }

    fn parse(&self) -> Stored<DeliveryId> {
        Stored(Uuid::from_slice(&self.0).map(DeliveryId::from_uuid).map_err(Unreadable::new))
    }
}

impl Type<Postgres> for RawId {
    fn type_info() -> <Postgres as Database>::TypeInfo {
        <Uuid as Type<Postgres>>::type_info()
    }
}

impl<'r> Decode<'r, Postgres> for RawId {
    fn decode(value: <Postgres as Database>::ValueRef<'r>) -> Result<Self, BoxDynError> {
        Ok(Self(<Uuid as Decode<Postgres>>::decode(value)?.into_bytes().into()))
    }
}

impl fmt::Display for RawId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.parse().0 {
            Ok(id) => id.fmt(f),
            Err(_) => f.write_str(&hex::encode(&self.0)),
        }
    }
}

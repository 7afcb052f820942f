//! The rows of the hot path.

use std::{collections::HashSet, fmt, sync::Arc};

use signet_model::{
    AccountId, Amount, DeliveryId, EndpointId, EventId, Subscriptions, Timestamp,
    delivery::{Failure, State},
    endpoint::EndpointUrl,
    event::EventType,
    sql::{Stored, Unreadable},
};
use sqlx::{Database, Decode, Postgres, Type, error::BoxDynError};
use uuid::Uuid;

use crate::Unusable;

/// Names one claim. An outcome names it, so that one whose lease is lost changes nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, sqlx::Type)]
#[sqlx(transparent)]
pub struct Lease(pub i64);

/// What delivering to an endpoint takes.
#[derive(Debug, sqlx::FromRow)]
pub struct EndpointRow {
    /// Its id.
    pub id: Stored<EndpointId>,
    /// Where it is.
    pub url: Stored<EndpointUrl>,
    /// What it wants.
    pub event_types: Subscriptions,
    /// The sealed secret.
    pub secret: Vec<u8>,
    /// The sealed secret that takes over.
    pub next_secret: Option<Vec<u8>>,
    /// When it does.
    pub next_secret_at: Option<Timestamp>,
    /// Whether it is disabled.
    pub disabled: bool,
    /// Whether what had waited before it was enabled is still to be held.
    pub enabling: bool,
    /// Until when what was released for it goes out.
    pub released_until: Option<Timestamp>,
}

/// An endpoint and its account.
#[derive(Debug, sqlx::FromRow)]
pub struct OwnedEndpoint {
    /// Whose it is.
    pub account_id: AccountId,
    /// What delivering to it takes.
    #[sqlx(flatten)]
    pub endpoint: EndpointRow,
}

/// An event to be stored.
#[derive(Debug)]
pub struct EventRow {
    /// Its id.
    pub id: EventId,
    /// Whose it is.
    pub account: AccountId,
    /// Its type.
    pub event_type: EventType,
    /// The exact bytes to deliver.
    pub body: Arc<str>,
    /// The task that it is about.
    pub task_id: Option<Arc<str>>,
    /// When it happened.
    pub occurred_at: Timestamp,
    /// When it was accepted.
    pub accepted_at: Timestamp,
    /// To how many endpoints it goes.
    pub fanout: i32,
    /// Whether a person sent it as a test.
    pub is_test: bool,
}

/// A delivery to be stored: pending with `due_at`, or held without.
#[derive(Debug, Clone)]
pub struct DeliveryRow {
    /// Its id.
    pub id: DeliveryId,
    /// Whose it is.
    pub account: AccountId,
    /// What it delivers.
    pub event: EventId,
    /// To where.
    pub endpoint: EndpointId,
    /// The type of the event.
    pub event_type: EventType,
    /// Whether it is a test.
    pub is_test: bool,
    /// When it is due; `None` holds it.
    pub due_at: Option<Timestamp>,
    /// Whose it is already.
    pub lease: Option<Lease>,
    /// When the event was accepted.
    pub created_at: Timestamp,
}

impl DeliveryRow {
    pub(super) const fn state(&self) -> State {
        if self.due_at.is_some() { State::Pending } else { State::Held }
    }
}

/// An idempotency key to be stored, with the answer to its request.
#[derive(Debug, Clone)]
pub struct KeyRow {
    /// Whose key.
    pub account: AccountId,
    /// The key.
    pub key: String,
    /// SHA-256 of the request.
    pub request_hash: [u8; 32],
    /// The event that it made.
    pub event: EventId,
    /// To how many endpoints it goes.
    pub fanout: i32,
    /// When the request came.
    pub created_at: Timestamp,
}

/// The answer to the first request with a key.
#[derive(Debug, sqlx::FromRow)]
pub struct StoredAnswer {
    /// SHA-256 of that request.
    pub request_hash: Vec<u8>,
    /// The event that it made.
    pub event_id: Stored<EventId>,
    /// To how many endpoints it went.
    pub fanout: Stored<i32>,
}

/// The balance of an account, and the threshold below which `balance.low` is sent.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct BalanceRow {
    /// Whose they are.
    pub account: AccountId,
    /// What it has left, if that was reported.
    pub balance: Option<Amount>,
    /// `None` where nothing is to be sent.
    pub threshold: Option<Amount>,
}

impl From<(AccountId, Option<f64>, Option<f64>)> for BalanceRow {
    fn from((account, balance, threshold): (AccountId, Option<f64>, Option<f64>)) -> Self {
        let amount = |value: Option<f64>| value.and_then(|value| Amount::try_from(value).ok());
        Self { account, balance: amount(balance), threshold: amount(threshold) }
    }
}

/// An endpoint has something due at this instant.
#[derive(Debug, Clone, Copy)]
pub struct QueueEntry {
    /// Whose endpoint.
    pub account: AccountId,
    /// Which.
    pub endpoint: EndpointId,
    /// When.
    pub due_at: Timestamp,
}

/// What one transaction claims.
#[derive(Debug, Clone)]
pub struct ClaimOrder {
    /// The accounts of the endpoints, and the revisions that they are taken to have.
    pub accounts: Vec<(AccountId, i64)>,
    /// Where something is due.
    pub endpoints: Vec<ClaimQuota>,
    /// What is due by now.
    pub now: Timestamp,
    /// When the lease ends.
    pub until: Timestamp,
    /// The lease.
    pub lease: Lease,
}

/// An endpoint at which something is due.
#[derive(Debug, Clone, Copy)]
pub struct ClaimQuota {
    /// Whose endpoint.
    pub account: AccountId,
    /// Which.
    pub endpoint: EndpointId,
    /// At most so many are claimed, the earliest first.
    pub most: i64,
    /// As long as their bodies have no more bytes together.
    pub bytes: i64,
}

/// What a transaction has claimed. A delivery whose body does not fit stays due, but
/// for the first of all: one is always claimed.
#[derive(Debug, Default)]
pub struct Claim {
    /// At how many endpoints it looked.
    pub looked_at: usize,
    /// The deliveries.
    pub claimed: Vec<Result<Claimed, UnreadableRow>>,
    /// The endpoints at which something is still due.
    pub left: HashSet<EndpointId>,
}

impl Claim {
    /// Notes when something is next due at an endpoint, which was looked at.
    pub(super) fn advanced(&mut self, endpoint: EndpointId, next_due_at: Option<Timestamp>, now: Timestamp) {
        self.looked_at += 1;
        if next_due_at.is_some_and(|due| due <= now) {
            self.left.insert(endpoint);
        }
    }
}

/// The instant at which what is overdue at an endpoint counts as due after a claim. Where
/// nothing was claimed, it keeps its place before others.
pub(super) fn due_again(was_served: bool, now: Timestamp) -> Timestamp {
    if was_served { now } else { Timestamp::from_unix_micros(0) }
}

/// A delivery that was claimed, as it is stored.
#[derive(Debug, sqlx::FromRow)]
pub(super) struct ClaimedRow {
    pub(super) id: RawId,
    pub(super) account_id: AccountId,
    pub(super) endpoint_id: EndpointId,
    pub(super) event_type: Stored<EventType>,
    pub(super) is_test: bool,
    pub(super) attempts: Stored<i32>,
    pub(super) failures: Stored<i32>,
    pub(super) body: Option<Stored<String>>,
}

impl ClaimedRow {
    /// The delivery, if it can be attempted as it is stored.
    pub(super) fn read(self) -> Result<Claimed, UnreadableRow> {
        let (id, account_id, endpoint_id) = (self.id.clone(), self.account_id, self.endpoint_id);
        self.parse().map_err(|reason| UnreadableRow { id, account_id, endpoint_id, reason })
    }

    fn parse(self) -> Result<Claimed, Unusable> {
        Ok(Claimed {
            id: Unusable::column("id", self.id.parse())?,
            account_id: self.account_id,
            endpoint_id: self.endpoint_id,
            event_type: Unusable::column("event_type", self.event_type)?,
            is_test: self.is_test,
            attempts: Unusable::column("attempts", self.attempts)?,
            failures: Unusable::column("failures", self.failures)?,
            body: Unusable::column("body", self.body.ok_or(Unusable::NoBody)?)?,
        })
    }
}

/// A claimed delivery that cannot be attempted; the claim has held it.
#[derive(Debug)]
pub struct UnreadableRow {
    /// Its id.
    pub id: RawId,
    /// Whose it is.
    pub account_id: AccountId,
    /// To where.
    pub endpoint_id: EndpointId,
    /// Why.
    pub reason: Unusable,
}

/// The bytes that stand for a delivery's id, whether they are one or not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RawId(Vec<u8>);

impl From<&[u8]> for RawId {
    fn from(bytes: &[u8]) -> Self {
        Self(bytes.to_owned())
    }
}

impl RawId {
    pub(super) fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The id; `None` if these bytes are none.
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

/// A delivery that was claimed and can be attempted.
#[derive(Debug)]
pub struct Claimed {
    /// Its id.
    pub id: DeliveryId,
    /// Whose it is.
    pub account_id: AccountId,
    /// To where.
    pub endpoint_id: EndpointId,
    /// The type of the event.
    pub event_type: EventType,
    /// Whether it is a test.
    pub is_test: bool,
    /// Attempts made so far.
    pub attempts: i32,
    /// Those that failed in this round.
    pub failures: i32,
    /// The bytes to deliver.
    pub body: String,
}

/// The outcome of one attempt, as the delivery sees it.
#[derive(Debug, Clone)]
pub struct OutcomeRow {
    /// Whose delivery.
    pub account: AccountId,
    /// To where.
    pub endpoint: EndpointId,
    /// Which.
    pub delivery: DeliveryId,
    /// The claim under which it was attempted.
    pub lease: Lease,
    /// What it becomes.
    pub state: State,
    /// When it is due again, if it is pending.
    pub due_at: Option<Timestamp>,
    /// Attempts made, this one included.
    pub attempts: i32,
    /// Those that failed in this round.
    pub failures: i32,
    /// When it ended, unless it is pending or held.
    pub completed_at: Option<Timestamp>,
}

/// An attempt to be stored.
#[derive(Debug, Clone)]
pub struct NewAttempt {
    /// Whose delivery.
    pub account: AccountId,
    /// Which.
    pub delivery: DeliveryId,
    /// Counting from 1.
    pub number: i32,
    /// When it began.
    pub started_at: Timestamp,
    /// How long it took, microseconds.
    pub duration_us: i64,
    /// How long until the head of the answer, microseconds.
    pub first_byte_us: Option<i64>,
    /// JSON, an array of pairs.
    pub request_headers: String,
    /// HTTP status.
    pub status: Option<i32>,
    /// JSON, an array of pairs.
    pub response_headers: Option<String>,
    /// What is kept of the body.
    pub response_body: Option<String>,
    /// Whether it was longer.
    pub body_truncated: bool,
    /// What went wrong.
    pub failure: Option<Failure>,
    /// In more words.
    pub failure_detail: Option<String>,
}

/// What a batch of outcomes says about one endpoint.
#[derive(Debug, Clone, Copy)]
pub struct HealthRow {
    /// Whose endpoint.
    pub account: AccountId,
    /// Which.
    pub endpoint: EndpointId,
    /// The last success in the batch.
    pub last_success_at: Option<Timestamp>,
    /// The last failure in the batch.
    pub last_failure_at: Option<Timestamp>,
    /// Failures after the last success in the batch.
    pub failures: i32,
}

//! Taking events in: waiting requests share one durable commit, and what was
//! stored goes straight to its first attempt, already leased to this process.

use std::{collections::HashMap, sync::Arc, time::Duration};

use bytes::Bytes;
use signet_model::{
    AccountId, DeliveryId, EndpointId, EventId, Timestamp,
    event::{EventBody, EventType},
};
use tokio::{
    sync::{OwnedSemaphorePermit, mpsc, oneshot},
    time::timeout,
};
use tokio_util::sync::CancellationToken;

use super::{
    Place, Ready,
    directory::{EndpointView, Views},
    distinct,
};
use crate::{
    Engine,
    engine::Parts,
    fault,
    queue::{DeliveryRow, EventRow, KeyRow, Lease, Lock, Touch, Tx},
    store::Result as StoreResult,
};

/// The most events in one commit, give or take the last request's.
const BATCH: usize = 256;
/// The most requests that wait to be stored. Beyond that the answer is to come back.
pub(crate) const WAITING: usize = 2_048;
/// The most bytes that wait to be stored, what is being stored included.
pub(crate) const WAITING_BYTES: usize = 32 * 1024 * 1024;
/// What an event takes beside its body, roughly.
const OVERHEAD: usize = 512;
/// How long a commit may take before those who wait for it are told to come back.
const STORE_LIMIT: Duration = Duration::from_secs(5);

/// An event to be taken in for an account that exists.
#[derive(Debug, Clone)]
pub struct NewEvent {
    /// Whose event it is.
    pub account: AccountId,
    /// What is delivered.
    pub body: EventBody,
    /// The producer's key and the SHA-256 of its request.
    pub idempotency: Option<Idempotency>,
}

/// How a repeated request is recognised.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Idempotency {
    /// The key, at most 255 characters.
    pub key: String,
    /// SHA-256 of what was requested.
    pub request_hash: [u8; 32],
}

/// The answer to an accepted event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Accepted {
    /// Its id.
    pub id: EventId,
    /// To how many endpoints it goes.
    pub deliveries: u32,
    /// Whether this repeats the answer to an earlier request.
    pub replayed: bool,
}

/// Why an event was not taken in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum IngestError {
    /// The key was used for another request.
    #[error("This idempotency key was used for another request.")]
    KeyReused,
    /// The store cannot keep up; try again a little later.
    #[error("Too many events are waiting to be stored.")]
    Overloaded,
    /// The engine is stopping.
    #[error("The server is stopping.")]
    Stopping,
    /// There is no such account.
    #[error("There is no such account.")]
    UnknownAccount,
    /// The store failed.
    #[error("The event could not be stored.")]
    Store,
}

/// Who gets an event.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Audience {
    /// Every endpoint that wants its type.
    Subscribers,
    /// One endpoint, as a test, with this id for the delivery.
    Test(EndpointId, DeliveryId),
}

/// An event on its way into the store.
#[derive(Debug)]
pub(crate) struct Incoming {
    pub(crate) event: NewEvent,
    pub(crate) audience: Audience,
}

/// Requests that share a commit.
pub(crate) struct Request {
    events: Vec<Incoming>,
    /// What they take of the room for waiting bytes, until they are stored or refused.
    room: OwnedSemaphorePermit,
    answer: oneshot::Sender<Vec<Result<Accepted, IngestError>>>,
}

impl Engine {
    /// Takes one event in; returns once it and its deliveries are durable.
    pub async fn ingest(&self, event: NewEvent) -> Result<Accepted, IngestError> {
        let answers = self.0.enqueue(vec![Incoming { event, audience: Audience::Subscribers }]).await?;
        answers.into_iter().next().unwrap_or(Err(IngestError::Store))
    }

    /// Takes many in, with one answer for each, in order.
    pub async fn ingest_batch(&self, events: Vec<NewEvent>) -> Vec<Result<Accepted, IngestError>> {
        let count = events.len();
        let events = events.into_iter().map(|event| Incoming { event, audience: Audience::Subscribers }).collect();
        self.0.enqueue(events).await.unwrap_or_else(|error| vec![Err(error); count])
    }
}

impl Parts {
    /// Hands events to the ingester and waits for its answers.
    pub(crate) async fn enqueue(
        &self,
        events: Vec<Incoming>,
    ) -> Result<Vec<Result<Accepted, IngestError>>, IngestError> {
        let (answer, answered) = oneshot::channel();
        let room = Arc::clone(&self.room).try_acquire_many_owned(room_for(&events));
        let room = room.map_err(|_| IngestError::Overloaded)?;
        self.waiting.try_send(Request { events, room, answer }).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => IngestError::Overloaded,
            mpsc::error::TrySendError::Closed(_) => IngestError::Stopping,
        })?;
        answered.await.map_err(|_| IngestError::Stopping)
    }
}

/// How many bytes these take. Whatever is larger than all the room is let in when
/// nothing else is there.
fn room_for(events: &[Incoming]) -> u32 {
    let bytes: usize = events.iter().map(|incoming| incoming.event.body.json.len() + OVERHEAD).sum();
    u32::try_from(bytes.min(WAITING_BYTES)).unwrap_or(u32::MAX)
}

/// Stores what is waiting; once told to stop, takes nothing new and stores the rest.
pub(crate) async fn ingest_waiting(engine: Arc<Parts>, mut waiting: mpsc::Receiver<Request>, stop: CancellationToken) {
    loop {
        let first = tokio::select! {
            biased;
            () = stop.cancelled(), if !waiting.is_closed() => {
                waiting.close();
                continue;
            }
            first = waiting.recv() => first,
        };
        let Some(first) = first else { return };
        let mut count = first.events.len();
        let mut requests = vec![first];
        while count < BATCH
            && let Ok(next) = waiting.try_recv()
        {
            count += next.events.len();
            requests.push(next);
        }
        if !store_in_time(&engine, requests).await {
            turn_away(&mut waiting);
        }
    }
}

/// Tells who waits to come back. The store takes no more at this moment: each
/// batch would only wait as long again.
fn turn_away(waiting: &mut mpsc::Receiver<Request>) {
    while let Ok(request) = waiting.try_recv() {
        let _ = request.answer.send(vec![Err(IngestError::Overloaded); request.events.len()]);
    }
}

/// Stores what was requested and answers; returns whether the store took it in
/// time. What it did not may still turn out to be stored, as after every answer
/// that is lost.
async fn store_in_time(engine: &Arc<Parts>, requests: Vec<Request>) -> bool {
    let (mut events, mut askers) = (Vec::new(), Vec::with_capacity(requests.len()));
    for request in requests {
        askers.push((request.events.len(), request.answer, request.room));
        events.extend(request.events);
    }
    let count = events.len();
    let stored = timeout(STORE_LIMIT, store_batch(engine, events)).await;
    let in_time = stored.is_ok();
    let mut answers = match stored {
        Ok(Ok(answers)) => answers,
        Ok(Err(error)) => {
            tracing::error!(%error, events = count, "events could not be stored");
            vec![Err(IngestError::Store); count]
        }
        Err(_) => {
            tracing::warn!(events = count, "the store does not keep up; events are refused");
            vec![Err(IngestError::Overloaded); count]
        }
    }
    .into_iter();
    for (count, asker, _room) in askers {
        // Who asked may have gone away; the event is stored all the same.
        let _ = asker.send(answers.by_ref().take(count).collect());
    }
    in_time
}

async fn store_batch(engine: &Arc<Parts>, events: Vec<Incoming>) -> StoreResult<Vec<Result<Accepted, IngestError>>> {
    let mut tx = Tx::begin(&engine.db).await?;
    let admitted = admit(engine, &mut tx, events).await?;
    fault::point("before_commit");
    tx.commit().await?;
    fault::point("after_commit");
    Ok(admitted.send(engine))
}

/// Events that a transaction has stored, to be sent once it is committed.
pub(crate) struct Admitted {
    answers: Vec<Result<Accepted, IngestError>>,
    ready: Vec<Ready>,
    /// Whether something waits in the store for room in its lane.
    waiting: bool,
}

impl Admitted {
    /// The answers and what is to be attempted, for who attempts by hand.
    #[cfg(any(test, feature = "testing"))]
    pub(crate) fn into_parts(self) -> (Vec<Result<Accepted, IngestError>>, Vec<Ready>) {
        (self.answers, self.ready)
    }

    /// Sends what was admitted; to be called after the commit.
    pub(crate) fn send(self, engine: &Arc<Parts>) -> Vec<Result<Accepted, IngestError>> {
        for ready in self.ready {
            ready.send(engine);
        }
        if self.waiting {
            engine.wake.notify_one();
        }
        self.answers
    }
}

/// Stores events and their deliveries in a transaction.
pub(crate) async fn admit(engine: &Parts, tx: &mut Tx, events: Vec<Incoming>) -> StoreResult<Admitted> {
    let now = engine.clock.now();
    let accounts = distinct(events.iter().map(|incoming| incoming.event.account));
    let views = engine.directory.look(tx, &accounts, Lock::Share).await?;
    let lease = engine.new_lease();
    let mut plans: Vec<_> = events.into_iter().map(|incoming| Plan::of(incoming, &views, engine, now, lease)).collect();
    replay(tx, &mut plans, now).await?;
    insert(tx, &plans, now).await?;
    let waiting = plans.iter().flat_map(Plan::deliveries).any(Planned::is_due);
    if waiting {
        tx.notify().await?;
    }
    let mut admitted = Admitted { answers: Vec::with_capacity(plans.len()), ready: Vec::new(), waiting };
    for plan in plans {
        plan.finish(&mut admitted, lease);
    }
    Ok(admitted)
}

/// What is to become of one event.
struct Plan {
    id: EventId,
    incoming: Incoming,
    /// The deliveries, or the answer to an event that makes none.
    fate: Result<Vec<Planned>, Result<Accepted, IngestError>>,
}

/// One delivery of an event.
struct Planned {
    row: DeliveryRow,
    endpoint: Arc<EndpointView>,
    place: Option<Place>,
}

impl Planned {
    /// Whether it waits in the store, due, for somebody to claim it.
    fn is_due(&self) -> bool {
        self.row.due_at.is_some() && self.place.is_none()
    }
}

impl Plan {
    fn of(incoming: Incoming, views: &Views, engine: &Parts, now: Timestamp, lease: Lease) -> Self {
        let id = EventId::new(now, engine.random.bytes());
        let Some(view) = views.account(incoming.event.account) else {
            return Self { id, incoming, fate: Err(Err(IngestError::UnknownAccount)) };
        };
        let kind = incoming.event.body.event_type;
        let planned = match incoming.audience {
            Audience::Subscribers => view
                .endpoints
                .values()
                .filter(|endpoint| endpoint.event_types.contains(kind))
                .map(|endpoint| {
                    let delivery = DeliveryId::new(now, engine.random.bytes());
                    Planned::new(engine, &incoming, id, delivery, endpoint, now, lease)
                })
                .collect(),
            Audience::Test(endpoint, delivery) => view
                .endpoints
                .get(&endpoint)
                .map(|endpoint| Planned::new(engine, &incoming, id, delivery, endpoint, now, lease))
                .into_iter()
                .collect(),
        };
        Self { id, incoming, fate: Ok(planned) }
    }

    fn deliveries(&self) -> &[Planned] {
        self.fate.as_deref().unwrap_or_default()
    }

    fn fanout(&self) -> i32 {
        i32::try_from(self.deliveries().len()).unwrap_or(i32::MAX)
    }

    fn finish(self, admitted: &mut Admitted, lease: Lease) {
        let body = &self.incoming.event.body;
        let answer = match self.fate {
            Err(answer) => answer,
            Ok(planned) => {
                let deliveries = u32::try_from(planned.len()).unwrap_or(u32::MAX);
                let bytes = Bytes::copy_from_slice(body.json.as_bytes());
                let ready = planned.into_iter().filter_map(|one| one.ready(bytes.clone(), body.event_type, lease));
                admitted.ready.extend(ready);
                Ok(Accepted { id: self.id, deliveries, replayed: false })
            }
        };
        admitted.answers.push(answer);
    }
}

impl Planned {
    fn new(
        engine: &Parts,
        incoming: &Incoming,
        event: EventId,
        id: DeliveryId,
        endpoint: &Arc<EndpointView>,
        now: Timestamp,
        lease: Lease,
    ) -> Self {
        let is_test = matches!(incoming.audience, Audience::Test(..));
        let held = endpoint.disabled && !is_test;
        let place = if held { None } else { engine.lanes.reserve(endpoint.id) };
        let due_at = match (held, &place) {
            (true, _) => None,
            (false, Some(_)) => Some(now + engine.settings.lease),
            (false, None) => Some(now),
        };
        let row = DeliveryRow {
            id,
            account: incoming.event.account,
            event,
            endpoint: endpoint.id,
            event_type: incoming.event.body.event_type,
            is_test,
            due_at,
            lease: place.is_some().then_some(lease),
            created_at: now,
        };
        Self { row, endpoint: Arc::clone(endpoint), place }
    }

    fn ready(self, body: Bytes, event_type: EventType, lease: Lease) -> Option<Ready> {
        Some(Ready {
            account: self.row.account,
            id: self.row.id,
            endpoint: self.endpoint,
            event_type,
            is_test: self.row.is_test,
            lease,
            leased_until: self.row.due_at?,
            attempts: 0,
            failures: 0,
            body,
            place: self.place?,
        })
    }
}

/// Stores the idempotency keys, and answers the events whose key was there already.
async fn replay(tx: &mut Tx, plans: &mut [Plan], now: Timestamp) -> StoreResult<()> {
    let keys: Vec<_> = plans.iter().filter_map(|plan| key_row(plan, now)).collect();
    if keys.is_empty() {
        return Ok(());
    }
    let new = tx.insert_keys(&keys).await?;
    for plan in plans {
        let Some(idempotency) = &plan.incoming.event.idempotency else { continue };
        if plan.fate.is_err() || new.contains(&plan.id) {
            continue;
        }
        let first = tx.stored_answer(plan.incoming.event.account, &idempotency.key).await?;
        plan.fate = Err(if first.request_hash == idempotency.request_hash {
            let deliveries = u32::try_from(first.fanout).unwrap_or_default();
            Ok(Accepted { id: first.event_id, deliveries, replayed: true })
        } else {
            Err(IngestError::KeyReused)
        });
    }
    Ok(())
}

fn key_row(plan: &Plan, now: Timestamp) -> Option<KeyRow> {
    let idempotency = plan.incoming.event.idempotency.as_ref()?;
    plan.fate.is_ok().then(|| KeyRow {
        account: plan.incoming.event.account,
        key: idempotency.key.clone(),
        request_hash: idempotency.request_hash,
        event: plan.id,
        fanout: plan.fanout(),
        created_at: now,
    })
}

async fn insert(tx: &mut Tx, plans: &[Plan], now: Timestamp) -> StoreResult<()> {
    let accepted = || plans.iter().filter(|plan| plan.fate.is_ok());
    let events: Vec<_> = accepted().map(|plan| event_row(plan, now)).collect();
    let deliveries: Vec<_> = accepted().flat_map(Plan::deliveries).map(|planned| planned.row.clone()).collect();
    tx.insert(&events, &deliveries).await?;
    tx.touch(&touches(&deliveries)).await
}

fn event_row(plan: &Plan, now: Timestamp) -> EventRow<'_> {
    let body = &plan.incoming.event.body;
    EventRow {
        id: plan.id,
        account: plan.incoming.event.account,
        event_type: body.event_type,
        body: &body.json,
        task_id: body.task_id.as_deref(),
        occurred_at: body.occurred_at,
        accepted_at: now,
        fanout: plan.fanout(),
        is_test: matches!(plan.incoming.audience, Audience::Test(..)),
    }
}

/// The earliest instant at which each endpoint has something due.
fn touches(deliveries: &[DeliveryRow]) -> Vec<Touch> {
    let mut earliest: HashMap<EndpointId, Touch> = HashMap::new();
    for row in deliveries {
        let Some(due_at) = row.due_at else { continue };
        let touch = Touch { account: row.account, endpoint: row.endpoint, due_at };
        let known = earliest.entry(row.endpoint).or_insert(touch);
        known.due_at = known.due_at.min(due_at);
    }
    earliest.into_values().collect()
}

//! What becomes of accepted events: which endpoints get them, and when. What finds
//! a place in its lane is stored already leased to this process, and goes
//! straight to its first attempt.

use std::sync::Arc;

use bytes::Bytes;
use signet_model::{DeliveryId, EventId, Timestamp, event::EventType};

use super::{
    Place, Ready,
    directory::{EndpointView, Views},
    distinct,
    ingest::{Accepted, Answer, Answers, Audience, Incoming, IngestError},
};
use crate::{
    engine::Parts,
    queue::{Batch, DeliveryRow, EventRow, KeyRow, Lease, Lock, StoredAnswer, Tx},
    store::Result,
};

/// Events that a transaction has stored, to be sent once it is committed.
pub(crate) struct Admitted {
    answers: Answers,
    ready: Vec<Ready>,
    /// Whether something waits in the store for room in its lane.
    waiting: bool,
}

impl Admitted {
    /// The answers and what is to be attempted, for who attempts by hand.
    #[cfg(any(test, feature = "testing"))]
    pub(crate) fn into_parts(self) -> (Answers, Vec<Ready>) {
        (self.answers, self.ready)
    }

    /// Sends what was admitted; to be called after the commit.
    pub(crate) fn send(self, engine: &Arc<Parts>) -> Answers {
        for ready in self.ready {
            ready.send(engine);
        }
        if self.waiting {
            engine.wake.notify_one();
        }
        self.answers
    }
}

/// Stores events in a transaction that changes something else as well. Their
/// accounts are locked already.
pub(crate) async fn admit(engine: &Parts, tx: &mut Tx<'_>, events: &[Incoming]) -> Result<Admitted> {
    let accounts = distinct(events.iter().map(|incoming| incoming.event.account));
    let views = engine.directory.look(tx, &accounts, Lock::Share).await?;
    let mut plans = Plans::make(engine, &views, events);
    plans.replay(tx).await?;
    let mut batch = Batch::default();
    plans.add_to(&mut batch);
    tx.write_surely(&batch).await?;
    if batch.leaves_something_due() {
        tx.notify().await?;
    }
    Ok(plans.finish())
}

/// What is to become of events that share a commit.
pub(crate) struct Plans<'a> {
    all: Vec<Plan<'a>>,
    lease: Lease,
    now: Timestamp,
}

impl<'a> Plans<'a> {
    /// Plans for accounts that are as these views show them.
    pub(crate) fn make(engine: &Parts, views: &Views, events: &'a [Incoming]) -> Self {
        let (now, lease) = (engine.clock.now(), engine.new_lease());
        let plan = |incoming| Plan::of(incoming, views, engine, now, lease);
        Self { all: events.iter().map(plan).collect(), lease, now }
    }

    /// The idempotency keys of the events that are to be stored.
    pub(crate) fn keys(&self) -> Vec<KeyRow> {
        self.all.iter().filter_map(|plan| plan.key(self.now)).collect()
    }

    /// Stores the idempotency keys, and answers the events whose key was there already.
    pub(crate) async fn replay(&mut self, tx: &mut Tx<'_>) -> Result<()> {
        let keys = self.keys();
        if keys.is_empty() {
            return Ok(());
        }
        let new = tx.insert_keys(&keys).await?;
        for plan in &mut self.all {
            let Some(idempotency) = &plan.incoming.event.idempotency else { continue };
            if plan.fate.is_ok() && !new.contains(&plan.id) {
                let first = tx.stored_answer(plan.incoming.event.account, &idempotency.key).await?;
                plan.fate = Err(answer_again(&first, &idempotency.request_hash));
            }
        }
        Ok(())
    }

    /// Adds what is to be stored.
    pub(crate) fn add_to(&self, batch: &mut Batch) {
        for plan in self.all.iter().filter(|plan| plan.fate.is_ok()) {
            batch.events.push(plan.row(self.now));
            batch.deliveries.extend(plan.deliveries().iter().map(|planned| planned.row.clone()));
        }
    }

    /// What follows once everything is stored.
    pub(crate) fn finish(self) -> Admitted {
        let answers = Vec::with_capacity(self.all.len());
        let mut admitted = Admitted { answers, ready: Vec::new(), waiting: false };
        for plan in self.all {
            plan.finish(&mut admitted, self.lease);
        }
        admitted
    }
}

/// The answer to a request whose key was used before.
fn answer_again(first: &StoredAnswer, request_hash: &[u8]) -> Answer {
    if first.request_hash != request_hash {
        return Err(IngestError::KeyReused);
    }
    let (Ok(id), Ok(fanout)) = (&first.event_id.0, &first.fanout.0) else {
        return Err(IngestError::AnswerUnreadable);
    };
    Ok(Accepted { id: *id, deliveries: u32::try_from(*fanout).unwrap_or_default(), replayed: true })
}

/// What is to become of one event.
struct Plan<'a> {
    id: EventId,
    incoming: &'a Incoming,
    /// The deliveries, or the answer to an event that makes none.
    fate: std::result::Result<Vec<Planned>, Answer>,
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

impl<'a> Plan<'a> {
    fn of(incoming: &'a Incoming, views: &Views, engine: &Parts, now: Timestamp, lease: Lease) -> Self {
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
                    Planned::new(engine, incoming, id, delivery, endpoint, now, lease)
                })
                .collect(),
            Audience::Test(endpoint, delivery) => view
                .endpoints
                .get(&endpoint)
                .filter(|endpoint| endpoint.target.is_ok())
                .map(|endpoint| Planned::new(engine, incoming, id, delivery, endpoint, now, lease))
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

    fn row(&self, now: Timestamp) -> EventRow {
        let body = &self.incoming.event.body;
        EventRow {
            id: self.id,
            account: self.incoming.event.account,
            event_type: body.event_type,
            body: Arc::clone(&body.json),
            task_id: body.task_id.clone(),
            occurred_at: body.occurred_at,
            accepted_at: now,
            fanout: self.fanout(),
            is_test: matches!(self.incoming.audience, Audience::Test(..)),
        }
    }

    fn key(&self, now: Timestamp) -> Option<KeyRow> {
        let idempotency = self.incoming.event.idempotency.as_ref()?;
        self.fate.is_ok().then(|| KeyRow {
            account: self.incoming.event.account,
            key: idempotency.key.clone(),
            request_hash: idempotency.request_hash,
            event: self.id,
            fanout: self.fanout(),
            created_at: now,
        })
    }

    fn finish(self, admitted: &mut Admitted, lease: Lease) {
        let body = &self.incoming.event.body;
        let answer = match self.fate {
            Err(answer) => answer,
            Ok(planned) => {
                let deliveries = u32::try_from(planned.len()).unwrap_or(u32::MAX);
                let bytes = Bytes::copy_from_slice(body.json.as_bytes());
                admitted.waiting |= planned.iter().any(Planned::is_due);
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
        let place = if held { None } else { engine.lanes.reserve(endpoint.id, incoming.event.body.json.len()) };
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

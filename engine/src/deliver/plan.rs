//! What becomes of accepted events: which endpoints get them, and when. What finds
//! a place in its lane is stored already leased to this process, and goes
//! straight to its first attempt.

use std::sync::Arc;

use bytes::Bytes;
use signet_model::{DeliveryId, EndpointId, EventId, Timestamp, event::EventType};

use super::{
    Leased, Place, Ready, TestsUnderWay,
    endpoint_cache::{EndpointView, Views},
    ingest::{Accepted, Audience, Incoming, IngestError},
    reply::Answer,
};
use crate::{
    engine::Parts,
    queue::{Batch, DeliveryRow, EventRow, KeyRow, Lease, StoredAnswer, Tx},
    store,
};

/// Events that a transaction has stored, to be sent once it is committed.
pub(crate) struct Admitted {
    answers: Vec<Answer<Accepted>>,
    ready: Vec<Ready>,
    /// Whether something waits in the store for room in its lane.
    waiting: bool,
}

impl Admitted {
    /// The answers and what is to be attempted, for who attempts by hand.
    #[cfg(any(test, feature = "testing"))]
    pub(crate) fn into_parts(self) -> (Vec<Answer<Accepted>>, Vec<Ready>) {
        (self.answers, self.ready)
    }

    /// Sends what was admitted; to be called after the commit.
    pub(crate) fn send(self, engine: &Arc<Parts>) -> Vec<Answer<Accepted>> {
        for ready in self.ready {
            ready.send(engine);
        }
        if self.waiting {
            engine.wake.notify_one();
        }
        self.answers
    }
}

/// What is to become of events that share a commit.
pub(crate) struct Plans<'a> {
    all: Vec<Plan<'a>>,
    now: Timestamp,
}

impl<'a> Plans<'a> {
    /// Plans for accounts that are as these views show them.
    pub(crate) fn make(engine: &Parts, views: &Views, events: impl Iterator<Item = &'a Incoming>) -> Self {
        let (now, lease) = (engine.clock.now(), engine.new_lease());
        let plan = |incoming| Plan::of(incoming, views, engine, now, lease);
        Self { all: events.map(plan).collect(), now }
    }

    /// The idempotency keys of the events that are to be stored.
    pub(crate) fn keys(&self) -> Vec<KeyRow> {
        self.all.iter().filter_map(|plan| plan.key(self.now)).collect()
    }

    /// Stores the idempotency keys, and answers the events whose key was there already.
    pub(crate) async fn replay(&mut self, tx: &mut Tx<'_>) -> store::Result<()> {
        let keys = self.keys();
        if keys.is_empty() {
            return Ok(());
        }
        let new = tx.insert_keys(&keys).await?;
        for plan in &mut self.all {
            let Some(idempotency) = &plan.incoming.event.idempotency else { continue };
            if plan.is_stored() && !new.contains(&plan.id) {
                let first = tx.stored_answer(plan.incoming.event.account, &idempotency.key).await?;
                plan.planned = Planned::again(&first, &idempotency.request_hash);
            }
        }
        Ok(())
    }

    /// Adds what is to be stored.
    pub(crate) fn add_to(&self, batch: &mut Batch) {
        for plan in self.all.iter().filter(|plan| plan.is_stored()) {
            batch.events.push(plan.row(self.now));
            batch.deliveries.extend(plan.deliveries().iter().map(|one| one.row.clone()));
        }
    }

    /// What follows once everything is stored.
    pub(crate) fn finish(self) -> Admitted {
        let answers = Vec::with_capacity(self.all.len());
        let mut admitted = Admitted { answers, ready: Vec::new(), waiting: false };
        for plan in self.all {
            plan.finish(&mut admitted);
        }
        admitted
    }
}

/// What is to become of one event.
struct Plan<'a> {
    id: EventId,
    incoming: &'a Incoming,
    planned: Planned,
}

/// What is to be done about an event.
enum Planned {
    /// It is stored, with these deliveries.
    Store(Vec<PlannedDelivery>),
    /// Its key was used for the same request before, which was answered so.
    Replay(Accepted),
    /// It is not taken.
    Refuse(IngestError),
}

impl Planned {
    /// Of a request whose key was used before.
    fn again(first: &StoredAnswer, request_hash: &[u8]) -> Self {
        if first.request_hash != request_hash {
            return Self::Refuse(IngestError::KeyReused);
        }
        let (Ok(id), Ok(fanout)) = (&first.event_id.0, &first.fanout.0) else {
            return Self::Refuse(IngestError::AnswerUnreadable);
        };
        let deliveries = u32::try_from(*fanout).unwrap_or_default();
        Self::Replay(Accepted { id: *id, deliveries, replayed: true })
    }
}

/// One delivery of an event.
struct PlannedDelivery {
    row: DeliveryRow,
    endpoint: Arc<EndpointView>,
    place: Option<Place>,
}

impl PlannedDelivery {
    /// Whether it waits in the store, due, for a claim.
    fn is_due(&self) -> bool {
        self.row.due_at.is_some() && self.place.is_none()
    }
}

impl<'a> Plan<'a> {
    fn of(incoming: &'a Incoming, views: &Views, engine: &Parts, now: Timestamp, lease: Lease) -> Self {
        let id = EventId::new(now, engine.random.bytes());
        let Some(view) = views.account(incoming.event.account) else {
            return Self { id, incoming, planned: Planned::Refuse(IngestError::UnknownAccount) };
        };
        let kind = incoming.event.body.event_type;
        let made = Made { engine, incoming, event: id, now, lease };
        let deliveries = match incoming.audience {
            Audience::Subscribers => {
                Ok(view.subscribers(kind).map(|endpoint| PlannedDelivery::new(&made, endpoint)).collect())
            }
            Audience::Test(endpoint, delivery) => {
                let test = view.endpoints.get(&endpoint).filter(|endpoint| endpoint.target.is_ok());
                let test = test.map(|endpoint| PlannedDelivery::test(&made, delivery, endpoint));
                test.transpose().map(|test| test.into_iter().collect())
            }
        };
        let refused = |TestsUnderWay(count)| Planned::Refuse(IngestError::TestsUnderWay(count));
        Self { id, incoming, planned: deliveries.map_or_else(refused, Planned::Store) }
    }

    const fn is_stored(&self) -> bool {
        matches!(self.planned, Planned::Store(_))
    }

    fn deliveries(&self) -> &[PlannedDelivery] {
        match &self.planned {
            Planned::Store(deliveries) => deliveries,
            Planned::Replay(_) | Planned::Refuse(_) => &[],
        }
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
        self.is_stored().then(|| KeyRow {
            account: self.incoming.event.account,
            key: idempotency.key.clone(),
            request_hash: idempotency.request_hash,
            event: self.id,
            fanout: self.fanout(),
            created_at: now,
        })
    }

    fn finish(self, admitted: &mut Admitted) {
        let body = &self.incoming.event.body;
        let answer = match self.planned {
            Planned::Refuse(error) => Err(error),
            Planned::Replay(first) => Ok(first),
            Planned::Store(planned) => {
                let deliveries = u32::try_from(planned.len()).unwrap_or(u32::MAX);
                let bytes = Bytes::copy_from_slice(body.json.as_bytes());
                admitted.waiting |= planned.iter().any(PlannedDelivery::is_due);
                let ready = planned.into_iter().filter_map(|one| one.ready(bytes.clone(), body.event_type));
                admitted.ready.extend(ready);
                Ok(Accepted { id: self.id, deliveries, replayed: false })
            }
        };
        admitted.answers.push(answer);
    }
}

/// What the deliveries of one event have in common.
struct Made<'a> {
    engine: &'a Parts,
    incoming: &'a Incoming,
    event: EventId,
    now: Timestamp,
    lease: Lease,
}

impl Made<'_> {
    fn leased(&self) -> Leased {
        Leased { lease: self.lease, until: self.now + self.engine.settings.lease }
    }

    fn row(
        &self,
        id: DeliveryId,
        endpoint: EndpointId,
        due_at: Option<Timestamp>,
        lease: Option<Lease>,
    ) -> DeliveryRow {
        DeliveryRow {
            id,
            account: self.incoming.event.account,
            event: self.event,
            endpoint,
            event_type: self.incoming.event.body.event_type,
            is_test: matches!(self.incoming.audience, Audience::Test(..)),
            due_at,
            lease,
            created_at: self.now,
        }
    }
}

impl PlannedDelivery {
    fn new(made: &Made<'_>, endpoint: &Arc<EndpointView>) -> Self {
        let id = DeliveryId::new(made.now, made.engine.random.bytes());
        let endpoint = Arc::clone(endpoint);
        if endpoint.disabled {
            return Self { row: made.row(id, endpoint.id, None, None), endpoint, place: None };
        }
        let event = &made.incoming.event;
        let (address, bytes) = ((event.account, endpoint.id), event.body.json.len());
        let place = made.engine.lanes.reserve(address, endpoint.url(), (id, made.leased()), bytes);
        let row = match &place {
            Some(_) => made.row(id, endpoint.id, Some(made.leased().until), Some(made.lease)),
            None => made.row(id, endpoint.id, Some(made.now), None),
        };
        Self { row, endpoint, place }
    }

    /// A test has a place of its own, or is refused.
    fn test(made: &Made<'_>, id: DeliveryId, endpoint: &Arc<EndpointView>) -> Result<Self, TestsUnderWay> {
        let address = (made.incoming.event.account, endpoint.id);
        let place = made.engine.lanes.reserve_for_test(address, (id, made.leased()))?;
        let row = made.row(id, endpoint.id, Some(made.leased().until), Some(made.lease));
        Ok(Self { row, endpoint: Arc::clone(endpoint), place: Some(place) })
    }

    fn ready(self, body: Bytes, event_type: EventType) -> Option<Ready> {
        Some(Ready {
            account: self.row.account,
            id: self.row.id,
            endpoint: self.endpoint,
            event_type,
            is_test: self.row.is_test,
            attempts: 0,
            failures: 0,
            body,
            place: self.place?,
        })
    }
}

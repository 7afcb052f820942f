//! Plans the deliveries of accepted events. A delivery that finds a slot in its lane is
//! stored already leased to this process, and goes straight to its first attempt; the others
//! are stored as due, or as held if their endpoint is disabled.

use std::sync::Arc;

use bytes::Bytes;
use signet_model::{DeliveryId, EndpointId, EventId, Timestamp, trace::TraceContext};

use super::{
    Context, LeasedDelivery,
    endpoint_cache::{EndpointView, Snapshot},
    ingest::{Accepted, Audience, Incoming, IngestError},
    lanes::{LaneSlot, Leased, TestsUnderWay},
    reply::Answer,
};
use crate::{
    db,
    queue::{Batch, DeliveryRow, EventRow, KeyRow, Lease, StoredAnswer},
};

/// The events of a transaction, whose deliveries are sent once it is committed.
pub(crate) struct StoredEvents {
    answers: Vec<Answer<Accepted>>,
    leased: Vec<LeasedDelivery>,
    /// A delivery waits in the store for room in its lane.
    has_due: bool,
}

impl StoredEvents {
    /// Returns the answers and the leased deliveries, for tests that attempt by hand.
    #[cfg(any(test, feature = "testing"))]
    pub(crate) fn into_parts(self) -> (Vec<Answer<Accepted>>, Vec<LeasedDelivery>) {
        (self.answers, self.leased)
    }

    /// Sends the leased deliveries, after the commit, and returns the answers.
    pub(crate) fn send(self, context: &Arc<Context>) -> Vec<Answer<Accepted>> {
        for delivery in self.leased {
            delivery.send(context);
        }
        if self.has_due {
            context.wake.notify_one();
        }
        self.answers
    }
}

/// The plans of the events that share a commit.
pub(crate) struct Plans<'a> {
    all: Vec<Plan<'a>>,
    now: Timestamp,
}

impl<'a> Plans<'a> {
    /// Plans events by a snapshot of their accounts.
    pub(crate) fn make(context: &Context, snapshot: &Snapshot, events: impl Iterator<Item = &'a Incoming>) -> Self {
        let (now, lease) = (context.clock.now(), context.new_lease());
        let plan = |incoming| Plan::of(incoming, snapshot, context, now, lease);
        Self { all: events.map(plan).collect(), now }
    }

    /// Returns the idempotency keys of the events to be stored.
    pub(crate) fn keys(&self) -> Vec<KeyRow> {
        self.all.iter().filter_map(|plan| plan.key(self.now)).collect()
    }

    /// Stores the idempotency keys, and plans a replay for the events whose key exists.
    pub(crate) async fn replay(&mut self, tx: &mut db::Tx<'_>) -> db::Result<()> {
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

    /// Adds the events to be stored, and their deliveries.
    pub(crate) fn add_to(&self, batch: &mut Batch) {
        for plan in self.all.iter().filter(|plan| plan.is_stored()) {
            batch.events.push(plan.row(self.now));
            batch.deliveries.extend(plan.deliveries().iter().map(|one| one.row.clone()));
        }
    }

    /// Returns the answers and the deliveries to be sent.
    pub(crate) fn finish(self) -> StoredEvents {
        let answers = Vec::with_capacity(self.all.len());
        let mut stored = StoredEvents { answers, leased: Vec::new(), has_due: false };
        for plan in self.all {
            plan.finish(&mut stored);
        }
        stored
    }
}

/// The plan of one event.
struct Plan<'a> {
    id: EventId,
    incoming: &'a Incoming,
    planned: Planned,
}

/// The decision about one event.
enum Planned {
    /// The event is stored with these deliveries.
    Store(Vec<PlannedDelivery>),
    /// Its idempotency key was used for the same request before, which had this answer.
    Replay(Accepted),
    /// The event is refused.
    Refuse(IngestError),
}

impl Planned {
    /// Decides about a request whose key was used before.
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
    slot: Option<LaneSlot>,
}

impl PlannedDelivery {
    /// Tells whether it waits in the store for a claim.
    fn is_due(&self) -> bool {
        self.row.due_at.is_some() && self.slot.is_none()
    }
}

impl<'a> Plan<'a> {
    fn of(incoming: &'a Incoming, snapshot: &Snapshot, context: &Context, now: Timestamp, lease: Lease) -> Self {
        let id = EventId::new(now, context.random.bytes());
        let Some(view) = snapshot.account(incoming.event.account) else {
            return Self { id, incoming, planned: Planned::Refuse(IngestError::UnknownAccount) };
        };
        if view.suspended && !matches!(incoming.audience, Audience::SubscribersOfOwn) {
            return Self { id, incoming, planned: Planned::Refuse(IngestError::Suspended) };
        }
        let kind = &incoming.event.body.event_type;
        let fanout = Fanout { context, incoming, event: id, now, lease };
        let deliveries = match incoming.audience {
            Audience::Subscribers | Audience::SubscribersOfOwn => {
                let judged = view.judged(&incoming.judgements, &incoming.event.body);
                let receiving =
                    view.subscribers(kind).filter(|endpoint| judged.let_through(endpoint.filter.as_deref()));
                Ok(receiving.map(|endpoint| PlannedDelivery::new(&fanout, endpoint)).collect())
            }
            Audience::Test(endpoint, delivery) => {
                let test = view.endpoints.get(&endpoint).filter(|endpoint| endpoint.target.is_ok());
                let test = test.map(|endpoint| PlannedDelivery::test(&fanout, delivery, endpoint));
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
            event_type: body.event_type.clone(),
            body: Arc::clone(&body.json),
            task_id: body.task_id.clone(),
            occurred_at: body.occurred_at,
            accepted_at: now,
            fanout: self.fanout(),
            is_test: matches!(self.incoming.audience, Audience::Test(..)),
            trace: self.incoming.event.trace.as_ref().map(ToString::to_string),
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

    fn finish(self, stored: &mut StoredEvents) {
        let body = &self.incoming.event.body;
        let answer = match self.planned {
            Planned::Refuse(error) => Err(error),
            Planned::Replay(first) => Ok(first),
            Planned::Store(planned) => {
                let deliveries = u32::try_from(planned.len()).unwrap_or(u32::MAX);
                let bytes = Bytes::copy_from_slice(body.json.as_bytes());
                stored.has_due |= planned.iter().any(PlannedDelivery::is_due);
                let leased = planned
                    .into_iter()
                    .filter_map(|one| one.into_leased(bytes.clone(), self.incoming.event.trace.clone()));
                stored.leased.extend(leased);
                Ok(Accepted { id: self.id, deliveries, replayed: false })
            }
        };
        stored.answers.push(answer);
    }
}

/// The event and the instant that its deliveries share.
struct Fanout<'a> {
    context: &'a Context,
    incoming: &'a Incoming,
    event: EventId,
    now: Timestamp,
    lease: Lease,
}

impl Fanout<'_> {
    fn leased(&self) -> Leased {
        Leased { lease: self.lease, until: self.now + self.context.settings.lease }
    }

    /// Returns the instant at which claims look for a delivery to an endpoint that rests or is
    /// throttled. `None` means that the delivery may be attempted at once.
    fn look_at(&self, endpoint: &EndpointView) -> Option<Timestamp> {
        let turn = endpoint.throttle.map(|_| self.context.throttles.next_look(endpoint.id, self.now));
        turn.max(endpoint.rests_until(self.now))
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
            event_type: self.incoming.event.body.event_type.clone(),
            is_test: matches!(self.incoming.audience, Audience::Test(..)),
            due_at,
            look_at: due_at,
            lease,
            created_at: self.now,
        }
    }
}

impl PlannedDelivery {
    fn new(fanout: &Fanout<'_>, endpoint: &Arc<EndpointView>) -> Self {
        let id = DeliveryId::new(fanout.now, fanout.context.random.bytes());
        let endpoint = Arc::clone(endpoint);
        if endpoint.disabled {
            return Self { row: fanout.row(id, endpoint.id, None, None), endpoint, slot: None };
        }
        if let Some(look_at) = fanout.look_at(&endpoint) {
            let row = DeliveryRow { look_at: Some(look_at), ..fanout.row(id, endpoint.id, Some(fanout.now), None) };
            return Self { row, endpoint, slot: None };
        }
        let event = &fanout.incoming.event;
        let (address, bytes) = ((event.account, endpoint.id), event.body.json.len());
        let slot = fanout.context.lanes.reserve(address, endpoint.url(), (id, fanout.leased()), bytes);
        let row = match &slot {
            Some(_) => fanout.row(id, endpoint.id, Some(fanout.leased().until), Some(fanout.lease)),
            None => fanout.row(id, endpoint.id, Some(fanout.now), None),
        };
        Self { row, endpoint, slot }
    }

    /// Plans a test, which takes a slot of its own.
    fn test(fanout: &Fanout<'_>, id: DeliveryId, endpoint: &Arc<EndpointView>) -> Result<Self, TestsUnderWay> {
        let address = (fanout.incoming.event.account, endpoint.id);
        let slot = fanout.context.lanes.reserve_for_test(address, (id, fanout.leased()))?;
        let row = fanout.row(id, endpoint.id, Some(fanout.leased().until), Some(fanout.lease));
        Ok(Self { row, endpoint: Arc::clone(endpoint), slot: Some(slot) })
    }

    fn into_leased(self, body: Bytes, trace: Option<Arc<TraceContext>>) -> Option<LeasedDelivery> {
        Some(LeasedDelivery {
            account: self.row.account,
            id: self.row.id,
            endpoint: self.endpoint,
            event_type: self.row.event_type,
            is_test: self.row.is_test,
            attempts: 0,
            failures: 0,
            body,
            trace,
            slot: self.slot?,
        })
    }
}

//! Working on resends: step by step, and taking up those that no process works on.

use std::{sync::Arc, time::Duration};

use signet_model::{AccountId, DeliveryId, EndpointId, EventId, Timestamp, delivery::State};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::{
    Verb,
    store::{Failure, Leased, Progress, Step, take_orphans},
};
use crate::{
    actor::Operator,
    db::Pool,
    fault,
    limits::{Bounds, FairQueue, Place},
    queue::Lock,
    service::{
        AccountHandle, Error, Result, Service,
        backlog::{Line, discard, send},
        deliveries::{Filter, Order, Position, Row, Span},
    },
};

/// The deliveries that one step sends.
const BATCH: u32 = 500;
/// The deliveries that one step looks at if no index serves the filter.
const LOOKED_AT: u32 = 2_000;
/// A resend is no further ahead of what is sent than this.
const AHEAD: Duration = Duration::from_hours(1);
/// One with a pace of its own is no further ahead than this, so that pausing it is felt soon.
const PACED_AHEAD: Duration = Duration::from_secs(15);
/// The time between two looks for resends that no process works on.
const LOOK_EVERY: Duration = Duration::from_secs(10);
/// The longest pause of a resend that waits, shorter than its lease.
const PAUSE_MAX: Duration = Duration::from_secs(10);
/// The pause while deliveries of an endpoint are still being held.
const SETTLING: Duration = Duration::from_millis(100);
/// The steps of one process at the same time.
const STEPS: usize = 2;

/// Before and after all events.
const FIRST: EventId = EventId::from_uuid(Uuid::nil());
const LAST: EventId = EventId::from_uuid(Uuid::max());

/// The turns of steps: accounts take turns, so that one with many resends waits behind itself.
#[derive(Debug)]
pub(crate) struct Turns(FairQueue<AccountId>);

impl Default for Turns {
    fn default() -> Self {
        let many = usize::MAX;
        Self(FairQueue::new(Bounds { places: STEPS, waiting_per_client: many, waiting: many, patience: PAUSE_MAX }))
    }
}

impl Turns {
    /// Waits for a turn. One that does not come in time is asked for anew, from the end.
    async fn take(&self, account: AccountId) -> Place<AccountId> {
        loop {
            if let Ok(place) = self.0.enter(account).await {
                return place;
            }
        }
    }
}

/// What comes after a step.
enum Next {
    /// Another one, after a pause.
    Step(Duration),
    /// The end.
    End(Progress),
    /// Another process, or a person, has taken the resend over.
    Lost,
}

/// Takes up resends that no process works on, until the engine stops.
pub(crate) async fn take_up(service: Arc<Service>, stop: CancellationToken) {
    let looking = async {
        loop {
            match take_orphans(&service).await {
                Ok(orphans) => orphans.into_iter().for_each(|leased| work(&service, leased)),
                Err(Error::Database(error)) if service.delivery.trouble.report(&error) => {}
                Err(error) => tracing::warn!(%error, "resends could not be taken up; trying again"),
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    };
    stop.run_until_cancelled(looking).await;
}

/// Works on a resend in a task of its own.
pub(super) fn work(service: &Arc<Service>, leased: Leased) {
    let service = Arc::clone(service);
    tokio::spawn(async move {
        let stop = service.delivery.shutdown.begun.clone();
        let mut leased = leased;
        let worked = match stop.run_until_cancelled(steps(&service, &mut leased)).await {
            Some(worked) => worked,
            // Another process goes on at once.
            None => leased.give_back(&service).await,
        };
        if let Err(error) = worked
            && !matches!(&error, Error::Database(error) if service.delivery.trouble.report(error))
        {
            tracing::warn!(%error, "a resend could not go on; it is taken up again when its lease has ended");
        }
    });
}

/// Takes steps to the end.
async fn steps(service: &Arc<Service>, leased: &mut Leased) -> Result<()> {
    loop {
        let turn = service.resend_turns.take(leased.account).await;
        let next = leased.step(service).await?;
        drop(turn);
        match next {
            Next::Lost => return Ok(()),
            Next::End(progress) => return leased.end(service, progress).await,
            Next::Step(pause) => tokio::time::sleep(pause).await,
        }
    }
}

impl Leased {
    async fn step(&mut self, service: &Arc<Service>) -> Result<Next> {
        let Some(filter) = self.filter.clone() else { return Ok(Next::End(Progress::Failed(Failure::Unreadable))) };
        let Some((endpoint, after)) = self.place(service, &filter).await? else {
            return Ok(Next::End(Progress::Finished));
        };
        if self.verb == Verb::Send
            && let Some(pause) = self.lead(service, endpoint).await?
        {
            return self.wait(service, pause).await;
        }
        let found = self.find(service, Filter { endpoint: Some(endpoint), ..filter.clone() }, after).await;
        let found = match found {
            Ok(found) => found,
            // The rows of the endpoint are gone.
            Err(Error::EndpointNotFound) => return Ok(Next::End(Progress::Failed(Failure::Deleted))),
            Err(error) => return Err(error),
        };
        let mut tx = service.db.begin().await?;
        // One release at a time; and retention, which removes the bodies of closed deliveries,
        // shares the lock.
        let cache = &service.delivery.endpoint_cache;
        let lock = if self.verb == Verb::Send { Lock::Exclusive } else { Lock::Shared };
        let snapshot = cache.load_locked(&mut tx, &[self.account], lock).await?;
        let now = service.clock.now();
        let obstacle = match snapshot.endpoint(self.account, endpoint) {
            None => Err(Failure::Deleted),
            Some(view) if view.disabled && self.verb == Verb::Send => Err(Failure::Disabled),
            Some(view) if view.enabling => {
                tx.roll_back().await;
                return self.wait(service, SETTLING).await;
            }
            Some(view) => Ok(view),
        };
        let mut step = Step { at: Some((endpoint, found.last.unwrap_or(LAST))), ..Step::default() };
        let mut pause = Duration::ZERO;
        match obstacle {
            Err(failure) if filter.endpoint.is_some() => return Ok(Next::End(Progress::Failed(failure))),
            // The other endpoints go on.
            Err(_) => step.at = Some((endpoint, LAST)),
            Ok(view) => {
                step.found = found.matching;
                let line = Line { account: self.account, view, states: &found.states, pace: self.pace };
                if self.verb == Verb::Discard {
                    step.sent = discard(&mut tx, self.account, &found.ids, now).await?;
                } else if !found.ids.is_empty() {
                    let (sent, until) = send(service, &mut tx, line, &found.ids).await?;
                    step.sent = sent;
                    pause = self.too_far(until, now).unwrap_or_default();
                }
            }
        }
        if !self.advance(&mut tx, step, now).await? {
            tx.roll_back().await;
            return Ok(Next::Lost);
        }
        tx.notify().await?;
        tx.commit().await?;
        fault::point("after_step");
        service.delivery.wake.notify_one();
        self.at = step.at;
        Ok(Next::Step(pause))
    }

    /// Renews the lease, and pauses.
    async fn wait(&self, service: &Service, pause: Duration) -> Result<Next> {
        let now = service.clock.now();
        let mut tx = service.db.begin().await?;
        let is_ours = self.advance(&mut tx, Step::default(), now).await?;
        tx.commit().await?;
        Ok(if is_ours { Next::Step(pause) } else { Next::Lost })
    }

    /// The pause of a resend that is far enough ahead of what was sent to an endpoint, whichever
    /// process has put it into the line.
    async fn lead(&self, service: &Service, endpoint: EndpointId) -> Result<Option<Duration>> {
        const SQL: &str = "SELECT released_until FROM endpoints WHERE account_id = $1 AND id = $2";
        let mut conn = service.db.read(Pool::Lookups).await?;
        let until: Option<Option<Timestamp>> =
            conn.query(SQL).bind(self.account).bind(endpoint).fetch_optional_value().await?;
        Ok(until.flatten().and_then(|until| self.too_far(until, service.clock.now())))
    }

    /// The pause of a resend whose line ends at this instant, if that is too far ahead.
    fn too_far(&self, until: Timestamp, now: Timestamp) -> Option<Duration> {
        let ahead = if self.pace.is_some() { PACED_AHEAD } else { AHEAD };
        let pause = until.since(now).saturating_sub(ahead).min(PAUSE_MAX);
        (!pause.is_zero()).then_some(pause)
    }

    /// The deliveries that one step sends.
    fn batch(&self) -> u32 {
        self.pace.map_or(BATCH, |pace| pace.within(PACED_AHEAD).min(BATCH))
    }

    /// The endpoint at which the resend goes on, and the event behind which.
    async fn place(&self, service: &Service, filter: &Filter) -> Result<Option<(EndpointId, EventId)>> {
        const NEXT: &str = "SELECT id FROM endpoints WHERE account_id = $1 AND id > $2 AND deleted_at IS NULL
             ORDER BY id LIMIT 1";
        let is_done = |event: EventId| event == LAST;
        match (filter.endpoint, self.at) {
            (Some(_), Some((_, event))) if is_done(event) => Ok(None),
            (_, Some((endpoint, event))) if !is_done(event) => Ok(Some((endpoint, event))),
            (Some(endpoint), _) => Ok(Some((endpoint, FIRST))),
            (None, at) => {
                let after = at.map_or(EndpointId::from_uuid(Uuid::nil()), |(endpoint, _)| endpoint);
                let mut conn = service.db.read(Pool::Pages).await?;
                let query = conn.query(NEXT).bind(self.account).bind(after);
                let next: Option<EndpointId> = query.fetch_optional_value().await?;
                Ok(next.map(|endpoint| (endpoint, FIRST)))
            }
        }
    }

    /// The next deliveries that match.
    async fn find(&self, service: &Arc<Service>, filter: Filter, after: EventId) -> Result<Found> {
        let actor = Operator::signet().in_account(self.account);
        let account = AccountHandle::new(service, &actor);
        let mut tx = service.db.snapshot(Pool::Pages).await?;
        let search = account.search(&mut tx, &filter, Order::OldestFirst).await?;
        let mut span = filter.span();
        if after != FIRST {
            span.first = span.first.max(EventId::from_uuid(Uuid::from_u128(after.uuid().as_u128().saturating_add(1))));
        }
        let batch = self.batch();
        let each = if search.is_residual() { LOOKED_AT } else { batch };
        let edge = search.edge(&mut tx, span, each).await?;
        let before = edge.map_or(span.before, |edge| span.before.min(Position::beyond(edge)));
        let rows = search.rows(&mut tx, Span { before, each, ..span }, batch).await?;
        tx.commit().await?;
        let is_full = rows.len() == batch as usize;
        let last = if is_full { rows.last().and_then(Row::position).map(|at| at.event) } else { edge };
        let mut found = Found { matching: rows.len() as u64, last, ..Found::default() };
        for (id, state) in rows.iter().filter_map(Row::sendable) {
            found.ids.push(id);
            if !found.states.contains(&state) {
                found.states.push(state);
            }
        }
        Ok(found)
    }
}

/// What a step has found.
#[derive(Debug, Default)]
struct Found {
    matching: u64,
    /// Those that can be sent, in the order of acceptance, and the states in which they are.
    ids: Vec<DeliveryId>,
    states: Vec<State>,
    /// The last event that was looked at; `None` at the end.
    last: Option<EventId>,
}

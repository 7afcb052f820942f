//! Sending again what a filter selects, as a task with progress: a *resend*. Recovering is a
//! resend of failed deliveries. What is held can be discarded in the same way: the same steps,
//! progress and pause, with another end ([`Verb`]).
//!
//! A resend takes endpoint after endpoint, and of each the deliveries in the order of
//! acceptance, some in a [step](step) of its own transaction. The step stores how far it has
//! come, so that any process can go on after a crash: the process that works on a resend has
//! its lease, and renews it with each step. Steps of all resends of a process take turns.
//!
//! What is sent waits for its turn at the endpoint's release rate, or at a slower pace that a
//! person chose. A resend that is far ahead of that waits, so that stopping it leaves the rest as
//! it is; one with a pace of its own is never more than seconds ahead. A person can pause it,
//! which is stored, and let it go on later, from wherever it has come.

mod pace;
mod store;
mod worker;

use std::{sync::Arc, time::Duration};

use signet_model::{AccountId, EndpointId, ResendId, Subscriptions, Timestamp, delivery::State};

use super::{AccountHandle, EndpointHandle, Error, Result, Service, deliveries::Filter};
use crate::{actor::Actor, audit::Action, db, deliver::drain::drain};

pub use pace::{Pace, PaceError};
pub(super) use store::forget_task;
pub use store::{Failure, Progress};
#[cfg(test)]
pub(super) use store::{LIST, ORPHANS, PRUNE, RUNNING};
pub(crate) use worker::{Turns, take_up};

/// The resends of one account that run at a time.
pub const RUNNING_MAX: usize = 5;
/// The resends of one account that are kept: the newest.
pub(super) const KEPT: i64 = 100;
/// The time between two looks at a resend that is waited for, at first and at last.
const LOOKS: [Duration; 2] = [Duration::from_millis(10), Duration::from_millis(500)];
/// The time for which a recovery is waited for before its progress is told instead.
const RECOVERY_WAIT: Duration = Duration::from_secs(5);

/// Deliveries that are, or were, sent again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resend {
    /// Its id.
    pub id: ResendId,
    /// The endpoint; `None` means all of the account.
    pub endpoint: Option<EndpointId>,
    /// The deliveries that it is about; `None` if this version cannot read that, or if the task
    /// that it named was erased.
    pub filter: Option<Filter>,
    /// What is done with them.
    pub verb: Verb,
    /// How far it has come.
    pub progress: Progress,
    /// The pace that was chosen for it; without one it goes as fast as the server releases.
    pub pace: Option<Pace>,
    /// The deliveries that were counted before it began, if they were not too many.
    pub expected: Option<u64>,
    /// The deliveries that it has found.
    pub found: u64,
    /// Those of them that wait for their turn, or were sent since; or that were discarded.
    pub sent: u64,
    /// Those that were left as they were: tests, those that were pending, and, where they are to be
    /// sent, those without a body.
    pub skipped: u64,
    /// The instant of its begin. Events that were accepted later are left out.
    pub created_at: Timestamp,
    /// The instant of its end.
    pub ended_at: Option<Timestamp>,
}

/// What is done with the deliveries of a resend.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Verb {
    /// They are sent again.
    #[default]
    Send,
    /// Those that are held are discarded, also while their endpoint is disabled.
    Discard,
}

impl Verb {
    /// The entry in the audit log with which it begins.
    const fn action(self) -> Action {
        match self {
            Self::Send => Action::ResendBegun,
            Self::Discard => Action::HeldDiscarded,
        }
    }

    /// The text in the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Send => "send",
            Self::Discard => "discard",
        }
    }
}

/// How a resend is to go.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Plan {
    /// What it does.
    pub verb: Verb,
    /// Slower than the server releases.
    pub pace: Option<Pace>,
    /// The deliveries that it is expected to find.
    pub expected: Option<u64>,
}

/// A resend was not begun.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The endpoint is disabled.
    #[error("This webhook is disabled. Re-enable it first.")]
    Disabled,
    /// Another resend is at work there.
    #[error("Deliveries of this webhook are being sent again already. Wait until that has ended, or stop it.")]
    UnderWay(ResendId),
    /// The account has as many at work as it may.
    #[error("{RUNNING_MAX} resends are under way. Wait until one of them has ended, or stop it.")]
    TooMany,
    /// The database failed, or there is no such endpoint.
    #[error(transparent)]
    Store(#[from] Error),
}

impl From<db::Error> for StartError {
    fn from(error: db::Error) -> Self {
        Self::Store(error.into())
    }
}

impl<'e> AccountHandle<'e> {
    /// The resends of the account.
    pub const fn resends(self) -> Resends<'e> {
        Resends { service: self.service, actor: self.actor, account: self.id }
    }

    /// One resend of the account.
    pub const fn resend(self, id: ResendId) -> ResendHandle<'e> {
        ResendHandle { service: self.service, actor: self.actor, account: self.id, id }
    }
}

/// The resends of an account.
#[derive(Debug, Clone, Copy)]
pub struct Resends<'e> {
    service: &'e Arc<Service>,
    actor: &'e Actor,
    account: AccountId,
}

impl Resends<'_> {
    /// Begins to send again what a filter selects: everything that was accepted until now, is
    /// not pending, and is no test. Goes on if no caller waits for it.
    ///
    /// # Errors
    /// The endpoint that the filter names is disabled, or does not exist; or the account has
    /// enough under way.
    pub async fn start(self, filter: Filter) -> Result<Resend, StartError> {
        self.start_as(filter, Plan::default()).await
    }

    /// Begins to send again likewise, as a plan says.
    ///
    /// # Errors
    /// See [`Resends::start`].
    pub async fn start_as(self, mut filter: Filter, plan: Plan) -> Result<Resend, StartError> {
        let account = AccountHandle::new(self.service, self.actor);
        if plan.verb == Verb::Discard {
            filter.state = Some(State::Held);
        }
        if let Some(endpoint) = filter.endpoint {
            if account.endpoint(endpoint).get().await?.disabled.is_some() && plan.verb == Verb::Send {
                return Err(StartError::Disabled);
            }
            self.actor.check(plan.verb.action().permission())?;
            drain(&self.service.delivery, self.account, endpoint).await?;
        }
        let leased = store::insert(self.service, self.actor, filter, plan).await?;
        let id = leased.id;
        worker::work(self.service, leased);
        Ok(account.resend(id).get().await?)
    }

    /// Lists those after one, newest first, at most `limit`.
    pub async fn list(self, after: Option<ResendId>, limit: u32) -> Result<Vec<Resend>> {
        store::list(self.service, self.account, after, limit).await
    }

    /// Lists those that have not ended, oldest first: a few.
    pub async fn under_way(self) -> Result<Vec<Resend>> {
        store::under_way(self.service, self.account).await
    }
}

/// One resend of an account.
#[derive(Debug, Clone, Copy)]
pub struct ResendHandle<'e> {
    service: &'e Arc<Service>,
    actor: &'e Actor,
    account: AccountId,
    id: ResendId,
}

impl ResendHandle<'_> {
    /// The resend itself.
    pub async fn get(self) -> Result<Resend> {
        store::get(self.service, self.account, self.id).await
    }

    /// Stops it; what waits for its turn already is sent. A resend that has ended stays as it is.
    pub async fn stop(self) -> Result<Resend> {
        store::stop(self.service, self.actor, self.id).await?;
        self.get().await
    }

    /// Pauses it; what waits for its turn already is sent. Anything but a resend that is at work
    /// stays as it is.
    pub async fn pause(self) -> Result<Resend> {
        store::pause(self.service, self.actor, self.id).await?;
        self.get().await
    }

    /// Lets it go on if it is paused.
    pub async fn resume(self) -> Result<Resend> {
        if let Some(leased) = store::resume(self.service, self.actor, self.id).await? {
            worker::work(self.service, leased);
        }
        self.get().await
    }

    /// Waits until it has ended or is paused, for at most `limit`, and returns it as it is then.
    pub async fn await_end(self, limit: Duration) -> Result<Resend> {
        let deadline = tokio::time::Instant::now() + limit;
        let [mut pause, longest] = LOOKS;
        loop {
            let resend = self.get().await?;
            let next = tokio::time::Instant::now() + pause;
            if resend.progress != Progress::Running || next > deadline {
                return Ok(resend);
            }
            tokio::time::sleep_until(next).await;
            pause = (pause * 2).min(longest);
        }
    }
}

impl EndpointHandle<'_> {
    /// Begins to put failed deliveries of these types back, of events that were accepted since
    /// then: paced, in the order of acceptance, with a new round of retries.
    pub async fn start_recovery(
        self,
        since: Timestamp,
        types: &Subscriptions,
        plan: Plan,
    ) -> Result<Resend, StartError> {
        let filter = self.failed_since(since, types).await?;
        AccountHandle::new(self.service, self.actor).resends().start_as(filter, plan).await
    }

    /// Begins to put failed deliveries back likewise, and waits a little until that is done.
    pub async fn recover(self, since: Timestamp, types: &Subscriptions) -> Result<Resend, StartError> {
        let resend = self.start_recovery(since, types, Plan::default()).await?;
        let resend = AccountHandle::new(self.service, self.actor).resend(resend.id).await_end(RECOVERY_WAIT).await?;
        match resend.progress {
            Progress::Failed(Failure::Disabled) if resend.sent == 0 => Err(StartError::Disabled),
            _ => Ok(resend),
        }
    }

    /// Begins to discard what is held of these types, also while the endpoint is disabled.
    pub async fn start_discard(self, types: &Subscriptions) -> Result<Resend, StartError> {
        let mut filter = Filter { endpoint: Some(self.id), state: Some(State::Held), ..Filter::default() };
        if *types != Subscriptions::all() {
            self.get().await?;
            filter.event_types = Some(self.types_among(State::Held, types).await?.into_iter().collect());
        }
        let plan = Plan { verb: Verb::Discard, ..Plan::default() };
        AccountHandle::new(self.service, self.actor).resends().start_as(filter, plan).await
    }

    /// The filter of failed deliveries of these types.
    async fn failed_since(self, since: Timestamp, types: &Subscriptions) -> Result<Filter> {
        let mut filter =
            Filter { endpoint: Some(self.id), state: Some(State::Failed), since: Some(since), ..Filter::default() };
        if *types != Subscriptions::all() {
            filter.event_types = Some(self.types_among(State::Failed, types).await?.into_iter().collect());
        }
        Ok(filter)
    }
}

//! The one task that commits on the hot path: events, balances and the outcomes of attempts
//! share their transactions.
//!
//! Producers wait for the commit of their requests; no task waits for that of an outcome.
//! Outcomes therefore wait a little for a request to share its commit with, so that under
//! load recording costs no commits of its own. Events that make more deliveries than a
//! commit takes go into several commits, with those of other accounts in between.

use std::{collections::HashSet, sync::Arc, time::Duration};

use signet_model::AccountId;
use tokio::{
    sync::mpsc::{Receiver, UnboundedReceiver},
    time::{Instant, error::Elapsed, sleep_until, timeout, timeout_at},
};
use tokio_util::task::task_tracker::TaskTrackerToken;

use super::{
    Context,
    commit::{Changes, Committed, commit_batch},
    endpoint_cache::Snapshot,
    ingest::IngestError,
    locked_accounts::LockedAccounts,
    outcome::Decided,
    request_queue::{REQUESTS_MAX, RequestBatch, RequestQueue, WriteRequest},
};
use crate::{
    fault, metrics,
    queue::{HotPath, Queue, WriteError},
};

/// Outcomes in one commit.
const OUTCOMES_MAX: usize = 256;
/// The time that outcomes wait for others, or for events, to share a commit. It delays no
/// delivery: the attempts have been made, and their slots are free.
const GATHER_TIME: Duration = Duration::from_millis(5);
/// The time that they wait longer if they are many: then more are about to come.
const GATHER_CROWD_TIME: Duration = Duration::from_millis(15);
/// The smallest crowd. A commit waits for as many requests as the last one had, if it had
/// that many: their producers are about to send the next ones, and a commit costs more than
/// the wait.
const CROWD_MIN: usize = 8;
/// The limit of this wait.
const CROWD_WAIT_MAX: Duration = Duration::from_millis(1);
/// The time that a commit may take, and that an account may be locked, before the requests
/// that wait for it are answered with `Overloaded`.
const STORE_TIME_MAX: Duration = Duration::from_secs(5);
/// The time that recording outcomes may take. It is long, since no producer waits; but a
/// database server can vanish without closing its connections.
const RECORD_TIME_MAX: Duration = Duration::from_mins(1);
/// The delay before outcomes that could not be written are tried again.
const RETRY_DELAY_MIN: Duration = Duration::from_millis(20);
const RETRY_DELAY_MAX: Duration = Duration::from_secs(2);

/// Writes requests and outcomes until the engine stops, and then the rest of them.
pub(super) async fn write(
    context: Arc<Context>,
    incoming_requests: UnboundedReceiver<Vec<WriteRequest>>,
    incoming_outcomes: Receiver<Decided>,
) {
    let writer = Writer {
        queue: context.queue.clone(),
        storing: Some(context.attempts.token()),
        context,
        incoming_requests,
        incoming_outcomes,
        requests: RequestQueue::default(),
        locked: LockedAccounts::default(),
        outcomes: Vec::new(),
        deferred_outcomes: Vec::new(),
        record_at: Instant::now(),
        may_wait_longer: false,
        retry_delay: RETRY_DELAY_MIN,
        expected_requests: 0,
    };
    writer.run().await;
}

struct Writer {
    context: Arc<Context>,
    queue: Queue,
    incoming_requests: UnboundedReceiver<Vec<WriteRequest>>,
    incoming_outcomes: Receiver<Decided>,
    /// Held until the requests that wait at the stop are stored, each of which can begin
    /// attempts.
    storing: Option<TaskTrackerToken>,
    /// Requests taken from the channel and not yet stored.
    requests: RequestQueue,
    /// Accounts that other transactions have locked.
    locked: LockedAccounts,
    /// Outcomes taken from the channel and not yet recorded.
    outcomes: Vec<Decided>,
    /// Outcomes that wait for a locked account.
    deferred_outcomes: Vec<Decided>,
    /// The instant at which outcomes are recorded, if no request comes before.
    record_at: Instant,
    /// Outcomes may wait longer then, if they are many.
    may_wait_longer: bool,
    /// The delay after the next failure to record them.
    retry_delay: Duration,
    /// The requests of the last commit, and those that came during it.
    expected_requests: usize,
}

/// The outcomes that a transaction writes beside changes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Share {
    Alone,
    WithOutcomes,
}

/// The reason for which the writer wakes up.
enum Wakeup {
    Requests,
    OutcomesDue,
    Retry,
    Stop,
}

impl Writer {
    async fn run(mut self) {
        while let Some(wakeup) = self.wait().await {
            match wakeup {
                Wakeup::Stop => {}
                Wakeup::Requests => self.write_requests().await,
                Wakeup::OutcomesDue => self.record().await,
                Wakeup::Retry => self.retry().await,
            }
        }
    }

    /// Waits for work. Returns `None` once no more can come.
    async fn wait(&mut self) -> Option<Wakeup> {
        let mut ended = Vec::new();
        loop {
            fault::point("writer_round");
            self.context.rounds.writer_begins();
            self.give_up_locked();
            if self.incoming_requests.is_closed() && self.incoming_requests.is_empty() && self.requests.is_empty() {
                self.storing = None;
            }
            if self.storing.is_none() && self.is_recorded() {
                return None;
            }
            let is_ready = self.requests.is_ready(&self.locked, Instant::now());
            let retry_at = self.retry_at();
            tokio::select! {
                biased;
                () = self.context.shutdown.begun.cancelled(), if !self.incoming_requests.is_closed() => {
                    self.incoming_requests.close();
                    return Some(Wakeup::Stop);
                }
                () = self.context.no_more_outcomes(), if !self.incoming_outcomes.is_closed() => {
                    self.incoming_outcomes.close();
                    return Some(Wakeup::OutcomesDue);
                }
                () = std::future::ready(()), if is_ready => return Some(Wakeup::Requests),
                Some(requests) = self.incoming_requests.recv() => {
                    self.requests.push(requests, &self.locked);
                }
                () = sleep_until(retry_at.unwrap_or_else(Instant::now)), if retry_at.is_some() => {
                    return Some(Wakeup::Retry);
                }
                () = sleep_until(self.record_at), if !self.outcomes.is_empty() => {
                    self.gather_outcomes();
                    let many = (CROWD_MIN..OUTCOMES_MAX).contains(&self.outcomes.len());
                    if !(many && std::mem::take(&mut self.may_wait_longer)) {
                        return Some(Wakeup::OutcomesDue);
                    }
                    self.record_at += GATHER_CROWD_TIME;
                }
                _ = self.incoming_outcomes.recv_many(&mut ended, OUTCOMES_MAX), if self.outcomes.is_empty() && !self.is_drained() => {
                    self.may_wait_longer = !self.incoming_outcomes.is_closed();
                    self.record_at = Instant::now() + if self.may_wait_longer { GATHER_TIME } else { Duration::ZERO };
                    for decided in ended.drain(..) {
                        self.add_outcome(decided);
                    }
                }
            }
        }
    }

    /// Tells whether no more outcomes can come.
    fn is_drained(&self) -> bool {
        self.incoming_outcomes.is_closed() && self.incoming_outcomes.is_empty()
    }

    /// Tells whether none is left to record either.
    fn is_recorded(&self) -> bool {
        self.is_drained() && self.outcomes.is_empty() && self.deferred_outcomes.is_empty()
    }

    /// Returns the instant at which a locked account is tried again.
    fn retry_at(&self) -> Option<Instant> {
        if self.deferred_outcomes.is_empty() && self.locked.is_empty() {
            return None;
        }
        let now = Instant::now();
        let waiting = self.deferred_outcomes.iter().map(|one| one.completion.account).chain(self.requests.accounts());
        waiting.map(|account| self.locked.retry_at(account).unwrap_or(now)).min()
    }

    /// Refuses requests that have waited too long for a locked account. Outcomes go on waiting.
    fn give_up_locked(&mut self) {
        if self.locked.is_empty() {
            return;
        }
        for account in self.locked.take_locked_for(STORE_TIME_MAX, Instant::now()) {
            tracing::warn!(%account, "another transaction keeps the account locked; its events are refused");
            self.requests.refuse(account, IngestError::Overloaded);
        }
    }

    /// Takes the outcomes that have come, as far as they fit into a commit.
    fn gather_outcomes(&mut self) {
        if !self.deferred_outcomes.is_empty() {
            let now = Instant::now();
            let free =
                self.deferred_outcomes.extract_if(.., |one| !self.locked.is_backing_off(one.completion.account, now));
            self.outcomes.extend(free);
        }
        while self.outcomes.len() < OUTCOMES_MAX
            && let Ok(decided) = self.incoming_outcomes.try_recv()
        {
            self.add_outcome(decided);
        }
    }

    fn add_outcome(&mut self, decided: Decided) {
        let waits =
            decided.depends_on_endpoints() && self.locked.is_backing_off(decided.completion.account, Instant::now());
        if waits { &mut self.deferred_outcomes } else { &mut self.outcomes }.push(decided);
    }

    /// Takes the requests that wait, as far as they fit into a commit.
    async fn gather_requests(&mut self) -> RequestBatch {
        let deadline = Instant::now() + CROWD_WAIT_MAX;
        loop {
            while let Ok(requests) = self.incoming_requests.try_recv() {
                self.requests.push(requests, &self.locked);
            }
            if self.requests.len() >= self.expected_requests.min(REQUESTS_MAX) || self.expected_requests < CROWD_MIN {
                break;
            }
            match timeout_at(deadline, self.incoming_requests.recv()).await {
                Ok(Some(requests)) => self.requests.push(requests, &self.locked),
                _ => break,
            }
        }
        let now = Instant::now();
        let accounts: Vec<_> = self.requests.ready(&self.locked, now).collect();
        let snapshot = self.views(&accounts).await;
        self.requests.take(&self.locked, now, |incoming| incoming.fanout(&snapshot))
    }

    /// Returns these accounts as the cache has them, to tell how large a commit will be. The
    /// commit itself reports a database that fails now.
    async fn views(&self, accounts: &[AccountId]) -> Snapshot {
        match timeout(STORE_TIME_MAX, self.context.endpoint_cache.cached(&self.context.queue, accounts)).await {
            Ok(Ok(snapshot)) => snapshot,
            Ok(Err(_)) | Err(_) => Snapshot::default(),
        }
    }

    /// Tries locked accounts again.
    async fn retry(&mut self) {
        if self.requests.is_ready(&self.locked, Instant::now()) {
            self.write_requests().await;
        } else {
            self.record().await;
        }
    }

    /// Writes requests and outcomes, and answers the requests.
    async fn write_requests(&mut self) {
        let batch = self.gather_requests().await;
        self.gather_outcomes();
        // Events stored along with the disabling of an endpoint would not see it disabled.
        if self.outcomes.iter().any(Decided::disables) {
            self.record().await;
        }
        if batch.len() == 0 {
            return self.record().await;
        }
        let stored = self.store(&batch.changes).await;
        self.expected_requests = batch.len() + self.requests.len() + self.incoming_requests.len();
        let count = batch.len();
        match stored {
            Ok(Ok(committed)) => self.answer(batch, committed),
            Ok(Err(error)) => {
                if !self.reports(&error) {
                    tracing::error!(%error, count, "events could not be stored");
                }
                batch.refuse(IngestError::Store);
            }
            // The commit may still succeed, as after every answer that is lost.
            Err(_) => {
                if !self.context.trouble.report_silence() {
                    tracing::warn!(count, "the store does not keep up; events are refused");
                }
                batch.refuse(IngestError::Overloaded);
                self.commit_failed();
                self.turn_away();
                self.queue.renew();
            }
        }
    }

    /// Answers the requests that were stored, and puts back those of locked accounts.
    fn answer(&mut self, batch: RequestBatch, committed: Committed) {
        let Committed { stored, balances, locked } = committed;
        let answers = stored.send(&self.context);
        let (put_back, free) = batch.answer(answers, balances, &locked);
        self.requests.put_back(put_back);
        if !self.locked.is_empty() {
            for account in free {
                self.locked.found_free(account);
            }
        }
    }

    /// Writes changes, and outcomes along with them.
    async fn store(&mut self, changes: &Changes) -> Result<Result<Committed, WriteError>, Elapsed> {
        let share = if self.outcomes.iter().any(Decided::disables) { Share::Alone } else { Share::WithOutcomes };
        match timeout(STORE_TIME_MAX, self.write_batch(changes, share)).await? {
            Ok(committed) => Ok(Ok(committed)),
            // The connection may have been broken before, or the database refuses the outcomes.
            Err(WriteError::RolledBack(error)) => {
                if !self.context.trouble.report(&error) {
                    tracing::warn!(%error, events = changes.events.len(), "events could not be stored; trying again");
                }
                timeout(STORE_TIME_MAX, self.write_batch(changes, Share::Alone)).await
            }
            Err(unconfirmed) => Ok(Err(unconfirmed)),
        }
    }

    /// Writes changes and outcomes in one transaction.
    async fn write_batch(&mut self, changes: &Changes, share: Share) -> Result<Committed, WriteError> {
        let outcomes = match share {
            Share::Alone => &[],
            Share::WithOutcomes => self.outcomes.as_slice(),
        };
        let written = commit_batch(&self.context, &mut self.queue, changes, outcomes).await;
        if let Ok(committed) = &written {
            self.context.last_commit.succeeded();
            let now = Instant::now();
            for &account in &committed.locked {
                self.locked.found_locked(account, now);
            }
            if share == Share::WithOutcomes {
                self.recorded(&committed.locked);
            }
        } else {
            self.commit_failed();
            self.queue.renew();
        }
        written
    }

    /// Refuses all requests that wait: the database takes none at this moment, and each
    /// batch would only wait as long again.
    fn turn_away(&mut self) {
        self.requests.refuse_all(IngestError::Overloaded);
        while let Ok(requests) = self.incoming_requests.try_recv() {
            for entry in requests {
                entry.refuse(IngestError::Overloaded);
            }
        }
    }

    /// Records outcomes alone, and keeps them while the database is away: a delivery whose
    /// outcome is lost is attempted again.
    async fn record(&mut self) {
        self.gather_outcomes();
        if self.outcomes.is_empty() {
            return;
        }
        let (error, is_told) =
            match timeout(RECORD_TIME_MAX, self.write_batch(&Changes::default(), Share::WithOutcomes)).await {
                Ok(Ok(_)) => (None, false),
                Ok(Err(error)) => (Some(error.to_string()), self.reports(&error)),
                Err(_) => {
                    self.commit_failed();
                    self.queue.renew();
                    (Some("the database does not answer".to_owned()), self.context.trouble.report_silence())
                }
            };
        if let Some(error) = error {
            if !is_told {
                tracing::warn!(error, outcomes = self.outcomes.len(), "outcomes could not be recorded; trying again");
            }
            self.record_at = Instant::now() + self.retry_delay;
            self.retry_delay = (self.retry_delay * 2).min(RETRY_DELAY_MAX);
        }
    }

    /// Reports trouble of the database. Returns `false` if it is a failure of this commit alone.
    fn reports(&self, error: &WriteError) -> bool {
        let (WriteError::RolledBack(error) | WriteError::Unconfirmed(error)) = error;
        self.context.trouble.report(error)
    }

    fn commit_failed(&self) {
        if let Some(room) = metrics::room() {
            room.commits_failed.increment(1);
        }
        self.context.last_commit.failed(self.context.clock.now());
    }

    /// Keeps the outcomes whose account was locked, and drops the others.
    fn recorded(&mut self, locked: &HashSet<AccountId>) {
        for decided in self.outcomes.drain(..).filter(Decided::depends_on_endpoints) {
            if locked.contains(&decided.completion.account) {
                self.deferred_outcomes.push(decided);
            } else {
                self.locked.found_free(decided.completion.account);
            }
        }
        self.retry_delay = RETRY_DELAY_MIN;
    }
}

#[cfg(test)]
mod tests;

//! The one task that writes on the hot path: accepted events, reports of balances, and
//! what came of attempts, share their commits.
//!
//! Requests wait for their commit, outcomes do not: what finds only outcomes
//! waits a little for a request to share its commit with, so that under load
//! recording costs no commits of its own. A request whose events make more deliveries
//! than a commit takes goes into several, and those of other accounts in between.

use std::{collections::HashSet, sync::Arc, time::Duration};

use signet_model::AccountId;
use tokio::{
    sync::mpsc::{Receiver, UnboundedReceiver},
    time::{Instant, error::Elapsed, sleep_until, timeout, timeout_at},
};
use tokio_util::sync::CancellationToken;

use super::{
    commit::{Changes, Committed, commit_batch},
    endpoint_cache::Views,
    ingest::IngestError,
    locked_accounts::LockedAccounts,
    outcome::Judged,
    request_queue::{ENTRIES_MAX, Entry, Pending, Taken},
};
use crate::{
    engine::Parts,
    queue::{HotConnection, NotWritten},
};

/// The most outcomes in one commit.
const MOST_OUTCOMES: usize = 256;
/// How long outcomes wait for others, or for events, to share their commit.
/// Nothing waits for them meanwhile: the delivery has been made and its place is free.
const GATHER: Duration = Duration::from_millis(5);
/// How much longer they wait where they are many: then many more are about to come.
const GATHER_CROWD: Duration = Duration::from_millis(15);
/// What is a crowd. A commit waits for as many requests as there were last time, if
/// they were that many: their producers are about to send the next, and a commit
/// costs more than the wait.
const SMALLEST_CROWD: usize = 8;
/// How long it waits for them at most.
const CROWD_WAIT: Duration = Duration::from_millis(1);
/// How long a commit may take, and an account be locked, before those who wait for it are
/// told to come back.
const STORE_LIMIT: Duration = Duration::from_secs(5);
/// How long the recording of outcomes may take: disabling an endpoint holds all that
/// waits for it, but a server can be gone without a word.
const RECORD_LIMIT: Duration = Duration::from_mins(1);
/// How long to wait before outcomes that could not be written are tried again.
const FIRST_PAUSE: Duration = Duration::from_millis(20);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// When to stop.
#[derive(Debug, Clone, Default)]
pub(crate) struct Stops {
    /// Take no more requests.
    pub(crate) quit: CancellationToken,
    /// Told when those that were waiting have been stored.
    pub(crate) stored: CancellationToken,
    /// No more outcomes will come.
    pub(crate) drained: CancellationToken,
}

/// Writes what is waiting, until told to stop; then writes the rest.
pub(crate) async fn write(
    engine: Arc<Parts>,
    requests: UnboundedReceiver<Vec<Entry>>,
    finished: Receiver<Judged>,
    stops: Stops,
) {
    let writer = Writer {
        hot: HotConnection::new(&engine.db),
        engine,
        requests,
        finished,
        stops,
        pending: Pending::default(),
        locked: LockedAccounts::default(),
        outcomes: Vec::new(),
        aside: Vec::new(),
        due: Instant::now(),
        patient: false,
        pause: FIRST_PAUSE,
        crowd: 0,
    };
    writer.run().await;
}

struct Writer {
    engine: Arc<Parts>,
    hot: HotConnection,
    requests: UnboundedReceiver<Vec<Entry>>,
    finished: Receiver<Judged>,
    stops: Stops,
    /// What has been taken from the channel of requests and is not stored yet.
    pending: Pending,
    /// Accounts that are left alone for a moment.
    locked: LockedAccounts,
    /// What has been taken from the channel of outcomes and is not recorded yet.
    outcomes: Vec<Judged>,
    /// Those that wait for a locked account.
    aside: Vec<Judged>,
    /// When outcomes are to be recorded, if no request comes before.
    due: Instant,
    /// Whether they may wait longer then, if they are many.
    patient: bool,
    /// How long the next failure to record them makes them wait.
    pause: Duration,
    /// How many entries there were at the last commit: those that it stored, and
    /// those that came meanwhile.
    crowd: usize,
}

/// What goes into a transaction beside changes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Share {
    Alone,
    WithOutcomes,
}

/// What the writer was woken by.
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

    /// Waits for something to do; `None` once nothing more can come.
    async fn wait(&mut self) -> Option<Wakeup> {
        let mut ended = Vec::new();
        loop {
            self.give_up_locked();
            if self.requests.is_closed() && self.requests.is_empty() && self.pending.is_empty() {
                self.stops.stored.cancel();
            }
            let stored = self.stops.stored.is_cancelled();
            if stored && self.is_recorded() {
                return None;
            }
            let is_ready = self.pending.is_ready(&self.locked, Instant::now());
            let retry_at = self.retry_at();
            tokio::select! {
                biased;
                () = self.stops.quit.cancelled(), if !self.requests.is_closed() => {
                    self.requests.close();
                    return Some(Wakeup::Stop);
                }
                () = self.stops.drained.cancelled(), if !self.finished.is_closed() => {
                    self.finished.close();
                    return Some(Wakeup::OutcomesDue);
                }
                () = std::future::ready(()), if is_ready => return Some(Wakeup::Requests),
                Some(entries) = self.requests.recv() => {
                    self.pending.push(entries, &self.locked);
                }
                () = sleep_until(retry_at.unwrap_or_else(Instant::now)), if retry_at.is_some() => {
                    return Some(Wakeup::Retry);
                }
                () = sleep_until(self.due), if !self.outcomes.is_empty() => {
                    self.gather_outcomes();
                    let many = (SMALLEST_CROWD..MOST_OUTCOMES).contains(&self.outcomes.len());
                    if !(many && std::mem::take(&mut self.patient)) {
                        return Some(Wakeup::OutcomesDue);
                    }
                    self.due += GATHER_CROWD;
                }
                _ = self.finished.recv_many(&mut ended, MOST_OUTCOMES), if self.outcomes.is_empty() && !self.is_finished() => {
                    self.patient = !self.finished.is_closed();
                    self.due = Instant::now() + if self.patient { GATHER } else { Duration::ZERO };
                    for judged in ended.drain(..) {
                        self.add_outcome(judged);
                    }
                }
            }
        }
    }

    /// Whether no outcome can come any more.
    fn is_finished(&self) -> bool {
        self.finished.is_closed() && self.finished.is_empty()
    }

    /// Whether none is left either.
    fn is_recorded(&self) -> bool {
        self.is_finished() && self.outcomes.is_empty() && self.aside.is_empty()
    }

    /// When something is tried again that waits for a locked account.
    fn retry_at(&self) -> Option<Instant> {
        if self.aside.is_empty() && self.locked.is_empty() {
            return None;
        }
        let now = Instant::now();
        let waiting = self.aside.iter().map(|one| one.finished.account).chain(self.pending.accounts());
        waiting.map(|account| self.locked.resting_until(account).unwrap_or(now)).min()
    }

    /// Gives up what has waited for too long for a locked account. Outcomes go on waiting.
    fn give_up_locked(&mut self) {
        if self.locked.is_empty() {
            return;
        }
        for account in self.locked.take_locked_for(STORE_LIMIT, Instant::now()) {
            tracing::warn!(%account, "another transaction keeps the account locked; its events are refused");
            self.pending.refuse(account, IngestError::Overloaded);
        }
    }

    /// Takes what has come in the meantime, as far as it fits.
    fn gather_outcomes(&mut self) {
        if !self.aside.is_empty() {
            let now = Instant::now();
            let free = self.aside.extract_if(.., |one| !self.locked.is_resting(one.finished.account, now));
            self.outcomes.extend(free);
        }
        while self.outcomes.len() < MOST_OUTCOMES
            && let Ok(judged) = self.finished.try_recv()
        {
            self.add_outcome(judged);
        }
    }

    fn add_outcome(&mut self, judged: Judged) {
        let waits = judged.concerns_endpoints() && self.locked.is_resting(judged.finished.account, Instant::now());
        if waits { &mut self.aside } else { &mut self.outcomes }.push(judged);
    }

    /// Takes what waits to be stored, as far as it fits into a commit.
    async fn gather_requests(&mut self) -> Taken {
        let deadline = Instant::now() + CROWD_WAIT;
        loop {
            while let Ok(entries) = self.requests.try_recv() {
                self.pending.push(entries, &self.locked);
            }
            if self.pending.len() >= self.crowd.min(ENTRIES_MAX) || self.crowd < SMALLEST_CROWD {
                break;
            }
            match timeout_at(deadline, self.requests.recv()).await {
                Ok(Some(entries)) => self.pending.push(entries, &self.locked),
                _ => break,
            }
        }
        let now = Instant::now();
        let accounts: Vec<_> = self.pending.ready(&self.locked, now).collect();
        let views = self.views(&accounts).await;
        self.pending.take(&self.locked, now, |incoming| incoming.fanout(&views))
    }

    /// What is known of these accounts, to tell how large a commit will be. A store that
    /// fails now is noticed by the commit.
    async fn views(&self, accounts: &[AccountId]) -> Views {
        match timeout(STORE_LIMIT, self.engine.directory.known(&self.engine.db, accounts)).await {
            Ok(Ok(views)) => views,
            Ok(Err(_)) | Err(_) => Views::default(),
        }
    }

    /// Tries again what waits for locked accounts.
    async fn retry(&mut self) {
        if self.pending.is_ready(&self.locked, Instant::now()) {
            self.write_requests().await;
        } else {
            self.record().await;
        }
    }

    /// Stores what was requested, records what there is to record, and answers.
    async fn write_requests(&mut self) {
        let taken = self.gather_requests().await;
        self.gather_outcomes();
        // Disabling an endpoint can take its time, and what is stored along with
        // it would not yet see it disabled.
        if self.outcomes.iter().any(Judged::disables) {
            self.record().await;
        }
        if taken.len() == 0 {
            return self.record().await;
        }
        let stored = self.store(&taken.changes).await;
        self.crowd = taken.len() + self.pending.len() + self.requests.len();
        let count = taken.len();
        match stored {
            Ok(Ok(committed)) => self.answer(taken, committed),
            Ok(Err(error)) => {
                tracing::error!(%error, count, "events could not be stored");
                taken.refuse(IngestError::Store);
            }
            // What the store did not take in time may still turn out to be
            // stored, as after every answer that is lost.
            Err(_) => {
                tracing::warn!(count, "the store does not keep up; events are refused");
                taken.refuse(IngestError::Overloaded);
                self.failed();
                self.turn_away();
                self.hot.renew();
            }
        }
    }

    /// Answers what was stored, and puts back what waits for a locked account.
    fn answer(&mut self, taken: Taken, committed: Committed) {
        let Committed { admitted, reports, locked } = committed;
        let answers = admitted.send(&self.engine);
        let (put_back, free) = taken.answer(answers, reports, &locked);
        self.pending.put_back(put_back);
        if !self.locked.is_empty() {
            for account in free {
                self.locked.found_free(account);
            }
        }
    }

    /// Stores changes, and records outcomes along with them.
    async fn store(&mut self, changes: &Changes) -> Result<Result<Committed, NotWritten>, Elapsed> {
        let share = if self.outcomes.iter().any(Judged::disables) { Share::Alone } else { Share::WithOutcomes };
        match timeout(STORE_LIMIT, self.write_batch(changes, share)).await? {
            Ok(committed) => Ok(Ok(committed)),
            // The connection may have been broken before, or the outcomes are what
            // the store does not take.
            Err(NotWritten::RolledBack(error)) => {
                tracing::warn!(%error, events = changes.events.len(), "events could not be stored; trying again");
                timeout(STORE_LIMIT, self.write_batch(changes, Share::Alone)).await
            }
            Err(unconfirmed) => Ok(Err(unconfirmed)),
        }
    }

    /// Writes changes and outcomes in one transaction.
    async fn write_batch(&mut self, changes: &Changes, share: Share) -> Result<Committed, NotWritten> {
        let outcomes = match share {
            Share::Alone => &[],
            Share::WithOutcomes => self.outcomes.as_slice(),
        };
        let written = commit_batch(&self.engine, &mut self.hot, changes, outcomes).await;
        if let Ok(committed) = &written {
            self.engine.last_commit.succeeded();
            let now = Instant::now();
            for &account in &committed.locked {
                self.locked.found_locked(account, now);
            }
            if share == Share::WithOutcomes {
                self.recorded(&committed.locked);
            }
        } else {
            self.failed();
            self.hot.renew();
        }
        written
    }

    /// Tells those who wait to come back. The store takes no more at this moment: each
    /// batch would only wait as long again.
    fn turn_away(&mut self) {
        self.pending.refuse_all(IngestError::Overloaded);
        while let Ok(entries) = self.requests.try_recv() {
            for entry in entries {
                entry.refuse(IngestError::Overloaded);
            }
        }
    }

    /// Records outcomes alone. A database that is away for a while must not lose
    /// one: it would be attempted again for nothing.
    async fn record(&mut self) {
        self.gather_outcomes();
        if self.outcomes.is_empty() {
            return;
        }
        let error = match timeout(RECORD_LIMIT, self.write_batch(&Changes::default(), Share::WithOutcomes)).await {
            Ok(Ok(_)) => None,
            Ok(Err(error)) => Some(error.to_string()),
            Err(_) => {
                self.failed();
                self.hot.renew();
                Some("the database does not answer".to_owned())
            }
        };
        if let Some(error) = error {
            tracing::warn!(error, outcomes = self.outcomes.len(), "outcomes could not be recorded; trying again");
            self.due = Instant::now() + self.pause;
            self.pause = (self.pause * 2).min(LONGEST_PAUSE);
        }
    }

    fn failed(&self) {
        self.engine.last_commit.failed(self.engine.clock.now());
    }

    /// Keeps the outcomes that wait for an account that was locked.
    fn recorded(&mut self, locked: &HashSet<AccountId>) {
        for judged in self.outcomes.drain(..).filter(Judged::concerns_endpoints) {
            if locked.contains(&judged.finished.account) {
                self.aside.push(judged);
            } else {
                self.locked.found_free(judged.finished.account);
            }
        }
        self.pause = FIRST_PAUSE;
    }
}

#[cfg(test)]
mod tests;

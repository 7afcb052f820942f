//! The one task that writes on the hot path: accepted events, and what came of
//! attempts, share their commits.
//!
//! Requests wait for their commit, outcomes do not: what finds only outcomes
//! waits a little for a request to share its commit with, so that under load
//! recording costs no commits of its own.

use std::{sync::Arc, time::Duration};

use tokio::{
    sync::mpsc,
    time::{Instant, error::Elapsed, sleep_until, timeout, timeout_at},
};
use tokio_util::sync::CancellationToken;

use super::{
    commit::commit_batch,
    ingest::{Answers, Asker, Incoming, IngestError, Request},
    outcome::Judged,
};
use crate::{
    engine::Parts,
    queue::{HotConnection, NotWritten},
};

/// The most events in one commit, give or take the last request's.
const MOST_EVENTS: usize = 256;
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
/// How long a commit may take before those who wait for it are told to come back.
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
    requests: mpsc::Receiver<Request>,
    finished: mpsc::Receiver<Judged>,
    stops: Stops,
) {
    let hot = HotConnection::new(&engine.db);
    let outcomes = Vec::new();
    let (due, patient, pause, crowd) = (Instant::now(), false, FIRST_PAUSE, 0);
    Writer { engine, hot, requests, finished, stops, outcomes, due, patient, pause, crowd }.run().await;
}

struct Writer {
    engine: Arc<Parts>,
    hot: HotConnection,
    requests: mpsc::Receiver<Request>,
    finished: mpsc::Receiver<Judged>,
    stops: Stops,
    /// What has been taken from the channel and is not recorded yet.
    outcomes: Vec<Judged>,
    /// When they are to be recorded, if no request comes before.
    due: Instant,
    /// Whether they may wait longer then, if they are many.
    patient: bool,
    /// How long the next failure to record them makes them wait.
    pause: Duration,
    /// How many requests were there at the last commit: those that it stored, and
    /// those that came meanwhile.
    crowd: usize,
}

/// What goes into a transaction beside events.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Share {
    Alone,
    WithOutcomes,
}

/// What the writer was woken by.
enum Woken {
    By(Request),
    ByOutcomes,
    ToStop,
}

impl Writer {
    async fn run(mut self) {
        while let Some(woken) = self.wait().await {
            match woken {
                Woken::ToStop => {}
                Woken::By(request) => self.write_with(request).await,
                Woken::ByOutcomes => {
                    self.gather_outcomes();
                    self.record().await;
                }
            }
        }
    }

    /// Waits for something to do; `None` once nothing more can come.
    async fn wait(&mut self) -> Option<Woken> {
        let mut ended = Vec::new();
        loop {
            let stored = self.stops.stored.is_cancelled();
            let recorded = self.outcomes.is_empty() && self.finished.is_closed() && self.finished.is_empty();
            if stored && recorded {
                return None;
            }
            tokio::select! {
                biased;
                () = self.stops.quit.cancelled(), if !self.requests.is_closed() => {
                    self.requests.close();
                    return Some(Woken::ToStop);
                }
                () = self.stops.drained.cancelled(), if !self.finished.is_closed() => {
                    self.finished.close();
                    return Some(Woken::ByOutcomes);
                }
                request = self.requests.recv(), if !stored => match request {
                    Some(request) => return Some(Woken::By(request)),
                    None => self.stops.stored.cancel(),
                },
                () = sleep_until(self.due), if !self.outcomes.is_empty() => {
                    self.gather_outcomes();
                    let many = (SMALLEST_CROWD..MOST_OUTCOMES).contains(&self.outcomes.len());
                    if !(many && std::mem::take(&mut self.patient)) {
                        return Some(Woken::ByOutcomes);
                    }
                    self.due += GATHER_CROWD;
                }
                _ = self.finished.recv_many(&mut ended, MOST_OUTCOMES), if self.outcomes.is_empty() => {
                    self.patient = !self.finished.is_closed();
                    self.due = Instant::now() + if self.patient { GATHER } else { Duration::ZERO };
                    self.outcomes.append(&mut ended);
                }
            }
        }
    }

    /// Takes what has come in the meantime, as far as it fits.
    fn gather_outcomes(&mut self) {
        while self.outcomes.len() < MOST_OUTCOMES
            && let Ok(judged) = self.finished.try_recv()
        {
            self.outcomes.push(judged);
        }
    }

    /// Takes the requests that wait behind this one, as far as they fit.
    async fn gather_requests(&mut self, first: Request) -> Gathered {
        let mut gathered = Gathered::default();
        gathered.add(first);
        let deadline = Instant::now() + CROWD_WAIT;
        while gathered.events.len() < MOST_EVENTS {
            let next = match self.requests.try_recv() {
                Ok(next) => next,
                Err(_) if gathered.askers.len() >= self.crowd || self.crowd < SMALLEST_CROWD => break,
                Err(_) => match timeout_at(deadline, self.requests.recv()).await {
                    Ok(Some(next)) => next,
                    _ => break,
                },
            };
            gathered.add(next);
        }
        gathered
    }

    /// Stores what was requested, records what there is to record, and answers.
    async fn write_with(&mut self, first: Request) {
        let Gathered { events, askers } = self.gather_requests(first).await;
        self.gather_outcomes();
        // Disabling an endpoint can take its time, and what is stored along with
        // it would not yet see it disabled.
        if self.outcomes.iter().any(Judged::disables) {
            self.record().await;
        }
        let stored = self.store(&events).await;
        self.crowd = askers.len() + self.requests.len();
        match stored {
            Ok(Ok(answers)) => answer(askers, answers),
            Ok(Err(error)) => {
                tracing::error!(%error, events = events.len(), "events could not be stored");
                refuse(askers, IngestError::Store);
            }
            // What the store did not take in time may still turn out to be
            // stored, as after every answer that is lost.
            Err(_) => {
                tracing::warn!(events = events.len(), "the store does not keep up; events are refused");
                refuse(askers, IngestError::Overloaded);
                self.turn_away();
                self.hot.renew();
            }
        }
    }

    /// Stores events, and records outcomes along with them.
    async fn store(&mut self, events: &[Incoming]) -> Result<Result<Answers, NotWritten>, Elapsed> {
        let share = if self.outcomes.iter().any(Judged::disables) { Share::Alone } else { Share::WithOutcomes };
        match timeout(STORE_LIMIT, self.write_batch(events, share)).await? {
            Ok(answers) => Ok(Ok(answers)),
            // The connection may have been broken before, or the outcomes are what
            // the store does not take.
            Err(NotWritten::RolledBack(error)) => {
                tracing::warn!(%error, events = events.len(), "events could not be stored; trying again");
                timeout(STORE_LIMIT, self.write_batch(events, Share::Alone)).await
            }
            Err(unconfirmed) => Ok(Err(unconfirmed)),
        }
    }

    /// Writes events and outcomes in one transaction, and sends what is to be
    /// attempted on its way; returns the answers to the events.
    async fn write_batch(&mut self, events: &[Incoming], share: Share) -> Result<Answers, NotWritten> {
        let outcomes = match share {
            Share::Alone => &[],
            Share::WithOutcomes => self.outcomes.as_slice(),
        };
        let written = commit_batch(&self.engine, &mut self.hot, events, outcomes).await;
        match &written {
            Ok(_) if share == Share::WithOutcomes => self.recorded(),
            Ok(_) => {}
            Err(_) => self.hot.renew(),
        }
        Ok(written?.send(&self.engine))
    }

    /// Tells who waits to come back. The store takes no more at this moment: each
    /// batch would only wait as long again.
    fn turn_away(&mut self) {
        let askers = std::iter::from_fn(|| Some(self.requests.try_recv().ok()?.asker));
        refuse(askers, IngestError::Overloaded);
    }

    /// Records outcomes alone. A database that is away for a while must not lose
    /// one: it would be attempted again for nothing.
    async fn record(&mut self) {
        if self.outcomes.is_empty() {
            return;
        }
        let error = match timeout(RECORD_LIMIT, self.write_batch(&[], Share::WithOutcomes)).await {
            Ok(Ok(_)) => None,
            Ok(Err(error)) => Some(error.to_string()),
            Err(_) => {
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

    fn recorded(&mut self) {
        self.outcomes.clear();
        self.pause = FIRST_PAUSE;
    }
}

/// Requests that share a commit.
#[derive(Default)]
struct Gathered {
    events: Vec<Incoming>,
    askers: Vec<Asker>,
}

impl Gathered {
    /// Leaves out requests whose asker has gone away, or was told to come back.
    fn add(&mut self, request: Request) {
        if !request.asker.is_gone() {
            self.events.extend(request.events);
            self.askers.push(request.asker);
        }
    }
}

/// Gives each request the answers to its own events.
fn answer(askers: Vec<Asker>, answers: Answers) {
    let mut answers = answers.into_iter();
    for asker in askers {
        let own = answers.by_ref().take(asker.count).collect();
        asker.answer(own);
    }
}

fn refuse(askers: impl IntoIterator<Item = Asker>, error: IngestError) {
    for asker in askers {
        asker.refuse(error);
    }
}

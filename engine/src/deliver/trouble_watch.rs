//! Tells the log once that the database does not work, and once that it works again, however
//! many statements fail meanwhile. Until then the process is not ready.
//!
//! Tasks report what failed and go on trying, each in its own way. One more task looks whether the
//! trouble is real, and from then on whether it is over: so the process recovers without any
//! request.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{
    sync::Notify,
    task::spawn_blocking,
    time::{Instant, sleep, timeout},
};

use super::Context;
use crate::db::{Error, Trouble};

/// The time between two looks while the trouble lasts.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// The time that the database has for an answer.
const ANSWER_LIMIT: Duration = Duration::from_secs(5);
/// The time without a failure after which trouble can be over.
const QUIET: Duration = Duration::from_secs(2);

/// What has failed, and what the log knows of it.
#[derive(Debug, Default)]
pub(crate) struct TroubleWatch {
    state: Mutex<State>,
    reported: Notify,
}

#[derive(Debug, Default)]
struct State {
    /// Kinds that the log does not know yet, with the words of the first failure.
    reported: Vec<(Trouble, String)>,
    /// Kinds that it knows. There are some while the trouble lasts.
    told: Vec<Trouble>,
    /// The first failure, and the last one.
    failures: Option<(Instant, Instant)>,
}

impl TroubleWatch {
    /// Reports a failure of the database. Returns `false` if it is one of a single statement,
    /// which the caller tells the log.
    pub(crate) fn report(&self, error: &Error) -> bool {
        let Some(trouble) = error.trouble() else {
            return false;
        };
        self.note(trouble, || error.to_string());
        true
    }

    /// Reports that the database did not answer in time. Returns `false` if it may well be at
    /// work on something else.
    pub(crate) fn report_silence(&self) -> bool {
        self.note(Trouble::Unreachable, || "no answer in time".to_owned());
        self.lasts()
    }

    /// Tells whether the log knows of trouble that is not over.
    pub(crate) fn lasts(&self) -> bool {
        !self.state().told.is_empty()
    }

    fn note(&self, trouble: Trouble, words: impl FnOnce() -> String) {
        let (mut state, now) = (self.state(), Instant::now());
        state.failures = Some((state.failures.map_or(now, |(first, _)| first), now));
        let is_known = state.told.contains(&trouble) || state.reported.iter().any(|(kind, _)| *kind == trouble);
        if !is_known {
            state.reported.push((trouble, words()));
            self.reported.notify_one();
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Tells the log, until the engine stops.
pub(super) async fn watch(context: Arc<Context>) {
    loop {
        context.trouble.reported.notified().await;
        tell(&context).await;
        while context.trouble.lasts() {
            sleep(LOOK_EVERY).await;
            tell(&context).await;
            end_if_over(&context).await;
        }
    }
}

/// Tells of the kinds that the log does not know yet.
async fn tell(context: &Arc<Context>) {
    let reported = std::mem::take(&mut context.trouble.state().reported);
    for (trouble, error) in reported {
        // It was reported again while the log was being told.
        if context.trouble.state().told.contains(&trouble) {
            continue;
        }
        // A single connection that broke is none.
        if trouble == Trouble::Unreachable && matches!(timeout(ANSWER_LIMIT, context.db.ping()).await, Ok(Ok(()))) {
            tracing::debug!(error, "a connection to the database was lost");
            continue;
        }
        let disk = context.db.disk().cloned();
        let Ok(words) = spawn_blocking(move || trouble.words(disk.as_ref(), &error)).await else { continue };
        context.trouble.state().told.push(trouble);
        tracing::error!("{words}. Events are refused until then, and what was accepted waits");
    }
    let mut state = context.trouble.state();
    if state.told.is_empty() && state.reported.is_empty() {
        state.failures = None;
    }
}

/// Ends the trouble if a change can be committed again.
async fn end_if_over(context: &Arc<Context>) {
    let Some((first, last)) = context.trouble.state().failures else { return };
    if last.elapsed() < QUIET || !has_room(context).await {
        return;
    }
    let probed = timeout(ANSWER_LIMIT, context.db.probe(context.clock.now())).await;
    if !matches!(probed, Ok(Ok(()))) {
        return;
    }
    let mut state = context.trouble.state();
    if state.failures.is_none_or(|(_, latest)| latest == last) {
        *state = State::default();
        context.last_commit.succeeded();
        let lasted = Duration::from_secs(first.elapsed().as_secs());
        tracing::info!("the database works again, after {lasted:?}");
    }
}

/// Tells whether the disk of an SQLite file takes more than the next commit has.
async fn has_room(context: &Arc<Context>) -> bool {
    let Some(disk) = context.db.disk().cloned() else { return true };
    matches!(spawn_blocking(move || disk.take()).await, Ok(Ok(())))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        db::Place,
        testing::{TestDatabase, on_each_database, resting_engine, sqlite},
    };

    fn timed_out() -> Error {
        Error::Database { error: sqlx::Error::PoolTimedOut, at: Place::Named("acquire") }
    }

    on_each_database!(a_connection_that_is_lost_is_no_trouble_while_another_one_works);
    async fn a_connection_that_is_lost_is_no_trouble_while_another_one_works(database: TestDatabase) {
        let (engine, _) = resting_engine(&database);
        let context = &engine.0.delivery;
        assert!(context.trouble.report(&timed_out()), "nobody else tells the log");
        tell(context).await;
        assert!(!context.trouble.lasts());
        engine.ready().await.expect("it is ready");
        engine.close().await;
        context.trouble.report(&timed_out());
        tell(context).await;
        assert!(context.trouble.lasts() && engine.ready().await.is_err(), "no other one works");
    }

    #[tokio::test]
    async fn the_failure_of_one_statement_is_its_callers() {
        let database = sqlite().await;
        let (engine, _) = resting_engine(&database);
        assert!(!engine.report(&Error::TooSlow));
        assert!(engine.0.delivery.trouble.state().failures.is_none());
    }

    #[tokio::test]
    async fn trouble_is_over_once_a_change_can_be_committed() {
        let database = sqlite().await;
        let (engine, _) = resting_engine(&database);
        let context = &engine.0.delivery;
        let gone = Error::FileGone("signet.db".into());
        context.trouble.report(&gone);
        tell(context).await;
        assert!(matches!(engine.ready().await, Err(Error::NotCommitted)));
        end_if_over(context).await;
        assert!(context.trouble.lasts(), "the last failure was a moment ago");
        tokio::time::pause();
        tokio::time::advance(QUIET).await;
        tokio::time::resume();
        end_if_over(context).await;
        assert!(!context.trouble.lasts());
        engine.ready().await.expect("it is ready");
    }
}

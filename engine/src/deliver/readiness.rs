//! Readiness: the database answers, and the last commit succeeded.

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use signet_model::Timestamp;

use super::Context;
use crate::db::{Error, Result};

/// The time that a failed commit counts. After that the process tries a commit of its own,
/// since a process that is not ready gets no more requests.
const FAILURE_COUNTS_FOR: Duration = Duration::from_secs(10);

/// The result of the last commit: the instant at which it failed, or `None`. The start counts
/// as a success.
#[derive(Debug, Default)]
pub(crate) struct LastCommit(Mutex<Option<Timestamp>>);

impl LastCommit {
    pub(crate) fn succeeded(&self) {
        self.set(None);
    }

    pub(crate) fn failed(&self, now: Timestamp) {
        self.set(Some(now));
    }

    fn set(&self, failed_at: Option<Timestamp>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = failed_at;
    }

    fn failed_at(&self) -> Option<Timestamp> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Context {
    /// Checks that the database answers, that its file is in place, and that the last commit
    /// succeeded.
    ///
    /// # Errors
    /// The reason for which the process cannot work.
    pub(crate) async fn ready(&self) -> Result<()> {
        self.db.check_file()?;
        self.db.ping().await?;
        if self.trouble.lasts() {
            return Err(Error::NotCommitted);
        }
        let Some(failed_at) = self.last_commit.failed_at() else { return Ok(()) };
        let now = self.clock.now();
        // A clock that was set back since would keep it for as long.
        if failed_at <= now && now.since(failed_at) < FAILURE_COUNTS_FOR {
            return Err(Error::NotCommitted);
        }
        self.db.probe(now).await?;
        self.last_commit.succeeded();
        Ok(())
    }
}

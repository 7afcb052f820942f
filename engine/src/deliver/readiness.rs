//! Remembers whether the last commit succeeded.

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use signet_model::Timestamp;

use crate::{
    Engine,
    store::{Error, Result},
};

/// How long a failed commit counts. After that a process to which nothing more is sent,
/// because it is not ready, tries a commit of its own.
const COUNTS_FOR: Duration = Duration::from_secs(10);

/// When the last commit failed, unless it succeeded. The start counts as a success.
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

impl Engine {
    /// Whether this process can do its work: the database answers, its file is still
    /// there, and the last commit succeeded.
    ///
    /// # Errors
    /// It cannot, for the reason that is returned.
    pub async fn ready(&self) -> Result<()> {
        self.0.db.check_file()?;
        self.0.db.ping().await?;
        let Some(failed_at) = self.0.last_commit.failed_at() else { return Ok(()) };
        if self.0.clock.now().since(failed_at) < COUNTS_FOR {
            return Err(Error::NotCommitted);
        }
        self.probe().await?;
        self.0.last_commit.succeeded();
        Ok(())
    }
}

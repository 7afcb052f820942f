//! Pages that are kept fresh: when to look again at an account.
//!
//! A page is looked at again soon after this process has changed something of its account, and
//! otherwise every few seconds, since other processes make changes as well. No connection is
//! held in between.

use std::{sync::Arc, time::Duration};

use tokio::{
    sync::mpsc,
    time::{sleep, timeout},
};

use super::{
    AccountHandle, Service,
    event_stream::{Place, Places, TooManyStreams},
};

/// The most live pages of one account in one process.
pub const LIVE_PAGES_PER_ACCOUNT: usize = 24;
/// The most live pages in one process.
const LIVE_PAGES: usize = 512;

/// The time after which to look for changes that other processes have made.
const LOOK_AGAIN: Duration = Duration::from_secs(5);
/// The time between two looks for one page: many changes are found by one.
const PAUSE: Duration = Duration::from_secs(1);

/// The places of live pages.
pub(crate) fn places() -> Places {
    Places::of(LIVE_PAGES_PER_ACCOUNT, LIVE_PAGES)
}

/// Tells when to look again at what is shown of an account.
#[derive(Debug)]
pub struct Changes(mpsc::Receiver<()>);

impl AccountHandle<'_> {
    /// Begins to watch the account. The first look is due at once.
    ///
    /// # Errors
    /// The account, or all together, have as many live pages as there may be.
    pub fn watch_changes(self) -> Result<Changes, TooManyStreams> {
        let place = self.service.live_pages.take(self.id)?;
        let (looks, due) = mpsc::channel(1);
        tokio::spawn(watch(Arc::clone(self.service), self.id, looks, place));
        Ok(Changes(due))
    }
}

impl Changes {
    /// Waits until a look is due. `None` once the process stops.
    pub async fn next(&mut self) -> Option<()> {
        self.0.recv().await
    }
}

/// Has a page look again and again, until it is left or the process stops.
async fn watch(service: Arc<Service>, account: signet_model::AccountId, looks: mpsc::Sender<()>, _place: Place) {
    let stopping = service.delivery.shutdown.begun.clone();
    let watcher = service.delivery.change_watchers.watch(account);
    let watching = async {
        loop {
            // A change from here on is not in the look that now begins, and makes the next one due.
            let changed = watcher.notified();
            if looks.send(()).await.is_err() {
                return;
            }
            tokio::select! {
                _ = timeout(LOOK_AGAIN, changed) => {}
                () = looks.closed() => return,
            }
            sleep(PAUSE).await;
        }
    };
    let _ = stopping.run_until_cancelled(watching).await;
}

//! The catalogue that a process remembers, so that no event costs a look-up of its type.

use std::{
    fmt,
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use tokio::{sync::Mutex, time::Instant};

use super::{Catalogue, store};
use crate::{
    db::{self, Pool},
    service::Service,
};

/// The time for which the catalogue is taken to be the present one.
const LIFETIME: Duration = Duration::from_secs(1);

/// The last catalogue that was read.
pub(crate) struct Remembered {
    last: RwLock<Last>,
    /// Held by the one request that reads the catalogue anew.
    reading: Mutex<()>,
}

struct Last {
    catalogue: Arc<Catalogue>,
    /// The instant at which its reading began; `None` if it was never read.
    read_at: Option<Instant>,
}

impl Default for Remembered {
    fn default() -> Self {
        let last = Last { catalogue: Arc::new(Catalogue::built_in()), read_at: None };
        Self { last: RwLock::new(last), reading: Mutex::default() }
    }
}

impl fmt::Debug for Remembered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Remembered")
    }
}

impl Remembered {
    /// The catalogue, at most so old. One request reads it anew, and the others go by the old one
    /// meanwhile.
    pub(super) async fn current(&self, service: &Service) -> db::Result<Arc<Catalogue>> {
        let (catalogue, read_at) = self.last();
        // The rare reading is in a box of its own, so that the future of each request is small.
        let Some(read_at) = read_at else { return Box::pin(self.now(service)).await };
        if read_at.elapsed() < LIFETIME {
            return Ok(catalogue);
        }
        let Ok(_turn) = self.reading.try_lock() else { return Ok(catalogue) };
        Box::pin(self.read(service)).await.or_else(|error| {
            tracing::debug!(%error, "the catalogue could not be read; the last one is used");
            Ok(catalogue)
        })
    }

    /// The catalogue as it is.
    pub(super) async fn now(&self, service: &Service) -> db::Result<Arc<Catalogue>> {
        let asked_at = Instant::now();
        let _turn = self.reading.lock().await;
        match self.last() {
            // Another request read it while this one waited for its turn.
            (catalogue, Some(read_at)) if read_at > asked_at => Ok(catalogue),
            _ => self.read(service).await,
        }
    }

    async fn read(&self, service: &Service) -> db::Result<Arc<Catalogue>> {
        let read_at = Instant::now();
        let (known, _) = self.last();
        let mut conn = service.db.read(Pool::Lookups).await?;
        let revision = store::revision(&mut conn).await?;
        let catalogue = if revision == known.revision {
            known
        } else {
            let first = if revision > known.revision { known } else { Arc::new(Catalogue::built_in()) };
            let (changed, unreadable) = store::changed(&mut conn, first.revision).await?;
            let unusable = changed.iter().filter(|entry| entry.unusable.is_some()).count() + unreadable;
            if unusable > 0 {
                tracing::warn!(unusable, "event types cannot be used as they are stored; `signet check` names them");
            }
            Arc::new(first.with(revision, changed, unreadable))
        };
        let mut last = self.last.write().unwrap_or_else(PoisonError::into_inner);
        *last = Last { catalogue: Arc::clone(&catalogue), read_at: Some(read_at) };
        Ok(catalogue)
    }

    fn last(&self) -> (Arc<Catalogue>, Option<Instant>) {
        let last = self.last.read().unwrap_or_else(PoisonError::into_inner);
        (Arc::clone(&last.catalogue), last.read_at)
    }
}

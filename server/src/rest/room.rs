//! How much memory the bodies of requests may take, all together.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::create_event;

/// The most bytes of small bodies, and the most of large ones: 64 MiB in all. Of
/// each it is as much as the engine lets wait to be stored, and two of the largest
/// batches. What is made of a body on its way there can take a few times as much.
const ROOM: usize = 32 * 1024 * 1024;

/// What a single event may have is small. It has room of its own, so that a few
/// batches do not keep everybody else's events out.
const SMALL: usize = create_event::MAX_LEN;

/// The room that is left. Clones share it.
#[derive(Debug, Clone)]
pub struct Room {
    small: Arc<Semaphore>,
    large: Arc<Semaphore>,
}

/// Bytes that are taken until this is dropped.
#[derive(Debug)]
pub struct Place(#[expect(dead_code, reason = "it is given back")] OwnedSemaphorePermit);

impl Default for Room {
    fn default() -> Self {
        Self { small: Arc::new(Semaphore::new(ROOM)), large: Arc::new(Semaphore::new(ROOM)) }
    }
}

impl Room {
    /// A place for a body of so many bytes, if there is one.
    pub fn take(&self, bytes: usize) -> Option<Place> {
        let room = if bytes <= SMALL { &self.small } else { &self.large };
        Arc::clone(room).try_acquire_many_owned(u32::try_from(bytes).ok()?).ok().map(Place)
    }
}

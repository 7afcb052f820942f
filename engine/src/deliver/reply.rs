//! The answers to a request, whose parts become durable one after the other.

use std::{
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use tokio::{
    sync::{Notify, OwnedSemaphorePermit},
    time::timeout,
};

use super::ingest::IngestError;

/// The answer to one part of a request.
pub(crate) type Answer<T> = Result<T, IngestError>;

/// Makes as many places for answers as a request has parts. `turn` is given back with the
/// last of them.
pub(super) fn replies<T>(count: usize, turn: OwnedSemaphorePermit) -> (Replies<T>, impl Iterator<Item = Slot<T>>) {
    let answers = Mutex::new(Answers { given: (0..count).map(|_| None).collect(), missing: count });
    let shared = Arc::new(Shared { answers, progress: Notify::new(), is_gone: AtomicBool::new(false), _turn: turn });
    let replies = Replies(Arc::clone(&shared));
    let slots =
        (0..count).map(move |place| Slot { shared: Arc::clone(&shared), place, is_answered: false, room: None });
    (replies, slots)
}

struct Shared<T> {
    answers: Mutex<Answers<T>>,
    /// Told with each answer.
    progress: Notify,
    /// Whether the request is given up.
    is_gone: AtomicBool,
    _turn: OwnedSemaphorePermit,
}

struct Answers<T> {
    given: Vec<Option<Answer<T>>>,
    missing: usize,
}

impl<T> Shared<T> {
    fn answers(&self) -> MutexGuard<'_, Answers<T>> {
        self.answers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What the request waits with. Dropping it gives the request up.
pub(super) struct Replies<T>(Arc<Shared<T>>);

impl<T> Replies<T> {
    /// All answers, in order, as soon as the last is there. When no further one comes for
    /// so long, those that are missing are "come back later".
    pub(super) async fn all(self, limit: Duration) -> Vec<Answer<T>> {
        while self.0.answers().missing > 0 {
            if timeout(limit, self.0.progress.notified()).await.is_err() {
                break;
            }
        }
        let given = std::mem::take(&mut self.0.answers().given);
        given.into_iter().map(|answer| answer.unwrap_or(Err(IngestError::Overloaded))).collect()
    }
}

impl<T> Drop for Replies<T> {
    fn drop(&mut self) {
        self.0.is_gone.store(true, Ordering::Relaxed);
    }
}

/// The place for one answer. Dropped without one, it answers that the server stops.
pub(crate) struct Slot<T> {
    shared: Arc<Shared<T>>,
    place: usize,
    is_answered: bool,
    /// What this part takes of the room for bytes that wait.
    room: Option<OwnedSemaphorePermit>,
}

impl<T> Slot<T> {
    /// The same, holding room until it is answered.
    pub(super) fn with_room(mut self, room: Option<OwnedSemaphorePermit>) -> Self {
        self.room = room;
        self
    }

    /// The request may have been given up; what was stored stays stored all the same.
    pub(super) fn answer(mut self, answer: Answer<T>) {
        self.put(answer);
    }

    /// Whether no task waits for the answer any more.
    pub(super) fn is_gone(&self) -> bool {
        self.shared.is_gone.load(Ordering::Relaxed)
    }

    fn put(&mut self, answer: Answer<T>) {
        self.is_answered = true;
        self.room = None;
        let mut answers = self.shared.answers();
        // After the last answer was waited for there is no place any more.
        if let Some(place) = answers.given.get_mut(self.place) {
            *place = Some(answer);
            answers.missing -= 1;
        }
        drop(answers);
        self.shared.progress.notify_one();
    }
}

impl<T> Drop for Slot<T> {
    fn drop(&mut self) {
        if !self.is_answered {
            self.put(Err(IngestError::Stopping));
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::sync::Semaphore;

    use super::*;

    const LIMIT: Duration = Duration::from_secs(15);

    fn request(count: usize) -> (Replies<usize>, Vec<Slot<usize>>) {
        let turn = Arc::new(Semaphore::new(1)).try_acquire_owned().expect("a turn");
        let (replies, slots) = replies(count, turn);
        (replies, slots.collect())
    }

    #[tokio::test]
    async fn the_answers_are_in_order_whatever_was_answered_first() {
        let (replies, slots) = request(3);
        for (number, slot) in slots.into_iter().enumerate().rev() {
            slot.answer(Ok(number));
        }
        assert_eq!(replies.all(LIMIT).await, [Ok(0), Ok(1), Ok(2)]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_long_request_is_waited_for_as_long_as_it_makes_progress() {
        let (replies, slots) = request(4);
        let answering = tokio::spawn(async move {
            for (number, slot) in slots.into_iter().enumerate() {
                tokio::time::sleep(LIMIT / 2).await;
                slot.answer(Ok(number));
            }
        });
        assert_eq!(replies.all(LIMIT).await, [Ok(0), Ok(1), Ok(2), Ok(3)]);
        answering.await.expect("no panic");
    }

    #[tokio::test(start_paused = true)]
    async fn what_could_be_stored_is_answered_where_the_rest_could_not() {
        let (replies, mut slots) = request(2);
        let unanswered = slots.pop();
        slots.pop().expect("a slot").answer(Ok(7));
        assert_eq!(replies.all(LIMIT).await, [Ok(7), Err(IngestError::Overloaded)]);
        drop(unanswered);
    }

    #[tokio::test]
    async fn a_part_that_is_dropped_is_answered_too() {
        let (replies, slots) = request(1);
        drop(slots);
        assert_eq!(replies.all(LIMIT).await, [Err(IngestError::Stopping)]);
    }

    #[test]
    fn a_request_that_was_given_up_is_known_to_be() {
        let (replies, slots) = request(1);
        assert!(!slots[0].is_gone());
        drop(replies);
        assert!(slots[0].is_gone());
    }
}

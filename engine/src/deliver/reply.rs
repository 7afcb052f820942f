//! The answers to a request, whose parts are committed one after the other.

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

/// Makes a reply handle for each part of a request. The last one frees `permit`.
pub(super) fn replies<T>(count: usize, permit: OwnedSemaphorePermit) -> (Replies<T>, impl Iterator<Item = ReplyTo<T>>) {
    let answers = Mutex::new(Answers { given: (0..count).map(|_| None).collect(), missing: count });
    let shared =
        Arc::new(Shared { answers, progress: Notify::new(), is_abandoned: AtomicBool::new(false), _permit: permit });
    let replies = Replies(Arc::clone(&shared));
    let reply_tos =
        (0..count).map(move |place| ReplyTo { shared: Arc::clone(&shared), place, is_answered: false, bytes: None });
    (replies, reply_tos)
}

struct Shared<T> {
    answers: Mutex<Answers<T>>,
    /// Notified of each answer.
    progress: Notify,
    /// The producer waits no longer.
    is_abandoned: AtomicBool,
    _permit: OwnedSemaphorePermit,
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

/// The producer's end. Dropping it abandons the request.
pub(super) struct Replies<T>(Arc<Shared<T>>);

impl<T> Replies<T> {
    /// Returns all answers, in order, once the last has come. If no further answer comes for
    /// as long as `limit`, the missing ones are `Overloaded`.
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
        self.0.is_abandoned.store(true, Ordering::Relaxed);
    }
}

/// Takes one answer. Dropped without one, it answers `Stopping`.
pub(crate) struct ReplyTo<T> {
    shared: Arc<Shared<T>>,
    place: usize,
    is_answered: bool,
    /// The bytes that this part reserves.
    bytes: Option<OwnedSemaphorePermit>,
}

impl<T> ReplyTo<T> {
    /// Holds reserved bytes until the answer.
    pub(super) fn with_bytes(mut self, bytes: Option<OwnedSemaphorePermit>) -> Self {
        self.bytes = bytes;
        self
    }

    /// Answers. The producer may wait no longer; the commit stands all the same.
    pub(super) fn answer(mut self, answer: Answer<T>) {
        self.put(answer);
    }

    /// Tells whether the producer waits no longer.
    pub(super) fn is_abandoned(&self) -> bool {
        self.shared.is_abandoned.load(Ordering::Relaxed)
    }

    fn put(&mut self, answer: Answer<T>) {
        self.is_answered = true;
        self.bytes = None;
        let mut answers = self.shared.answers();
        // Once the producer waits no longer there is no place for the answer.
        if let Some(place) = answers.given.get_mut(self.place) {
            *place = Some(answer);
            answers.missing -= 1;
        }
        drop(answers);
        self.shared.progress.notify_one();
    }
}

impl<T> Drop for ReplyTo<T> {
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

    fn request(count: usize) -> (Replies<usize>, Vec<ReplyTo<usize>>) {
        let permit = Arc::new(Semaphore::new(1)).try_acquire_owned().expect("a permit");
        let (replies, reply_tos) = replies(count, permit);
        (replies, reply_tos.collect())
    }

    #[tokio::test]
    async fn the_answers_are_in_the_order_of_the_parts() {
        let (replies, reply_tos) = request(3);
        for (number, reply_to) in reply_tos.into_iter().enumerate().rev() {
            reply_to.answer(Ok(number));
        }
        assert_eq!(replies.all(LIMIT).await, [Ok(0), Ok(1), Ok(2)]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_long_request_is_waited_for_as_long_as_it_makes_progress() {
        let (replies, reply_tos) = request(4);
        let answering = tokio::spawn(async move {
            for (number, reply_to) in reply_tos.into_iter().enumerate() {
                tokio::time::sleep(LIMIT / 2).await;
                reply_to.answer(Ok(number));
            }
        });
        assert_eq!(replies.all(LIMIT).await, [Ok(0), Ok(1), Ok(2), Ok(3)]);
        answering.await.expect("no panic");
    }

    #[tokio::test(start_paused = true)]
    async fn stored_parts_are_answered_even_if_the_rest_could_not_be_stored() {
        let (replies, mut reply_tos) = request(2);
        let unanswered = reply_tos.pop();
        reply_tos.pop().expect("a reply_to").answer(Ok(7));
        assert_eq!(replies.all(LIMIT).await, [Ok(7), Err(IngestError::Overloaded)]);
        drop(unanswered);
    }

    #[tokio::test]
    async fn a_part_that_is_dropped_is_answered_too() {
        let (replies, reply_tos) = request(1);
        drop(reply_tos);
        assert_eq!(replies.all(LIMIT).await, [Err(IngestError::Stopping)]);
    }

    #[test]
    fn an_abandoned_request_is_known_to_be() {
        let (replies, reply_tos) = request(1);
        assert!(!reply_tos[0].is_abandoned());
        drop(replies);
        assert!(reply_tos[0].is_abandoned());
    }
}

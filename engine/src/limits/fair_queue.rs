//! A queue for a few places, in which clients take turns: whoever sends a crowd waits behind
//! itself.

use std::{
    collections::VecDeque,
    hash::Hash,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use hashlink::LinkedHashMap;
use tokio::{sync::oneshot, time::timeout};

/// The bounds of a queue.
#[derive(Debug, Clone, Copy)]
pub struct Bounds {
    /// The places.
    pub places: usize,
    /// The most that may wait for one client.
    pub waiting_per_client: usize,
    /// The most that may wait in all.
    pub waiting: usize,
    /// The longest wait.
    pub patience: Duration,
}

/// No place became free soon enough, or too many wait already.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("too many are waiting")]
pub struct Full;

/// A few places, for which clients wait in turns. Clones share them.
pub struct FairQueue<K: Copy + Eq + Hash> {
    bounds: Bounds,
    state: Arc<Mutex<State<K>>>,
}

struct State<K: Copy + Eq + Hash> {
    free: usize,
    waiting: usize,
    /// Those that wait, by client. The first client has the next turn.
    clients: LinkedHashMap<K, VecDeque<oneshot::Sender<Place<K>>>>,
}

impl<K: Copy + Eq + Hash> std::fmt::Debug for FairQueue<K> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("FairQueue").field("bounds", &self.bounds).finish_non_exhaustive()
    }
}

impl<K: Copy + Eq + Hash> Clone for FairQueue<K> {
    fn clone(&self) -> Self {
        Self { bounds: self.bounds, state: Arc::clone(&self.state) }
    }
}

/// A place, for the next one in the queue when it is dropped. One on its way to a client that
/// is gone is dropped as well.
pub struct Place<K: Copy + Eq + Hash>(Option<Arc<Mutex<State<K>>>>);

impl<K: Copy + Eq + Hash> std::fmt::Debug for Place<K> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Place")
    }
}

impl<K: Copy + Eq + Hash> Drop for Place<K> {
    fn drop(&mut self) {
        if let Some(state) = self.0.take() {
            hand_on(&state);
        }
    }
}

impl<K: Copy + Eq + Hash> FairQueue<K> {
    /// All places are free.
    pub fn new(bounds: Bounds) -> Self {
        let state = State { free: bounds.places, waiting: 0, clients: LinkedHashMap::new() };
        Self { bounds, state: Arc::new(Mutex::new(state)) }
    }

    /// Waits for a place.
    ///
    /// # Errors
    /// The client, or all together, wait for too many, or the wait is too long.
    pub async fn enter(&self, client: K) -> Result<Place<K>, Full> {
        let asked = lock(&self.state).ask(client, self.bounds)?;
        let Some(turn) = asked else { return Ok(Place(Some(Arc::clone(&self.state)))) };
        timeout(self.bounds.patience, turn).await.map_err(|_| Full)?.map_err(|_| Full)
    }
}

/// Hands a place to the client whose turn it is, or frees it.
fn hand_on<K: Copy + Eq + Hash>(state: &Arc<Mutex<State<K>>>) {
    loop {
        let Some(turn) = lock(state).next_turn() else { return };
        let place = Place(Some(Arc::clone(state)));
        match turn.send(place) {
            Ok(()) => return,
            // Nobody is there: the place is for the one behind.
            Err(mut place) => place.0 = None,
        }
    }
}

fn lock<K: Copy + Eq + Hash>(state: &Mutex<State<K>>) -> MutexGuard<'_, State<K>> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

impl<K: Copy + Eq + Hash> State<K> {
    /// Takes a free place (`None`), or a position in the queue.
    fn ask(&mut self, client: K, bounds: Bounds) -> Result<Option<oneshot::Receiver<Place<K>>>, Full> {
        if self.free > 0 {
            self.free -= 1;
            return Ok(None);
        }
        self.leave_out_gone();
        let own = self.clients.get(&client).map_or(0, VecDeque::len);
        if own >= bounds.waiting_per_client || self.waiting >= bounds.waiting && !self.shed(own) {
            return Err(Full);
        }
        let (give, turn) = oneshot::channel();
        self.clients.entry(client).or_insert_with(VecDeque::new).push_back(give);
        self.waiting += 1;
        Ok(Some(turn))
    }

    /// Sends the last one away of the client that has most waiting, if that is more than one
    /// more than the newcomer's.
    fn shed(&mut self, own: usize) -> bool {
        let longest = self.clients.values_mut().max_by_key(|queue| queue.len());
        let Some(longest) = longest.filter(|queue| queue.len() > own + 1) else { return false };
        longest.pop_back();
        self.waiting -= 1;
        true
    }

    fn leave_out_gone(&mut self) {
        self.clients.retain(|_, queue| {
            queue.retain(|turn| !turn.is_closed());
            !queue.is_empty()
        });
        self.waiting = self.clients.values().map(VecDeque::len).sum();
    }

    /// The position whose turn it is. Without one the place is free.
    fn next_turn(&mut self) -> Option<oneshot::Sender<Place<K>>> {
        while let Some((client, mut queue)) = self.clients.pop_front() {
            let Some(turn) = queue.pop_front() else { continue };
            self.waiting -= 1;
            if !queue.is_empty() {
                self.clients.insert(client, queue);
            }
            return Some(turn);
        }
        self.free += 1;
        None
    }
}

#[cfg(test)]
mod tests {
    use futures_util::{FutureExt, future::join_all};

    use super::*;

    const BOUNDS: Bounds = Bounds { places: 1, waiting_per_client: 3, waiting: 5, patience: Duration::from_secs(5) };

    /// Enters, and notes the client when the place is there.
    async fn pass(queue: &FairQueue<u32>, client: u32, passed: &Mutex<Vec<u32>>) -> Result<(), Full> {
        let _place = queue.enter(client).await?;
        passed.lock().expect("a lock").push(client);
        tokio::task::yield_now().await;
        Ok(())
    }

    #[tokio::test(start_paused = true)]
    async fn clients_take_turns_and_a_crowd_waits_behind_itself() {
        let queue = FairQueue::new(BOUNDS);
        let passed = Mutex::new(Vec::new());
        let held = queue.enter(0).await.expect("the only place");
        let (outcomes, ()) =
            tokio::join!(join_all([1, 1, 1, 1, 1, 2].map(|client| pass(&queue, client, &passed))), async {
                drop(held);
            });
        assert_eq!(outcomes.iter().filter(|it| it.is_err()).count(), 2, "a client has three waiting at most");
        assert_eq!(*passed.lock().expect("a lock"), [1, 2, 1, 1]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_full_queue_has_room_for_a_client_that_has_none_waiting() {
        let queue = FairQueue::new(BOUNDS);
        let _held = queue.enter(0).await.expect("the only place");
        let mut waiting: Vec<_> = [1, 1, 1, 2, 2].map(|client| Box::pin(queue.enter(client))).into_iter().collect();
        assert!(waiting.iter_mut().all(|it| it.now_or_never_mut().is_none()));
        let mut newcomer = Box::pin(queue.enter(3));
        assert!(newcomer.now_or_never_mut().is_none(), "it waits");
        assert!(matches!(waiting[2].now_or_never_mut(), Some(Err(Full))), "the crowd's last one was sent away");
        assert!(waiting[4].now_or_never_mut().is_none());
    }

    #[tokio::test(start_paused = true)]
    async fn a_wait_has_an_end_and_takes_no_place() {
        let queue = FairQueue::new(BOUNDS);
        let held = queue.enter(0).await.expect("the only place");
        assert!(queue.enter(1).await.is_err());
        drop(held);
        assert!(queue.enter(2).now_or_never().is_some_and(|it| it.is_ok()));
    }

    #[tokio::test(start_paused = true)]
    async fn a_place_that_is_on_its_way_to_a_client_that_has_gone_is_not_lost() {
        let queue = FairQueue::new(BOUNDS);
        let held = queue.enter(0).await.expect("the only place");
        let mut gone = Box::pin(queue.enter(1));
        assert!(gone.now_or_never_mut().is_none());
        drop(held);
        drop(gone);
        assert!(queue.enter(2).now_or_never().is_some_and(|it| it.is_ok()));
    }

    /// Polls a future that is kept.
    trait NowOrNever: Future {
        fn now_or_never_mut(&mut self) -> Option<Self::Output>;
    }

    impl<F: Future + Unpin> NowOrNever for F {
        fn now_or_never_mut(&mut self) -> Option<F::Output> {
            self.now_or_never()
        }
    }
}

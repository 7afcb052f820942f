//! Looks names up: each one once for all exchanges that ask meanwhile, and only so many at
//! a time.
//!
//! A look-up cannot be taken back: it holds a thread for as long as a name server
//! stalls, however soon the exchange that asked has run out of time. So each runs in
//! a task of its own, and an exchange that asks for a name only waits for that.

use std::{
    collections::{HashMap, HashSet},
    fmt, io,
    net::IpAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use futures_util::future::BoxFuture;
use tokio::sync::{Semaphore, watch};

use super::local_fault::LocalFault;

/// Look-ups that run at the same time, for names that were found the last time, and for
/// the others: names that stall take no room from names that are found.
/// Tokio has 512 threads for blocking calls, and not only look-ups need them; names that are
/// found need few.
const MAX_LOOKUPS: usize = 64;
/// Names that were found and are remembered.
const MAX_KNOWN: usize = 16 * 1024;

/// Finds the addresses of a name.
pub trait Lookup: fmt::Debug + Send + Sync + 'static {
    /// All addresses of the name, in the order in which they are to be tried.
    fn lookup(&self, name: String) -> BoxFuture<'static, io::Result<Vec<IpAddr>>>;
}

/// Asks the operating system.
#[derive(Debug, Clone, Copy)]
pub(super) struct SystemLookup;

impl Lookup for SystemLookup {
    fn lookup(&self, name: String) -> BoxFuture<'static, io::Result<Vec<IpAddr>>> {
        Box::pin(async move {
            let found =
                tokio::net::lookup_host((name, 0)).await.map_err(|error| match LocalFault::behind_lookup(&error) {
                    Some(fault) => io::Error::other(fault),
                    None => error,
                })?;
            Ok(found.map(|address| address.ip()).collect())
        })
    }
}

/// The result of a look-up, for all exchanges that wait for it.
pub(super) type Found = Result<Vec<IpAddr>, Arc<io::Error>>;

/// The progress of a look-up.
#[derive(Debug)]
enum Progress {
    /// It waits for room.
    Waiting,
    Begun,
    Done(Found),
}

/// The look-ups under way.
#[derive(Debug)]
pub(super) struct Lookups {
    lookup: Arc<dyn Lookup>,
    /// For names that were found the last time.
    room_for_known: Semaphore,
    /// For all others.
    room: Semaphore,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// By name, with the channel that tells the exchanges that wait.
    under_way: HashMap<String, watch::Sender<Progress>>,
    /// Names that were found the last time.
    known: HashSet<String>,
}

impl Lookups {
    pub(super) fn new(lookup: impl Lookup) -> Arc<Self> {
        let [room_for_known, room] = [(); 2].map(|()| Semaphore::new(MAX_LOOKUPS));
        Arc::new(Self { lookup: Arc::new(lookup), room_for_known, room, state: Mutex::default() })
    }

    /// Finds the addresses of a name, by the look-up that is under way or a new one.
    pub(super) async fn find(self: &Arc<Self>, name: &str) -> Found {
        let mut asked = self.ask(name);
        let told = asked.wait_for(|progress| matches!(progress, Progress::Done(_))).await;
        match told.as_deref() {
            Ok(Progress::Done(found)) => found.clone(),
            // Only at the end of the process.
            _ => Err(Arc::new(io::ErrorKind::Interrupted.into())),
        }
    }

    /// Returns `true` if the look-up of this name still waits for room.
    pub(super) fn is_waiting(&self, name: &str) -> bool {
        self.state().under_way.get(name).is_some_and(|progress| matches!(*progress.borrow(), Progress::Waiting))
    }

    fn ask(self: &Arc<Self>, name: &str) -> watch::Receiver<Progress> {
        let begin = || {
            tokio::spawn(Arc::clone(self).look_up(name.to_owned()));
            watch::Sender::new(Progress::Waiting)
        };
        self.state().under_way.entry(name.to_owned()).or_insert_with(begin).subscribe()
    }

    async fn look_up(self: Arc<Self>, name: String) {
        let known = self.state().known.contains(&name);
        let _room = if known { &self.room_for_known } else { &self.room }.acquire().await;
        if !self.state().begin(&name) {
            return;
        }
        let (lookup, asked) = (Arc::clone(&self.lookup), name.clone());
        // In a task once more: should it panic, the exchanges that wait are told all the same.
        let found = tokio::spawn(async move { lookup.lookup(asked).await }).await;
        let found = found.unwrap_or_else(|broken| Err(broken.into()));
        self.state().end(name, found.map_err(Arc::new));
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Returns `true` if the name is still awaited. If not, it is forgotten: names that stall must
    /// not make others wait for look-ups that no exchange needs.
    fn begin(&mut self, name: &str) -> bool {
        // Known again once it is found again.
        self.known.remove(name);
        let Some(waiting) = self.under_way.get(name).filter(|waiting| waiting.receiver_count() > 0) else {
            self.under_way.remove(name);
            return false;
        };
        waiting.send_replace(Progress::Begun);
        true
    }

    fn end(&mut self, name: String, found: Found) {
        let waiting = self.under_way.remove(&name);
        if found.is_ok() {
            if self.known.len() >= MAX_KNOWN {
                self.known.clear();
            }
            self.known.insert(name);
        }
        if let Some(waiting) = waiting {
            waiting.send_replace(Progress::Done(found));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use futures_util::future::join_all;
    use tokio::{sync::mpsc, time::timeout};

    use super::*;

    /// Tells which look-ups begin, and ends none before it is told to.
    #[derive(Debug)]
    struct Gated {
        began: mpsc::UnboundedSender<String>,
        open: Arc<Semaphore>,
    }

    impl Lookup for Gated {
        fn lookup(&self, name: String) -> BoxFuture<'static, io::Result<Vec<IpAddr>>> {
            assert_ne!(name, "panics");
            let _ = self.began.send(name);
            let open = Arc::clone(&self.open);
            Box::pin(async move {
                open.acquire().await.map_err(io::Error::other)?.forget();
                Ok(vec![IpAddr::from([127, 0, 0, 1])])
            })
        }
    }

    fn gated() -> (Arc<Lookups>, mpsc::UnboundedReceiver<String>, Arc<Semaphore>) {
        let (sender, begun) = mpsc::unbounded_channel();
        let open = Arc::new(Semaphore::new(0));
        (Lookups::new(Gated { began: sender, open: Arc::clone(&open) }), begun, open)
    }

    /// Asks for so many names, and no longer waits when all stand still.
    async fn ask_in_vain(lookups: &Arc<Lookups>, names: impl Iterator<Item = usize>) {
        let asking = join_all(names.map(|number| {
            let lookups = Arc::clone(lookups);
            async move { lookups.find(&number.to_string()).await }
        }));
        assert!(timeout(Duration::from_secs(1), asking).await.is_err());
    }

    #[tokio::test(start_paused = true)]
    async fn no_more_look_ups_run_than_there_is_room_for() {
        let (lookups, mut begun, open) = gated();
        ask_in_vain(&lookups, 0..MAX_LOOKUPS + 7).await;
        assert_eq!(begun.len(), MAX_LOOKUPS);
        while begun.try_recv().is_ok() {}
        // Names without an exchange that waits give way to the others.
        open.add_permits(MAX_LOOKUPS + 8);
        assert!(lookups.find("awaited").await.is_ok());
        assert_eq!(begun.try_recv().as_deref(), Ok("awaited"));
        assert!(begun.is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn one_look_up_serves_everyone_and_the_next_one_is_new() {
        let (lookups, begun, open) = gated();
        ask_in_vain(&lookups, 0..1).await;
        let (asking, ()) = tokio::join!(join_all((0..3).map(|_| lookups.find("0"))), async { open.add_permits(1) });
        assert!(asking.iter().all(Result::is_ok));
        assert_eq!(begun.len(), 1);
        open.add_permits(1);
        assert!(lookups.find("0").await.is_ok());
        assert_eq!(begun.len(), 2);
    }

    #[tokio::test]
    async fn a_look_up_that_panics_is_an_error_for_all_exchanges_that_wait() {
        let (lookups, ..) = gated();
        for _ in 0..2 {
            assert!(lookups.find("panics").await.is_err());
        }
    }
}

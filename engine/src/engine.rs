//! The handle through which everything else uses the engine.

use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use signet_model::{AccountId, retry::Schedule, time::Clock};
use tokio::{
    sync::{Notify, mpsc},
    task::JoinHandle,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    deliver::{
        Directory, Entry, Judged, Lanes, LastCommit, Limits, Paces, Queue, Stops, Waiters, dispatch, listen, write,
    },
    outbound::{Client, Policy},
    queue::Lease,
    random::Random,
    retention::{FIRST_AFTER, sweep_hourly},
    seal::Sealer,
    store::{Database, Passwords, api_keys::RecentKeys},
};

/// How many outcomes may wait for the writer. When it is full, attempts keep
/// their places, and so less is claimed.
const UNRECORDED: usize = 1_024;

/// How long a stop that is out of time goes on recording what has ended already.
const LAST_RECORDS: Duration = Duration::from_secs(1);

/// What an operator can choose.
#[derive(Debug, Clone)]
pub struct Settings {
    /// When failed attempts are repeated.
    pub schedule: Schedule,
    /// The time budget of one attempt.
    pub budget: Duration,
    /// How long a claimed delivery belongs to the process that claimed it; must
    /// be longer than the budget and a margin.
    pub lease: Duration,
    /// The most attempts that are at work at the same time.
    pub max_in_flight: usize,
    /// The most that hang at the same time, besides: those that have taken longer
    /// than a second.
    pub max_hanging: usize,
    /// The most attempts at the same time at one endpoint.
    pub max_in_flight_per_endpoint: usize,
    /// The most attempts of one account at the same time at one host.
    pub max_in_flight_per_host: usize,
    /// How many held deliveries a second are released to one endpoint.
    pub release_rate: u32,
    /// The longest kept response body, bytes.
    pub max_response_body: usize,
    /// How long bodies and headers are kept, of what was sent and what came back.
    pub keep_bodies: Duration,
    /// How long events are kept, with their deliveries and attempts; at least as
    /// long as idempotency keys.
    pub keep_deliveries: Duration,
    /// The most endpoints of one account.
    pub max_endpoints_per_account: u32,
    /// The most API keys of one account that are in use, and as many revoked ones
    /// stay listed.
    pub max_api_keys_per_account: u32,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            schedule: Schedule::default(),
            budget: Duration::from_secs(10),
            lease: Duration::from_mins(1),
            max_in_flight: 512,
            max_hanging: 4_096,
            max_in_flight_per_endpoint: 32,
            max_in_flight_per_host: 64,
            release_rate: 10,
            max_response_body: 16 * 1024,
            keep_bodies: Duration::from_hours(30 * 24),
            keep_deliveries: Duration::from_hours(90 * 24),
            max_endpoints_per_account: 100,
            max_api_keys_per_account: 50,
        }
    }
}

impl Settings {
    /// How much longer than the budget a lease must be: time to record what came
    /// of an attempt, on a machine that is busy. Half the budget, which is 5 s of
    /// the usual 10 s, and half a second at least.
    pub fn lease_margin(budget: Duration) -> Duration {
        (budget / 2).max(Duration::from_millis(500))
    }
}

/// What the engine is made of.
#[expect(missing_debug_implementations, reason = "a clock has nothing to show")]
pub struct Environment {
    /// Where everything is kept.
    pub db: Database,
    /// What tells the time to everything that is stored: [`Database::clock`], so that all
    /// processes on one database agree.
    pub clock: Arc<dyn Clock>,
    /// What secrets and ids are made of.
    pub random: Random,
    /// What keeps secrets at rest.
    pub sealer: Sealer,
    /// Which URLs can be saved.
    pub policy: Policy,
    /// What sends.
    pub client: Client,
}

/// The engine. Clones share everything.
#[derive(Clone)]
pub struct Engine(pub(crate) Arc<Parts>);

pub(crate) struct Parts {
    pub(crate) settings: Settings,
    pub(crate) db: Database,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) random: Random,
    pub(crate) sealer: Sealer,
    pub(crate) policy: Policy,
    pub(crate) client: Client,
    pub(crate) passwords: Passwords,
    pub(crate) recent_keys: RecentKeys,
    pub(crate) directory: Directory,
    pub(crate) paces: Paces,
    pub(crate) lanes: Arc<Lanes>,
    /// The way of requests to the writer.
    pub(crate) queue: Queue,
    /// Outcomes on their way to the writer.
    pub(crate) finished: mpsc::Sender<Judged>,
    /// Whether the writer's last commit succeeded.
    pub(crate) last_commit: LastCommit,
    /// Tells the dispatcher to look again.
    pub(crate) wake: Notify,
    /// Tasks that wait for an outcome.
    pub(crate) waiters: Waiters,
    /// The attempts under way.
    pub(crate) attempts: TaskTracker,
    /// Cancelled when nothing new is to begin.
    pub(crate) quit: CancellationToken,
    /// The other ends of the channels, until the engine is started.
    receivers: Mutex<Option<Receivers>>,
}

type Receivers = (mpsc::UnboundedReceiver<Vec<Entry>>, mpsc::Receiver<Judged>);

impl Parts {
    /// Reads anew what has changed of accounts, for what waits in their lanes. Who
    /// writes finds out in any case.
    pub(crate) async fn changed(&self, accounts: &[AccountId]) {
        if let Err(error) = self.directory.learn(&self.db, accounts).await {
            tracing::warn!(%error, "a change of endpoints could not be read yet");
        }
    }

    /// A name for a claim that no other claim has.
    pub(crate) fn new_lease(&self) -> Lease {
        Lease(i64::from_be_bytes(self.random.bytes()))
    }
}

impl Engine {
    /// Puts the parts together. Nothing is ingested or delivered before [`Engine::start`].
    pub fn new(environment: Environment, settings: Settings) -> Self {
        let Environment { db, clock, random, sealer, policy, client } = environment;
        let (queue, requests) = Queue::new();
        let (finished, outcomes) = mpsc::channel(UNRECORDED);
        Self(Arc::new(Parts {
            lanes: Lanes::new(Limits::from(&settings)),
            directory: Directory::new(sealer.clone()),
            paces: Paces::default(),
            passwords: Passwords::default(),
            recent_keys: RecentKeys::default(),
            settings,
            db,
            clock,
            random,
            sealer,
            policy,
            client,
            queue,
            finished,
            last_commit: LastCommit::default(),
            wake: Notify::new(),
            waiters: Waiters::default(),
            attempts: TaskTracker::new(),
            quit: CancellationToken::new(),
            receivers: Mutex::new(Some((requests, outcomes))),
        }))
    }

    /// Begins to ingest and to deliver. `None` if that was done before.
    pub fn start(&self) -> Option<Running> {
        let (requests, outcomes) = self.0.receivers.lock().unwrap_or_else(PoisonError::into_inner).take()?;
        let stops = Stops { quit: self.0.quit.clone(), ..Stops::default() };
        Some(Running {
            writer: tokio::spawn(write(Arc::clone(&self.0), requests, outcomes, stops.clone())),
            dispatcher: tokio::spawn(dispatch(Arc::clone(&self.0), stops.quit.clone())),
            listener: tokio::spawn(listen(Arc::clone(&self.0), stops.quit.clone())),
            janitor: tokio::spawn(sweep_hourly(Arc::clone(&self.0), FIRST_AFTER, stops.quit.clone())),
            parts: Arc::clone(&self.0),
            stops,
        })
    }

    /// Makes the dispatcher look for what is due: for who moves the clock.
    pub fn wake(&self) {
        self.0.wake.notify_one();
    }

    /// What tells the time to everything that is stored.
    pub fn clock(&self) -> Arc<dyn Clock> {
        Arc::clone(&self.0.clock)
    }

    /// Closes the database.
    pub async fn close(&self) {
        self.0.db.close().await;
    }
}

impl fmt::Debug for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Engine")
    }
}

/// A started engine.
#[must_use = "an engine that is dropped goes on; stop it"]
pub struct Running {
    parts: Arc<Parts>,
    stops: Stops,
    writer: JoinHandle<()>,
    dispatcher: JoinHandle<()>,
    listener: JoinHandle<()>,
    janitor: JoinHandle<()>,
}

impl fmt::Debug for Running {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Running")
    }
}

impl Running {
    /// Waits until a part has ended that was not asked to: a defect, after which nothing
    /// is delivered any more.
    pub async fn broken(&mut self) {
        tokio::select! {
            _ = &mut self.writer => {}
            _ = &mut self.dispatcher => {}
            () = self.parts.db.broken() => {}
        }
    }

    /// Stops claiming, stores what was waiting, finishes what is in flight and
    /// records it; what waits for its turn is given back. When `hurry` is cancelled, what is still under way is left to
    /// the end of its lease, and a database that does not answer is left alone.
    pub async fn stop(self, hurry: CancellationToken) {
        let Self { parts, stops, mut writer, dispatcher, listener, janitor } = self;
        stops.quit.cancel();
        listener.abort();
        let finishing = async {
            // A task that panicked has nothing left to wait for.
            tokio::select! {
                () = stops.stored.cancelled() => {}
                _ = &mut writer => {}
            }
            let _ = dispatcher.await;
            let _ = janitor.await;
            parts.attempts.close();
            parts.attempts.wait().await;
        };
        hurry.run_until_cancelled(finishing).await;
        stops.drained.cancel();
        let out_of_time = async {
            hurry.cancelled().await;
            tokio::time::sleep(LAST_RECORDS).await;
        };
        tokio::select! {
            _ = &mut writer => {}
            () = out_of_time => tracing::warn!("the last outcomes could not be recorded; they will be attempted again"),
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::{resting_engine, sqlite};

    #[tokio::test]
    async fn a_part_that_ends_by_itself_is_noticed() {
        let database = sqlite().await;
        let (engine, _) = resting_engine(&database);
        let mut running = engine.start().expect("a new engine");
        running.writer.abort();
        running.broken().await;
    }

    #[tokio::test]
    async fn a_thread_that_ends_by_itself_is_noticed() {
        let database = sqlite().await;
        let (engine, _) = resting_engine(&database);
        let mut running = engine.start().expect("a new engine");
        database.db.close().await;
        running.broken().await;
    }
}

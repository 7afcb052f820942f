//! The handle through which everything else uses the engine.

mod forwards;
mod operations;

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
    db::Database,
    deliver::{
        Decided, EndpointCache, LaneLimits, Lanes, LastCommit, OutcomeWatchers, Phases, ReleaseRates, RequestSender,
        WriteRequest, dispatch, listen, write,
    },
    outbound::{Client, Policy},
    queue::{Lease, Queue},
    random::Random,
    seal::Sealer,
    service::{
        Passwords,
        api_keys::RecentKeys,
        retention::{FIRST_AFTER, sweep_hourly},
    },
    shutdown::Shutdown,
};

/// Outcomes that may wait for the writer. Beyond that attempts keep their slots, and so
/// less is claimed.
const OUTCOMES_MAX: usize = 1_024;

/// The time after the deadline in which outcomes that wait are still recorded.
const LAST_RECORDS_TIME: Duration = Duration::from_secs(1);

/// The options of an operator.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The delays before failed attempts are repeated.
    pub schedule: Schedule,
    /// The time budget of one attempt.
    pub budget: Duration,
    /// The time that a claimed delivery belongs to the process that claimed it. It must be
    /// longer than the budget and a margin.
    pub lease: Duration,
    /// Working attempts at the same time.
    pub max_in_flight: usize,
    /// Hanging attempts at the same time, besides: those that have taken longer than a second.
    pub max_hanging: usize,
    /// Attempts at the same time at one endpoint.
    pub max_in_flight_per_endpoint: usize,
    /// Attempts of one account at the same time at one host.
    pub max_in_flight_per_host: usize,
    /// Held deliveries that are released to one endpoint in a second.
    pub release_rate: u32,
    /// Bytes of a response body that are kept.
    pub max_response_body: usize,
    /// The time that the bodies and headers of requests and responses are kept.
    pub keep_bodies: Duration,
    /// The time that events are kept, with their deliveries and attempts; at least as long as
    /// idempotency keys.
    pub keep_deliveries: Duration,
    /// Endpoints of one account.
    pub max_endpoints_per_account: u32,
    /// API keys of one account that are in use; as many revoked ones stay listed.
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
    /// Returns the time that a lease must last beyond the budget, to record an outcome on a
    /// busy machine: half the budget, which is 5 s of the usual 10 s, and half a second at
    /// least.
    pub fn lease_margin(budget: Duration) -> Duration {
        (budget / 2).max(Duration::from_millis(500))
    }
}

/// The parts that the engine is made of.
#[expect(missing_debug_implementations, reason = "a clock has nothing to show")]
pub struct Environment {
    /// The database.
    pub db: Database,
    /// The clock of everything that is stored: [`Database::clock`], so that all processes on
    /// one database agree.
    pub clock: Arc<dyn Clock>,
    /// Makes secrets and ids.
    pub random: Random,
    /// Seals secrets at rest.
    pub sealer: Sealer,
    /// Decides which URLs can be saved.
    pub policy: Policy,
    /// Sends requests to receivers.
    pub client: Client,
}

/// The engine. Clones share everything.
#[derive(Clone)]
pub struct Engine(pub(crate) Arc<Parts>);

pub(crate) struct Parts {
    pub(crate) settings: Settings,
    pub(crate) db: Database,
    pub(crate) queue: Queue,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) random: Random,
    pub(crate) sealer: Sealer,
    pub(crate) policy: Policy,
    pub(crate) client: Client,
    pub(crate) passwords: Passwords,
    pub(crate) recent_keys: RecentKeys,
    pub(crate) endpoint_cache: EndpointCache,
    pub(crate) release_rates: ReleaseRates,
    pub(crate) lanes: Arc<Lanes>,
    /// Requests on their way to the writer.
    pub(crate) requests: RequestSender,
    /// Outcomes on their way to the writer.
    pub(crate) outcomes: mpsc::Sender<Decided>,
    /// The result of the writer's last commit.
    pub(crate) last_commit: LastCommit,
    /// Makes the dispatcher look again.
    pub(crate) wake: Notify,
    /// Tasks that wait for an outcome.
    pub(crate) outcome_watchers: OutcomeWatchers,
    /// The attempts under way.
    pub(crate) attempts: TaskTracker,
    /// The phases of stopping.
    pub(crate) shutdown: Shutdown,
    /// The other ends of the channels, until the engine is started.
    receivers: Mutex<Option<Receivers>>,
}

type Receivers = (mpsc::UnboundedReceiver<Vec<WriteRequest>>, mpsc::Receiver<Decided>);

impl Parts {
    /// Refreshes changed accounts in the cache, for the deliveries in their lanes. Commits
    /// compare revisions in any case.
    pub(crate) async fn changed(&self, accounts: &[AccountId]) {
        if let Err(error) = self.endpoint_cache.refresh(&self.queue, accounts).await {
            tracing::warn!(%error, "a change of endpoints could not be read yet");
        }
    }

    /// Makes a lease that no other claim has.
    pub(crate) fn new_lease(&self) -> Lease {
        Lease(i64::from_be_bytes(self.random.bytes()))
    }
}

impl Engine {
    /// Makes an engine, which ingests and delivers after [`Engine::start`].
    pub fn new(environment: Environment, settings: Settings) -> Self {
        let Environment { db, clock, random, sealer, policy, client } = environment;
        let (requests, incoming_requests) = RequestSender::new();
        let (outcomes, incoming_outcomes) = mpsc::channel(OUTCOMES_MAX);
        Self(Arc::new(Parts {
            lanes: Lanes::new(LaneLimits::from(&settings)),
            endpoint_cache: EndpointCache::new(sealer.clone()),
            release_rates: ReleaseRates::default(),
            passwords: Passwords::default(),
            recent_keys: RecentKeys::default(),
            settings,
            queue: Queue::open(&db),
            db,
            clock,
            random,
            sealer,
            policy,
            client,
            requests,
            outcomes,
            last_commit: LastCommit::default(),
            wake: Notify::new(),
            outcome_watchers: OutcomeWatchers::default(),
            attempts: TaskTracker::new(),
            shutdown: Shutdown::default(),
            receivers: Mutex::new(Some((incoming_requests, incoming_outcomes))),
        }))
    }

    /// Begins to ingest and to deliver. Returns `None` if the engine was started before.
    pub fn start(&self) -> Option<Running> {
        let (requests, outcomes) = self.0.receivers.lock().unwrap_or_else(PoisonError::into_inner).take()?;
        let phases = Phases { begun: self.0.shutdown.begun.clone(), ..Phases::default() };
        Some(Running {
            writer: tokio::spawn(write(Arc::clone(&self.0), requests, outcomes, phases.clone())),
            dispatcher: tokio::spawn(dispatch(Arc::clone(&self.0), phases.begun.clone())),
            listener: tokio::spawn(listen(Arc::clone(&self.0), phases.begun.clone())),
            janitor: tokio::spawn(sweep_hourly(Arc::clone(&self.0), FIRST_AFTER, phases.begun.clone())),
            parts: Arc::clone(&self.0),
            phases,
        })
    }

    /// Makes the dispatcher look for due deliveries, after the clock was moved.
    pub fn wake(&self) {
        self.0.wake.notify_one();
    }

    /// Returns the clock of everything that is stored.
    pub fn clock(&self) -> Arc<dyn Clock> {
        Arc::clone(&self.0.clock)
    }

    /// Closes the database.
    pub async fn close(&self) {
        self.0.queue.close().await;
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
    phases: Phases,
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
    /// Waits until a task of the engine ends by a defect, after which no delivery is made any
    /// more.
    pub async fn broken(&mut self) {
        tokio::select! {
            _ = &mut self.writer => {}
            _ = &mut self.dispatcher => {}
            () = self.parts.queue.broken() => {}
        }
    }

    /// Stops in the phases that [`Shutdown`] describes, the last ones early if `deadline` is
    /// cancelled.
    pub async fn stop(self, deadline: CancellationToken) {
        let Self { parts, phases, mut writer, dispatcher, listener, janitor } = self;
        phases.begun.cancel();
        listener.abort();
        let finishing = async {
            // A writer that has panicked stores no requests.
            tokio::select! {
                () = phases.requests_stored.cancelled() => {}
                _ = &mut writer => {}
            }
            let _ = dispatcher.await;
            let _ = janitor.await;
            parts.attempts.close();
            parts.attempts.wait().await;
        };
        deadline.run_until_cancelled(finishing).await;
        phases.attempts_ended.cancel();
        let out_of_time = async {
            deadline.cancelled().await;
            tokio::time::sleep(LAST_RECORDS_TIME).await;
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
    async fn a_task_that_ends_by_itself_is_noticed() {
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
        engine.0.queue.close().await;
        running.broken().await;
    }
}

//! The handle through which everything else uses the engine.

mod operations;

use std::{fmt, sync::Arc};

use signet_model::time::Clock;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::{
    db::{self, Database},
    deliver::{
        self, Rounds, Tasks,
        ingest::{Accepted, IngestError, NewEvent},
    },
    limits::{AccountLimits, Attempts},
    outbound::{Client, Policy},
    random::Random,
    seal::Sealer,
    service::{
        Passwords, Service,
        api_keys::RecentKeys,
        changes,
        event_types::Remembered,
        gauges::{self, QueueFigures},
        operational_events::send_notices,
        resends::{Turns, take_up},
        retention::{FIRST_AFTER, sweep_hourly},
        sessions::SeenNotes,
        statistics::Settled,
    },
    settings::Settings,
    spans::SpanRecorder,
};

/// The accounts and the endpoints whose settled hours are remembered: a few megabytes.
const SETTLED_ACCOUNTS: usize = 1_000;
const SETTLED_ENDPOINTS: usize = 5_000;

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
pub struct Engine(pub(crate) Arc<Service>);

impl Engine {
    /// Makes an engine, which ingests and delivers after [`Engine::start`].
    pub fn new(environment: Environment, settings: Settings) -> Self {
        let Environment { db, clock, random, sealer, policy, client } = environment;
        let (limits, attempts) = (AccountLimits::new(&settings, &clock), Attempts::new(&clock));
        let delivery =
            deliver::Context::new(settings.clone(), &db, Arc::clone(&clock), random.clone(), sealer.clone(), client);
        Self(Arc::new(Service {
            delivery: Arc::new(delivery),
            settings,
            db,
            clock,
            random,
            sealer,
            policy,
            passwords: Passwords::default(),
            recent_keys: RecentKeys::default(),
            streams: Arc::default(),
            live_pages: Arc::new(changes::places()),
            event_types: Remembered::default(),
            resend_turns: Turns::default(),
            seen_notes: SeenNotes::default(),
            settled_hours: Settled::new(SETTLED_ACCOUNTS),
            settled_hours_of_endpoints: Settled::new(SETTLED_ENDPOINTS),
            limits,
            attempts,
            queue_figures: QueueFigures::default(),
        }))
    }

    /// Tells a recorder of spans from now on. Returns `false` if there is one already, which goes on.
    pub fn record_spans(&self, recorder: Arc<dyn SpanRecorder>) -> bool {
        self.0.delivery.spans.set(recorder).is_ok()
    }

    /// Begins to ingest and to deliver. Returns `None` if the engine was started before.
    pub fn start(&self) -> Option<Running> {
        let tasks = Tasks::start(&self.0.delivery)?;
        let begun = self.0.delivery.shutdown.begun.clone();
        let notices = tokio::spawn(send_notices(Arc::clone(&self.0), begun.clone()));
        let janitor = tokio::spawn(sweep_hourly(Arc::clone(&self.0), FIRST_AFTER, begun.clone()));
        let resender = tokio::spawn(take_up(Arc::clone(&self.0), begun));
        Some(Running { tasks, janitor, notices, resender })
    }

    /// Ingests one event. Returns once the event and its deliveries are durable.
    pub async fn ingest(&self, event: NewEvent) -> Result<Accepted, IngestError> {
        self.0.delivery.ingest(event).await
    }

    /// Ingests many events, and returns one answer for each, in order.
    pub async fn ingest_batch(&self, events: Vec<NewEvent>) -> Vec<Result<Accepted, IngestError>> {
        self.0.delivery.ingest_batch(events).await
    }

    /// Checks that the database answers, that its file is in place, and that the last commit
    /// succeeded.
    ///
    /// # Errors
    /// The reason for which the process cannot work.
    pub async fn ready(&self) -> db::Result<()> {
        self.0.delivery.ready().await
    }

    /// Reports that the database failed. Returns `true` if all statements share its trouble, of
    /// which the log is told once for all; a failure of one statement the caller tells it.
    pub fn report(&self, error: &db::Error) -> bool {
        self.0.delivery.trouble.report(error)
    }

    /// Sets the gauges of the [metrics](crate::metrics) to what is now, within two seconds even
    /// if the database does not answer.
    pub async fn measure(&self) {
        gauges::set(&self.0).await;
    }

    /// The rounds that the tasks of delivering have begun so far. Wakes them, so that each has
    /// begun another one by the next look, unless it is stuck.
    pub fn rounds(&self) -> Rounds {
        self.0.delivery.rounds()
    }

    /// Makes the dispatcher look for due deliveries, after the clock was moved.
    pub fn wake(&self) {
        self.0.delivery.wake.notify_one();
    }

    /// Returns the clock of everything that is stored.
    pub fn clock(&self) -> Arc<dyn Clock> {
        Arc::clone(&self.0.clock)
    }

    /// Closes the database.
    pub async fn close(&self) {
        self.0.delivery.queue.close().await;
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
    tasks: Tasks,
    janitor: JoinHandle<()>,
    notices: JoinHandle<()>,
    /// Takes up resends that another process left.
    resender: JoinHandle<()>,
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
        self.tasks.broken().await;
    }

    /// Stops in the phases that [`Shutdown`](crate::Shutdown) describes, the last ones early if
    /// `deadline` is cancelled.
    pub async fn stop(self, deadline: CancellationToken) {
        let Self { tasks, janitor, notices, resender } = self;
        let rest = async { tokio::join!(janitor, notices, resender) };
        tokio::join!(tasks.stop(deadline.clone()), deadline.run_until_cancelled(rest));
    }
}

//! The parts that the tasks of delivering share.

use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use signet_model::{AccountId, DeliveryId, time::Clock};
use tokio::sync::{Notify, mpsc};
use tokio_util::task::TaskTracker;

use super::{
    endpoint_cache::EndpointCache,
    ingest::RequestSender,
    lanes::{LaneLimits, Lanes},
    last_restore::LastRestore,
    mail_notices::MailNotices,
    operations::Operations,
    outcome::Decided,
    readiness::LastCommit,
    release_rates::ReleaseRates,
    request_queue::WriteRequest,
    rests::AskedRest,
    rounds::RoundCounter,
    throttles::Throttles,
    trouble_watch::TroubleWatch,
    watchers::Watchers,
};
use crate::{
    db::Database,
    outbound::Client,
    queue::{Lease, Queue},
    random::Random,
    seal::Sealer,
    settings::Settings,
    shutdown::Shutdown,
    spans::SpanRecorder,
};

/// Outcomes that may wait for the writer. Beyond that attempts keep their slots, and so
/// less is claimed.
const OUTCOMES_MAX: usize = 1_024;

/// The parts that the tasks of delivering share.
pub(crate) struct Context {
    pub(crate) settings: Settings,
    pub(crate) db: Database,
    pub(crate) queue: Queue,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) random: Random,
    pub(crate) client: Client,
    pub(crate) endpoint_cache: EndpointCache,
    pub(crate) release_rates: ReleaseRates,
    pub(crate) throttles: Throttles,
    pub(crate) lanes: Arc<Lanes>,
    /// Requests on their way to the writer.
    pub(crate) requests: RequestSender,
    /// Outcomes on their way to the writer.
    pub(crate) outcomes: mpsc::Sender<Decided>,
    /// Rests on their way to the task that stores them.
    pub(super) rests: mpsc::UnboundedSender<AskedRest>,
    /// The result of the writer's last commit.
    pub(crate) last_commit: LastCommit,
    /// What keeps the database from working.
    pub(crate) trouble: TroubleWatch,
    /// The rounds of the writer and of the dispatcher.
    pub(super) rounds: RoundCounter,
    /// Makes the dispatcher look again.
    pub(crate) wake: Notify,
    /// Tasks that wait for an outcome.
    pub(crate) outcome_watchers: Watchers<DeliveryId>,
    /// Tasks that wait for events of an account.
    pub(crate) event_watchers: Watchers<AccountId>,
    /// Tasks that wait for any change of an account that this process makes.
    pub(crate) change_watchers: Watchers<AccountId>,
    /// Attempts under way, and the tasks that can begin more.
    pub(super) attempts: TaskTracker,
    /// The account that hears of the webhooks of all others.
    pub(crate) operations: Operations,
    /// What people hear of their webhooks by e-mail.
    pub(crate) mail_notices: MailNotices,
    /// The last restore of the database from a backup.
    pub(crate) last_restore: LastRestore,
    /// Takes spans, if traces are recorded.
    pub(crate) spans: OnceLock<Arc<dyn SpanRecorder>>,
    pub(crate) shutdown: Shutdown,
    /// The tasks' ends of the channels, until they are started.
    receivers: Mutex<Option<Receivers>>,
}

/// The tasks' ends of the channels.
pub(super) struct Receivers {
    pub(super) requests: mpsc::UnboundedReceiver<Vec<WriteRequest>>,
    pub(super) outcomes: mpsc::Receiver<Decided>,
    pub(super) rests: mpsc::UnboundedReceiver<AskedRest>,
}

impl Context {
    pub(crate) fn new(
        settings: Settings,
        db: &Database,
        clock: Arc<dyn Clock>,
        random: Random,
        sealer: Sealer,
        client: Client,
    ) -> Self {
        let (requests, incoming_requests) = RequestSender::new();
        let (outcomes, incoming_outcomes) = mpsc::channel(OUTCOMES_MAX);
        let (rests, asked_rests) = mpsc::unbounded_channel();
        let receivers = Receivers { requests: incoming_requests, outcomes: incoming_outcomes, rests: asked_rests };
        Self {
            lanes: Lanes::new(LaneLimits::from(&settings)),
            endpoint_cache: EndpointCache::new(sealer),
            release_rates: ReleaseRates::default(),
            throttles: Throttles::default(),
            settings,
            queue: Queue::open(db),
            db: db.clone(),
            clock,
            random,
            client,
            requests,
            outcomes,
            rests,
            last_commit: LastCommit::default(),
            trouble: TroubleWatch::default(),
            rounds: RoundCounter::default(),
            wake: Notify::new(),
            outcome_watchers: Watchers::default(),
            event_watchers: Watchers::default(),
            change_watchers: Watchers::default(),
            attempts: TaskTracker::new(),
            operations: Operations::default(),
            mail_notices: MailNotices::default(),
            last_restore: LastRestore::default(),
            spans: OnceLock::new(),
            shutdown: Shutdown::default(),
            receivers: Mutex::new(Some(receivers)),
        }
    }

    /// Returns the recorder of spans, if there is one.
    pub(super) fn recorder(&self) -> Option<&dyn SpanRecorder> {
        self.spans.get().map(|recorder| &**recorder)
    }

    /// Takes the tasks' ends of the channels; `None` if they were taken before.
    pub(super) fn take_receivers(&self) -> Option<Receivers> {
        self.receivers.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// Refreshes changed accounts in the cache, for the deliveries in their lanes. Commits
    /// compare revisions in any case.
    pub(crate) async fn changed(&self, accounts: &[AccountId]) {
        if let Err(error) = self.endpoint_cache.refresh(&self.queue, accounts).await
            && !self.trouble.report(&error)
        {
            tracing::warn!(%error, "a change of endpoints could not be read yet");
        }
    }

    /// Waits until no more outcomes can come, or the deadline of stopping has passed.
    pub(super) async fn no_more_outcomes(&self) {
        tokio::select! {
            () = self.attempts.wait() => {}
            () = self.shutdown.deadline.cancelled() => {}
        }
    }

    /// Makes a lease that no other claim has.
    pub(crate) fn new_lease(&self) -> Lease {
        Lease(i64::from_be_bytes(self.random.bytes()))
    }
}

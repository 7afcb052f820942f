//! Two streets, a healthy customer on both, and the comparison.

use std::{cell::Cell, fmt, time::Duration};

use signet_engine::{
    Engine, Running, Settings,
    clock::ManualClock,
    ledger::Rule,
    service::endpoints::{EndpointDraft, EndpointOptions},
    testing::{Receiver, TestDatabase, account, completed, endpoint_at, engine, postgres, sqlite},
};
use signet_model::{AccountId, EndpointId, Subscriptions};
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;

/// Events that the healthy customer sends at least on each street.
const EVENTS: usize = 40;
/// The ratio by which the median may be slower on the noisy street. The slowest is printed
/// beside it: on a busy machine one event in forty waits for a core.
const MEDIAN_RATIO: u32 = 10;
/// Far longer than any story here takes; only a defect reaches it.
const LIMIT: Duration = Duration::from_mins(3);

/// An engine with a healthy customer.
pub struct Street {
    pub engine: Engine,
    pub clock: ManualClock,
    pub database: TestDatabase,
    healthy: AccountId,
    running: Running,
}

impl Street {
    async fn new(database: TestDatabase, settings: Settings, receivers: [&Receiver; 2], path: &str) -> Self {
        let authorities = receivers.map(|receiver| receiver.authority.clone()).into();
        let (engine, clock) = engine(&database, settings, authorities);
        let running = engine.start().expect("a new engine");
        let healthy = account(&engine, "healthy").await;
        endpoint_at(&engine, healthy, receivers[0].url(path)).await;
        Self { engine, clock, database, healthy, running }
    }

    /// The time from the offer of an event to its arrival.
    async fn send(&self, receiver: &Receiver) -> Duration {
        let begun = Instant::now();
        let arrivals = receiver.arrivals().len();
        let event = completed(&self.engine, self.healthy, "task");
        let accepted = self.engine.ingest(event).await.expect("the healthy customer's event is accepted");
        assert_eq!(accepted.deliveries, 1);
        receiver.arrived(arrivals + 1).await;
        begun.elapsed()
    }

    async fn stop(self) {
        let hurry = CancellationToken::new();
        hurry.cancel();
        self.running.stop(hurry).await;
        self.engine.close().await;
    }
}

/// The quiet street, and the noisy one with the bad neighbour.
pub struct Neighbourhood {
    pub noisy: Street,
    /// The bad neighbour's account.
    pub bad: AccountId,
    /// The bad neighbour's receiver.
    pub bad_receiver: Receiver,
    quiet: Street,
    receiver: Receiver,
}

impl Neighbourhood {
    /// One on each database.
    pub async fn each(settings: Settings) -> Vec<Self> {
        let mut pairs = vec![(sqlite().await, sqlite().await)];
        pairs.extend(postgres().await.zip(postgres().await));
        let mut neighbourhoods = Vec::new();
        for (quiet, noisy) in pairs {
            neighbourhoods.push(Self::new(quiet, noisy, &settings).await);
        }
        neighbourhoods
    }

    async fn new(quiet: TestDatabase, noisy: TestDatabase, settings: &Settings) -> Self {
        let (receiver, bad_receiver) = (Receiver::start().await, Receiver::start().await);
        let quiet = Street::new(quiet, settings.clone(), [&receiver, &bad_receiver], "quiet").await;
        let noisy = Street::new(noisy, settings.clone(), [&receiver, &bad_receiver], "noisy").await;
        let bad = account(&noisy.engine, "bad").await;
        Self { noisy, bad, bad_receiver, quiet, receiver }
    }

    /// A webhook of the bad neighbour at its own receiver.
    pub async fn bad_endpoint(&self, path: &str) -> EndpointId {
        endpoint_at(&self.noisy.engine, self.bad, self.bad_receiver.url(path)).await
    }

    /// A webhook of the bad neighbour with these options.
    pub async fn bad_endpoint_with(&self, path: &str, options: EndpointOptions) -> EndpointId {
        let draft = EndpointDraft { options, ..EndpointDraft::new(self.bad_receiver.url(path), Subscriptions::all()) };
        let secret = self.noisy.engine.new_secret();
        let created = self.noisy.engine.as_operator_in(self.bad).endpoints().create(draft, &secret).await;
        created.expect("an endpoint").id
    }

    /// Lets the time of the noisy street pass; the bad neighbour reads a page at each step.
    pub async fn pass(&self, step: Duration, steps: u32) {
        for _ in 0..steps {
            self.noisy.clock.advance(step);
            self.noisy.engine.wake();
            let listed = self.noisy.engine.as_operator_in(self.bad).endpoints().list().await;
            listed.expect("the page of the bad neighbour");
        }
    }

    /// Lets the healthy customer send on both streets while the trouble goes on, and
    /// some events at least; then checks that it had no part in it.
    pub async fn compare(self, name: &str, trouble: impl AsyncFnOnce(&Self)) {
        let over = Cell::new(false);
        let trouble = async {
            trouble(&self).await;
            over.set(true);
        };
        let traffic = async {
            let (mut quiet, mut noisy) = (Vec::new(), Vec::new());
            while !over.get() || noisy.len() < EVENTS {
                quiet.push(self.quiet.send(&self.receiver).await);
                noisy.push(self.noisy.send(&self.receiver).await);
            }
            (Delays::of(quiet), Delays::of(noisy))
        };
        let both = async { tokio::join!(traffic, trouble).0 };
        let (quiet, noisy) = timeout(LIMIT, both).await.expect("the healthy customer's events arrive");
        println!("{name}: quiet {quiet}; noisy {noisy}");
        assert!(noisy.median <= quiet.median * MEDIAN_RATIO, "{name}: quiet {quiet}; noisy {noisy}");
        self.check(quiet.count + noisy.count).await;
    }

    /// Asserts that each event arrived once, and that both ledgers find at most rows that
    /// cannot be used.
    async fn check(self, sent: usize) {
        assert_eq!(self.receiver.arrivals().len(), sent, "each event arrives once");
        for street in [self.quiet, self.noisy] {
            let ledger = street.engine.check().await.expect("a ledger");
            assert!(ledger.findings.iter().all(|finding| finding.rule == Rule::Usable), "{ledger:?}");
            street.stop().await;
        }
    }
}

/// The delays of events, from the offer to the arrival.
struct Delays {
    count: usize,
    median: Duration,
    slowest: Duration,
}

impl Delays {
    fn of(mut all: Vec<Duration>) -> Self {
        all.sort_unstable();
        Self { count: all.len(), median: all[all.len() / 2], slowest: all[all.len() - 1] }
    }
}

impl fmt::Display for Delays {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { count, median, slowest } = self;
        write!(f, "{count} events, median {} ms, slowest {} ms", median.as_millis(), slowest.as_millis())
    }
}

//! Any sequence of steps with deliveries, against a simple model in memory: after every
//! step the store agrees with the model, and the ledger adds up.

use std::{collections::BTreeMap, time::Duration};

use proptest::{
    prelude::*,
    test_runner::{Config, TestCaseError, TestRunner},
};
use signet_engine::{
    Engine, Settings,
    clock::ManualClock,
    ledger::Rule,
    service::{
        deliveries::{Filter, ResendError},
        resends::StartError,
    },
    testing::{
        self, Hands, InFlight, POSTGRES_VARIABLE, TestDatabase, account, completed, discard, endpoint, engine,
        postgres, sqlite,
    },
};
use signet_model::{
    AccountId, DeliveryId, EndpointId, Subscriptions, Timestamp, delivery::State, retry::Schedule, time::Clock,
};

const ENDPOINTS: usize = 2;
const LEASE: Duration = Duration::from_mins(1);
/// The time that the ledger gives a process to claim the deliveries of a dead one.
const GRACE: Duration = Duration::from_secs(5);
/// One, so that a round is soon over.
const RETRIES: [Duration; 1] = [Duration::from_secs(30)];
const RELEASE_RATE: u32 = 2;

/// One step. Numbers choose among the present endpoints, deliveries or attempts, modulo
/// their count.
#[derive(Debug, Clone, Copy)]
enum Step {
    Ingest,
    Test(usize),
    /// Disabled and deleted endpoints are drained, by as many steps as that takes; then due
    /// deliveries are claimed.
    Claim,
    /// The answer to one of the attempts under way; if its lease has run out, a late one.
    Finish(usize, u16),
    /// All attempts under way are forgotten.
    Crash,
    Advance(u64),
    Pause(usize),
    Enable(usize),
    Settle(usize, bool),
    Recover(usize),
    Resend(usize),
    Delete(usize),
}

fn step() -> impl Strategy<Value = Step> {
    let which = 0..100_usize;
    prop_oneof![
        6 => Just(Step::Ingest),
        1 => (0..ENDPOINTS).prop_map(Step::Test),
        5 => Just(Step::Claim),
        4 => which.clone().prop_map(|which| Step::Finish(which, 200)),
        7 => which.clone().prop_map(|which| Step::Finish(which, 500)),
        1 => which.clone().prop_map(|which| Step::Finish(which, 410)),
        1 => Just(Step::Crash),
        6 => (1..130_u64).prop_map(Step::Advance),
        2 => (0..ENDPOINTS).prop_map(Step::Pause),
        5 => (0..ENDPOINTS).prop_map(Step::Enable),
        5 => (0..ENDPOINTS, prop::bool::weighted(0.8)).prop_map(|(endpoint, release)| Step::Settle(endpoint, release)),
        2 => (0..ENDPOINTS).prop_map(Step::Recover),
        2 => which.prop_map(Step::Resend),
        1 => (0..ENDPOINTS * 16).prop_map(Step::Delete),
    ]
}

/// A delivery as the contract has it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Modelled {
    endpoint: usize,
    is_test: bool,
    state: State,
    due_at: Option<Timestamp>,
    in_flight: bool,
    attempts: u32,
}

/// The part of a delivery that the store does not show.
#[derive(Debug, Clone, Copy)]
struct Hidden {
    failures: usize,
    /// The claim that the delivery belongs to.
    claim: u32,
    accepted_at: Timestamp,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Endpoint {
    Enabled,
    Disabled,
    Deleted,
}

/// The whole of it, in a few rules. Ids grow with time, so that the map is in
/// the order of acceptance.
struct Model {
    endpoints: [Endpoint; ENDPOINTS],
    /// The end of the last release.
    released_until: [Option<Timestamp>; ENDPOINTS],
    /// Set while a delivery is shown as held and not yet stored so.
    to_hold: [bool; ENDPOINTS],
    /// The endpoint was enabled at this instant, before that was done.
    settling: [Option<Timestamp>; ENDPOINTS],
    /// The instant of the last step there without a claim.
    looked_at: [Option<Timestamp>; ENDPOINTS],
    deliveries: BTreeMap<DeliveryId, (Modelled, Hidden)>,
}

impl Model {
    fn add(&mut self, id: DeliveryId, endpoint: usize, is_test: bool, now: Timestamp) {
        let held = self.endpoints[endpoint] == Endpoint::Disabled && !is_test;
        let modelled = Modelled {
            endpoint,
            is_test,
            state: if held { State::Held } else { State::Pending },
            due_at: (!held).then_some(now + LEASE),
            in_flight: !held,
            attempts: 0,
        };
        self.deliveries.insert(id, (modelled, Hidden { failures: 0, claim: 0, accepted_at: now }));
    }

    /// Claims all due deliveries under a new lease; those at a disabled or deleted endpoint,
    /// left by a dead process, are drained instead. Endpoints with an `overdue` delivery in
    /// hand are left out.
    fn claim(&mut self, claim: u32, now: Timestamp, overdue: &[usize]) -> Vec<DeliveryId> {
        for endpoint in (0..ENDPOINTS).filter(|endpoint| !overdue.contains(endpoint)) {
            (self.to_hold[endpoint], self.settling[endpoint]) = (false, None);
        }
        let mut claimed = Vec::new();
        for (&id, (delivery, hidden)) in &mut self.deliveries {
            if overdue.contains(&delivery.endpoint) || delivery.due_at.is_none_or(|due_at| due_at > now) {
                continue;
            }
            match self.endpoints[delivery.endpoint] {
                Endpoint::Deleted => delivery.close(State::Discarded),
                Endpoint::Disabled if !delivery.is_test => delivery.close(State::Held),
                _ => {
                    (delivery.due_at, delivery.in_flight, hidden.claim) = (Some(now + LEASE), true, claim);
                    claimed.push(id);
                }
            }
        }
        claimed
    }

    fn finish(&mut self, id: DeliveryId, claim: u32, status: u16, now: Timestamp) {
        let Some((delivery, hidden)) = self.deliveries.get_mut(&id) else { return };
        if !delivery.in_flight || hidden.claim != claim {
            return;
        }
        delivery.attempts += 1;
        if status == 200 {
            return delivery.close(State::Delivered);
        }
        let retry = RETRIES.get(hidden.failures);
        hidden.failures += 1;
        if delivery.is_test {
            return delivery.close(State::Failed);
        }
        let endpoint = delivery.endpoint;
        match (retry, self.endpoints[endpoint]) {
            (Some(_), Endpoint::Enabled) if status != 410 && self.settling[endpoint] >= Some(hidden.accepted_at) => {
                delivery.close(State::Held);
            }
            (Some(&delay), Endpoint::Enabled) if status != 410 => {
                (delivery.due_at, delivery.in_flight) = (Some(now + delay), false);
            }
            (Some(_), Endpoint::Disabled) if status != 410 => delivery.close(State::Held),
            (Some(_), Endpoint::Deleted) if status != 410 => delivery.close(State::Discarded),
            _ => {
                delivery.close(State::Failed);
                if self.endpoints[endpoint] == Endpoint::Enabled {
                    self.disable(endpoint);
                }
            }
        }
    }

    /// Waiting deliveries are held; leased ones stay so until they are finished or claimed.
    fn disable(&mut self, endpoint: usize) {
        self.endpoints[endpoint] = Endpoint::Disabled;
        self.released_until[endpoint] = None;
        // Deliveries that were to be held before still are.
        self.to_hold[endpoint] |= self.settling[endpoint].take().is_some();
        let held = self.of(endpoint).filter(|it| it.waits() && !it.is_test).map(|it| it.close(State::Held)).count();
        self.to_hold[endpoint] |= held > 0;
    }

    fn enable(&mut self, endpoint: usize, now: Timestamp) {
        if self.endpoints[endpoint] == Endpoint::Disabled {
            self.settling[endpoint] = self.to_hold[endpoint].then_some(now);
            self.to_hold[endpoint] = false;
        }
        self.endpoints[endpoint] = Endpoint::Enabled;
    }

    /// Drains an endpoint: deliveries that are shown as held are stored so, and those that a
    /// dead process had leased are held or discarded.
    fn settle(&mut self, endpoint: usize, now: Timestamp) {
        let standing = self.endpoints[endpoint];
        let is_due = self.of(endpoint).any(|it| it.due_at <= Some(now) && it.state == State::Pending);
        if self.settling[endpoint].is_some() || (standing == Endpoint::Disabled && (is_due || self.to_hold[endpoint])) {
            self.looked_at[endpoint] = Some(now);
        }
        (self.to_hold[endpoint], self.settling[endpoint]) = (false, None);
        for delivery in self.of(endpoint).filter(|it| it.in_flight && it.due_at <= Some(now)) {
            match standing {
                Endpoint::Enabled => {}
                Endpoint::Disabled if delivery.is_test => {}
                Endpoint::Disabled => delivery.close(State::Held),
                Endpoint::Deleted => delivery.close(State::Discarded),
            }
        }
    }

    fn delete(&mut self, endpoint: usize) {
        self.endpoints[endpoint] = Endpoint::Deleted;
        for delivery in self.of(endpoint).filter(|it| it.waits() || it.state == State::Held) {
            delivery.close(State::Discarded);
        }
    }

    fn of(&mut self, endpoint: usize) -> impl Iterator<Item = &mut Modelled> {
        self.deliveries.values_mut().map(|(delivery, _)| delivery).filter(move |it| it.endpoint == endpoint)
    }

    /// Sends the deliveries in this state, in the order of acceptance, paced, behind earlier
    /// releases.
    fn send_paced(&mut self, endpoint: usize, state: State, now: Timestamp) -> u64 {
        let start = self.released_until[endpoint].map_or(now, |until| until.max(now));
        let mut place = 0;
        for (delivery, hidden) in self.deliveries.values_mut() {
            if delivery.endpoint == endpoint && delivery.state == state && !(state == State::Failed && delivery.is_test)
            {
                let turn = Duration::from_secs(1) * place / RELEASE_RATE;
                (delivery.state, delivery.due_at, hidden.failures) = (State::Pending, Some(start + turn), 0);
                place += 1;
            }
        }
        if place > 0 {
            self.released_until[endpoint] = Some(start + Duration::from_secs(1) * place / RELEASE_RATE);
        }
        place.into()
    }

    /// Leases that ended more than a lease and a grace ago at an endpoint where none
    /// holds, which the ledger complains of. (A claim since would have renewed them.)
    fn overdue(&self, now: Timestamp) -> u64 {
        let leased = || self.deliveries.values().map(|(it, _)| it).filter(|it| it.in_flight);
        let is_served = |endpoint| leased().any(|it| it.endpoint == endpoint && it.due_at > Some(now));
        let is_over = |it: &Modelled| {
            let looked_at = self.looked_at[it.endpoint];
            it.due_at.is_some_and(|due_at| due_at.max(looked_at.unwrap_or(due_at)) + LEASE + GRACE < now)
        };
        leased().filter(|it| is_over(it) && !is_served(it.endpoint)).count() as u64
    }
}

impl Modelled {
    fn close(&mut self, state: State) {
        (self.state, self.due_at, self.in_flight) = (state, None, false);
    }

    fn waits(&self) -> bool {
        self.state == State::Pending && !self.in_flight
    }
}

/// The engine, the model, and the deliveries in flight between them.
struct Play {
    engine: Engine,
    clock: ManualClock,
    account: AccountId,
    start: Timestamp,
    endpoints: Vec<EndpointId>,
    model: Model,
    /// Attempts under way and the claims that they belong to.
    in_flight: Vec<(InFlight, u32)>,
    claims: u32,
}

impl Play {
    async fn new(database: &TestDatabase, name: &str) -> Self {
        let settings = Settings {
            schedule: Schedule::new(RETRIES.to_vec(), 0),
            lease: LEASE,
            release_rate: RELEASE_RATE,
            ..Settings::default()
        };
        let (engine, clock) = engine(database, settings, Vec::new());
        let account = account(&engine, name).await;
        let mut endpoints = Vec::new();
        for _ in 0..ENDPOINTS {
            endpoints.push(endpoint(&engine, account).await);
        }
        let model = Model {
            endpoints: [Endpoint::Enabled; ENDPOINTS],
            released_until: [None; ENDPOINTS],
            to_hold: [false; ENDPOINTS],
            settling: [None; ENDPOINTS],
            looked_at: [None; ENDPOINTS],
            deliveries: BTreeMap::new(),
        };
        let start = clock.now();
        Self { engine, clock, account, start, endpoints, model, in_flight: Vec::new(), claims: 0 }
    }

    async fn take(&mut self, step: Step) -> Result<(), TestCaseError> {
        let (account, hands) = (self.account, Hands(&self.engine));
        // Ids are in the order of the steps.
        self.clock.advance(Duration::from_millis(1));
        let now = self.clock.now();
        let all = Subscriptions::all();
        match step {
            Step::Ingest => {
                let in_flight = hands.ingest(completed(&self.engine, account, "task")).await.1;
                self.in_flight.extend(in_flight.into_iter().map(|one| (one, 0)));
                let open = self.model.endpoints.iter().filter(|it| **it != Endpoint::Deleted).count();
                self.accept(false, open, now).await?;
            }
            Step::Test(which) => {
                let in_flight = hands.ingest_test(account, self.endpoints[which]).await.1;
                self.in_flight.extend(in_flight.into_iter().map(|one| (one, 0)));
                let open = self.model.endpoints[which] != Endpoint::Deleted;
                self.accept(true, open.into(), now).await?;
            }
            Step::Claim => {
                self.claims += 1;
                let overdue = self.overdue_endpoints(now);
                let claimed = hands.claim().await;
                let mut ids: Vec<_> = claimed.iter().map(InFlight::delivery).collect();
                ids.sort_unstable();
                prop_assert_eq!(ids, self.model.claim(self.claims, now, &overdue));
                self.in_flight.extend(claimed.into_iter().map(|one| (one, self.claims)));
            }
            Step::Finish(which, status) if !self.in_flight.is_empty() => {
                let (one, claim) = self.in_flight.swap_remove(which % self.in_flight.len());
                let id = one.delivery();
                hands.finish(one, status).await;
                self.model.finish(id, claim, status, now);
            }
            Step::Crash => self.in_flight.clear(),
            Step::Advance(seconds) => self.clock.advance(Duration::from_secs(seconds)),
            Step::Pause(which) => {
                let done = self.engine.as_operator_in(account).endpoint(self.endpoints[which]).pause().await;
                prop_assert_eq!(done.is_ok(), self.model.endpoints[which] != Endpoint::Deleted);
                if self.model.endpoints[which] == Endpoint::Enabled {
                    self.model.disable(which);
                }
            }
            Step::Enable(which) => {
                let done = self.engine.as_operator_in(account).endpoint(self.endpoints[which]).enable().await;
                prop_assert_eq!(done.is_ok(), self.model.endpoints[which] != Endpoint::Deleted);
                if done.is_ok() {
                    self.model.enable(which, now);
                }
            }
            Step::Settle(which, release) => {
                let endpoint = self.engine.as_operator_in(account).endpoint(self.endpoints[which]);
                let settled = if release {
                    endpoint.release(&all).await.ok()
                } else {
                    discard(&self.engine, account, self.endpoints[which], &all).await.ok()
                };
                // Discarding refuses a deleted endpoint before it drains.
                if release || self.model.endpoints[which] != Endpoint::Deleted {
                    self.model.settle(which, now);
                }
                let expected = match (self.model.endpoints[which], release) {
                    (Endpoint::Deleted, _) => None,
                    (Endpoint::Disabled, true) => Some(0),
                    (Endpoint::Enabled, true) => Some(self.model.send_paced(which, State::Held, now)),
                    (_, false) => {
                        let held = self.model.of(which).filter(|it| it.state == State::Held);
                        Some(held.map(|it| it.close(State::Discarded)).count() as u64)
                    }
                };
                prop_assert_eq!(settled, expected);
            }
            Step::Recover(which) => {
                let recovered =
                    self.engine.as_operator_in(account).endpoint(self.endpoints[which]).recover(self.start, &all).await;
                match self.model.endpoints[which] {
                    Endpoint::Deleted => prop_assert!(matches!(recovered, Err(StartError::Store(_)))),
                    Endpoint::Disabled => prop_assert!(matches!(recovered, Err(StartError::Disabled))),
                    Endpoint::Enabled => {
                        self.model.settle(which, now);
                        prop_assert_eq!(
                            recovered.ok().map(|resend| resend.sent),
                            Some(self.model.send_paced(which, State::Failed, now))
                        );
                    }
                }
            }
            Step::Resend(which) if !self.model.deliveries.is_empty() => self.resend(which, now).await?,
            Step::Delete(which) if which < ENDPOINTS => {
                let done = self.engine.as_operator_in(account).endpoint(self.endpoints[which]).delete().await;
                prop_assert_eq!(done.is_ok(), self.model.endpoints[which] != Endpoint::Deleted);
                if done.is_ok() {
                    self.model.delete(which);
                }
            }
            Step::Finish(..) | Step::Resend(_) | Step::Delete(_) => {}
        }
        self.agree().await
    }

    async fn resend(&mut self, which: usize, now: Timestamp) -> Result<(), TestCaseError> {
        let account = self.account;
        let place = which % self.model.deliveries.len();
        let (&id, (delivery, hidden)) = self.model.deliveries.iter_mut().nth(place).expect("a delivery");
        let done = self.engine.as_operator_in(account).delivery(id).resend().await;
        match self.model.endpoints[delivery.endpoint] {
            Endpoint::Deleted => prop_assert!(matches!(done, Err(ResendError::Store(_)))),
            Endpoint::Disabled if !delivery.is_test => {
                prop_assert!(matches!(done, Err(ResendError::Disabled)));
            }
            Endpoint::Enabled if self.model.settling[delivery.endpoint].is_some() && !delivery.is_test => {
                prop_assert!(matches!(done, Err(ResendError::Settling)));
            }
            _ if delivery.state == State::Pending => prop_assert!(matches!(done, Err(ResendError::Pending))),
            _ => {
                prop_assert!(done.is_ok());
                (delivery.state, delivery.due_at, hidden.failures) = (State::Pending, Some(now), 0);
            }
        }
        Ok(())
    }

    /// Returns the endpoints that have a delivery in hand whose lease has run out.
    fn overdue_endpoints(&self, now: Timestamp) -> Vec<usize> {
        let overdue = self.in_flight.iter().filter(|(one, _)| one.leased_until() <= Some(now));
        overdue.filter_map(|(one, _)| self.endpoints.iter().position(|&it| it == one.endpoint())).collect()
    }

    /// Adds the accepted deliveries to the model; there must be as many as expected.
    async fn accept(&mut self, is_test: bool, expected: usize, now: Timestamp) -> Result<(), TestCaseError> {
        let mut accepted = 0;
        for which in 0..ENDPOINTS {
            for delivery in self.log(which).await {
                if !self.model.deliveries.contains_key(&delivery.0) {
                    self.model.add(delivery.0, which, is_test, now);
                    accepted += 1;
                }
            }
        }
        prop_assert_eq!(accepted, expected);
        Ok(())
    }

    async fn log(&self, which: usize) -> Vec<(DeliveryId, Modelled)> {
        let endpoint = self.endpoints[which];
        let log = testing::log(&self.engine, self.account, endpoint, &Filter::default(), 1_000).await;
        log.into_iter()
            .map(|it| {
                let modelled = Modelled {
                    endpoint: which,
                    is_test: it.is_test,
                    state: it.state,
                    due_at: it.due_at,
                    in_flight: it.in_flight,
                    attempts: it.attempts,
                };
                (it.id, modelled)
            })
            .collect()
    }

    /// The store agrees with the model, and the ledger adds up.
    async fn agree(&self) -> Result<(), TestCaseError> {
        let mut stored = BTreeMap::new();
        for which in 0..ENDPOINTS {
            stored.extend(self.log(which).await);
        }
        let modelled: BTreeMap<_, _> = self.model.deliveries.iter().map(|(&id, (it, _))| (id, it.clone())).collect();
        prop_assert_eq!(stored, modelled);
        let ledger = self.engine.check().await.expect("a ledger");
        let findings: Vec<_> = ledger.findings.iter().map(|it| (it.rule, it.count)).collect();
        let overdue = self.model.overdue(self.clock.now());
        let expected = if overdue > 0 { vec![(Rule::LeaseNotOverdue, overdue)] } else { vec![] };
        prop_assert_eq!(findings, expected, "{:?}", ledger);
        Ok(())
    }
}

/// Sequences that random ones come to once in hundreds of runs.
const RARE: [&[Step]; 1] = [&[Step::Ingest, Step::Delete(0), Step::Advance(69), Step::Settle(0, false), Step::Claim]];

fn play(cases: u32, steps: usize, database: impl AsyncFn() -> TestDatabase) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    for steps in RARE {
        runtime.block_on(follow(steps, &database)).unwrap_or_else(|error| panic!("{steps:?}: {error}"));
    }
    let config = Config { cases, failure_persistence: None, ..Config::default() };
    let outcome = TestRunner::new(config)
        .run(&prop::collection::vec(step(), 1..steps), |steps| runtime.block_on(follow(&steps, &database)));
    if let Err(error) = outcome {
        panic!("{error}");
    }
}

/// Takes the steps, each on the store and on the model.
async fn follow(steps: &[Step], database: &impl AsyncFn() -> TestDatabase) -> Result<(), TestCaseError> {
    let database = database().await;
    let mut play = Play::new(&database, "acme").await;
    for &step in steps {
        play.take(step).await?;
    }
    prop_assert_eq!(database.miscounted().await, 0, "hours whose attempts are not those in the statistics");
    play.engine.close().await;
    Ok(())
}

#[test]
fn any_sequence_ends_as_the_model_says_on_sqlite() {
    play(64, 80, sqlite);
}

#[test]
fn any_sequence_ends_as_the_model_says_on_postgresql() {
    if std::env::var_os(POSTGRES_VARIABLE).is_some() {
        play(16, 80, async || postgres().await.expect("a database"));
    }
}

//! The room: a handle for each metric, made once, so that recording finds nothing by name.

use std::marker::PhantomData;

use metrics::{Counter, Gauge, Histogram, Key, Label as Pair, Level, Metadata, Recorder};

use super::{
    catalogue::{self, Metric},
    labels::{
        AttemptEnd, HeldReason, Label, Operation, Phase, RefusedAddress, RefusedEvent, SignIn, SignInFailure, Slot,
    },
};

/// What the recorder is told about the origin of a metric.
const METADATA: Metadata<'static> = Metadata::new("signet", Level::INFO, None);

/// The handles of a metric that a label divides.
pub(crate) struct Family<L, H> {
    handles: Vec<H>,
    label: PhantomData<fn(L)>,
}

impl<L: Label, H> Family<L, H> {
    fn new(metric: Metric, register: impl Fn(&Key) -> H) -> Self {
        debug_assert_eq!(metric.labels, [L::NAME], "the catalogue names the label of {}", metric.name);
        let key = |value: &L| Key::from_parts(metric.name, vec![Pair::from_static_parts(L::NAME, value.text())]);
        Self { handles: L::ALL.iter().map(|value| register(&key(value))).collect(), label: PhantomData }
    }

    /// The handle of a part.
    pub(crate) fn of(&self, value: L) -> &H {
        &self.handles[value.index()]
    }
}

/// Everything that is measured.
pub(crate) struct Room {
    pub(crate) events_accepted: Counter,
    pub(crate) events_refused: Family<RefusedEvent, Counter>,
    pub(crate) deliveries_created: Counter,
    pub(crate) deliveries_delivered: Counter,
    pub(crate) deliveries_failed: Counter,
    pub(crate) deliveries_retried: Counter,
    pub(crate) deliveries_held: Family<HeldReason, Counter>,
    pub(crate) attempts: Family<AttemptEnd, Counter>,
    pub(crate) first_attempt_delay: Histogram,
    pub(crate) delivery_delay: Histogram,
    pub(crate) attempt_duration: Family<Phase, Histogram>,
    pub(crate) slots_used: Family<Slot, Gauge>,
    pub(crate) slots_limit: Family<Slot, Gauge>,
    pub(crate) requests_waiting: Gauge,
    pub(crate) requests_limit: Gauge,
    pub(crate) pending: Gauge,
    pub(crate) pending_limit: Gauge,
    pub(crate) oldest_due: Gauge,
    pub(crate) commit_events: Histogram,
    pub(crate) commit_outcomes: Histogram,
    pub(crate) commits_failed: Counter,
    pub(crate) database_time: Family<Operation, Histogram>,
    pub(crate) database_up: Gauge,
    pub(crate) refused_addresses: Family<RefusedAddress, Counter>,
    pub(crate) spans_dropped: Counter,
    pub(crate) sign_ins: Family<SignIn, Counter>,
    pub(crate) sign_in_failures: Family<SignInFailure, Counter>,
}

impl Room {
    pub(super) fn new(recorder: &dyn Recorder) -> Self {
        let counter = |key: &Key| recorder.register_counter(key, &METADATA);
        let gauge = |key: &Key| recorder.register_gauge(key, &METADATA);
        let histogram = |key: &Key| recorder.register_histogram(key, &METADATA);
        let key = |metric: Metric| Key::from_static_name(metric.name);
        Self {
            events_accepted: counter(&key(catalogue::EVENTS_ACCEPTED)),
            events_refused: Family::new(catalogue::EVENTS_REFUSED, counter),
            deliveries_created: counter(&key(catalogue::DELIVERIES_CREATED)),
            deliveries_delivered: counter(&key(catalogue::DELIVERIES_DELIVERED)),
            deliveries_failed: counter(&key(catalogue::DELIVERIES_FAILED)),
            deliveries_retried: counter(&key(catalogue::DELIVERIES_RETRIED)),
            deliveries_held: Family::new(catalogue::DELIVERIES_HELD, counter),
            attempts: Family::new(catalogue::ATTEMPTS, counter),
            first_attempt_delay: histogram(&key(catalogue::FIRST_ATTEMPT_DELAY)),
            delivery_delay: histogram(&key(catalogue::DELIVERY_DELAY)),
            attempt_duration: Family::new(catalogue::ATTEMPT_DURATION, histogram),
            slots_used: Family::new(catalogue::SLOTS_USED, gauge),
            slots_limit: Family::new(catalogue::SLOTS_LIMIT, gauge),
            requests_waiting: gauge(&key(catalogue::REQUESTS_WAITING)),
            requests_limit: gauge(&key(catalogue::REQUESTS_LIMIT)),
            pending: gauge(&key(catalogue::PENDING)),
            pending_limit: gauge(&key(catalogue::PENDING_LIMIT)),
            oldest_due: gauge(&key(catalogue::OLDEST_DUE)),
            commit_events: histogram(&key(catalogue::COMMIT_EVENTS)),
            commit_outcomes: histogram(&key(catalogue::COMMIT_OUTCOMES)),
            commits_failed: counter(&key(catalogue::COMMITS_FAILED)),
            database_time: Family::new(catalogue::DATABASE_TIME, histogram),
            database_up: gauge(&key(catalogue::DATABASE_UP)),
            refused_addresses: Family::new(catalogue::REFUSED_ADDRESSES, counter),
            spans_dropped: counter(&key(catalogue::SPANS_DROPPED)),
            sign_ins: Family::new(catalogue::SIGN_INS, counter),
            sign_in_failures: Family::new(catalogue::SIGN_IN_FAILURES, counter),
        }
    }

    /// Tells which program this is.
    pub(super) fn tell_build(recorder: &dyn Recorder, version: &'static str, database: &'static str) {
        let labels = vec![Pair::from_static_parts("version", version), Pair::from_static_parts("database", database)];
        recorder.register_gauge(&Key::from_parts(catalogue::BUILD_INFO.name, labels), &METADATA).set(1.0);
    }
}

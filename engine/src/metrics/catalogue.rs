//! Each metric once: its name, unit, kind, label and meaning.
//!
//! Names follow the rules of Prometheus: base units, and `_total` for what only grows. Tests
//! that people send are left out, as in the statistics of the dashboard.

use metrics::{KeyName, Recorder, Unit};

use super::labels::{
    AttemptEnd, HeldReason, Label, Operation, Phase, RefusedAddress, RefusedEvent, SignIn, SignInFailure, Slot,
};

/// The kind of a metric.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Kind {
    /// It only grows, from the start of the process on.
    Counter,
    /// It goes up and down.
    Gauge,
    /// Values by their size, in buckets up to these bounds.
    Histogram(&'static [f64]),
}

/// A metric.
#[derive(Debug, Clone, Copy)]
pub struct Metric {
    /// Its name.
    pub name: &'static str,
    /// Its kind.
    pub kind: Kind,
    /// Its unit.
    pub unit: Unit,
    /// The names of its labels.
    pub labels: &'static [&'static str],
    /// Its meaning, in a sentence.
    pub help: &'static str,
}

/// Times of one step: from 1 ms to half a minute.
const STEP: &[f64] = &[0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0];
/// Times with the database: from a tenth of a millisecond to 10 s.
const DATABASE: &[f64] =
    &[0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];
/// Times from the acceptance on: retries take hours, and what is held can take days.
const SINCE_ACCEPTANCE: &[f64] =
    &[0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 15.0, 60.0, 300.0, 1_800.0, 7_200.0, 21_600.0, 86_400.0];
/// Rows of one commit.
const ROWS: &[f64] = &[0.0, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 512.0, 1_024.0];

const fn counter(name: &'static str, labels: &'static [&'static str], help: &'static str) -> Metric {
    Metric { name, kind: Kind::Counter, unit: Unit::Count, labels, help }
}

const fn gauge(name: &'static str, unit: Unit, labels: &'static [&'static str], help: &'static str) -> Metric {
    Metric { name, kind: Kind::Gauge, unit, labels, help }
}

const fn seconds(
    name: &'static str,
    buckets: &'static [f64],
    labels: &'static [&'static str],
    help: &'static str,
) -> Metric {
    Metric { name, kind: Kind::Histogram(buckets), unit: Unit::Seconds, labels, help }
}

const fn rows(name: &'static str, help: &'static str) -> Metric {
    Metric { name, kind: Kind::Histogram(ROWS), unit: Unit::Count, labels: &[], help }
}

macro_rules! catalogue {
    ($($id:ident = $metric:expr;)*) => {
        $(pub(super) const $id: Metric = $metric;)*

        /// All metrics of the engine, in the order in which the documentation lists them.
        pub const ALL: &[Metric] = &[$($id),*];
    };
}

catalogue! {
    EVENTS_ACCEPTED = counter("signet_events_accepted_total", &[], "Events that were stored.");
    EVENTS_REFUSED = counter(
        "signet_events_refused_total",
        &[RefusedEvent::NAME],
        "Events that reached the engine and were not stored.",
    );
    DELIVERIES_CREATED = counter(
        "signet_deliveries_created_total",
        &[],
        "Deliveries that were made of these events, one for each webhook that wants the event.",
    );
    DELIVERIES_DELIVERED = counter(
        "signet_deliveries_delivered_total",
        &[],
        "Deliveries that were answered with a 2xx; one that is sent again counts again.",
    );
    DELIVERIES_FAILED =
        counter("signet_deliveries_failed_total", &[], "Deliveries that an attempt has failed for good.");
    DELIVERIES_RETRIED = counter(
        "signet_deliveries_retried_total",
        &[],
        "Failed attempts after which the delivery has another one before it.",
    );
    DELIVERIES_HELD = counter(
        "signet_deliveries_held_total",
        &[HeldReason::NAME],
        "Deliveries that were set aside until a person releases or discards them.",
    );
    ATTEMPTS = counter("signet_attempts_total", &[AttemptEnd::NAME], "Attempts that were recorded, by their end.");
    FIRST_ATTEMPT_DELAY = seconds(
        "signet_first_attempt_delay_seconds",
        SINCE_ACCEPTANCE,
        &[],
        "Time from the acceptance of an event to the first attempt of a delivery.",
    );
    DELIVERY_DELAY = seconds(
        "signet_delivery_delay_seconds",
        SINCE_ACCEPTANCE,
        &[],
        "Time from the acceptance of an event to the answer that delivers, with retries and rests.",
    );
    ATTEMPT_DURATION = seconds(
        "signet_attempt_duration_seconds",
        STEP,
        &[Phase::NAME],
        "Time of an attempt by phase; look-up, connect and tls occur on new connections alone.",
    );
    SLOTS_USED = gauge("signet_slots_used", Unit::Count, &[Slot::NAME], "Slots that are taken, by what takes them.");
    SLOTS_LIMIT = gauge("signet_slots_limit", Unit::Count, &[Slot::NAME], "Slots that can be taken.");
    REQUESTS_WAITING = gauge(
        "signet_ingest_requests_waiting",
        Unit::Count,
        &[],
        "Requests with events or balances that wait for their commit.",
    );
    REQUESTS_LIMIT = gauge(
        "signet_ingest_requests_limit",
        Unit::Count,
        &[],
        "Requests that can wait; the next one is refused.",
    );
    PENDING = gauge(
        "signet_pending_deliveries",
        Unit::Count,
        &[],
        "Deliveries that wait for an attempt or are being sent, of all processes, counted up to the limit.",
    );
    PENDING_LIMIT = gauge(
        "signet_pending_deliveries_limit",
        Unit::Count,
        &[],
        "The number up to which pending deliveries are counted: there can be more.",
    );
    OLDEST_DUE = gauge(
        "signet_oldest_due_age_seconds",
        Unit::Seconds,
        &[],
        "Time since the oldest delivery that may be sent now was due, of all processes; 0 if none is.",
    );
    COMMIT_EVENTS = rows("signet_commit_events", "Events in a commit; the count is the number of commits.");
    COMMIT_OUTCOMES = rows("signet_commit_outcomes", "Outcomes of attempts in a commit.");
    COMMITS_FAILED = counter(
        "signet_commits_failed_total",
        &[],
        "Commits of events and outcomes that failed or were not answered in time; they are tried again or refused.",
    );
    DATABASE_TIME = seconds(
        "signet_database_duration_seconds",
        DATABASE,
        &[Operation::NAME],
        "Time with the database by what is done; a commit that has to lock rows counts its statements as well.",
    );
    DATABASE_UP = gauge(
        "signet_database_up",
        Unit::Count,
        &[],
        "1 if the database told the queue in time for this answer; 0 if not, and the figures of the queue are NaN.",
    );
    REFUSED_ADDRESSES = counter(
        "signet_refused_addresses_total",
        &[RefusedAddress::NAME],
        "Times that a webhook was kept from an address that is not public, when it was saved, tested or sent to.",
    );
    SPANS_DROPPED = counter(
        "signet_spans_dropped_total",
        &[],
        "Spans that no collector has: too many waited, or it did not take them.",
    );
    SIGN_INS = counter("signet_sign_ins_total", &[SignIn::NAME], "Sessions that were begun by signing in.");
    SIGN_IN_FAILURES = counter(
        "signet_sign_in_failures_total",
        &[SignInFailure::NAME],
        "Attempts to get in by password, code or link that came to nothing.",
    );
    BUILD_INFO = gauge(
        "signet_build_info",
        Unit::Count,
        &["version", "database"],
        "1, with the version of this process and the kind of its database.",
    );
}

/// Tells a recorder what the metrics mean.
pub(super) fn describe(recorder: &dyn Recorder) {
    for metric in ALL {
        let (name, unit, help) = (KeyName::from_const_str(metric.name), Some(metric.unit), metric.help.into());
        match metric.kind {
            Kind::Counter => recorder.describe_counter(name, unit, help),
            Kind::Gauge => recorder.describe_gauge(name, unit, help),
            Kind::Histogram(_) => recorder.describe_histogram(name, unit, help),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_follow_the_rules_of_prometheus() {
        for metric in ALL {
            let Metric { name, kind, unit, help, .. } = metric;
            let fits = |letter: char| letter.is_ascii_lowercase() || letter == '_';
            assert!(name.starts_with("signet_") && name.chars().all(fits), "{name}");
            assert_eq!(name.ends_with("_total"), *kind == Kind::Counter, "{name}");
            assert_eq!(name.ends_with("_seconds"), *unit == Unit::Seconds, "{name}");
            assert!(help.ends_with('.') && help.starts_with(|it: char| it.is_ascii_uppercase() || it == '1'), "{name}");
            if let Kind::Histogram(buckets) = kind {
                assert!(buckets.is_sorted_by(|a, b| a < b), "{name}");
            }
        }
    }

    #[test]
    fn each_name_stands_once() {
        let mut names: Vec<_> = ALL.iter().map(|metric| metric.name).collect();
        names.sort_unstable();
        assert!(names.is_sorted_by(|a, b| a < b), "{names:?}");
    }
}

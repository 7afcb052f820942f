//! Attempts: the request, the answer, and the result of a test.

use std::time::Duration;

use signet_engine::service::deliveries::DeliveryDetail;
use signet_model::{
    Timestamp,
    delivery::{Attempt, Outcome, Phases, Response, State},
};

use super::{
    delivery::{answer, in_short},
    explain::explain,
    situation::{Next, Situation},
};
use crate::{
    components::{Answer, AttemptView, PhaseView, Status, Tone},
    present::{delivery_path, indented},
    words::{moment, span},
};

mod text {
    pub(super) const LOOKUP: &str = "Name look-up";
    pub(super) const CONNECT: &str = "Connecting";
    pub(super) const TLS: &str = "TLS";
    pub(super) const WAITING: &str = "Waiting";
    pub(super) const BODY: &str = "Body";
    pub(super) const FIRST_BYTE: &str = "First byte after";
    pub(super) const DETAIL: &str = "Detail";
    pub(super) const ASKED_TO_WAIT: &str = "Asked to wait";
    pub(super) const WAIT: &str = "Asked to wait for";
}

/// One attempt, as its delivery is now.
pub(crate) fn attempt(attempt: &Attempt, situation: Situation, now: Timestamp) -> AttemptView {
    let outcome = attempt.outcome();
    let explanation = explain(outcome, situation);
    AttemptView {
        number: attempt.number,
        started: moment(attempt.started_at, now),
        took: span(attempt.duration),
        status: status(outcome, situation),
        title: explanation.title,
        advice: explanation.advice,
        phases: phases(attempt),
        facts: facts(attempt),
        request_headers: attempt
            .request_headers
            .iter()
            .map(|(name, value)| (name.to_string(), value.to_string()))
            .collect(),
        answer: attempt.response.as_ref().map(response),
    }
}

/// The outcome in a word. A receiver that asked to wait has not failed as long as it is waited for.
fn status(outcome: Outcome, situation: Situation) -> Status {
    if outcome.is_success() {
        Status::new(Tone::Good, in_short(outcome))
    } else if situation.asked && situation.next == Next::Due && !situation.is_test {
        Status::new(Tone::Waiting, text::ASKED_TO_WAIT)
    } else {
        Status::new(Tone::Bad, in_short(outcome))
    }
}

/// The steps of an attempt that made a connection.
fn phases(attempt: &Attempt) -> Vec<PhaseView> {
    let Phases { lookup, connect, tls } = attempt.phases;
    if attempt.phases == Phases::NONE {
        return Vec::new();
    }
    let made: Duration = [lookup, connect, tls].into_iter().flatten().sum();
    let until_answer = attempt.first_byte.unwrap_or(attempt.duration);
    let mut from = Duration::ZERO;
    let steps = [
        (text::LOOKUP, lookup),
        (text::CONNECT, connect),
        (text::TLS, tls),
        (text::WAITING, tls.map(|_| until_answer.saturating_sub(made))),
        (text::BODY, attempt.first_byte.map(|first| attempt.duration.saturating_sub(first))),
    ];
    let whole = attempt.duration.as_micros().max(1);
    let part = |span: Duration| u32::try_from(span.as_micros() * 1_000 / whole).unwrap_or(1_000).min(1_000);
    let shown = steps.into_iter().filter_map(|(name, step)| {
        let step = step?;
        let begin = from;
        from += step;
        let place = part(begin).min(995);
        let length = part(step).clamp(5, 1_000 - place);
        Some(PhaseView { name: name.to_owned(), took: span(step), from: place, length })
    });
    shown.collect()
}

/// The facts of an attempt that not every attempt has.
fn facts(attempt: &Attempt) -> Vec<(String, String)> {
    let asked = attempt.rests_until().and(attempt.retry_after).map(span);
    let facts = [
        (text::FIRST_BYTE, attempt.first_byte.map(span)),
        (text::WAIT, asked),
        (text::DETAIL, attempt.failure_detail.clone()),
    ];
    facts.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect()
}

fn response(response: &Response) -> Answer {
    let is_json = response
        .headers
        .iter()
        .any(|(name, value)| name.eq_ignore_ascii_case("content-type") && value.contains("json"));
    Answer {
        status: answer(response.status),
        headers: response.headers.clone(),
        body: if is_json { indented(&response.body) } else { response.body.clone() },
        truncated: response.body_truncated,
    }
}

/// The result of a test event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TestReport {
    /// The type of the event.
    pub(crate) event_type: String,
    /// The outcome in a word.
    pub(crate) status: Status,
    /// The outcome in a sentence.
    pub(crate) title: String,
    /// The remedy.
    pub(crate) advice: String,
    /// The address of the delivery's page.
    pub(crate) href: String,
    /// The request and the answer.
    pub(crate) attempt: Option<AttemptView>,
}

/// The result of a test event, as far as it is known.
pub(crate) fn test_report(detail: &DeliveryDetail, now: Timestamp) -> TestReport {
    let delivery = &detail.delivery;
    let last = detail.attempts.last();
    let explained = last.map(|last| (last, explain(last.outcome(), Situation::without_webhook(last, delivery))));
    let (status, title, advice) = match explained {
        Some((last, explanation)) if last.outcome().is_success() => {
            let took = span(last.duration);
            (Status::new(Tone::Good, "Delivered"), format!("{} in {took}", explanation.title), String::new())
        }
        Some((_, explanation)) => (Status::new(Tone::Bad, "Failed"), explanation.title, explanation.advice),
        None if delivery.state == State::Pending => (
            Status::new(Tone::Waiting, "Waiting"),
            "The receiver has not answered yet".to_owned(),
            "Open the delivery to see how it ends.".to_owned(),
        ),
        None => (Status::new(Tone::Idle, "Not sent"), "The test event was not sent".to_owned(), String::new()),
    };
    TestReport {
        event_type: delivery.event_type.to_string(),
        status,
        title,
        advice,
        href: delivery_path(delivery.endpoint, delivery.id),
        attempt: last.map(|it| attempt(it, Situation::without_webhook(it, delivery), now)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_steps_of_an_attempt_stand_one_after_the_other() {
        let millis = Duration::from_millis;
        let connection = Phases { lookup: Some(millis(100)), connect: Some(millis(200)), tls: Some(millis(300)) };
        let begun = Attempt::begun(1, Timestamp::from_unix_seconds(0));
        let whole =
            Attempt { duration: millis(1_000), first_byte: Some(millis(900)), phases: connection, ..begun.clone() };
        let places: Vec<_> = phases(&whole).iter().map(|it| (it.name.clone(), it.from, it.length)).collect();
        let expected = [
            ("Name look-up", 0, 100),
            ("Connecting", 100, 200),
            ("TLS", 300, 300),
            ("Waiting", 600, 300),
            ("Body", 900, 100),
        ];
        assert_eq!(places, expected.map(|(name, from, length)| (name.to_owned(), from, length)));
        // The handshake never ended.
        let phases_of = |phases| Attempt { duration: millis(1_000), phases, ..begun.clone() };
        assert_eq!(phases(&phases_of(Phases { tls: None, ..connection })).len(), 2);
        assert_eq!(phases(&phases_of(Phases::NONE)), []);
    }
}

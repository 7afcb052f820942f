//! Attempts: the request, the answer, and the result of a test.

use std::time::Duration;

use signet_engine::service::deliveries::DeliveryDetail;
use signet_model::{
    Timestamp,
    delivery::{Attempt, Phases, Response, State},
};

use super::{
    delivery::{answer, in_short},
    explain::{explain, explain_test},
};
use crate::{
    components::{Answer, AttemptView, PhaseView, Status, Tone},
    islands::TestReport,
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
}

/// One attempt, at a test event or at another one.
pub(crate) fn attempt(attempt: &Attempt, is_test: bool, now: Timestamp) -> AttemptView {
    let outcome = attempt.outcome();
    let explanation = if is_test { explain_test(outcome) } else { explain(outcome) };
    let tone = if outcome.is_success() { Tone::Good } else { Tone::Bad };
    AttemptView {
        number: attempt.number,
        started: moment(attempt.started_at, now),
        took: span(attempt.duration),
        status: Status::new(tone, in_short(outcome)),
        title: explanation.title,
        advice: explanation.advice.to_owned(),
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
    let facts = [(text::FIRST_BYTE, attempt.first_byte.map(span)), (text::DETAIL, attempt.failure_detail.clone())];
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

/// The result of a test event, as far as it is known.
pub(crate) fn test_report(detail: &DeliveryDetail, now: Timestamp) -> TestReport {
    let delivery = &detail.delivery;
    let last = detail.attempts.last();
    let (status, title, advice) = match last.map(Attempt::outcome) {
        Some(outcome) if outcome.is_success() => {
            let took = last.map(|it| span(it.duration)).unwrap_or_default();
            (Status::new(Tone::Good, "Delivered"), format!("{} in {took}", explain_test(outcome).title), String::new())
        }
        Some(outcome) => {
            let explanation = explain_test(outcome);
            (Status::new(Tone::Bad, "Failed"), explanation.title, explanation.advice.to_owned())
        }
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
        attempt: last.map(|it| attempt(it, true, now)),
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

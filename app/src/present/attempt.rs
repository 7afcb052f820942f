//! Attempts: the request, the answer, and the result of a test.

use signet_engine::service::deliveries::DeliveryDetail;
use signet_model::{
    Timestamp,
    delivery::{Attempt, Response, State},
};

use super::{
    delivery::{answer, in_short},
    explain::{explain, explain_test},
};
use crate::{
    components::{Answer, AttemptView, Status, Tone},
    present::{delivery_path, indented},
    words::{moment, span},
};

mod text {
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
        facts: facts(attempt),
        request_headers: attempt
            .request_headers
            .iter()
            .map(|(name, value)| (name.to_string(), value.to_string()))
            .collect(),
        answer: attempt.response.as_ref().map(response),
    }
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

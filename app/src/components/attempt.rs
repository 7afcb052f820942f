//! One attempt: the request and the answer.

use leptos::prelude::*;

use crate::html::IntoHtml;
use serde::{Deserialize, Serialize};

use super::{Moment, Status, StatusMark, When};

mod text {
    pub(super) const STARTED: &str = "Started";
    pub(super) const TOOK: &str = "Took";
    pub(super) const NO_RESPONSE: &str = "No response was received.";
    pub(super) const RESPONSE: &str = "Response ";
    pub(super) const EMPTY_BODY: &str = "The body is empty.";
    pub(super) const TRUNCATED: &str =
        "This is not all of the body: the rest was too long to be kept, came too late, or never came.";

    pub(super) fn attempt(number: u32) -> String {
        format!("Attempt {number}")
    }

    pub(super) fn request_headers(count: usize) -> String {
        format!("Request headers ({count})")
    }

    pub(super) fn response_headers(count: usize) -> String {
        format!("Response headers ({count})")
    }
}

/// An attempt as it is shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AttemptView {
    /// Counting from 1.
    pub number: u32,
    /// The instant at which it began.
    pub started: Moment,
    /// Its duration.
    pub took: String,
    /// The outcome in a word.
    pub status: Status,
    /// The outcome in a sentence.
    pub title: String,
    /// The remedy.
    pub advice: String,
    /// Its steps, in their order; empty where no connection was made.
    pub phases: Vec<PhaseView>,
    /// Names and values of its further facts.
    pub facts: Vec<(String, String)>,
    /// The headers of the request.
    pub request_headers: Vec<(String, String)>,
    /// The answer of the receiver.
    pub answer: Option<Answer>,
}

/// A step of an attempt, as a part of the whole.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PhaseView {
    /// Its name.
    pub name: String,
    /// Its duration.
    pub took: String,
    /// Its begin, in thousandths of the attempt.
    pub from: u32,
    /// Its length, in thousandths of the attempt.
    pub length: u32,
}

/// The answer of the receiver.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answer {
    /// Status and reason.
    pub status: String,
    /// The headers in the order received.
    pub headers: Vec<(String, String)>,
    /// The part of the body that was kept.
    pub body: String,
    /// `true` if that is not all of it.
    pub truncated: bool,
}

/// Shows an attempt on the page of its delivery.
#[component]
pub fn AttemptReport(
    /// The attempt.
    attempt: AttemptView,
    /// `true` shows it in full at once.
    open: bool,
) -> impl IntoView {
    let failed = attempt.status.tone != super::Tone::Good;
    let (title, advice) = (attempt.title.clone(), attempt.advice.clone());
    view! {
        <details class="attempt" open=open>
            <summary>
                <span class="attempt-number">{text::attempt(attempt.number)}</span>
                <StatusMark status=attempt.status.clone() />
                <span class="attempt-facts">
                    {attempt.took.clone()} " · " <When at=attempt.started.clone() />
                </span>
            </summary>
            <div class="attempt-body">
                {failed
                    .then(|| {
                        view! {
                            <div class="explanation">
                                <p class="explanation-title">{title}</p>
                                <p>{advice}</p>
                            </div>
                        }
                    })} <Exchange attempt=attempt />
            </div>
        </details>
    }
}

/// The timings, the answer, and the request's headers.
#[component]
pub fn Exchange(
    /// The attempt.
    attempt: AttemptView,
) -> impl IntoView {
    let no_answer = attempt.answer.is_none();
    view! {
        <dl class="facts">
            <div><dt>{text::STARTED}</dt><dd><When at=attempt.started in_full=true /></dd></div>
            <div><dt>{text::TOOK}</dt><dd>{attempt.took}</dd></div>
            {attempt
                .facts
                .into_iter()
                .map(|(name, value)| view! { <div><dt>{name}</dt><dd>{value}</dd></div> })
                .collect_view()}
        </dl>
        {(!attempt.phases.is_empty()).then(|| view! { <Phases phases=attempt.phases /> })}
        {attempt.answer.map(|answer| view! { <AnswerView answer=answer /> })}
        {no_answer.then(|| view! { <p class="hint">{text::NO_RESPONSE}</p> })}
        <details class="fold">
            <summary>{text::request_headers(attempt.request_headers.len())}</summary>
            <Headers headers=attempt.request_headers />
        </details>
    }
    .html()
}

/// The steps one after the other, each with a bar that shows its place.
#[component]
fn Phases(phases: Vec<PhaseView>) -> impl IntoView {
    let shown = phases.into_iter().map(|PhaseView { name, took, from, length }| {
        let bar = format!(
            "<rect class='phase-ground' width='1000' height='6'/><rect class='phase-bar' x='{from}' width='{length}' height='6'/>"
        );
        view! {
            <div>
                <dt>{name}</dt>
                <dd>
                    <svg class="phase" viewBox="0 0 1000 6" preserveAspectRatio="none" aria-hidden="true" inner_html=bar />
                    {took}
                </dd>
            </div>
        }
    });
    view! { <dl class="phases">{shown.collect_view()}</dl> }.html()
}

#[component]
fn AnswerView(answer: Answer) -> impl IntoView {
    let empty = answer.body.is_empty() && !answer.truncated;
    view! {
        <section class="answer">
            <h3>{text::RESPONSE} <span class="mono">{answer.status}</span></h3>
            {if empty {
                view! { <p class="hint">{text::EMPTY_BODY}</p> }.html()
            } else {
                view! { <pre class="code" tabindex="0">{answer.body}</pre> }.html()
            }}
            {answer
                .truncated
                .then(|| {
                    view! {
                        <p class="hint">{text::TRUNCATED}</p>
                    }
                })}
            <details class="fold">
                <summary>{text::response_headers(answer.headers.len())}</summary>
                <Headers headers=answer.headers />
            </details>
        </section>
    }
    .html()
}

#[component]
fn Headers(headers: Vec<(String, String)>) -> impl IntoView {
    view! {
        <dl class="headers mono">
            {headers
                .into_iter()
                .map(|(name, value)| view! { <div><dt>{name}</dt><dd>{value}</dd></div> })
                .collect_view()}
        </dl>
    }
}

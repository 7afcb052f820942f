//! One attempt: what was sent and what came back.

use leptos::prelude::*;
use serde::{Deserialize, Serialize};

use super::{Moment, Status, StatusMark, When};

/// An attempt as it is shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AttemptView {
    /// Counting from 1.
    pub number: u32,
    /// When it began.
    pub started: Moment,
    /// How long it took.
    pub took: String,
    /// How long until the head of the answer was there.
    pub first_byte: Option<String>,
    /// How it ended, in short.
    pub status: Status,
    /// How it ended.
    pub title: String,
    /// What to do about it.
    pub advice: String,
    /// The failure in the words of the part that failed.
    pub detail: Option<String>,
    /// What the receiver asked to be waited.
    pub retry_after: Option<String>,
    /// What was sent above the body.
    pub request_headers: Vec<(String, String)>,
    /// What came back.
    pub answer: Option<Answer>,
}

/// What came back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answer {
    /// Status and reason.
    pub status: String,
    /// The headers in the order received.
    pub headers: Vec<(String, String)>,
    /// As much of the body as was kept.
    pub body: String,
    /// Whether that is not all of it.
    pub truncated: bool,
}

/// Shows an attempt on the page of its delivery.
#[component]
pub fn AttemptReport(
    /// The attempt.
    attempt: AttemptView,
    /// Whether it is shown in full at once.
    open: bool,
) -> impl IntoView {
    let failed = attempt.status.tone != super::Tone::Good;
    let (title, advice) = (attempt.title.clone(), attempt.advice.clone());
    view! {
        <details class="attempt" open=open>
            <summary>
                <span class="attempt-number">{format!("Attempt {}", attempt.number)}</span>
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

/// What went over the wire: timings, the answer, the request's headers.
#[component]
pub fn Exchange(
    /// The attempt.
    attempt: AttemptView,
) -> impl IntoView {
    let no_answer = attempt.answer.is_none();
    view! {
        <dl class="facts">
            <div><dt>"Started"</dt><dd><When at=attempt.started in_full=true /></dd></div>
            <div><dt>"Took"</dt><dd>{attempt.took}</dd></div>
            {attempt
                .first_byte
                .map(|first| view! { <div><dt>"First byte after"</dt><dd>{first}</dd></div> })}
            {attempt
                .retry_after
                .map(|wait| view! { <div><dt>"Asked to wait"</dt><dd>{wait}</dd></div> })}
            {attempt
                .detail
                .map(|detail| view! { <div><dt>"Detail"</dt><dd>{detail}</dd></div> })}
        </dl>
        {attempt.answer.map(|answer| view! { <AnswerView answer=answer /> })}
        {no_answer.then(|| view! { <p class="hint">"No response was received."</p> })}
        <details class="fold">
            <summary>{format!("Request headers ({})", attempt.request_headers.len())}</summary>
            <Headers headers=attempt.request_headers />
        </details>
    }
    .into_any()
}

#[component]
fn AnswerView(answer: Answer) -> impl IntoView {
    let empty = answer.body.is_empty() && !answer.truncated;
    view! {
        <section class="answer">
            <h3>"Response " <span class="mono">{answer.status}</span></h3>
            {if empty {
                view! { <p class="hint">"The body is empty."</p> }.into_any()
            } else {
                view! { <pre class="code" tabindex="0">{answer.body}</pre> }.into_any()
            }}
            {answer
                .truncated
                .then(|| {
                    view! {
                        <p class="hint">
                            "This is not all of the body: the rest was too long to be kept, came too late, or never came."
                        </p>
                    }
                })}
            <details class="fold">
                <summary>{format!("Response headers ({})", answer.headers.len())}</summary>
                <Headers headers=answer.headers />
            </details>
        </section>
    }
    .into_any()
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

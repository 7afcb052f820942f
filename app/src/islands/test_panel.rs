//! Sending a test event and seeing the receiver's answer.

use std::time::Duration;

use leptos::{ev::SubmitEvent, html, prelude::*, task::spawn_local};
use serde::{Deserialize, Serialize};

use crate::components::{AttemptView, Exchange, Icon, Status, StatusMark};

/// The name of the field with the type of the test event.
pub const TEST_EVENT_TYPE: &str = "type";

mod text {
    pub(super) const EVENT_TYPE: &str = "Event type";
    pub(super) const SEND: &str = "Send test event";
    pub(super) const WAITING: &str = "Waiting for the receiver’s answer…";
    pub(super) const BROKEN: &str = "The test could not be sent. Reload the page and try again.";

    pub(super) fn seconds(seconds: u32) -> String {
        format!("{seconds} s")
    }

    pub(super) fn open(event_type: &str) -> String {
        format!("Open this {event_type} delivery")
    }
}

/// The result of a test event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TestReport {
    /// The type of the event.
    pub event_type: String,
    /// The outcome in a word.
    pub status: Status,
    /// The outcome in a sentence.
    pub title: String,
    /// The remedy.
    pub advice: String,
    /// The address of the delivery's page.
    pub href: String,
    /// The request and the answer.
    pub attempt: Option<AttemptView>,
}

#[derive(Clone, PartialEq)]
enum Progress {
    Idle,
    Sending(u32),
    Done(Box<TestReport>),
    Broken(String),
}

/// A form that sends a test event. In the browser the result appears in place.
#[island]
pub fn TestPanel(
    /// The webhook's id.
    endpoint: String,
    /// The address the form sends to.
    action: String,
    /// The event types to choose from.
    types: Vec<String>,
    /// The one that is chosen at first.
    chosen: String,
    /// The result of the test that was just sent without JavaScript.
    report: Option<TestReport>,
) -> impl IntoView {
    let progress = RwSignal::new(report.map_or(Progress::Idle, |report| Progress::Done(Box::new(report))));
    let select = NodeRef::<html::Select>::new();
    let send = move |event: SubmitEvent| {
        event.prevent_default();
        let Some(select) = select.get_untracked() else { return };
        if matches!(progress.get_untracked(), Progress::Sending(_)) {
            return;
        }
        let (endpoint, event_type) = (endpoint.clone(), select.value());
        progress.set(Progress::Sending(0));
        tick(progress);
        spawn_local(async move {
            let result = send_test(endpoint, event_type).await;
            progress.set(match result {
                Ok(report) => Progress::Done(Box::new(report)),
                Err(ServerFnError::ServerError(refusal)) => Progress::Broken(refusal),
                Err(_) => Progress::Broken(text::BROKEN.to_owned()),
            });
        });
    };
    view! {
        <form class="test-form" method="post" action=action on:submit=send>
            <label for="test-type">{text::EVENT_TYPE}</label>
            <div class="row">
                <select class="input" id="test-type" name=TEST_EVENT_TYPE node_ref=select>
                    {types
                        .into_iter()
                        .map(|name| view! { <option value=name.clone() selected=name == chosen>{name.clone()}</option> })
                        .collect_view()}
                </select>
                <button
                    class="button"
                    type="submit"
                    aria-disabled=move || matches!(progress.get(), Progress::Sending(_)).then_some("true")
                >
                    <Icon name="send" />
                    {text::SEND}
                </button>
            </div>
        </form>
        <div class="test-result" id="test-result" role="status">
            {move || match progress.get() {
                Progress::Idle => ().into_any(),
                Progress::Sending(seconds) => view! { <Sending seconds=seconds /> }.into_any(),
                Progress::Done(report) => view! { <Report report=*report /> }.into_any(),
                Progress::Broken(refusal) => view! { <p class="alert bad">{refusal}</p> }.into_any(),
            }}
        </div>
    }
}

/// Counts the seconds for as long as the answer is awaited.
fn tick(progress: RwSignal<Progress>) {
    let next = move || {
        if let Progress::Sending(seconds) = progress.get_untracked() {
            progress.set(Progress::Sending(seconds + 1));
            tick(progress);
        }
    };
    set_timeout(next, Duration::from_secs(1));
}

#[component]
fn Sending(seconds: u32) -> impl IntoView {
    view! {
        <p class="sending">
            <span class="spinner" aria-hidden="true"></span>
            {text::WAITING}
            {(seconds > 0).then(|| view! { <span class="muted" aria-hidden="true">{text::seconds(seconds)}</span> })}
        </p>
    }
}

#[component]
fn Report(report: TestReport) -> impl IntoView {
    view! {
        <article class="report">
            <header class="report-head">
                <StatusMark status=report.status />
                <h3>{report.title}</h3>
            </header>
            {(!report.advice.is_empty()).then(|| view! { <p>{report.advice}</p> })}
            {report.attempt.map(|attempt| view! { <Exchange attempt=attempt /> })}
            <p>
                <a href=report.href>{text::open(&report.event_type)}</a>
            </p>
        </article>
    }
}

/// Sends a test event to a webhook of the session's account and waits for the answer.
#[server(prefix = "/live", endpoint = "test")]
async fn send_test(endpoint: String, event_type: String) -> Result<TestReport, ServerFnError> {
    Ok(server::send_test(&endpoint, &event_type).await?)
}

#[cfg(feature = "ssr")]
mod server {
    use signet_model::{EndpointId, event::EventType};

    use super::TestReport;
    use crate::{error::PageError, frame::Member, present::test_report};

    pub(super) async fn send_test(endpoint: &str, event_type: &str) -> Result<TestReport, PageError> {
        let member = Member::of_island()?;
        let (Ok(endpoint), Ok(kind)) = (endpoint.parse::<EndpointId>(), event_type.parse::<EventType>()) else {
            return Err(PageError::NotFound);
        };
        let delivery = member.account().endpoint(endpoint).send_test(&kind).await?;
        let detail = member.account().delivery(delivery).await_test().await?;
        Ok(test_report(&detail, member.frame.state.now()))
    }
}

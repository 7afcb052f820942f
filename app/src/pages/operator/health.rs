//! Operator > Health: deliveries over all accounts, and the webhooks that are not well.

use axum::Router;
use leptos::prelude::*;
use signet_engine::service::health::{Health, Ill, LISTED, Totals};
use signet_model::{Timestamp, endpoint::DisabledReason};

use super::{ROOT, account};
use crate::{
    components::{Breadcrumbs, When},
    error::PageResult,
    html::IntoHtml,
    methods::get,
    operating::Operating,
    state::AppState,
    words::{moment, time_of_day},
};

pub(crate) const PATH: &str = "/operator/health";

pub(crate) mod text {
    pub(crate) const TITLE: &str = "Health";
    pub(crate) const LEAD: &str = "Deliveries of all accounts, and the webhooks that need somebody to look at them.";
    pub(crate) const ATTEMPTS: &str = "Attempts";
    pub(crate) const SINCE: &str = "Since";
    pub(crate) const LAST_HOUR: &str = "Last hour";
    pub(crate) const LAST_DAY: &str = "Last 24 hours";
    pub(crate) const HOURS: &str = "Counted by whole hours, the present one too. Tests are not counted.";
    pub(crate) const DELIVERED: &str = "Delivered";
    pub(crate) const FAILED_ATTEMPTS: &str = "Failed attempts";
    pub(crate) const FAILED_DELIVERIES: &str = "Failed deliveries";
    pub(crate) const PARTIAL: &str = "There are more rows than are added up here: these are the latest.";
    pub(crate) const QUEUE: &str = "Queue";
    pub(crate) const WAITING: &str = "Deliveries that wait, or are being sent";
    pub(crate) const FIRST_DUE: &str = "The first is due";
    pub(crate) const NOTHING_WAITS: &str = "Nothing waits";
    pub(crate) const STUCK: &str = "Stuck webhooks";
    pub(crate) const STUCK_LEAD: &str = "A delivery has been due for more than 5 minutes, the longest first. If there are many, the server cannot keep up, or does not run.";
    pub(crate) const DISABLED: &str = "Disabled webhooks";
    pub(crate) const DISABLED_LEAD: &str =
        "Failures have disabled these, the latest first. Webhooks that a person has paused are not listed.";
    pub(crate) const FAILING: &str = "Failing webhooks";
    pub(crate) const FAILING_LEAD: &str =
        "Tried in the last hour, and every attempt since the last success has failed; the latest failure first.";
    pub(crate) const NONE: &str = "None.";
    pub(crate) const ACCOUNT: &str = "Account";
    pub(crate) const WEBHOOK: &str = "Webhook";
    pub(crate) const DUE: &str = "Due";
    pub(crate) const SINCE_WHEN: &str = "Disabled";
    pub(crate) const LAST_FAILURE: &str = "Last failure";
    pub(crate) const REASON: &str = "Reason";
    pub(crate) const FAILURES: &str = "Failures in a row";
    pub(crate) const EXHAUSTED: &str = "All retries of a delivery failed";
    pub(crate) const GONE: &str = "The receiver answered 410 Gone";
    pub(crate) const UNKNOWN: &str = "Another reason";

    pub(super) fn first(listed: u32) -> String {
        format!("These are {listed}; there can be more.")
    }
}

pub(super) fn routes() -> Router<AppState> {
    Router::new().route("/", get(show))
}

async fn show(operating: Operating) -> PageResult {
    let health = operating.engine().health().await?;
    let now = operating.frame.now;
    Ok(operating.frame.render(text::TITLE, || {
        view! {
            <Breadcrumbs root=ROOT here=text::TITLE />
            <header class="page-head">
                <div>
                    <h1>{text::TITLE}</h1>
                    <p class="lead">{text::LEAD}</p>
                </div>
            </header>
            {attempts(&health)}
            {queue(&health, now)}
            {illness(List::STUCK, &health.stuck, now)}
            {illness(List::DISABLED, &health.disabled, now)}
            {illness(List::FAILING, &health.failing, now)}
        }
    }))
}

fn attempts(health: &Health) -> impl IntoView + use<> {
    let row = |name: &'static str, totals: Totals| {
        view! {
            <tr>
                <td class="main-cell">{name}</td>
                <td data-label=text::SINCE>{time_of_day(totals.since)}</td>
                <td data-label=text::DELIVERED>{totals.delivered}</td>
                <td data-label=text::FAILED_ATTEMPTS>{totals.failed_attempts}</td>
                <td data-label=text::FAILED_DELIVERIES>{totals.failed_deliveries}</td>
            </tr>
        }
    };
    let partial = (health.last_day.is_partial || health.last_hour.is_partial)
        .then(|| view! { <p class="hint">{text::PARTIAL}</p> });
    view! {
        <section class="card flush">
            <table class="table">
                <thead>
                    <tr>
                        <th scope="col">{text::ATTEMPTS}</th>
                        <th scope="col">{text::SINCE}</th>
                        <th scope="col">{text::DELIVERED}</th>
                        <th scope="col">{text::FAILED_ATTEMPTS}</th>
                        <th scope="col">{text::FAILED_DELIVERIES}</th>
                    </tr>
                </thead>
                <tbody>{row(text::LAST_HOUR, health.last_hour)} {row(text::LAST_DAY, health.last_day)}</tbody>
            </table>
        </section>
        <p class="hint">{text::HOURS}</p>
        {partial}
    }
}

fn queue(health: &Health, now: Timestamp) -> impl IntoView + use<> {
    view! {
        <section class="card">
            <h2>{text::QUEUE}</h2>
            <dl class="facts">
                <div><dt>{text::WAITING}</dt><dd class="figure">{health.queued.to_string()}</dd></div>
                <div>
                    <dt>{text::FIRST_DUE}</dt>
                    <dd>
                        {match health.first_due {
                            Some(at) => view! { <When at=moment(at, now) /> }.html(),
                            None => view! { <span class="muted">{text::NOTHING_WAITS}</span> }.html(),
                        }}
                    </dd>
                </div>
            </dl>
        </section>
    }
}

/// A list of webhooks that are not well: its words.
/// The label of a column, and the text in it.
type Detail = (&'static str, fn(&Ill) -> String);

#[derive(Clone, Copy)]
struct List {
    title: &'static str,
    lead: &'static str,
    at: &'static str,
    /// The name of the last column, if it has one.
    detail: Option<Detail>,
}

impl List {
    const STUCK: Self = Self { title: text::STUCK, lead: text::STUCK_LEAD, at: text::DUE, detail: None };
    const DISABLED: Self = Self {
        title: text::DISABLED,
        lead: text::DISABLED_LEAD,
        at: text::SINCE_WHEN,
        detail: Some((text::REASON, reason)),
    };
    const FAILING: Self = Self {
        title: text::FAILING,
        lead: text::FAILING_LEAD,
        at: text::LAST_FAILURE,
        detail: Some((text::FAILURES, failures)),
    };
}

fn reason(ill: &Ill) -> String {
    match ill.reason {
        Some(DisabledReason::RetriesExhausted) => text::EXHAUSTED,
        Some(DisabledReason::Gone) => text::GONE,
        _ => text::UNKNOWN,
    }
    .to_owned()
}

fn failures(ill: &Ill) -> String {
    ill.failures.to_string()
}

fn illness(list: List, found: &[Ill], now: Timestamp) -> impl IntoView + use<> {
    let more = (found.len() >= LISTED as usize).then(|| view! { <p class="hint">{text::first(LISTED)}</p> });
    view! {
        <section class="card">
            <h2>{list.title}</h2>
            <p class="hint">{list.lead}</p>
            {if found.is_empty() {
                view! { <p>{text::NONE}</p> }.html()
            } else {
                table(list, found, now).html()
            }}
            {more}
        </section>
    }
}

fn table(list: List, found: &[Ill], now: Timestamp) -> impl IntoView + use<> {
    view! {
        <table class="table">
            <thead>
                <tr>
                    <th scope="col">{text::ACCOUNT}</th>
                    <th scope="col">{text::WEBHOOK}</th>
                    <th scope="col">{list.at}</th>
                    {list.detail.map(|(name, _)| view! { <th scope="col">{name}</th> })}
                </tr>
            </thead>
            <tbody>{found.iter().map(|ill| row(list, ill, now)).collect_view()}</tbody>
        </table>
    }
}

/// The webhook by its host: an address may carry a token.
fn row(list: List, ill: &Ill, now: Timestamp) -> impl IntoView + use<> {
    let detail = list.detail.map(|(name, words)| view! { <td data-label=name>{words(ill)}</td> });
    view! {
        <tr>
            <td class="main-cell"><a href=account::path(ill.account)>{ill.account_name.clone()}</a></td>
            <td data-label=text::WEBHOOK>
                <span class="stack">
                    <span class="mono wrap">{ill.host()}</span>
                    <span class="muted mono wrap">{ill.endpoint.to_string()}</span>
                </span>
            </td>
            <td data-label=list.at><When at=moment(ill.at, now) /></td>
            {detail}
        </tr>
    }
}

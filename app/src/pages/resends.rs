//! Settings > Deliveries > one resend: how far it has come, and the button that stops it.

pub(crate) mod pace;

use axum::{Router, response::Response};
use leptos::prelude::*;
use signet_engine::{
    actor::Permission,
    service::{
        deliveries::Receiver,
        resends::{Failure, Progress, Resend, Verb},
    },
};
use signet_model::{ResendId, Timestamp};

use crate::{
    components::{Badge, Breadcrumbs, Figure, Figures, Status, Tone, When},
    error::PageResult,
    frame::{Ids, Member},
    html::IntoHtml,
    methods::{get, post},
    pages::deliveries::{self, query::Query, resend},
    redirect::done,
    state::AppState,
    words::{moment, number},
};

mod text {
    pub(super) const TITLE: &str = "Resend";
    pub(super) const DISCARD_TITLE: &str = "Discard";
    pub(super) const ALL_DISCARDED: &str = "All of them were discarded.";
    pub(super) const DISCARDED: &str = "Discarded";
    pub(super) const DISCARD_STOPPED: &str = "It was stopped. What is not discarded yet stays held.";
    pub(super) const FOUND: &str = "Found so far";
    pub(super) const SENT: &str = "Queued to be sent";
    pub(super) const SKIPPED: &str = "Left out";
    pub(super) const SKIPPED_HINT: &str = "waiting already, tests, or without a body";
    pub(super) const WHICH: &str = "Which deliveries";
    pub(super) const UNKNOWN: &str = "The filter is no longer known.";
    pub(super) const PACE: &str = "Pace";
    pub(super) const BEGUN: &str = "Begun";
    pub(super) const ENDED: &str = "Ended";
    pub(super) const STOP: &str = "Stop";
    pub(super) const STOPPED: &str = "The resend was stopped. What is queued is still sent.";
    pub(super) const REFRESH: &str = "Refresh";
    pub(super) const VIEW: &str = "View these deliveries";
    pub(super) const UNDER_WAY: &str = "Looking for deliveries, webhook by webhook. It goes on if you leave this page.";
    pub(super) const WORKING: &str = "The resend is under way";
}

/// The address of a resend's page.
pub(crate) fn path(id: ResendId) -> String {
    format!("/settings/resends/{id}")
}

pub(crate) fn routes() -> Router<AppState> {
    Router::new().route("/settings/resends/{id}", get(show)).route("/settings/resends/{id}/stop", post(stop))
}

async fn show(member: Member, Ids(id): Ids<ResendId>) -> PageResult {
    let resend = member.account().resend(id).get().await?;
    let receivers = member.account().receivers().await?;
    Ok(render(&member, &resend, &receivers))
}

async fn stop(member: Member, Ids(id): Ids<ResendId>) -> PageResult {
    member.check(Permission::SendDeliveries)?;
    member.account().resend(id).get().await?;
    let stopped = member.account().resend(id).stop().await?;
    let said = if stopped.verb == Verb::Discard { text::DISCARD_STOPPED } else { text::STOPPED };
    Ok(done(said, &path(id)))
}

fn status(verb: Verb, progress: Progress) -> (Status, &'static str) {
    match progress {
        Progress::Finished if verb == Verb::Discard => (Status::new(Tone::Good, "Finished"), text::ALL_DISCARDED),
        Progress::Running => (Status::new(Tone::Waiting, "Under way"), text::UNDER_WAY),
        Progress::Paused => (Status::new(Tone::Paused, "Paused"), "Nothing happens until it goes on."),
        Progress::Finished => (Status::new(Tone::Good, "Finished"), "All that match were queued."),
        Progress::Stopped => (Status::new(Tone::Paused, "Stopped"), "The rest stays as it is."),
        Progress::Failed(Failure::Disabled) => {
            (Status::new(Tone::Bad, "Failed"), "The webhook was disabled meanwhile. Re-enable it, and begin again.")
        }
        Progress::Failed(Failure::Deleted) => (Status::new(Tone::Bad, "Failed"), "The webhook was deleted meanwhile."),
        Progress::Failed(Failure::Unreadable) => {
            (Status::new(Tone::Bad, "Failed"), "This version of the server cannot read the filter. Begin again.")
        }
    }
}

fn render(member: &Member, resend: &Resend, receivers: &[Receiver]) -> Response {
    let (status, sentence) = status(resend.verb, resend.progress);
    let is_running = matches!(resend.progress, Progress::Running | Progress::Paused);
    let above = vec![(deliveries::PATH.to_owned(), deliveries::text::TITLE.to_owned())];
    let query = resend.filter.as_ref().map(Query::of_filter);
    let view = query.as_ref().map(|query| view! { <a class="button" href=query.first_page()>{text::VIEW}</a> });
    let title = if resend.verb == Verb::Discard { text::DISCARD_TITLE } else { text::TITLE };
    member.frame.render(title, || {
        view! {
            <Breadcrumbs above=above here=title />
            <header class="page-head">
                <div>
                    <h1>{title}</h1>
                    <p><Badge status=status /></p>
                </div>
                <div class="actions">{is_running.then(|| actions(member, resend.id))} {view}</div>
            </header>
            <section class="card" aria-live="polite">
                <p class="lead">{sentence}</p>
                {is_running.then(|| view! { <progress aria-label=text::WORKING></progress> })}
                {figures(resend)}
                {times(resend, member.frame.now)}
            </section>
            <section class="card">
                <h2>{text::WHICH}</h2>
                {match &query {
                    Some(query) => resend::facts(query, receivers).html(),
                    None => view! { <p>{text::UNKNOWN}</p> }.html(),
                }}
            </section>
        }
    })
}

fn actions(member: &Member, id: ResendId) -> impl IntoView + use<> {
    let stop = member.may(Permission::SendDeliveries).then(|| {
        view! {
            <form method="post" action=format!("{}/stop", path(id))>
                <button class="button" type="submit">{text::STOP}</button>
            </form>
        }
    });
    view! { <a class="button" href=path(id)>{text::REFRESH}</a> {stop} }
}

fn figures(resend: &Resend) -> impl IntoView + use<> {
    let figures = vec![
        Figure::new(text::FOUND, number(resend.found)),
        Figure::new(if resend.verb == Verb::Discard { text::DISCARDED } else { text::SENT }, number(resend.sent)),
        Figure::new(text::SKIPPED, number(resend.skipped)).hint(text::SKIPPED_HINT),
    ];
    view! { <Figures figures=figures /> }
}

fn times(resend: &Resend, now: Timestamp) -> impl IntoView + use<> {
    view! {
        <dl class="facts">
            <div><dt>{text::BEGUN}</dt><dd><When at=moment(resend.created_at, now) in_full=true /></dd></div>
            {resend.pace.map(|pace| view! { <div><dt>{text::PACE}</dt><dd>{pace.to_string()}</dd></div> })}
            {resend
                .ended_at
                .map(|at| {
                    view! { <div><dt>{text::ENDED}</dt><dd><When at=moment(at, now) in_full=true /></dd></div> }
                })}
        </dl>
    }
}

#[cfg(test)]
mod tests;

//! What is being sent to a webhook again: how far it has come, and the buttons that pause and
//! stop it.

use std::{collections::BTreeSet, time::Duration};

use axum::Router;
use leptos::prelude::*;
use signet_engine::{
    actor::Permission,
    service::{
        backlog::Count,
        deliveries::Filter,
        resends::{Pace, Plan, Progress, Resend, StartError, Verb},
    },
};
use signet_model::{EndpointId, ResendId, delivery::State, event::EventType};

use super::{coming_back, text::resends as text};
use crate::{
    components::{Status, StatusMark, Tone},
    error::{PageError, PageResult},
    form::Form,
    frame::{Ids, Member},
    methods::{AndPost, get},
    present::endpoint_path,
    redirect::{done, see_other},
    state::AppState,
};

/// The time for which a resend that has ended is still shown.
const SHOWN_AFTER_END: Duration = Duration::from_mins(10);
/// The resends of the account among which those are looked for.
const LISTED: u32 = 20;

/// The forms of one resend.
pub(super) fn routes() -> Router<AppState> {
    Router::new()
        .route("/resends/{resend}/pause", get(back).and_post(pause))
        .route("/resends/{resend}/resume", get(back).and_post(resume))
        .route("/resends/{resend}/stop", get(back).and_post(stop))
}

/// Leads from the address of a form to the page with the form.
async fn back(Ids((id, _)): Ids<(EndpointId, ResendId)>) -> axum::response::Response {
    see_other(&coming_back::path(id))
}

async fn pause(member: Member, Ids((id, resend)): Ids<(EndpointId, ResendId)>) -> PageResult {
    member.check(Permission::SendDeliveries)?;
    let paused = member.account().resend(resend).pause().await?;
    let said = if paused.verb == Verb::Discard { text::DISCARD_PAUSED } else { text::PAUSED };
    Ok(done(said, &at(id)))
}

async fn resume(member: Member, Ids((id, resend)): Ids<(EndpointId, ResendId)>) -> PageResult {
    member.check(Permission::SendDeliveries)?;
    member.account().resend(resend).resume().await?;
    Ok(done(text::RESUMED, &at(id)))
}

async fn stop(member: Member, Ids((id, resend)): Ids<(EndpointId, ResendId)>) -> PageResult {
    member.check(Permission::SendDeliveries)?;
    let stopped = member.account().resend(resend).stop().await?;
    Ok(done(&text::stopped(stopped.sent), &at(id)))
}

/// What a person chose to send or to discard: some types of what is held, or of what has failed.
pub(super) struct Chosen<'c> {
    pub(super) verb: Verb,
    pub(super) filter: Filter,
    pub(super) types: BTreeSet<EventType>,
    /// The numbers of deliveries, by type.
    pub(super) counts: &'c [(EventType, Count)],
    pub(super) pace: Option<Pace>,
}

impl Chosen<'_> {
    /// Begins to send it to a webhook, or to discard it there.
    pub(super) async fn begin(self, member: &Member, id: EndpointId) -> Result<(), StartError> {
        if self.types.is_empty() {
            return Ok(());
        }
        let plan = Plan { verb: self.verb, pace: self.pace, expected: self.expected() };
        let filter = Filter { endpoint: Some(id), event_types: Some(self.types), ..self.filter };
        member.account().resends().start_as(filter, plan).await.map(drop)
    }

    /// The deliveries that will be found; `None` if they are too many to count.
    fn expected(&self) -> Option<u64> {
        let chosen = self.counts.iter().filter(|(kind, _)| self.types.contains(kind));
        chosen.map(|(_, count)| (!count.more).then_some(count.counted)).sum()
    }
}

/// The types for which a form has this choice.
pub(super) fn types(form: &Form, prefix: &str, choice: &str) -> BTreeSet<EventType> {
    form.names_after(prefix, choice).filter_map(|name| name.parse().ok()).collect()
}

/// The place of the page that shows resends.
fn at(id: EndpointId) -> String {
    format!("{}#resends", coming_back::path(id))
}

/// The resends of a webhook that have not ended, and those that have lately.
pub(super) async fn recent(member: &Member, id: EndpointId) -> Result<Vec<Resend>, PageError> {
    let all = member.account().resends();
    let mut recent = all.under_way().await?;
    let now = member.frame.now;
    let lately = |resend: &Resend| resend.ended_at.is_some_and(|at| now.since(at) < SHOWN_AFTER_END);
    recent.extend(all.list(None, LISTED).await?.into_iter().filter(lately));
    Ok(of(recent, id))
}

/// The resends of one webhook, and those of all.
pub(super) fn of(all: Vec<Resend>, id: EndpointId) -> Vec<Resend> {
    all.into_iter().filter(|resend| resend.endpoint.is_none_or(|it| it == id)).collect()
}

/// The panel; `None` if nothing is, or was lately, sent again.
pub(super) fn panel(id: EndpointId, resends: &[Resend], sends: bool) -> Option<impl IntoView + use<>> {
    if resends.is_empty() {
        return None;
    }
    let lines = resends.iter().map(|resend| line(id, resend, sends)).collect_view();
    let is_live = resends.iter().any(|resend| resend.progress == Progress::Running);
    Some(view! {
        <section class="card" id="resends" aria-labelledby="resends-title" data-live=is_live.then_some("")>
            <header class="card-head">
                <h2 id="resends-title">{text::TITLE}</h2>
                {sends.then(|| view! { <a href=at(id)>{text::REFRESH}</a> })}
            </header>
            <ul class="resends">{lines}</ul>
        </section>
    })
}

fn status(verb: Verb, progress: Progress) -> Status {
    match progress {
        Progress::Running if verb == Verb::Discard => Status::new(Tone::Waiting, text::DISCARDING),
        Progress::Finished if verb == Verb::Discard => Status::new(Tone::Idle, text::DISCARDED),
        Progress::Running => Status::new(Tone::Waiting, text::SENDING),
        Progress::Paused => Status::new(Tone::Paused, text::IS_PAUSED),
        Progress::Finished => Status::new(Tone::Good, text::FINISHED),
        Progress::Stopped => Status::new(Tone::Idle, text::IS_STOPPED),
        Progress::Failed(_) => Status::new(Tone::Bad, text::HAS_FAILED),
    }
}

fn line(id: EndpointId, resend: &Resend, sends: bool) -> impl IntoView + use<> {
    let path = format!("{}/resends/{}", endpoint_path(id), resend.id);
    let paused = resend.progress == Progress::Paused;
    let at_work = resend.ended_at.is_none();
    let status = status(resend.verb, resend.progress);
    let what = match resend.filter.as_ref().and_then(|filter| filter.state) {
        Some(State::Held) => text::HELD,
        Some(State::Failed) => text::FAILED,
        _ => text::ANY,
    };
    let name = format!("resend-{}", resend.id);
    let expected = resend.expected.filter(|&count| count > 0);
    let share = expected.map(|_| resend.found.to_string());
    let most = expected.map(|count| count.max(resend.found).to_string());
    let bar = at_work.then(|| {
        view! { <progress class="progress" aria-labelledby=name.clone() value=share max=most></progress> }
    });
    let buttons = (sends && at_work).then(|| {
        let (action, label) = if paused { ("resume", text::RESUME) } else { ("pause", text::PAUSE) };
        view! {
            <div class="actions">
                <form method="post" action=format!("{path}/{action}")>
                    <button class="button" type="submit" aria-describedby=name.clone()>
                        {label}
                    </button>
                </form>
                <form method="post" action=format!("{path}/stop")>
                    <button class="button danger-quiet" type="submit" aria-describedby=name.clone()>
                        {text::STOP}
                    </button>
                </form>
            </div>
        }
    });
    view! {
        <li>
            <p id=name.clone()>
                <StatusMark status=status />
                " "
                <strong>{what}</strong>
                " "
                <span class="muted">{text::progress(resend)}</span>
            </p>
            {bar}
            {buttons}
        </li>
    }
}

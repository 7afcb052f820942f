//! The list: a row for each delivery.

use std::{collections::HashMap, time::Duration};

use leptos::prelude::*;
use signet_engine::{
    UnusableDelivery,
    service::deliveries::{Delivery, Rest},
};
use signet_model::{DeliveryId, EventId, Timestamp, delivery::State};

use super::{Found, query::Query, text};
use crate::{
    components::{Dots, DurationBar, EmptyState, Status, StatusMark, Tone, When},
    frame::Member,
    html::{Html, IntoHtml},
    present::{MAY_REPEAT, delivery_status, in_short, may_resend, resend_path, unusable},
    words::{moment, span},
};

/// The span at which the bar of a result is full.
const LONGEST: Duration = Duration::from_secs(10);

/// The list, or what stands in its place.
pub(super) fn list(member: &Member, query: &Query, found: &Found) -> impl IntoView + use<> {
    let rest = found.log.rest.map(|rest| view! { <p class="hint list-note">{text::rest(rest)}</p> });
    if found.log.deliveries.is_empty() {
        // The first delivery takes the place of the whole part.
        let live = query.before.is_none().then_some("");
        return view! { <div id="delivery-list" data-live=live>{rest}{empty(query, found)}</div> }.html();
    }
    let rows = found.log.deliveries.iter().map(|delivery| row(member, query, found, delivery)).collect_view();
    let webhook = query.of.is_none().then(|| view! { <th class="delivery-webhook" scope="col">{text::WEBHOOK}</th> });
    view! {
        <div id="delivery-list">
        {rest}
        <table class="table deliveries" data-rows="">
            <thead>
                <tr>
                    <th scope="col">{text::STATE}</th>
                    <th scope="col">{text::EVENT}</th>
                    {webhook}
                    <th scope="col">{text::RESULT}</th>
                    <th class="delivery-attempts" scope="col">{text::ATTEMPTS}</th>
                    <th scope="col">{text::ACCEPTED}</th>
                </tr>
            </thead>
            <tbody id="delivery-rows" data-live-rows=query.before.is_none().then_some("")>
                {rows}
            </tbody>
        </table>
        </div>
    }
    .html()
}

fn empty(query: &Query, found: &Found) -> impl IntoView + use<> {
    let (title, advice) = if matches!(found.log.rest, Some(Rest::Searched(_))) {
        (text::NO_MATCH_SO_FAR, text::GO_ON)
    } else if query.restricts() {
        (text::NO_MATCH, text::NO_MATCH_ADVICE)
    } else {
        (text::NONE_YET, text::NONE_YET_ADVICE)
    };
    let href = match found.log.next {
        Some(next) => Some((query.next_page(next), text::GO_ON)),
        None => query.restricts().then(|| (query.path(), text::CLEAR)),
    };
    let advice = if found.log.next.is_some() { String::new() } else { advice.to_owned() };
    view! {
        <EmptyState icon="search" title=title advice=advice>
            {href.map(|(href, label)| view! { <a class="button" href=href>{label}</a> })}
        </EmptyState>
    }
}

/// What a row shows.
struct Line {
    id: DeliveryId,
    status: Status,
    event_type: String,
    is_test: bool,
    may_repeat: bool,
    task: Option<String>,
    webhook: Option<String>,
    result: Html,
    attempts: Html,
    accepted: Timestamp,
    next: Option<Timestamp>,
}

fn row(
    member: &Member,
    query: &Query,
    found: &Found,
    delivery: &Result<Delivery, UnusableDelivery>,
) -> impl IntoView + use<> {
    let line = match delivery {
        Ok(delivery) => usable(found, delivery),
        Err(delivery) => broken(delivery, &found.tasks),
    };
    let Line { id, status, event_type, is_test, may_repeat, task, webhook, result, attempts, accepted, next } = line;
    let (now, here) = (member.frame.now, query.show == Some(id));
    let sendable = delivery.as_ref().ok().filter(|it| found.has_pages(it.endpoint) && may_resend(member, it));
    let resend = sendable.map(|it| resend_path(it.endpoint, it.id));
    let href = format!("{}#delivery", query.showing(Some(id)));
    let webhook = query.of.is_none().then(|| {
        view! { <td class="delivery-webhook wrap" data-label=text::WEBHOOK><bdi>{webhook}</bdi></td> }
    });
    view! {
        <tr id=id.to_string() data-row="" data-resend=resend aria-current=here.then_some("true")>
            <td class="delivery-status" data-label=text::STATE><StatusMark status=status /></td>
            <td class="delivery-event" data-label=text::EVENT>
                <span class="with-tag">
                    <a class="mono row-link" data-key="open" href=href>{event_type}</a>
                    {is_test.then(|| view! { <span class="tag">{text::TEST}</span> })}
                    {may_repeat.then(|| view! { <span class="tag">{MAY_REPEAT}</span> })}
                </span>
                {task.map(|task| view! { <span class="hint mono wrap block"><bdi>{task}</bdi></span> })}
            </td>
            {webhook}
            <td class="delivery-result" data-label=text::RESULT>{result}</td>
            <td class="delivery-attempts" data-label=text::ATTEMPTS>{attempts}</td>
            <td class="delivery-created" data-label=text::ACCEPTED>
                <When at=moment(accepted, now) />
                {next
                    .map(|next| {
                        view! { <span class="hint block">{text::NEXT} " " <When at=moment(next, now) /></span> }
                    })}
            </td>
        </tr>
    }
}

fn usable(found: &Found, delivery: &Delivery) -> Line {
    let waits = delivery.state == State::Pending && !delivery.in_flight;
    Line {
        id: delivery.id,
        status: delivery_status(delivery),
        event_type: delivery.event_type.to_string(),
        is_test: delivery.is_test,
        may_repeat: delivery.restored_at.is_some(),
        task: found.tasks.get(&delivery.event).cloned(),
        webhook: found.host(delivery.endpoint),
        result: result(delivery),
        attempts: dots(delivery).html(),
        accepted: delivery.created_at,
        next: delivery.due_at.filter(|_| waits && delivery.attempts > 0),
    }
}

/// The instant in its id stands for the column, which may be unreadable too.
fn broken(delivery: &UnusableDelivery, tasks: &HashMap<EventId, String>) -> Line {
    Line {
        id: delivery.id,
        status: unusable(),
        event_type: text::UNREADABLE.to_owned(),
        is_test: false,
        may_repeat: false,
        task: delivery.event.and_then(|event| tasks.get(&event).cloned()),
        webhook: None,
        result: text::NONE.html(),
        attempts: text::NONE.html(),
        accepted: delivery.id.created_at(),
        next: None,
    }
}

fn result(delivery: &Delivery) -> Html {
    let Some(outcome) = delivery.last_outcome else { return text::NONE.html() };
    let short = in_short(outcome);
    let Some(duration) = delivery.last_duration else { return short.html() };
    let tone = if outcome.is_success() { Tone::Good } else { Tone::Bad };
    let millis = |span: Duration| u64::try_from(span.as_millis()).unwrap_or(u64::MAX);
    let words = format!("{short} in {}", span(duration));
    view! { <DurationBar millis=millis(duration) most=millis(LONGEST) words=words tone=tone /> }.html()
}

/// A dot for each attempt: all but the last one have failed.
pub(super) fn dots(delivery: &Delivery) -> impl IntoView + use<> {
    let succeeded = delivery.last_outcome.is_some_and(signet_model::delivery::Outcome::is_success);
    let label = text::attempts(delivery.attempts, succeeded);
    let made = usize::try_from(delivery.attempts).unwrap_or(usize::MAX).min(100);
    let mut outcomes = vec![Tone::Bad; made];
    if let Some(last) = outcomes.last_mut().filter(|_| succeeded) {
        *last = Tone::Good;
    }
    view! { <Dots outcomes=outcomes label=label /> }
}

//! What happened to a delivery, what comes next, and what comes after that.

use leptos::prelude::*;
use signet_engine::service::deliveries::{DeliveryDetail, Surroundings};
use signet_model::{Timestamp, delivery::State};

use super::text;
use crate::{
    components::{StatusMark, When},
    present::{Situation, attempt, delivery_status},
    words::{moment, span},
};

/// The timeline.
pub(super) fn timeline(detail: &DeliveryDetail, around: &Surroundings, now: Timestamp) -> impl IntoView + use<> {
    let delivery = &detail.delivery;
    let mut begun = delivery.created_at;
    let attempts = detail.attempts.iter().map(|it| {
        let waited = it.started_at.since(begun);
        let wait = (waited.as_secs() > 0).then(|| view! { <li class="timeline-wait">{text::waited(waited)}</li> });
        begun = it.ended_at();
        let shown = attempt(it, Situation::without_webhook(it, delivery), now);
        view! {
            {wait}
            <li>
                <span class="timeline-what">{text::attempt(it.number)}</span>
                <StatusMark status=shown.status />
                <span class="muted">{span(it.duration)} " · " <When at=shown.started /></span>
            </li>
        }
    });
    let attempts = attempts.collect_view();
    view! {
        <section class="card" id="timeline" data-live=(delivery.state == State::Pending).then_some("") aria-labelledby="timeline-title">
            <h2 id="timeline-title">{text::TIMELINE}</h2>
            <ol class="timeline">
                <li>
                    <span class="timeline-what">{text::ACCEPTED}</span>
                    <span class="muted"><When at=moment(delivery.created_at, now) in_full=true /></span>
                </li>
                {attempts}
                {end(detail, now)}
            </ol>
            {(delivery.state == State::Pending).then(|| view! { <p class="hint">{text::afterwards(around, delivery)}</p> })}
        </section>
    }
}

/// The last line: the attempt that is due or under way, or the end.
fn end(detail: &DeliveryDetail, now: Timestamp) -> impl IntoView + use<> {
    let delivery = &detail.delivery;
    let next = delivery.attempts + 1;
    let (what, at) = match delivery.state {
        State::Pending if delivery.in_flight => (text::under_way(next), None),
        State::Pending => (text::attempt(next), delivery.due_at),
        State::Held => (text::UNDECIDED.to_owned(), None),
        _ => (text::COMPLETED.to_owned(), delivery.completed_at),
    };
    let is_due = delivery.state == State::Pending && !delivery.in_flight;
    view! {
        <li class=delivery.completed_at.is_none().then_some("timeline-next")>
            <span class="timeline-what">{what}</span>
            {(!is_due).then(|| view! { <StatusMark status=delivery_status(delivery) /> })}
            {is_due.then_some(text::DUE)}
            {at.map(|at| view! { <span class="muted"><When at=moment(at, now) in_full=true /></span> })}
        </li>
    }
}

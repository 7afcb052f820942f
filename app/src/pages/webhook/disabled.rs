//! A disabled webhook: the reason, the held deliveries, and the forms that disable and re-enable.

use leptos::prelude::*;
use signet_engine::service::{backlog::Count, deliveries::DeliveryDetail, endpoints::Endpoint};
use signet_model::{EndpointId, Timestamp, endpoint::DisabledReason, event::EventType};

use super::{coming_back, held, text};
use crate::{
    components::{Icon, Status, StatusMark, Tone, When, with_element},
    error::PageResult,
    form::Form,
    frame::{Ids, Member},
    present::{Situation, delivery_path, endpoint_path, explain},
    redirect::done,
    words::moment,
};

/// Disables a webhook until a person re-enables it.
pub(super) async fn pause(member: Member, Ids(id): Ids<EndpointId>) -> PageResult {
    member.account().endpoint(id).pause().await?;
    Ok(done(text::PAUSED, &endpoint_path(id)))
}

/// Re-enables a webhook, and sends or discards its held deliveries, as the form chooses.
pub(super) async fn enable(member: Member, Ids(id): Ids<EndpointId>, form: Form) -> PageResult {
    member.account().endpoint(id).enable().await?;
    let refused = held::apply(&member, id, &form).await?;
    let then = if form.get(&coming_back::THEN).is_empty() { endpoint_path(id) } else { coming_back::path(id) };
    Ok(done(&enabled(refused), &then))
}

/// Says that the webhook is enabled, and why nothing is sent if that is so.
fn enabled(refused: Option<String>) -> String {
    refused.map_or_else(|| text::ENABLED.to_owned(), |refused| format!("{} {refused}", text::ENABLED))
}

/// The form that pauses the webhook at this path.
pub(super) fn pause_button(path: &str) -> impl IntoView + use<> {
    view! {
        <form method="post" action=format!("{path}/pause")>
            <button class="button" type="submit">{text::PAUSE}</button>
        </form>
    }
}

/// The panel, with the form that enables it for those who may; `None` while the webhook is
/// enabled.
pub(super) fn panel(
    endpoint: &Endpoint,
    held: &[(EventType, Count)],
    cause: Option<&DeliveryDetail>,
    now: Timestamp,
    may_enable: bool,
) -> Option<impl IntoView + use<>> {
    let disabled = endpoint.disabled?;
    let action = format!("{}/enable", endpoint_path(endpoint.id));
    let (class, icon, title) = match disabled.reason {
        Some(DisabledReason::Paused) => ("card panel paused", "pause", text::IS_PAUSED),
        _ => ("card panel bad", "cross", text::IS_DISABLED),
    };
    let since = view! { <When at=moment(disabled.at, now) in_full=true /> };
    Some(view! {
        <section class=class aria-labelledby="disabled-title">
            <h2 id="disabled-title">
                <Icon name=icon />
                {title}
            </h2>
            <p>{with_element(text::since(disabled), since)}</p>
            {cause.map(|cause| explanation(cause, endpoint))}
            {cause.map(|cause| timeline(cause, disabled.at, now))}
            {may_enable
                .then(|| {
                    view! {
                        <form method="post" action=action class="form">
                            {held::choices(held, held::Choice::Send)}
                            <div class="form-actions">
                                <button class="button primary" type="submit">
                                    {text::ENABLE}
                                </button>
                                <a class="button" href=coming_back::path(endpoint.id)>
                                    {text::STEP_BY_STEP}
                                </a>
                            </div>
                        </form>
                    }
                })}
        </section>
    })
}

/// The attempts at the delivery that disabled the webhook, from the first failure on.
fn timeline(cause: &DeliveryDetail, disabled_at: Timestamp, now: Timestamp) -> impl IntoView + use<> {
    let line = |status: Status, at: Timestamp| {
        view! {
            <li>
                <StatusMark status=status />
                " "
                <When at=moment(at, now) in_full=true />
            </li>
        }
    };
    let attempts = cause.attempts.iter().map(|it| {
        let outcome = it.outcome();
        let tone = if outcome.is_success() { Tone::Good } else { Tone::Bad };
        line(Status::new(tone, text::attempt(it.number, outcome)), it.started_at)
    });
    let attempts = attempts.collect_view();
    let end = line(Status::new(Tone::Bad, text::DISABLED_THEN), disabled_at);
    view! {
        <details class="fold" open=true>
            <summary>{text::TIMELINE}</summary>
            <ol class="timeline">{attempts}{end}</ol>
        </details>
    }
}

fn explanation(cause: &DeliveryDetail, endpoint: &Endpoint) -> Option<impl IntoView + use<>> {
    let (last, delivery) = (cause.attempts.last()?, &cause.delivery);
    let explained = explain(last.outcome(), Situation::of(last, delivery, endpoint));
    let href = delivery_path(delivery.endpoint, delivery.id);
    Some(view! {
        <div class="explanation">
            <p class="explanation-title">{explained.title}</p>
            <p>{explained.advice}</p>
            <p>
                <a href=href>{text::open_failed(&delivery.event_type)}</a>
            </p>
        </div>
    })
}

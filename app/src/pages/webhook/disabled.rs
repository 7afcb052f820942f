//! Why a webhook is disabled, and how to re-enable it.

use leptos::prelude::*;
use signet_engine::store::{
    backlog::Count,
    deliveries::DeliveryDetail,
    endpoints::{Disabled, Endpoint},
};
use signet_model::{Timestamp, delivery::Attempt, endpoint::DisabledReason, event::EventType, explain::explain};

use super::held;
use crate::{
    components::{Icon, When},
    present::{delivery_path, endpoint_path},
    words::moment,
};

/// Nothing while the webhook is enabled.
pub(super) fn panel(
    endpoint: &Endpoint,
    held: &[(EventType, Count)],
    cause: Option<&DeliveryDetail>,
    now: Timestamp,
) -> Option<impl IntoView + use<>> {
    let disabled = endpoint.disabled?;
    let action = format!("{}/enable", endpoint_path(endpoint.id));
    let (class, icon, title) = match disabled.reason {
        Some(DisabledReason::Paused) => ("card panel paused", "pause", "This webhook is paused"),
        _ => ("card panel bad", "cross", "This webhook is disabled"),
    };
    Some(view! {
        <section class=class aria-labelledby="disabled-title">
            <h2 id="disabled-title">
                <Icon name=icon />
                {title}
            </h2>
            <p>
                "Since " <When at=moment(disabled.at, now) in_full=true /> ". " {reason(disabled)}
                " New events are held and nothing is lost."
            </p>
            {cause.map(explanation)}
            <form method="post" action=action class="form">
                {held::choices(held, held::Choice::Send)}
                <div class="form-actions">
                    <button class="button primary" type="submit">
                        "Re-enable"
                    </button>
                </div>
            </form>
        </section>
    })
}

const fn reason(disabled: Disabled) -> &'static str {
    match disabled.reason {
        Some(DisabledReason::Paused) => "Somebody paused it here.",
        Some(DisabledReason::Gone) => "The receiver answered that it wants no more events.",
        Some(DisabledReason::RetriesExhausted) => "All attempts at a delivery failed, the last retry included.",
        None => "A newer version of Signet disabled it.",
    }
}

fn explanation(cause: &DeliveryDetail) -> Option<impl IntoView + use<>> {
    let explained = explain(cause.attempts.last().map(Attempt::outcome)?);
    let delivery = &cause.delivery;
    let href = delivery_path(delivery.endpoint, delivery.id);
    Some(view! {
        <div class="explanation">
            <p class="explanation-title">{explained.title}</p>
            <p>{explained.advice}</p>
            <p>
                <a href=href>{format!("Open the {} delivery that failed", delivery.event_type)}</a>
            </p>
        </div>
    })
}

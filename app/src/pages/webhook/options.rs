//! The options of a webhook, among its details.

use leptos::prelude::*;
use signet_engine::service::endpoints::Endpoint;
use signet_model::endpoint::custom_headers::CustomHeaderValue;

use super::text;
use crate::present::condition;

/// A line for each option that the webhook has.
pub(super) fn facts(endpoint: &Endpoint) -> impl IntoView + use<> {
    let headers = (!endpoint.headers.is_empty()).then(|| {
        let line = |name: &_| view! { <li class="mono">{format!("{name}: {}", CustomHeaderValue::MASK)}</li> };
        let lines = endpoint.headers.iter().map(line).collect_view();
        view! { <ul class="lines">{lines}</ul> }
    });
    let filter = endpoint.filter.as_ref().map(|filter| {
        let line = |one: &_| view! { <li class="mono wrap">{condition(one)}</li> };
        let lines = filter.conditions().iter().map(line).collect_view();
        view! { <ul class="lines">{lines}</ul> }
    });
    let throttle = endpoint.throttle.map(text::throttle);
    let cloud_events = endpoint.cloud_events.then_some(text::CLOUD_EVENTS_ADDED);
    view! {
        {headers.map(|it| fact(text::HEADERS, it))}
        {throttle.map(|it| fact(text::THROTTLE, it))}
        {cloud_events.map(|it| fact(text::CLOUD_EVENTS, it))}
        {filter.map(|it| fact(text::FILTER, it))}
    }
}

fn fact(name: &'static str, value: impl IntoView) -> impl IntoView {
    view! {
        <div>
            <dt>{name}</dt>
            <dd>{value}</dd>
        </div>
    }
}

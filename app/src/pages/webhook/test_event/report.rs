//! The exchange of a test: what is known of it by now, and the address that tells the rest.

use leptos::prelude::*;
use signet_engine::service::deliveries::DeliveryDetail;
use signet_model::{DeliveryId, Timestamp, delivery::Attempt};

use super::{path, text};
use crate::{
    components::{Exchange, StatusMark},
    present::{TestReport, test_report},
};

/// The address of the stream that tells how a test ends.
pub(super) fn stream_path(id: DeliveryId) -> String {
    format!("/live/test/{id}")
}

/// Returns true once nothing more is to come.
pub(super) fn has_ended(detail: &DeliveryDetail) -> bool {
    !detail.attempts.is_empty() && !detail.delivery.in_flight
}

/// The section with the exchange. While it is under way, a script replaces its content by what
/// the stream sends; without one, a link shows the page anew. `is_live` is false where no stream
/// can be read.
pub(super) fn section(detail: &DeliveryDetail, now: Timestamp, is_live: bool) -> impl IntoView + use<> {
    let ended = has_ended(detail);
    let stream = (is_live && !ended).then(|| stream_path(detail.delivery.id));
    view! {
        <section
            class="card test-result"
            id="test-result"
            tabindex="-1"
            aria-labelledby="test-result-title"
            data-live-src=stream
        >
            {fragment(detail, now)}
        </section>
    }
}

/// The content of the section, which the stream sends too.
pub(super) fn fragment(detail: &DeliveryDetail, now: Timestamp) -> impl IntoView + use<> {
    let TestReport { event_type, status, title, advice, href, attempt } = test_report(detail, now);
    let waiting = (!has_ended(detail)).then(|| {
        let again = format!("{}?test={}#test-result", path(detail.delivery.endpoint), detail.delivery.id);
        view! {
            <p class="sending">
                <span class="spinner" aria-hidden="true"></span>
                {text::WAITING}
            </p>
            <p>
                <a class="button" href=again>
                    {text::REFRESH}
                </a>
            </p>
        }
    });
    view! {
        <header class="report-head" role="status">
            <StatusMark status=status />
            <h2 id="test-result-title">{title}</h2>
        </header>
        {(!advice.is_empty()).then(|| view! { <p>{advice}</p> })}
        {waiting}
        {detail.attempts.last().map(phases)}
        {attempt.map(|attempt| view! { <Exchange attempt=attempt /> })}
        <p>
            <a href=href>{text::open(&event_type)}</a>
        </p>
    }
}

/// The time of each part of the exchange, as bars on one line of time.
fn phases(attempt: &Attempt) -> impl IntoView + use<> {
    let total = attempt.duration.as_micros().max(1);
    let parts = [(text::FIRST_BYTE, attempt.first_byte), (text::TOTAL, Some(attempt.duration))];
    let line = |(name, end): (&'static str, Option<std::time::Duration>)| {
        let end = end?;
        let share = (end.as_micros().min(total) * 100 / total).to_string();
        Some(view! {
            <div>
                <dt>{name}</dt>
                <dd>
                    <svg class="phase" viewBox="0 0 100 6" preserveAspectRatio="none" aria-hidden="true">
                        <rect class="phase-ground" x="0" y="0" width="100" height="6" />
                        <rect class="phase-bar" x="0" y="0" width=share height="6" />
                    </svg>
                    {crate::words::span(end)}
                </dd>
            </div>
        })
    };
    view! { <dl class="phases">{parts.into_iter().filter_map(line).collect_view()}</dl> }
}

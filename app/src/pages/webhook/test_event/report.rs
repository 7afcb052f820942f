//! The exchange of a test: what is known of it by now.

use leptos::prelude::*;
use signet_engine::service::deliveries::DeliveryDetail;
use signet_model::Timestamp;

use super::{path, text};
use crate::{
    components::{Exchange, StatusMark},
    present::{TestReport, test_report},
};

/// Returns true once nothing more is to come.
fn has_ended(detail: &DeliveryDetail) -> bool {
    !detail.attempts.is_empty() && !detail.delivery.in_flight
}

/// The section with the exchange. While it is under way, the section is live; without a script, a
/// link shows the page anew.
pub(super) fn section(detail: &DeliveryDetail, now: Timestamp) -> impl IntoView + use<> {
    let TestReport { event_type, status, title, advice, href, attempt } = test_report(detail, now);
    let ended = has_ended(detail);
    let waiting = (!ended).then(|| {
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
        <section
            class="card test-result"
            id="test-result"
            tabindex="-1"
            aria-labelledby="test-result-title"
            data-live=(!ended).then_some("")
        >
            <header class="report-head" role="status">
                <StatusMark status=status />
                <h2 id="test-result-title">{title}</h2>
            </header>
            {(!advice.is_empty()).then(|| view! { <p>{advice}</p> })}
            {waiting}
            {attempt.map(|attempt| view! { <Exchange attempt=attempt /> })}
            <p>
                <a href=href>{text::open(&event_type)}</a>
            </p>
        </section>
    }
}

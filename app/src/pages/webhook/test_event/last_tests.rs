//! The last tests of a webhook.

use leptos::prelude::*;
use signet_engine::{UnusableDelivery, service::deliveries::Delivery};
use signet_model::{DeliveryId, EndpointId, Timestamp};

use super::{path, text};
use crate::{
    components::DeliveryRow,
    components::{StatusMark, When},
    present::row,
};

/// A test as it is stored.
pub(super) type Stored = Result<Delivery, UnusableDelivery>;

/// Lists them; the one that the page shows is marked.
pub(super) fn table(
    endpoint: EndpointId,
    tests: &[Stored],
    shown: Option<DeliveryId>,
    now: Timestamp,
) -> impl IntoView + use<> {
    let shown = shown.map(|id| id.to_string());
    let lines = tests.iter().map(|test| line(endpoint, row(endpoint, test, now), shown.as_deref())).collect_view();
    let none = tests.is_empty().then(|| view! { <p class="table-empty">{text::NO_TESTS}</p> });
    view! {
        <section class="card flush" aria-labelledby="tests-title">
            <header class="card-head">
                <h2 id="tests-title">{text::LAST_TESTS}</h2>
            </header>
            <table class="table">
                <thead>
                    <tr>
                        <th scope="col">{text::STATUS}</th>
                        <th scope="col">{text::EVENT_TYPE}</th>
                        <th scope="col">{text::RESULT}</th>
                        <th scope="col">{text::SENT}</th>
                    </tr>
                </thead>
                <tbody>{lines}</tbody>
            </table>
            {none}
        </section>
    }
}

fn line(endpoint: EndpointId, row: DeliveryRow, shown: Option<&str>) -> impl IntoView + use<> {
    let current = (shown == Some(row.id.as_str())).then_some("true");
    let href = format!("{}?test={}#test-result", path(endpoint), row.id);
    view! {
        <tr aria-current=current>
            <td>
                <StatusMark status=row.status />
            </td>
            <td class="main-cell">
                <a class="mono row-link" href=href>
                    {row.event_type}
                </a>
            </td>
            <td data-label=text::RESULT>{row.result.unwrap_or_else(|| text::NONE.to_owned())}</td>
            <td data-label=text::SENT>
                <When at=row.created />
            </td>
        </tr>
    }
}

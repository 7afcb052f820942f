//! Why deliveries fail, each reason with the way to those deliveries.

use leptos::prelude::*;
use signet_engine::service::statistics::Cause;
use signet_model::{EndpointId, delivery::Outcome};

use super::text;
use crate::{html::IntoHtml, pages::deliveries::PATH as LOG, present::in_short, words::number};

/// The reasons; `None` if there are none.
pub(super) fn section(id: EndpointId, causes: &[Cause]) -> Option<impl IntoView + use<>> {
    if causes.is_empty() {
        return None;
    }
    Some(view! {
        <section class="card flush" id="causes">
            <header class="card-head">
                <h2>{text::CAUSES}</h2>
            </header>
            <p class="hint card-note">{text::causes_hint()}</p>
            <table class="table">
                <thead>
                    <tr>
                        <th scope="col">{text::REASON}</th>
                        <th class="number" scope="col">{text::DELIVERIES}</th>
                    </tr>
                </thead>
                <tbody>{causes.iter().map(|cause| row(id, cause)).collect_view()}</tbody>
            </table>
        </section>
    })
}

fn row(id: EndpointId, cause: &Cause) -> impl IntoView + use<> {
    let words = in_short(cause.outcome);
    let name = match log(id, cause) {
        Some(href) => view! { <a class="row-link" href=href>{words}</a> }.html(),
        None => words.html(),
    };
    view! {
        <tr>
            <td class="main-cell">{name}</td>
            <td class="number" data-label=text::DELIVERIES>{number(cause.deliveries)}</td>
        </tr>
    }
}

/// The log of these deliveries: by the status of the answer, or by the class of the failure.
fn log(id: EndpointId, cause: &Cause) -> Option<String> {
    let condition = match cause.outcome {
        Outcome::Answered(status) => format!("status={status}"),
        Outcome::Failed(_) => format!("result={}", cause.class?.as_str()),
    };
    Some(format!("{LOG}?webhook={id}&{condition}"))
}

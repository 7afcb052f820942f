//! What differs from the last delivery of this type that worked.

use leptos::prelude::*;
use signet_engine::service::{
    Error,
    deliveries::{DeliveryDetail, Surroundings},
};
use signet_model::delivery::{Attempt, Outcome};

use super::{
    difference::{Line, difference},
    text,
};
use crate::{
    components::with_element,
    frame::Member,
    html::{Html, IntoHtml},
    present::{delivery_path, indented},
};

/// The longest answer that is compared, in bytes: enough to see what is wrong.
const MAX_ANSWER: usize = 4 * 1024;

/// Reads the delivery to compare with: where the last attempt at this one has failed.
pub(super) async fn read(
    member: &Member,
    detail: &DeliveryDetail,
    around: &Surroundings,
) -> Result<Option<DeliveryDetail>, Error> {
    let has_failed = detail.delivery.last_outcome.is_some_and(|outcome: Outcome| !outcome.is_success());
    let Some(worked) = around.worked.filter(|_| has_failed) else { return Ok(None) };
    match member.account().delivery(worked).get().await {
        Ok(worked) => Ok(Some(worked)),
        Err(Error::DeliveryNotFound | Error::UnusableDelivery(_)) => Ok(None),
        Err(error) => Err(error),
    }
}

/// The card; `None` if there is no delivery to compare with.
pub(super) fn card(detail: &DeliveryDetail, worked: Option<&DeliveryDetail>) -> Option<impl IntoView + use<>> {
    let worked = worked?;
    let href = delivery_path(worked.delivery.endpoint, worked.delivery.id);
    let link = view! { <a href=href class="mono wrap">{worked.delivery.id.to_string()}</a> };
    let bodies = worked.body.as_deref().zip(detail.body.as_deref());
    let bodies = bodies.map(|(before, now)| (indented(before), indented(now)));
    let answers = worked.attempts.last().zip(detail.attempts.last());
    let answers = answers.map(|(before, now)| (answer(before), answer(now)));
    Some(view! {
        <section class="card" id="difference" aria-labelledby="difference-title">
            <h2 id="difference-title">{text::DIFFERENCE}</h2>
            <p>{with_element(text::COMPARED_WITH, link)}</p>
            <h3>{text::BODY}</h3>
            {changes(bodies)}
            <h3>{text::ANSWER}</h3>
            {changes(answers)}
        </section>
    })
}

/// An answer as text: status, headers in the order of their names, and the begin of its body.
fn answer(attempt: &Attempt) -> String {
    let Some(response) = &attempt.response else { return text::NO_ANSWER.to_owned() };
    let mut headers: Vec<_> = response.headers.iter().map(|(name, value)| format!("{name}: {value}")).collect();
    headers.retain(|header| !header.starts_with("date:"));
    headers.sort_unstable();
    let end = response.body.floor_char_boundary(MAX_ANSWER);
    format!("{}\n{}\n\n{}", response.status, headers.join("\n"), &response.body[..end])
}

/// The lines in which two texts differ.
fn changes(texts: Option<(String, String)>) -> Html {
    let Some((before, now)) = texts else { return view! { <p class="hint">{text::BODY_GONE}</p> }.html() };
    let lines = match difference(&before, &now) {
        None => return view! { <p class="hint">{text::TOO_LONG}</p> }.html(),
        Some(lines) if lines.is_empty() => return view! { <p class="hint">{text::NO_DIFFERENCE}</p> }.html(),
        Some(lines) => lines,
    };
    let lines = lines.into_iter().map(|line| match line {
        Line::Same(text) => view! { <span>{format!("  {text}\n")}</span> }.html(),
        Line::Removed(text) => view! { <del>{format!("- {text}\n")}</del> }.html(),
        Line::Added(text) => view! { <ins>{format!("+ {text}\n")}</ins> }.html(),
        Line::Omitted(count) => view! { <span class="muted">{text::omitted(count)}</span> }.html(),
    });
    view! { <pre class="code difference" tabindex="0">{lines.collect_view()}</pre> }.html()
}

//! The result of a search for failed deliveries, and the button that sends them.

use leptos::prelude::*;
use signet_engine::service::{backlog::Count, endpoints::Endpoint};
use signet_model::Timestamp;

use super::{EVENTS, SINCE, Selection, path, text};
use crate::{
    components::{When, hidden_input, with_code, with_element},
    form::Form,
    html::IntoHtml,
    present::endpoint_path,
    words::moment,
};

/// The number of deliveries that a form selects.
#[derive(Debug, Clone)]
pub(super) struct Found {
    pub(super) selection: Selection,
    pub(super) count: Count,
    /// The deliveries that would be sent in a second.
    pub(super) rate: u32,
}

/// Names their number and the consequences of sending them.
pub(super) fn card(endpoint: &Endpoint, form: &Form, found: Found, now: Timestamp) -> impl IntoView + use<> {
    let Found { selection, count, rate } = found;
    let since = view! { <When at=moment(selection.since, now) in_full=true /> };
    let none = count == Count::from(0);
    let (title, scope) =
        if none { (text::NOTHING.to_owned(), text::NOTHING_SINCE) } else { (text::found(count), text::ACCEPTED_SINCE) };
    let next = match endpoint.disabled {
        _ if none => None,
        Some(_) => Some(enable_first(endpoint).html()),
        None => Some(send(endpoint, form, selection.since, count).html()),
    };
    view! {
        <section class="card" id="found" aria-labelledby="found-title">
            <h2 id="found-title">{title}</h2>
            <p class="muted">{with_element(scope, since)}</p>
            {if none {
                view! { <p>{text::NOTHING_ADVICE}</p> }.html()
            } else {
                view! { <p>{text::order(rate)} {with_code(text::SAME_ID)}</p> }.html()
            }}
            {next}
        </section>
    }
}

/// Stands in the place of the button at a disabled webhook.
fn enable_first(endpoint: &Endpoint) -> impl IntoView + use<> {
    let enable = view! { <a href=endpoint_path(endpoint.id)>{text::ENABLE_THIS}</a> };
    view! { <p>{with_element(text::ENABLE_FIRST, enable)}</p> }
}

/// Sends the deliveries that were found, even if the form above is changed meanwhile.
fn send(endpoint: &Endpoint, form: &Form, since: Timestamp, count: Count) -> impl IntoView + use<> {
    let types = form.selectors(&EVENTS).into_iter().map(|it| hidden_input(&EVENTS, &it.to_string()));
    view! {
        <form method="post" action=path(endpoint.id) class="form-actions">
            {hidden_input(&SINCE, &since.to_string())}
            {types.collect_view()}
            <button class="button primary" type="submit">
                {text::send(count)}
            </button>
        </form>
    }
}

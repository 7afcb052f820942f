//! What a search for failed deliveries has found, and the button that sends it.

use leptos::prelude::*;
use signet_engine::store::{backlog::Count, endpoints::Endpoint};
use signet_model::Timestamp;

use super::{Entry, Selection};
use crate::{
    components::When,
    present::endpoint_path,
    words::{deliveries, moment},
};

/// What an entry selects, and how much that is.
#[derive(Debug, Clone, Copy)]
pub(super) struct Found {
    pub(super) selection: Selection,
    pub(super) count: Count,
    /// How many a second would be sent.
    pub(super) rate: u32,
}

/// How many there are, and what sending them does.
pub(super) fn card(endpoint: &Endpoint, entry: &Entry, found: Found, now: Timestamp) -> impl IntoView + use<> {
    let Found { selection, count, rate } = found;
    let none = count == Count::from(0);
    let (title, scope) = match count {
        _ if none => ("Nothing to send again".to_owned(), "No failed deliveries of the chosen events, accepted since "),
        _ if count == Count::from(1) => ("1 failed delivery".to_owned(), "Accepted since "),
        _ => (format!("{count} failed deliveries"), "Accepted since "),
    };
    let next = match endpoint.disabled {
        _ if none => None,
        Some(_) => Some(enable_first(endpoint).into_any()),
        None => Some(send(endpoint, entry, count).into_any()),
    };
    view! {
        <section class="card" id="found" aria-labelledby="found-title">
            <h2 id="found-title">{title}</h2>
            <p class="muted">{scope} <When at=moment(selection.since, now) in_full=true /> "."</p>
            {if none { advice().into_any() } else { consequences(rate).into_any() }}
            {next}
        </section>
    }
}

fn advice() -> impl IntoView {
    view! {
        <p>
            "Choose an earlier time or more events. Test events are not sent again, nor is what was accepted so long ago \
             that its body is no longer stored."
        </p>
    }
}

fn consequences(rate: u32) -> impl IntoView {
    let order = format!(
        "What failed is sent again in the order of acceptance, {rate} a second, with a new round of retries. The "
    );
    view! {
        <p>
            {order} <code>"webhook-id"</code>
            " stays the same, so that your receiver can recognise what it has seen already."
        </p>
    }
}

/// What is in the place of the button at a disabled webhook.
fn enable_first(endpoint: &Endpoint) -> impl IntoView + use<> {
    view! { <p><a href=endpoint_path(endpoint.id)>"Re-enable this webhook"</a> " first."</p> }
}

/// Sends what was found, whatever is changed in the form above meanwhile.
fn send(endpoint: &Endpoint, entry: &Entry, count: Count) -> impl IntoView + use<> {
    let action = format!("{}/recover", endpoint_path(endpoint.id));
    let types = entry.event_types.iter().map(|kind| view! { <input type="hidden" name="event" value=kind.as_str() /> });
    view! {
        <form method="post" action=action class="form-actions">
            <input type="hidden" name="since" value=entry.since.clone() />
            {types.collect_view()}
            <button class="button primary" type="submit">
                {format!("Send {} again", deliveries(count))}
            </button>
        </form>
    }
}

//! A table of deliveries whose rows are live: a script on the page replaces a row that has
//! changed, and keeps new ones behind a button (see `crate::live`).

use leptos::prelude::*;

use super::{Moment, Status, StatusMark, When};
use crate::{html::IntoHtml, present::MAY_REPEAT};

mod text {
    pub(super) const STATUS: &str = "Status";
    pub(super) const EVENT: &str = "Event";
    pub(super) const LAST_RESULT: &str = "Last result";
    pub(super) const ATTEMPTS: &str = "Attempts";
    pub(super) const CREATED: &str = "Created";
    pub(super) const NEXT_RETRY: &str = "Next retry";
    pub(super) const TEST: &str = "Test";
    pub(super) const NONE: &str = "–";
}

/// A line of the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct DeliveryRow {
    /// The delivery's id.
    pub(crate) id: String,
    /// The address of its page.
    pub(crate) href: String,
    /// The type of the event.
    pub(crate) event_type: String,
    /// `true` for a test event.
    pub(crate) is_test: bool,
    /// `true` if a restore from a backup leaves open whether it was sent already.
    pub(crate) may_repeat: bool,
    /// The state in a word.
    pub(crate) status: Status,
    /// The outcome of the last attempt.
    pub(crate) result: Option<String>,
    /// Attempts made.
    pub(crate) attempts: u32,
    /// The instant of the event's acceptance.
    pub(crate) created: Moment,
    /// The instant at which the next attempt is due.
    pub(crate) next: Option<Moment>,
    /// The address that sends it again, if that can be done.
    pub(crate) resend: Option<String>,
}

/// A table of deliveries.
#[component]
pub(crate) fn DeliveryList(
    /// The lines.
    rows: Vec<DeliveryRow>,
    /// The sentence in the place of an empty list.
    empty: String,
    /// `false` for an older page, on which nothing new appears.
    #[prop(default = true)]
    live: bool,
) -> impl IntoView {
    let none = rows.is_empty();
    view! {
        <table class="table deliveries">
            <thead>
                <tr>
                    <th scope="col">{text::STATUS}</th>
                    <th scope="col">{text::EVENT}</th>
                    <th scope="col">{text::LAST_RESULT}</th>
                    <th scope="col" class="number">{text::ATTEMPTS}</th>
                    <th scope="col">{text::CREATED}</th>
                    <th scope="col">{text::NEXT_RETRY}</th>
                </tr>
            </thead>
            <tbody id="delivery-rows" data-live-rows=live.then_some("")>
                {rows.into_iter().map(line).collect_view()}
            </tbody>
        </table>
        <p class="table-empty" data-empty-of="delivery-rows" hidden=!none>{empty}</p>
    }
}

fn line(row: DeliveryRow) -> impl IntoView {
    let DeliveryRow { id, href, event_type, is_test, may_repeat, status, result, attempts, created, next, resend } =
        row;
    let next = match next {
        Some(next) => view! { <When at=next /> }.html(),
        None => text::NONE.html(),
    };
    view! {
        <tr id=id data-row="" data-resend=resend>
            <td class="delivery-status" data-label=text::STATUS><StatusMark status=status /></td>
            <td class="delivery-event" data-label=text::EVENT>
                <span class="with-tag">
                    <a class="mono row-link" href=href data-key="open">{event_type}</a>
                    {is_test.then(|| view! { <span class="tag">{text::TEST}</span> })}
                    {may_repeat.then(|| view! { <span class="tag">{MAY_REPEAT}</span> })}
                </span>
            </td>
            <td class="delivery-result" data-label=text::LAST_RESULT>{result.unwrap_or_else(|| text::NONE.to_owned())}</td>
            <td class="delivery-attempts number" data-label=text::ATTEMPTS>{attempts}</td>
            <td class="delivery-created" data-label=text::CREATED><When at=created /></td>
            <td class="delivery-next" data-label=text::NEXT_RETRY>{next}</td>
        </tr>
    }
}

//! The delivery log, kept fresh while its page is visible.

use std::time::Duration;

use leptos::{prelude::*, task::spawn_local};
use serde::{Deserialize, Serialize};

use crate::components::{Moment, Status, StatusMark, When};

/// The time between two refreshes.
const INTERVAL: Duration = Duration::from_secs(2);

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
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeliveryRow {
    /// The delivery's id.
    pub id: String,
    /// The address of its page.
    pub href: String,
    /// The type of the event.
    pub event_type: String,
    /// `true` for a test event.
    pub is_test: bool,
    /// The state in a word.
    pub status: Status,
    /// The outcome of the last attempt.
    pub result: Option<String>,
    /// Attempts made.
    pub attempts: u32,
    /// The instant of the event's acceptance.
    pub created: Moment,
    /// The instant at which the next attempt is due.
    pub next: Option<Moment>,
}

/// The lines that are listed. Texts that are empty do not restrict.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogQuery {
    /// The webhook's id.
    pub endpoint: String,
    /// Only deliveries in this state.
    pub state: String,
    /// Only events of this type.
    pub event_type: String,
    /// Only events before this one.
    pub before: String,
    /// The greatest number of lines.
    pub limit: u32,
}

/// A table of deliveries.
#[island]
pub fn DeliveryList(
    /// The lines that the server found.
    rows: Vec<DeliveryRow>,
    /// The query that finds them again.
    query: LogQuery,
    /// The sentence in the place of an empty list.
    empty: String,
) -> impl IntoView {
    let rows = RwSignal::new(rows);
    keep_fresh(rows, query);
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
            <tbody>
                <For
                    each=move || rows.get()
                    key=|row| row.id.clone()
                    children=move |row| view! { <Line rows=rows row=row /> }
                />
            </tbody>
        </table>
        <p class="table-empty" hidden=move || !rows.with(Vec::is_empty)>
            {empty}
        </p>
    }
}

/// One line, which stays the same element while its contents change, so that
/// the focus is not lost.
#[component]
fn Line(rows: RwSignal<Vec<DeliveryRow>>, row: DeliveryRow) -> impl IntoView {
    let (id, href, event_type, is_test) = (row.id.clone(), row.href.clone(), row.event_type.clone(), row.is_test);
    let row = Memo::new(move |_| {
        rows.with(|rows| rows.iter().find(|it| it.id == id).cloned()).unwrap_or_else(|| row.clone())
    });
    view! {
        <tr>
            <td class="delivery-status" data-label=text::STATUS>{move || view! { <StatusMark status=row.get().status /> }}</td>
            <td class="delivery-event" data-label=text::EVENT>
                <span class="with-tag">
                    <a class="mono row-link" href=href>{event_type}</a>
                    {is_test.then(|| view! { <span class="tag">{text::TEST}</span> })}
                </span>
            </td>
            <td class="delivery-result" data-label=text::LAST_RESULT>{move || row.get().result.unwrap_or_else(|| text::NONE.to_owned())}</td>
            <td class="delivery-attempts number" data-label=text::ATTEMPTS>{move || row.get().attempts}</td>
            <td class="delivery-created" data-label=text::CREATED>{move || view! { <When at=row.get().created /> }}</td>
            <td class="delivery-next" data-label=text::NEXT_RETRY>
                {move || match row.get().next {
                    Some(next) => view! { <When at=next /> }.into_any(),
                    None => text::NONE.into_any(),
                }}
            </td>
        </tr>
    }
}

/// Asks the server again and again while the page is visible, one question at a
/// time; stops for good when the session has ended.
fn keep_fresh(rows: RwSignal<Vec<DeliveryRow>>, query: LogQuery) {
    let query = StoredValue::new(query);
    let asking = StoredValue::new(false);
    Effect::new(move |_| {
        let refresh = move || {
            if asking.get_value() || document().hidden() {
                return;
            }
            asking.set_value(true);
            spawn_local(async move {
                // After an error the flag stays up, and the refreshing ends.
                if let Ok(fresh) = deliveries(query.get_value()).await {
                    if rows.with_untracked(|old| *old != fresh) {
                        rows.set(fresh);
                    }
                    asking.set_value(false);
                }
            });
        };
        set_interval(refresh, INTERVAL);
    });
}

/// Deliveries of a webhook of the session's account.
#[server(prefix = "/live", endpoint = "deliveries")]
async fn deliveries(query: LogQuery) -> Result<Vec<DeliveryRow>, ServerFnError> {
    Ok(server::deliveries(&query).await?)
}

#[cfg(feature = "ssr")]
mod server {
    use signet_engine::service::deliveries::Filter;
    use signet_model::{EndpointId, event::EventType};

    use super::{DeliveryRow, LogQuery};
    use crate::{error::PageError, frame::Member, present::row};

    /// The most lines that one call lists.
    const LIMIT: u32 = 100;

    pub(super) async fn deliveries(query: &LogQuery) -> Result<Vec<DeliveryRow>, PageError> {
        let member = Member::of_island()?;
        let endpoint: EndpointId = query.endpoint.parse().map_err(|_| PageError::NotFound)?;
        let filter = Filter {
            state: query.state.parse().ok(),
            event_types: query.event_type.parse().ok().map(|kind: EventType| [kind].into()),
            ..Filter::default()
        };
        // The list of a webhook that is gone is not kept fresh.
        member.account().endpoint(endpoint).get().await?;
        let from = query.before.parse().ok();
        let found = member.account().endpoint(endpoint).log(&filter, from, query.limit.min(LIMIT)).await?;
        Ok(found.deliveries.iter().map(|delivery| row(endpoint, delivery, member.frame.now)).collect())
    }
}

//! The delivery log, kept fresh while somebody looks at it.

use std::time::Duration;

use leptos::{prelude::*, task::spawn_local};
use serde::{Deserialize, Serialize};

use crate::components::{Moment, Status, StatusMark, When};

/// How often the list is refreshed.
const INTERVAL: Duration = Duration::from_secs(2);

/// A line of the log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeliveryRow {
    /// The delivery's id.
    pub id: String,
    /// The address of its page.
    pub href: String,
    /// The type of the event.
    pub event_type: String,
    /// Whether a person sent it as a test.
    pub is_test: bool,
    /// Where it stands.
    pub status: Status,
    /// How the last attempt ended.
    pub result: Option<String>,
    /// Attempts made.
    pub attempts: u32,
    /// When the event was accepted.
    pub created: Moment,
    /// When the next attempt is due.
    pub next: Option<Moment>,
}

/// Which lines are listed. Texts that are empty do not restrict.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogQuery {
    /// The webhook's id.
    pub endpoint: String,
    /// Only deliveries in this state.
    pub state: String,
    /// Only events of this type.
    pub event_type: String,
    /// Only events before this one.
    pub before: String,
    /// At most so many.
    pub limit: u32,
}

/// A table of deliveries.
#[island]
pub fn DeliveryList(
    /// What the server found.
    rows: Vec<DeliveryRow>,
    /// How to find it again.
    query: LogQuery,
    /// What is said when there is nothing to list.
    empty: String,
) -> impl IntoView {
    let rows = RwSignal::new(rows);
    keep_fresh(rows, query);
    view! {
        <table class="table deliveries">
            <thead>
                <tr>
                    <th scope="col">"Status"</th>
                    <th scope="col">"Event"</th>
                    <th scope="col">"Last result"</th>
                    <th scope="col" class="number">"Attempts"</th>
                    <th scope="col">"Created"</th>
                    <th scope="col">"Next retry"</th>
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
            <td class="delivery-status" data-label="Status">{move || view! { <StatusMark status=row.get().status /> }}</td>
            <td class="delivery-event" data-label="Event">
                <span class="with-tag">
                    <a class="mono row-link" href=href>{event_type}</a>
                    {is_test.then(|| view! { <span class="tag">"Test"</span> })}
                </span>
            </td>
            <td class="delivery-result" data-label="Last result">{move || row.get().result.unwrap_or_else(|| "–".to_owned())}</td>
            <td class="delivery-attempts number" data-label="Attempts">{move || row.get().attempts}</td>
            <td class="delivery-created" data-label="Created">{move || view! { <When at=row.get().created /> }}</td>
            <td class="delivery-next" data-label="Next retry">
                {move || match row.get().next {
                    Some(next) => view! { <When at=next /> }.into_any(),
                    None => "–".into_any(),
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
                // After an error the flag stays up: nothing is asked any more.
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
    crate::api::deliveries::rows_live(&query).await
}

//! A test event: sent from the page of its webhook, with the answer on the same page.

use leptos::prelude::*;
use signet_engine::service::{deliveries::DeliveryDetail, endpoints::Endpoint};
use signet_model::{EndpointId, Timestamp, event::EventType};

use super::text;
use crate::{
    components::with_code,
    error::{PageError, PageResult},
    form::{Field, Form},
    frame::{Ids, Member},
    islands::{TEST_EVENT_TYPE, TestPanel},
    present::{endpoint_path, test_report},
    redirect::see_other,
};

/// In the address of the page: the test whose result it shows.
pub(super) const TEST: Field = Field::named("test");
pub(crate) const TYPE: Field = Field::named(TEST_EVENT_TYPE);

/// Sends a test event, waits for the receiver, and leads to the result.
pub(super) async fn send(member: Member, Ids(id): Ids<EndpointId>, form: Form) -> PageResult {
    let kind: EventType = form.get(&TYPE).parse().map_err(|_| PageError::Unreadable)?;
    let delivery = member.account().endpoint(id).send_test(kind).await?;
    member.account().delivery(delivery).await_test().await?;
    Ok(see_other(&format!("{}?{}={delivery}#test", endpoint_path(id), TEST.name)))
}

/// The form, and the result of the test that was sent with it.
pub(super) fn test_card(endpoint: &Endpoint, test: Option<&DeliveryDetail>, now: Timestamp) -> impl IntoView + use<> {
    view! {
        <section class="card" id="test">
            <h2>{text::TEST}</h2>
            <p class="hint">{with_code(text::TEST_HINT)}</p>
            <TestPanel
                endpoint=endpoint.id.to_string()
                action=format!("{}/test", endpoint_path(endpoint.id))
                types=EventType::ALL.map(|kind| kind.to_string()).into()
                chosen=chosen(endpoint, test)
                report=test.map(|test| test_report(test, now))
            />
        </section>
    }
}

/// The type that was just tested, or the first one that the webhook wants.
fn chosen(endpoint: &Endpoint, test: Option<&DeliveryDetail>) -> String {
    let tested = test.map(|test| test.delivery.event_type);
    tested.or(endpoint.event_types.iter().next()).map(|kind| kind.to_string()).unwrap_or_default()
}

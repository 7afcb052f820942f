//! A test event: sent from the test tab of its webhook, with the answer on the same page.

use leptos::prelude::*;
use signet_engine::{
    actor::Permission,
    service::{deliveries::DeliveryDetail, endpoints::Endpoint, event_types::Catalogue},
};
use signet_model::{EndpointId, Timestamp, event::EventType};

use super::{
    fuse,
    head::{Tab, head, title},
    text, unusable, usable,
};
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
const TEST: Field = Field::named("test");
/// The most types to choose from: a page has a size.
const MAX_TYPES: usize = 200;

pub(crate) const TYPE: Field = Field::named(TEST_EVENT_TYPE);

/// The address of the tab.
pub(super) fn path(id: EndpointId) -> String {
    format!("{}/test", endpoint_path(id))
}

/// Shows the tab, with the result of the test that the address names.
pub(super) async fn show(member: Member, Ids(id): Ids<EndpointId>, query: Form) -> PageResult {
    let endpoint = member.account().endpoint(id).get().await?;
    let test = usable(&member, query.get(&TEST).parse().ok()).await?.filter(|it| it.delivery.endpoint == id);
    let catalogue = member.catalogue().await?;
    let fuse = fuse::read(&member, &endpoint).await?;
    let now = member.frame.now;
    let sends = member.may(Permission::SendDeliveries) && endpoint.unusable.is_none();
    Ok(member.frame.render(&title(&endpoint, Tab::Test), || {
        view! {
            {head(&member, &endpoint, Tab::Test)}
            {fuse::panel(&member, &endpoint, fuse.as_ref())}
            {unusable::panel(&endpoint, member.may(Permission::ChangeWebhooks))}
            {sends.then(|| test_card(&endpoint, &catalogue, test.as_ref(), now))}
        }
    }))
}

/// Sends a test event, waits for the receiver, and leads to the result.
pub(super) async fn send(member: Member, Ids(id): Ids<EndpointId>, form: Form) -> PageResult {
    member.check(Permission::ChangeWebhooks)?;
    let kind: EventType = form.get(&TYPE).parse().map_err(|_| PageError::Unreadable)?;
    let delivery = member.account().endpoint(id).send_test(&kind).await?;
    member.account().delivery(delivery).await_test().await?;
    Ok(see_other(&format!("{}?{}={delivery}#test", path(id), TEST.name)))
}

/// The form, and the result of the test that was sent with it.
fn test_card(
    endpoint: &Endpoint,
    catalogue: &Catalogue,
    test: Option<&DeliveryDetail>,
    now: Timestamp,
) -> impl IntoView + use<> {
    let types = types(endpoint, catalogue);
    view! {
        <section class="card" id="test">
            <h2>{text::TEST}</h2>
            <p class="hint">{with_code(text::TEST_HINT)}</p>
            <TestPanel
                endpoint=endpoint.id.to_string()
                action=path(endpoint.id)
                chosen=chosen(&types, endpoint, test)
                types=types
                report=test.map(|test| test_report(test, now))
            />
        </section>
    }
}

/// The types to choose from: those that the webhook wants first.
fn types(endpoint: &Endpoint, catalogue: &Catalogue) -> Vec<String> {
    let (wanted, others): (Vec<_>, Vec<_>) =
        catalogue.active().partition(|entry| endpoint.event_types.contains(&entry.name));
    wanted.into_iter().chain(others).take(MAX_TYPES).map(|entry| entry.name.to_string()).collect()
}

/// The type that was just tested, or the first one that the webhook wants.
fn chosen(types: &[String], endpoint: &Endpoint, test: Option<&DeliveryDetail>) -> String {
    let tested = test.map(|test| test.delivery.event_type.to_string());
    let wanted = || types.first().filter(|name| name.parse().is_ok_and(|kind| endpoint.event_types.contains(&kind)));
    tested.or_else(|| wanted().cloned()).unwrap_or_default()
}

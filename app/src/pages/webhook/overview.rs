//! The first tab of a webhook: its state, and its latest deliveries.

use leptos::prelude::*;
use signet_engine::{
    UnusableDelivery,
    actor::Permission,
    service::{
        deliveries::{Delivery, Filter},
        endpoints::Endpoint,
    },
};
use signet_model::{EndpointId, Timestamp};

use super::{
    disabled,
    head::{Tab, head, title},
    held, resends, resting, text, unusable, usable,
};
use crate::{
    error::PageResult,
    frame::{Ids, Member},
    islands::{DeliveryList, LogQuery},
    pages::{delivery_log, webhook_recover},
    present::row,
};

/// The deliveries on the page.
const RECENT: u32 = 10;

/// Shows the tab.
pub(super) async fn show(member: Member, Ids(id): Ids<EndpointId>) -> PageResult {
    let handle = member.account().endpoint(id);
    let endpoint = handle.get().await?;
    let latest = handle.deliveries(&Filter::default(), RECENT).await?;
    let held = handle.held_counts().await?;
    let cause = usable(&member, endpoint.disabled.and_then(|disabled| disabled.by)).await?;
    let under_way = resends::recent(&member, id).await?;
    let now = member.frame.now;
    let [changes, sends] = [Permission::ChangeWebhooks, Permission::SendDeliveries].map(|it| member.may(it));
    Ok(member.frame.render(&title(&endpoint, Tab::Overview), || {
        view! {
            {head(&member, &endpoint, Tab::Overview)}
            {unusable::panel(&endpoint, changes)}
            {resting::panel(&endpoint, now, changes)}
            {disabled::panel(&endpoint, &held, cause.as_ref(), now, changes)}
            {sends.then(|| held::panel(&endpoint, &held))}
            {resends::panel(id, &under_way, sends)}
            {recent(&latest, &endpoint, now, sends)}
        }
    }))
}

fn recent(
    deliveries: &[Result<Delivery, UnusableDelivery>],
    endpoint: &Endpoint,
    now: Timestamp,
    sends: bool,
) -> impl IntoView + use<> {
    let recover = sends.then(|| view! { <a href=webhook_recover::path(endpoint.id)>{text::RECOVER}</a> });
    let query = LogQuery { endpoint: endpoint.id.to_string(), limit: RECENT, ..LogQuery::default() };
    let rows = deliveries.iter().map(|delivery| row(endpoint.id, delivery, now)).collect::<Vec<_>>();
    view! {
        <section class="card flush" id="deliveries">
            <header class="card-head">
                <h2>{text::RECENT}</h2>
                <p class="links">
                    {recover}
                    <a href=delivery_log::path(endpoint.id)>{text::VIEW_ALL}</a>
                </p>
            </header>
            <DeliveryList rows=rows query=query empty=text::NOTHING_SENT.to_owned() />
        </section>
    }
}

//! The first tab of a webhook: what is wrong with it, how its deliveries went, why some failed,
//! and the latest ones.

mod causes;
mod chart;
mod text;

use std::sync::Arc;

use axum::response::Response;
use leptos::prelude::*;
use signet_engine::{
    UnusableDelivery,
    actor::Permission,
    service::{
        backlog::Count,
        deliveries::{Delivery, DeliveryDetail, Filter},
        endpoints::{Endpoint, Fuse},
        event_types::Catalogue,
        resends::Resend,
        statistics::{Bars, Cause, Window},
    },
};
use signet_model::{EndpointId, event::EventType};

use super::{
    disabled, fuse,
    head::{Tab, head, title},
    held, resends, resting, text as webhook_text, unusable, usable,
};
use crate::{
    components::{DeliveryList, DeliveryRow},
    error::PageResult,
    form::{Field, Form},
    frame::{Ids, Member},
    pages::{delivery_log, webhook_recover},
    present::{may_resend, resend_path, row},
};

/// The deliveries on the page.
const RECENT: u32 = 5;

/// The range of the chart, and the event type that it is about.
const RANGE: Field = Field::named("range");
const TYPE: Field = Field::text("type", text::EVENT_TYPE);

/// The query of the address. Values that are invalid are ignored.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Query {
    window: Window,
    event_type: Option<EventType>,
}

impl Query {
    fn new(form: &Form) -> Self {
        Self { window: form.get(&RANGE).parse().unwrap_or_default(), event_type: form.get(&TYPE).parse().ok() }
    }
}

struct PageData {
    endpoint: Endpoint,
    query: Query,
    held: Vec<(EventType, Count)>,
    /// The delivery whose failure disabled the webhook.
    cause: Option<DeliveryDetail>,
    /// When it will be disabled, while it fails.
    fuse: Option<Fuse>,
    /// What is being sent again.
    under_way: Vec<Resend>,
    bars: Bars,
    causes: Vec<Cause>,
    latest: Vec<Result<Delivery, UnusableDelivery>>,
    catalogue: Arc<Catalogue>,
}

/// Shows the tab.
pub(super) async fn show(member: Member, Ids(id): Ids<EndpointId>, form: Form) -> PageResult {
    let query = Query::new(&form);
    let handle = member.account().endpoint(id);
    let endpoint = handle.get().await?;
    let held = handle.held_counts().await?;
    let cause = usable(&member, endpoint.disabled.and_then(|disabled| disabled.by)).await?;
    let fuse = fuse::read(&member, &endpoint).await?;
    let under_way = resends::recent(&member, id).await?;
    let starts = chart::starts(query.window, member.frame.now);
    let bars = handle.bars_from(&starts, query.event_type.clone()).await?;
    let causes = handle.causes(query.window).await?;
    let latest = handle.deliveries(&Filter::default(), RECENT).await?;
    let catalogue = member.catalogue().await?;
    Ok(page(&member, &PageData { endpoint, query, held, cause, fuse, under_way, bars, causes, latest, catalogue }))
}

fn page(member: &Member, data: &PageData) -> Response {
    let (endpoint, now) = (&data.endpoint, member.frame.now);
    let [changes, sends] = [Permission::ChangeWebhooks, Permission::SendDeliveries].map(|it| member.may(it));
    member.frame.render(&title(endpoint, Tab::Overview), || {
        view! {
            {head(member, endpoint, Tab::Overview)}
            {fuse::panel(member, endpoint, data.fuse.as_ref())}
            {unusable::panel(endpoint, changes)}
            {resting::panel(endpoint, now, changes)}
            {disabled::panel(endpoint, &data.held, data.cause.as_ref(), now, changes)}
            {sends.then(|| held::panel(endpoint, &data.held))}
            {resends::panel(endpoint.id, &data.under_way, sends)}
            {chart::section(data)}
            {causes::section(endpoint.id, &data.causes)}
            {recent(member, data, sends)}
        }
    })
}

fn recent(member: &Member, data: &PageData, sends: bool) -> impl IntoView + use<> {
    let id = data.endpoint.id;
    let recover = sends.then(|| view! { <a href=webhook_recover::path(id)>{webhook_text::RECOVER}</a> });
    let resend = |delivery: &Result<Delivery, UnusableDelivery>| {
        delivery.as_ref().ok().filter(|it| may_resend(member, it)).map(|it| resend_path(id, it.id))
    };
    let rows = data.latest.iter().map(|it| DeliveryRow { resend: resend(it), ..row(id, it, member.frame.now) });
    view! {
        <section class="card flush" id="deliveries">
            <header class="card-head">
                <h2>{webhook_text::RECENT}</h2>
                <p class="links">
                    {recover}
                    <a href=delivery_log::path(id)>{webhook_text::VIEW_ALL}</a>
                </p>
            </header>
            <DeliveryList rows=rows.collect() empty=webhook_text::NOTHING_SENT.to_owned() />
        </section>
    }
}

#[cfg(test)]
mod tests;

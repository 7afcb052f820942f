//! One delivery beside the list: what became of it, its last attempt, and what can be done.

use leptos::prelude::*;
use signet_engine::{
    UnusableDelivery,
    service::{
        Error,
        deliveries::{Delivery, DeliveryDetail},
        endpoints::Endpoint,
    },
};
use signet_model::{DeliveryId, EventId, Timestamp};

use super::{Found, list, query::Query, text};
use crate::{
    components::{AttemptReport, Badge, When},
    error::PageError,
    frame::Member,
    html::IntoHtml,
    pages::delivery,
    present::{
        Situation, attempt, delivery_path, delivery_status, endpoint_path, indented, may_resend, resend_path, unusable,
    },
    words::moment,
};

/// The delivery that is shown.
pub(super) enum Shown {
    /// With its webhook, if it is there.
    Usable(Box<DeliveryDetail>, Option<Box<Endpoint>>),
    Broken(Box<UnusableDelivery>),
}

impl Shown {
    /// The delivery with this id, which must be one of the list.
    pub(super) async fn find(member: &Member, query: &Query, id: DeliveryId) -> Result<Self, PageError> {
        match member.account().delivery(id).get().await {
            Ok(detail) if query.of.is_some_and(|webhook| webhook != detail.delivery.endpoint) => {
                Err(PageError::NotFound)
            }
            Ok(detail) => {
                let webhook = member.account().endpoint(detail.delivery.endpoint).get().await.ok();
                Ok(Self::Usable(Box::new(detail), webhook.map(Box::new)))
            }
            Err(Error::UnusableDelivery(delivery)) => Ok(Self::Broken(delivery)),
            Err(error) => Err(error.into()),
        }
    }
}

impl Shown {
    /// Its event.
    pub(super) fn event(&self) -> Option<EventId> {
        match self {
            Self::Usable(detail, _) => Some(detail.delivery.event),
            Self::Broken(delivery) => delivery.event,
        }
    }
}

/// The panel.
pub(super) fn panel(member: &Member, query: &Query, found: &Found, shown: &Shown) -> impl IntoView + use<> {
    let close = query.showing(None);
    match shown {
        Shown::Usable(detail, webhook) => usable(member, close, found, detail, webhook.as_deref()).html(),
        Shown::Broken(delivery) => view! {
            <aside class="card panel delivery-panel" id="delivery" tabindex="-1" aria-label=text::DELIVERY>
                <header class="panel-head">
                    <h2 class="mono wrap">{delivery.id.to_string()}</h2>
                    <a class="button quiet" data-key="close" href=close>{text::CLOSE}</a>
                </header>
                <p><Badge status=unusable() /></p>
                <p>{delivery::unreadable(&delivery.reason)}</p>
            </aside>
        }
        .html(),
    }
}

fn usable(
    member: &Member,
    close: String,
    found: &Found,
    detail: &DeliveryDetail,
    webhook: Option<&Endpoint>,
) -> impl IntoView + use<> {
    let (delivery, now) = (&detail.delivery, member.frame.now);
    let last = detail.attempts.last().map(|last| {
        let situation = webhook.map_or_else(
            || Situation::without_webhook(last, delivery),
            |webhook| Situation::of(last, delivery, webhook),
        );
        view! {
            <section class="panel-part">
                <h3>{text::LAST_ATTEMPT}</h3>
                <AttemptReport attempt=attempt(last, situation, now) open=true />
            </section>
        }
    });
    view! {
        <aside class="card panel delivery-panel" id="delivery" tabindex="-1" aria-label=text::DELIVERY>
            <header class="panel-head">
                <h2 class="mono wrap">{delivery.event_type.to_string()}</h2>
                <a class="button quiet" data-key="close" href=close>{text::CLOSE}</a>
            </header>
            <p class="panel-state">
                <Badge status=delivery_status(delivery) /> {list::dots(delivery)}
                {delivery.is_test.then(|| view! { <span class="tag">{text::TEST}</span> })}
            </p>
            {delivery.restored_at.map(|at| view! { <p>{delivery::restored(at, now)}</p> })}
            <p>{delivery::sentence(delivery, now)}</p>
            {found
                .has_pages(delivery.endpoint)
                .then(|| actions(member, delivery))}
            {facts(found, delivery, now)}
            {last}
            {body(detail)}
        </aside>
    }
}

fn actions(member: &Member, delivery: &Delivery) -> impl IntoView + use<> {
    let page = delivery_path(delivery.endpoint, delivery.id);
    let resend = may_resend(member, delivery).then(|| {
        view! {
            <form method="post" action=resend_path(delivery.endpoint, delivery.id)>
                <button class="button" type="submit" data-key="resend">{text::RESEND}</button>
            </form>
        }
    });
    view! { <div class="actions"><a class="button primary" data-key="page" href=page>{text::OPEN}</a> {resend}</div> }
}

fn facts(found: &Found, delivery: &Delivery, now: Timestamp) -> impl IntoView + use<> {
    let task = found.tasks.get(&delivery.event).cloned();
    let host = found.host(delivery.endpoint).unwrap_or_else(|| delivery.endpoint.to_string());
    let webhook = if found.has_pages(delivery.endpoint) {
        view! { <a href=endpoint_path(delivery.endpoint)><bdi>{host}</bdi></a> }.html()
    } else {
        view! { <bdi>{host}</bdi> {format!(" ({})", text::DELETED)} }.html()
    };
    view! {
        <dl class="facts">
            <div><dt>{text::MESSAGE_ID}</dt><dd class="mono wrap">{delivery.id.to_string()}</dd></div>
            <div><dt>{text::WEBHOOK}</dt><dd class="wrap">{webhook}</dd></div>
            {task
                .map(|task| {
                    view! { <div><dt>{text::TASK}</dt><dd class="mono wrap"><bdi>{task}</bdi></dd></div> }
                })}
            <div>
                <dt>{text::ACCEPTED}</dt>
                <dd><When at=moment(delivery.created_at, now) in_full=true /></dd>
            </div>
        </dl>
    }
}

fn body(detail: &DeliveryDetail) -> impl IntoView + use<> {
    match &detail.body {
        Some(body) => view! {
            <details class="fold">
                <summary>{text::BODY}</summary>
                <pre class="code" tabindex="0">{indented(body)}</pre>
            </details>
        }
        .html(),
        None => view! { <p class="hint">{text::BODY_GONE}</p> }.html(),
    }
}

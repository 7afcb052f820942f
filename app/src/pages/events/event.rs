//! One event: its payload, and its deliveries to every webhook.

use std::collections::HashMap;

use axum::response::Response;
use leptos::prelude::*;
use signet_engine::{
    UnusableDelivery,
    service::{deliveries::Delivery, endpoints::Endpoint, events::EventDetail},
};
use signet_model::{EndpointId, EventId, Timestamp};

use super::{PATH, of_type, type_link};
use crate::{
    components::CopyButton,
    components::{Breadcrumbs, StatusMark, When},
    error::PageResult,
    frame::{Ids, Member},
    html::IntoHtml,
    present::{delivery_path, delivery_status, endpoint_path, indented, unusable},
    words::moment,
};

/// The deliveries that the page shows.
const SHOWN: usize = 100;
/// The webhooks whose addresses are looked up.
const WEBHOOKS: u32 = 1_000;

mod text {
    pub(super) const EVENT_ID: &str = "Event id";
    pub(super) const TYPE: &str = "Event type";
    pub(super) const TASK: &str = "Reference";
    pub(super) const HAPPENED: &str = "Happened";
    pub(super) const ACCEPTED: &str = "Accepted";
    pub(super) const TEST: &str = "Test";
    pub(super) const PAYLOAD: &str = "Payload";
    pub(super) const GONE: &str = "The payload is no longer stored.";
    pub(super) const DELIVERIES: &str = "Deliveries";
    pub(super) const NO_DELIVERIES: &str = "No webhook asked for this event.";
    pub(super) const WEBHOOK: &str = "Webhook";
    pub(super) const STATUS: &str = "Status";
    pub(super) const ATTEMPTS: &str = "Attempts";
    pub(super) const ENDED: &str = "Ended";
    pub(super) const DELETED: &str = "A deleted webhook";
    pub(super) const UNREADABLE: &str = "A delivery that cannot be read";
    pub(super) const NOT_YET: &str = "Not yet";
    pub(super) const SAME_TYPE: &str = "Events of this type";

    pub(super) fn more(count: usize) -> String {
        format!("and {count} more")
    }
}

pub(super) async fn show(member: Member, Ids(id): Ids<EventId>) -> PageResult {
    let detail = member.account().event(id).await?;
    let webhooks = member.account().endpoints().page(None, WEBHOOKS).await?;
    Ok(render(&member, &detail, &webhooks))
}

fn render(member: &Member, detail: &EventDetail, webhooks: &[Endpoint]) -> Response {
    let event = &detail.event;
    let now = member.frame.now;
    let name = event.event_type.clone();
    let title = format!("{name} {}", event.id);
    member.frame.render(&title, || {
        view! {
            <Breadcrumbs above=vec![(PATH.to_owned(), super::text::TITLE.to_owned())] here=event.id.to_string() />
            <header class="page-head">
                <div>
                    <h1 class="mono-title">{name.clone()}</h1>
                    {event.is_test.then(|| view! { <p><span class="tag">{text::TEST}</span></p> })}
                </div>
                <div class="actions">
                    <a class="button" href=of_type(&name)>{text::SAME_TYPE}</a>
                </div>
            </header>
            {facts(detail, now)}
            {deliveries(detail, webhooks, now)}
            {payload(detail)}
        }
    })
}

fn facts(detail: &EventDetail, now: Timestamp) -> impl IntoView + use<> {
    let event = &detail.event;
    let task = event.task.clone();
    view! {
        <section class="card">
            <dl class="facts">
                <div>
                    <dt>{text::EVENT_ID}</dt>
                    <dd class="with-copy">
                        <span class="mono wrap">{event.id.to_string()}</span>
                        <CopyButton text=event.id.to_string() />
                    </dd>
                </div>
                <div><dt>{text::TYPE}</dt><dd>{type_link(&event.event_type)}</dd></div>
                {task.map(|task| view! { <div><dt>{text::TASK}</dt><dd class="mono wrap">{task}</dd></div> })}
                <div><dt>{text::HAPPENED}</dt><dd><When at=moment(event.occurred_at, now) in_full=true /></dd></div>
                <div><dt>{text::ACCEPTED}</dt><dd><When at=moment(event.accepted_at, now) in_full=true /></dd></div>
            </dl>
        </section>
    }
}

fn payload(detail: &EventDetail) -> impl IntoView + use<> {
    view! {
        <section class="card" id="payload">
            <h2>{text::PAYLOAD}</h2>
            {match &detail.body {
                Some(body) => view! { <pre class="code" tabindex="0">{indented(body)}</pre> }.html(),
                None => view! { <p class="hint">{text::GONE}</p> }.html(),
            }}
        </section>
    }
}

fn deliveries(detail: &EventDetail, webhooks: &[Endpoint], now: Timestamp) -> impl IntoView + use<> {
    let found = &detail.deliveries.deliveries;
    let urls: HashMap<EndpointId, &str> = webhooks.iter().map(|webhook| (webhook.id, &*webhook.url)).collect();
    let rows: Vec<_> = found.iter().take(SHOWN).map(|delivery| row(delivery, &urls, now)).collect();
    let more = found.len().saturating_sub(SHOWN);
    let table = if rows.is_empty() {
        view! { <p class="table-empty">{text::NO_DELIVERIES}</p> }.html()
    } else {
        view! {
            <table class="table">
                <thead>
                    <tr>
                        <th scope="col">{text::WEBHOOK}</th>
                        <th scope="col">{text::STATUS}</th>
                        <th scope="col">{text::ATTEMPTS}</th>
                        <th scope="col">{text::ENDED}</th>
                    </tr>
                </thead>
                <tbody>{rows}</tbody>
            </table>
        }
        .html()
    };
    view! {
        <section class="card flush" id="deliveries">
            <h2 class="table-title">{text::DELIVERIES}</h2>
            {table}
            {(more > 0).then(|| view! { <p class="hint table-title">{text::more(more)}</p> })}
        </section>
    }
}

fn row(
    delivery: &Result<Delivery, UnusableDelivery>,
    urls: &HashMap<EndpointId, &str>,
    now: Timestamp,
) -> impl IntoView + use<> {
    let Ok(delivery) = delivery else {
        let status = view! { <StatusMark status=unusable() /> };
        return view! { <tr><td class="main-cell">{text::UNREADABLE}</td><td data-label=text::STATUS>{status}</td></tr> }
            .html();
    };
    let webhook = match urls.get(&delivery.endpoint) {
        Some(url) => {
            let url = (*url).to_owned();
            view! { <a class="mono wrap" href=endpoint_path(delivery.endpoint)>{url}</a> }.html()
        }
        None => view! { <span class="muted">{text::DELETED}</span> }.html(),
    };
    let href = delivery_path(delivery.endpoint, delivery.id);
    let is_there = urls.contains_key(&delivery.endpoint);
    let id = delivery.id.to_string();
    view! {
        <tr>
            <td class="main-cell">
                {webhook}
                <p class="muted mono wrap">
                    {if is_there { view! { <a href=href>{id}</a> }.html() } else { id.html() }}
                </p>
            </td>
            <td data-label=text::STATUS><StatusMark status=delivery_status(delivery) /></td>
            <td data-label=text::ATTEMPTS>{delivery.attempts}</td>
            <td data-label=text::ENDED>
                {match delivery.completed_at {
                    Some(at) => view! { <When at=moment(at, now) /> }.html(),
                    None => view! { <span class="muted">{text::NOT_YET}</span> }.html(),
                }}
            </td>
        </tr>
    }
    .html()
}

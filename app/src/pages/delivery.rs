//! One delivery: everything that was sent and came back.

mod unusable;

use axum::{
    http::StatusCode,
    response::{IntoResponse, Response},
};
use leptos::prelude::*;
use signet_engine::store::{
    Error,
    deliveries::{Delivery, DeliveryDetail},
};
use signet_model::{DeliveryId, EndpointId, Timestamp, delivery::State};

use crate::{
    components::{AttemptReport, Breadcrumbs, Icon, StatusMark, When},
    error::PageError,
    frame::{Ids, Member},
    islands::CopyButton,
    present::{attempt, delivery_path, delivery_status, endpoint_path, indented},
    redirect::HOME,
    words::moment,
};

/// Shows it.
pub(crate) async fn get(
    member: Member,
    Ids((endpoint, id)): Ids<(EndpointId, DeliveryId)>,
) -> Result<Response, PageError> {
    page(&member, endpoint, id, None).await
}

/// The page, with the reason why it cannot be sent again, if that was tried.
pub(crate) async fn page(
    member: &Member,
    endpoint: EndpointId,
    id: DeliveryId,
    refused: Option<String>,
) -> Result<Response, PageError> {
    let (engine, account) = (member.engine(), member.account);
    let webhook = engine.endpoint(account, endpoint).await?.ok_or(PageError::NotFound)?;
    let detail = match engine.delivery(account, id).await {
        Err(Error::UnusableDelivery(delivery)) => return Ok(unusable::page(member, &webhook, &delivery)),
        found => found?.filter(|it| it.delivery.endpoint == endpoint).ok_or(PageError::NotFound)?,
    };
    let status = if refused.is_some() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    Ok((status, render(member, &detail, &webhook.host(), refused)).into_response())
}

fn render(member: &Member, detail: &DeliveryDetail, host: &str, refused: Option<String>) -> Response {
    let delivery = &detail.delivery;
    let now = member.frame.now;
    let webhook = endpoint_path(delivery.endpoint);
    let above = vec![
        (HOME.to_owned(), "Webhooks".to_owned()),
        (webhook.clone(), host.to_owned()),
        (format!("{webhook}/deliveries"), "Deliveries".to_owned()),
    ];
    let title = format!("{} delivery", delivery.event_type);
    member.frame.render(&title, || {
        view! {
            <Breadcrumbs above=above here=delivery.event_type.to_string() />
            {head(delivery)}
            {refused.map(|text| view! { <p class="alert bad" role="alert"><Icon name="warning" />{text}</p> })}
            <section class="card">
                <p class="lead">{sentence(delivery, now)}</p>
                {facts(detail, now)}
            </section>
            {body(detail)}
            {attempts(detail, now)}
        }
    })
}

fn head(delivery: &Delivery) -> impl IntoView + use<> {
    let action = format!("{}/resend", delivery_path(delivery.endpoint, delivery.id));
    let pending = delivery.state == State::Pending;
    let page = delivery_path(delivery.endpoint, delivery.id);
    let refresh = pending.then(|| view! { <a class="button" href=page>"Refresh"</a> });
    let resend = (!pending).then(|| {
        view! {
            <form method="post" action=action>
                <button class="button" type="submit">
                    <Icon name="repeat" />
                    "Resend"
                </button>
            </form>
        }
    });
    view! {
        <header class="page-head">
            <div>
                <h1 class="mono-title">{delivery.event_type.to_string()}</h1>
                <p>
                    <StatusMark status=delivery_status(delivery) />
                    {delivery.is_test.then(|| view! { <span class="tag">"Test"</span> })}
                </p>
            </div>
            <div class="actions">{refresh} {resend}</div>
        </header>
    }
}

/// Where the delivery stands, in a sentence.
fn sentence(delivery: &Delivery, now: Timestamp) -> String {
    let done = delivery.completed_at.map(|at| moment(at, now).relative).unwrap_or_default();
    match delivery.state {
        State::Pending if delivery.in_flight => "An attempt is under way.".to_owned(),
        State::Pending => {
            let due = delivery.due_at.filter(|&due| due > now).map(|due| moment(due, now).relative);
            let due = due.unwrap_or_else(|| "any moment now".to_owned());
            if delivery.attempts == 0 {
                format!("The first attempt is due {due}.")
            } else {
                format!("The last attempt failed. The next one is due {due}.")
            }
        }
        State::Delivered => format!("Delivered {done}."),
        State::Failed if delivery.is_test => format!("The test failed {done}. Test events are not retried."),
        State::Failed => format!("Given up {done}, after all retries failed."),
        State::Held => {
            "Held, because the webhook was disabled or unusable. Decide on the webhook’s page what happens to it."
                .to_owned()
        }
        State::Discarded => format!("Discarded {done}. It will not be sent."),
    }
}

fn facts(detail: &DeliveryDetail, now: Timestamp) -> impl IntoView + use<> {
    let delivery = &detail.delivery;
    let next = delivery.due_at.filter(|_| !delivery.in_flight);
    view! {
        <dl class="facts">
            <div>
                <dt>"Message id"</dt>
                <dd class="with-copy">
                    <span class="mono wrap">{delivery.id.to_string()}</span>
                    <CopyButton text=delivery.id.to_string() />
                </dd>
            </div>
            <div><dt>"Event id"</dt><dd class="mono wrap">{delivery.event.to_string()}</dd></div>
            <div><dt>"Happened"</dt><dd><When at=moment(detail.occurred_at, now) in_full=true /></dd></div>
            <div><dt>"Accepted"</dt><dd><When at=moment(delivery.created_at, now) in_full=true /></dd></div>
            {next.map(|at| view! { <div><dt>"Next attempt"</dt><dd><When at=moment(at, now) in_full=true /></dd></div> })}
            {delivery
                .completed_at
                .map(|at| view! { <div><dt>"Completed"</dt><dd><When at=moment(at, now) in_full=true /></dd></div> })}
        </dl>
    }
}

fn body(detail: &DeliveryDetail) -> impl IntoView + use<> {
    view! {
        <section class="card" id="body">
            <h2>"Request body"</h2>
            {match &detail.body {
                Some(body) => {
                    view! {
                        <pre class="code" tabindex="0">{indented(body)}</pre>
                        <p class="hint">
                            {format!("The same for every attempt. Sent in one line of {} bytes; shown with line breaks.", body.len())}
                        </p>
                    }
                        .into_any()
                }
                None => view! { <p class="hint">"The body is no longer stored."</p> }.into_any(),
            }}
        </section>
    }
}

fn attempts(detail: &DeliveryDetail, now: Timestamp) -> impl IntoView + use<> {
    let last = detail.attempts.len();
    let none = detail.attempts.is_empty();
    let is_test = detail.delivery.is_test;
    let reports = detail.attempts.iter().enumerate().rev().map(|(place, it)| {
        view! { <AttemptReport attempt=attempt(it, is_test, now) open=place + 1 == last /> }
    });
    view! {
        <section class="card flush" id="attempts">
            <header class="card-head"><h2>"Attempts"</h2></header>
            {none.then(|| view! { <p class="table-empty">"No attempt was made yet."</p> })}
            {reports.collect_view()}
        </section>
    }
}

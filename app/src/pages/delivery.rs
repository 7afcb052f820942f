//! One delivery: its state, its body, and its attempts with all that was sent and came back.

mod compared;
mod curl;
mod difference;
mod text;
mod timeline;
mod unusable;
mod verify;

use axum::{
    Router,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use leptos::prelude::*;
use signet_engine::service::{
    Error,
    deliveries::{Delivery, DeliveryDetail, Surroundings},
    endpoints::Endpoint,
};
use signet_engine::{Unusable, actor::Permission};
use signet_model::{DeliveryId, EndpointId, Timestamp, delivery::State};

use self::{timeline::timeline, verify::Verifiable};
use crate::{
    components::{AttemptReport, Breadcrumbs, CopyButton, Icon, StatusMark, When, alert},
    error::PageResult,
    form::{Field, Form},
    frame::{Ids, Member},
    html::IntoHtml,
    methods::{get, post},
    pages::{delivery_log, webhook},
    present::{MAY_REPEAT, Situation, attempt, delivery_path, delivery_status, indented},
    redirect::{done, local_path},
    state::AppState,
    words::moment,
};

/// The address of the list from which a delivery is sent again, as its script names it.
const BACK: Field = Field::named("back");

pub(super) fn routes() -> Router<AppState> {
    Router::new()
        .route("/deliveries/{delivery}", get(show))
        .route("/deliveries/{delivery}/resend", post(resend))
        .route("/deliveries/{delivery}/retry", post(retry))
        .route("/deliveries/{delivery}/stop", post(stop))
}

async fn show(member: Member, Ids((endpoint, id)): Ids<(EndpointId, DeliveryId)>) -> PageResult {
    page(&member, endpoint, id, None).await
}

/// Sends a delivery again.
async fn resend(member: Member, Ids((endpoint, id)): Ids<(EndpointId, DeliveryId)>, form: Form) -> PageResult {
    find(&member, endpoint, id).await?;
    match member.account().delivery(id).resend().await {
        Ok(()) => Ok(done(text::RESENT, back(&form).unwrap_or(&delivery_path(endpoint, id)))),
        Err(error) => refuse(&member, endpoint, id, text::not_resent(error)?).await,
    }
}

/// The list in which the delivery was chosen, if it was sent again from there.
fn back(form: &Form) -> Option<&str> {
    local_path(form.get(&BACK)).filter(|path| path.starts_with("/settings/"))
}

/// Makes the next attempt now.
async fn retry(member: Member, Ids((endpoint, id)): Ids<(EndpointId, DeliveryId)>) -> PageResult {
    member.check(Permission::SendDeliveries)?;
    find(&member, endpoint, id).await?;
    match member.account().delivery(id).retry_now().await {
        Ok(()) => Ok(done(text::RETRIED, &delivery_path(endpoint, id))),
        Err(error) => refuse(&member, endpoint, id, text::not_changed(error)?).await,
    }
}

/// Ends the retries.
async fn stop(member: Member, Ids((endpoint, id)): Ids<(EndpointId, DeliveryId)>) -> PageResult {
    member.check(Permission::SendDeliveries)?;
    find(&member, endpoint, id).await?;
    match member.account().delivery(id).stop().await {
        Ok(_) => Ok(done(text::STOPPED, &delivery_path(endpoint, id))),
        Err(error) => refuse(&member, endpoint, id, text::not_changed(error)?).await,
    }
}

/// The page again, with the reason for which it was left as it is.
async fn refuse(member: &Member, endpoint: EndpointId, id: DeliveryId, reason: &'static str) -> PageResult {
    let page = page(member, endpoint, id, Some(reason)).await?;
    Ok((StatusCode::UNPROCESSABLE_ENTITY, page).into_response())
}

/// The page, with the reason for which the delivery was left as it is, if a change was tried.
async fn page(member: &Member, endpoint: EndpointId, id: DeliveryId, refused: Option<&'static str>) -> PageResult {
    let webhook = member.account().endpoint(endpoint).get().await?;
    match find(member, endpoint, id).await {
        Err(Error::UnusableDelivery(delivery)) => Ok(unusable::page(member, &webhook, &delivery)),
        found => {
            let detail = found?;
            let around = member.account().delivery(id).surroundings(&detail.delivery).await?;
            let worked = compared::read(member, &detail, &around).await?;
            let verifiable = Verifiable::of(member, &webhook, &detail).await?;
            Ok(render(member, Shown { detail, webhook, around, worked, verifiable }, refused))
        }
    }
}

/// Everything that the page shows.
struct Shown {
    detail: DeliveryDetail,
    webhook: Endpoint,
    around: Surroundings,
    /// The last one of its type that worked, if this one did not.
    worked: Option<DeliveryDetail>,
    verifiable: Verifiable,
}

/// The delivery, which is found below its own webhook only.
async fn find(member: &Member, endpoint: EndpointId, id: DeliveryId) -> Result<DeliveryDetail, Error> {
    let found = member.account().delivery(id).get().await?;
    if found.delivery.endpoint == endpoint { Ok(found) } else { Err(Error::DeliveryNotFound) }
}

fn render(member: &Member, shown: Shown, refused: Option<&'static str>) -> Response {
    let Shown { detail, webhook, around, worked, verifiable } = shown;
    let delivery = &detail.delivery;
    let now = member.frame.now;
    member.frame.render(&text::title(&delivery.event_type), || {
        view! {
            <Breadcrumbs above=breadcrumbs(&webhook) here=delivery.event_type.to_string() />
            {head(delivery, member.may(Permission::SendDeliveries))}
            {neighbours(delivery.endpoint, &around)}
            {refused.map(alert)}
            <section class="card" id="delivery-state" data-live=(delivery.state == State::Pending).then_some("")>
                <p class="lead">{text::state(delivery, now)}</p>
                {delivery.restored_at.map(|at| view! { <p>{text::restored(at, now)}</p> })}
                {facts(&detail, now)}
            </section>
            {timeline(&detail, &around, now)}
            {body(&detail)}
            {attempts(&detail, &webhook, now)}
            {compared::card(&detail, worked.as_ref())}
            {verify::card(&detail, &webhook, verifiable)}
        }
    })
}

/// The state of a delivery in a sentence.
pub(super) fn sentence(delivery: &Delivery, now: Timestamp) -> String {
    text::state(delivery, now)
}

/// Says what a restore from a backup at this instant leaves open.
pub(super) fn restored(at: Timestamp, now: Timestamp) -> String {
    text::restored(at, now)
}

/// Says why a delivery cannot be read.
pub(super) fn unreadable(reason: &Unusable) -> String {
    text::unusable(reason)
}

/// The ways to the deliveries before and after this one.
fn neighbours(endpoint: EndpointId, around: &Surroundings) -> Option<impl IntoView + use<>> {
    let link = |id: Option<DeliveryId>, rel, words| {
        id.map(|id| view! { <a class="button" rel=rel href=delivery_path(endpoint, id)>{words}</a> })
    };
    let (older, newer) = (link(around.older, "prev", text::PREVIOUS), link(around.newer, "next", text::NEXT));
    (older.is_some() || newer.is_some()).then(|| {
        view! { <nav class="actions" aria-label=text::NEIGHBOURS>{older} {newer}</nav> }
    })
}

fn breadcrumbs(webhook: &Endpoint) -> Vec<(String, String)> {
    let mut above = webhook::breadcrumbs(webhook);
    above.push((delivery_log::path(webhook.id), delivery_log::text::TITLE.to_owned()));
    above
}

fn head(delivery: &Delivery, sends: bool) -> impl IntoView + use<> {
    let page = delivery_path(delivery.endpoint, delivery.id);
    let pending = delivery.state == State::Pending;
    let form = |verb: &str, icon, words| {
        view! {
            <form method="post" action=format!("{page}/{verb}")>
                <button class="button" type="submit">
                    <Icon name=icon />
                    {words}
                </button>
            </form>
        }
    };
    let waits = sends && pending && !delivery.in_flight;
    let retry = waits.then(|| form("retry", "send", text::RETRY));
    let stop = waits.then(|| form("stop", "cross", text::STOP));
    let resend = (sends && !pending).then(|| form("resend", "repeat", text::RESEND));
    let refresh = pending.then(|| view! { <a class="button" href=page.clone()>{text::REFRESH}</a> });
    view! {
        <header class="page-head" id="delivery-head" data-live=pending.then_some("")>
            <div>
                <h1 class="mono-title">{delivery.event_type.to_string()}</h1>
                <p>
                    <StatusMark status=delivery_status(delivery) />
                    {delivery.is_test.then(|| view! { <span class="tag">{text::TEST}</span> })}
                    {delivery.restored_at.map(|_| view! { <span class="tag">{MAY_REPEAT}</span> })}
                </p>
            </div>
            <div class="actions">{refresh} {retry} {stop} {resend}</div>
        </header>
    }
}

fn facts(detail: &DeliveryDetail, now: Timestamp) -> impl IntoView + use<> {
    let delivery = &detail.delivery;
    let next = delivery.due_at.filter(|_| !delivery.in_flight);
    view! {
        <dl class="facts">
            <div>
                <dt>{text::MESSAGE_ID}</dt>
                <dd class="with-copy">
                    <span class="mono wrap">{delivery.id.to_string()}</span>
                    <CopyButton text=delivery.id.to_string() />
                </dd>
            </div>
            <div><dt>{text::EVENT_ID}</dt><dd class="mono wrap">{delivery.event.to_string()}</dd></div>
            <div><dt>{text::HAPPENED}</dt><dd><When at=moment(detail.occurred_at, now) in_full=true /></dd></div>
            <div><dt>{text::ACCEPTED}</dt><dd><When at=moment(delivery.created_at, now) in_full=true /></dd></div>
            {next.map(|at| view! { <div><dt>{text::NEXT_ATTEMPT}</dt><dd><When at=moment(at, now) in_full=true /></dd></div> })}
            {delivery
                .completed_at
                .map(|at| view! { <div><dt>{text::COMPLETED}</dt><dd><When at=moment(at, now) in_full=true /></dd></div> })}
        </dl>
    }
}

fn body(detail: &DeliveryDetail) -> impl IntoView + use<> {
    view! {
        <section class="card" id="body">
            <h2>{text::BODY}</h2>
            {match &detail.body {
                Some(body) => {
                    view! {
                        <pre class="code" tabindex="0">{indented(body)}</pre>
                        <p class="hint">{text::body_length(body.len())}</p>
                    }
                        .html()
                }
                None => view! { <p class="hint">{text::BODY_GONE}</p> }.html(),
            }}
        </section>
    }
}

fn attempts(detail: &DeliveryDetail, webhook: &Endpoint, now: Timestamp) -> impl IntoView + use<> {
    let last = detail.attempts.len();
    let none = detail.attempts.is_empty();
    let reports = detail.attempts.iter().enumerate().rev().map(|(place, it)| {
        let situation = Situation::of(it, &detail.delivery, webhook);
        view! { <AttemptReport attempt=attempt(it, situation, now) open=place + 1 == last /> }
    });
    view! {
        <section class="card flush" id="attempts" data-live=(detail.delivery.state == State::Pending).then_some("")>
            <header class="card-head"><h2>{text::ATTEMPTS}</h2></header>
            {none.then(|| view! { <p class="table-empty">{text::NO_ATTEMPT}</p> })}
            {reports.collect_view()}
        </section>
    }
}

#[cfg(test)]
mod tests;

//! Settings > Webhooks: all of the account's webhooks.

use axum::{Router, routing::get};
use leptos::prelude::*;
use signet_engine::actor::Permission;
use signet_engine::service::endpoints::Endpoint;
use signet_model::Timestamp;

use crate::{
    components::{Breadcrumbs, Icon, StatusMark, When, event_type_tags},
    error::PageResult,
    frame::Member,
    pages::{webhook, webhook_form},
    present::{endpoint_path, endpoint_status, last_activity},
    state::AppState,
    words::moment,
};

pub(crate) const PATH: &str = "/settings/webhooks";

pub(crate) mod text {
    pub(crate) const TITLE: &str = "Webhooks";
    pub(super) const LEAD: &str = "Events are sent to these URLs as they happen, signed and retried.";
    pub(super) const ADD: &str = "Add webhook";
    pub(super) const NO_WEBHOOKS: &str = "No webhooks yet";
    pub(super) const NO_WEBHOOKS_ADVICE: &str = "Add the URL of your receiver and choose the events it wants. You get a signing secret, \
         and can send a test event before anything real happens.";
    pub(super) const WEBHOOK: &str = "Webhook";
    pub(super) const EVENTS: &str = "Events";
    pub(super) const STATUS: &str = "Status";
    pub(super) const LAST_DELIVERY: &str = "Last delivery";
    pub(super) const NONE_YET: &str = "None yet";
    pub(super) const CREATED: &str = "Created";
}

/// The list, and all pages of webhooks below it.
pub(crate) fn routes() -> Router<AppState> {
    Router::new().route("/", get(show)).merge(webhook_form::routes()).nest("/{id}", webhook::routes())
}

async fn show(member: Member) -> PageResult {
    let endpoints = member.account().endpoints().list().await?;
    let now = member.frame.now;
    let changes = member.may(Permission::ChangeWebhooks);
    Ok(member.frame.render(text::TITLE, || {
        view! {
            <Breadcrumbs here=text::TITLE />
            <header class="page-head">
                <div>
                    <h1>{text::TITLE}</h1>
                    <p class="lead">{text::LEAD}</p>
                </div>
                {(changes && !endpoints.is_empty()).then(add)}
            </header>
            {if endpoints.is_empty() { empty(changes).into_any() } else { table(&endpoints, now).into_any() }}
        }
    }))
}

fn add() -> impl IntoView {
    view! {
        <a class="button primary" href=webhook_form::NEW_PATH>
            <Icon name="plus" />
            {text::ADD}
        </a>
    }
}

fn empty(changes: bool) -> impl IntoView {
    view! {
        <section class="card empty">
            <Icon name="webhook" />
            <h2>{text::NO_WEBHOOKS}</h2>
            <p>{text::NO_WEBHOOKS_ADVICE}</p>
            {changes.then(|| view! { <p>{add()}</p> })}
        </section>
    }
}

fn table(endpoints: &[Endpoint], now: Timestamp) -> impl IntoView + use<> {
    view! {
        <section class="card flush">
            <table class="table">
                <thead>
                    <tr>
                        <th scope="col">{text::WEBHOOK}</th>
                        <th scope="col">{text::EVENTS}</th>
                        <th scope="col">{text::STATUS}</th>
                        <th scope="col">{text::LAST_DELIVERY}</th>
                        <th scope="col">{text::CREATED}</th>
                    </tr>
                </thead>
                <tbody>{endpoints.iter().map(|endpoint| row(endpoint, now)).collect_view()}</tbody>
            </table>
        </section>
    }
}

fn row(endpoint: &Endpoint, now: Timestamp) -> impl IntoView + use<> {
    let last = last_activity(endpoint, now);
    let description = endpoint.description.clone();
    view! {
        <tr>
            <td class="main-cell">
                <a class="mono row-link" href=endpoint_path(endpoint.id)>
                    {endpoint.url.clone()}
                </a>
                {(!description.is_empty()).then(|| view! { <p class="muted">{description}</p> })}
            </td>
            <td data-label=text::EVENTS>
                {event_type_tags(&endpoint.event_types)}
            </td>
            <td data-label=text::STATUS>
                <StatusMark status=endpoint_status(endpoint, now) />
            </td>
            <td data-label=text::LAST_DELIVERY>
                {match last {
                    Some((status, at)) => {
                        view! {
                            <span class="stack">
                                <When at=at />
                                <span class="muted">{status.word}</span>
                            </span>
                        }
                            .into_any()
                    }
                    None => view! { <span class="muted">{text::NONE_YET}</span> }.into_any(),
                }}
            </td>
            <td data-label=text::CREATED>
                <When at=moment(endpoint.created_at, now) />
            </td>
        </tr>
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Visitor;

    #[tokio::test]
    async fn the_page_lists_webhooks() {
        let owner = Visitor::owner().await;
        insta::assert_snapshot!("empty", owner.get(PATH).await.content());
        owner.endpoint().await;
        insta::assert_snapshot!("list", owner.get(PATH).await.content());
    }
}

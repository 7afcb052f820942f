//! Settings > Webhooks: all of the account's webhooks.

use axum::response::Response;
use leptos::prelude::*;
use signet_engine::store::endpoints::Endpoint;
use signet_model::Timestamp;

use crate::{
    components::{Breadcrumbs, Icon, StatusMark, When},
    error::PageError,
    frame::Member,
    present::{endpoint_path, endpoint_status, last_activity},
    words::moment,
};

const NEW: &str = "/settings/webhooks/new";

/// Lists them.
pub(crate) async fn get(member: Member) -> Result<Response, PageError> {
    let endpoints = member.engine().endpoints(member.account).await?;
    let now = member.frame.now;
    Ok(member.frame.render("Webhooks", || {
        view! {
            <Breadcrumbs here="Webhooks" />
            <header class="page-head">
                <div>
                    <h1>"Webhooks"</h1>
                    <p class="lead">"Signet sends events to these URLs as they happen, signed and retried."</p>
                </div>
                {(!endpoints.is_empty())
                    .then(|| {
                        view! {
                            <a class="button primary" href=NEW>
                                <Icon name="plus" />
                                "Add webhook"
                            </a>
                        }
                    })}
            </header>
            {if endpoints.is_empty() { empty().into_any() } else { table(&endpoints, now).into_any() }}
        }
    }))
}

fn empty() -> impl IntoView {
    view! {
        <section class="card empty">
            <Icon name="webhook" />
            <h2>"No webhooks yet"</h2>
            <p>
                "Add the URL of your receiver and choose the events it wants. You get a signing secret, \
                 and can send a test event before anything real happens."
            </p>
            <p>
                <a class="button primary" href=NEW>
                    <Icon name="plus" />
                    "Add webhook"
                </a>
            </p>
        </section>
    }
}

fn table(endpoints: &[Endpoint], now: Timestamp) -> impl IntoView + use<> {
    view! {
        <section class="card flush">
            <table class="table">
                <thead>
                    <tr>
                        <th scope="col">"Webhook"</th>
                        <th scope="col">"Events"</th>
                        <th scope="col">"Status"</th>
                        <th scope="col">"Last delivery"</th>
                        <th scope="col">"Created"</th>
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
            <td data-label="Events">
                <ul class="tags">
                    {endpoint.event_types.iter().map(|kind| view! { <li class="tag mono">{kind.as_str()}</li> }).collect_view()}
                </ul>
            </td>
            <td data-label="Status">
                <StatusMark status=endpoint_status(endpoint) />
            </td>
            <td data-label="Last delivery">
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
                    None => view! { <span class="muted">"None yet"</span> }.into_any(),
                }}
            </td>
            <td data-label="Created">
                <When at=moment(endpoint.created_at, now) />
            </td>
        </tr>
    }
}

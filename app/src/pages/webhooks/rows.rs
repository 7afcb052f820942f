//! The rows of the list.

use leptos::prelude::*;
use signet_engine::{
    actor::Permission,
    service::{
        endpoints::Endpoint,
        statistics::{Attempts, Recent},
    },
};
use signet_model::endpoint::DisabledReason;

use super::text;
use crate::{
    components::{Menu, SparkPoint, Sparkline, StatusMark, When},
    frame::Member,
    html::IntoHtml,
    pages::{delivery_log, webhook::head::Tab},
    present::{endpoint_path, endpoint_status, endpoint_title, last_activity, percent},
};

pub(super) fn table(member: &Member, endpoints: &[Endpoint], recent: &Recent) -> impl IntoView + use<> {
    let partial = recent.is_partial.then(|| view! { <p class="hint">{text::PARTIAL_ROWS}</p> });
    view! {
        {partial}
        <table class="table webhooks">
            <thead>
                <tr>
                    <th scope="col">{text::WEBHOOK}</th>
                    <th scope="col">{text::STATUS}</th>
                    <th scope="col">{text::LAST_DAY}</th>
                    <th class="number" scope="col">{text::SUCCESS}</th>
                    <th scope="col">{text::LAST_DELIVERY}</th>
                    <th scope="col"><span class="visually-hidden">{text::ACTIONS}</span></th>
                </tr>
            </thead>
            <tbody>{endpoints.iter().map(|endpoint| row(member, endpoint, recent)).collect_view()}</tbody>
        </table>
    }
}

fn row(member: &Member, endpoint: &Endpoint, recent: &Recent) -> impl IntoView + use<> {
    let now = member.frame.now;
    let (host, rest) = host_and_rest(endpoint);
    let description = endpoint.description.clone();
    let total = recent.total_of(endpoint.id);
    let rate = total.success_per_mille().map_or_else(|| text::NO_ATTEMPTS.to_owned(), percent);
    view! {
        <tr>
            <td class="main-cell">
                <a class="row-link" href=endpoint_path(endpoint.id) title=endpoint.url.clone()>
                    <bdi>{host}<span class="muted mono">{rest}</span></bdi>
                </a>
                {(!description.is_empty()).then(|| view! { <p class="muted">{description}</p> })}
            </td>
            <td data-label=text::STATUS>
                <StatusMark status=endpoint_status(endpoint, now) />
            </td>
            <td data-label=text::LAST_DAY>{sparkline(&recent.of(endpoint.id), total)}</td>
            <td class="number" data-label=text::SUCCESS>{rate}</td>
            <td data-label=text::LAST_DELIVERY>{last(endpoint, member)}</td>
            <td class="row-actions">{menu(member, endpoint)}</td>
        </tr>
    }
}

/// The host of the URL, and all behind it. A text that is no URL stands as it is.
fn host_and_rest(endpoint: &Endpoint) -> (String, String) {
    let host = endpoint.host();
    let rest = endpoint.url.split_once(&host).map(|(_, rest)| rest.to_owned()).unwrap_or_default();
    (host, rest)
}

fn sparkline(hours: &[Attempts], total: Attempts) -> impl IntoView + use<> {
    let points = hours.iter().map(|it| SparkPoint { good: it.delivered(), bad: it.failed }).collect();
    view! { <Sparkline points=points label=text::last_day(total.delivered(), total.failed) /> }
}

fn last(endpoint: &Endpoint, member: &Member) -> impl IntoView + use<> {
    match last_activity(endpoint, member.frame.now) {
        Some((status, at)) => view! {
            <span class="stack">
                <When at=at />
                <span class="muted">{status.word}</span>
            </span>
        }
        .html(),
        None => view! { <span class="muted">{text::NONE_YET}</span> }.html(),
    }
}

/// The actions that the role may take.
fn menu(member: &Member, endpoint: &Endpoint) -> impl IntoView + use<> {
    let (id, path) = (endpoint.id, endpoint_path(endpoint.id));
    let edit = member.may(Permission::ChangeWebhooks).then(|| {
        view! { <li><a href=format!("{path}/edit")>{text::EDIT}</a></li> }
    });
    let test = (member.may(Permission::SendDeliveries) && endpoint.unusable.is_none()).then(|| {
        view! { <li><a href=Tab::Test.path(id)>{text::SEND_TEST}</a></li> }
    });
    let turn = member.may(Permission::ChangeWebhooks).then(|| turn(endpoint, &path));
    view! {
        <Menu id=format!("menu-{id}") label=text::actions_for(&endpoint_title(endpoint))>
            {edit}
            {test}
            <li><a href=delivery_log::path(id)>{text::DELIVERIES}</a></li>
            {turn}
        </Menu>
    }
}

/// Pauses the webhook, or enables it if a person has paused it. What failures have disabled is
/// reviewed first, on its page.
fn turn(endpoint: &Endpoint, path: &str) -> impl IntoView + use<> {
    let (action, verb) = match endpoint.disabled.map(|disabled| disabled.reason) {
        None => ("pause", text::PAUSE),
        Some(Some(DisabledReason::Paused)) => ("enable", text::ENABLE),
        Some(_) => return view! { <li><a href=path.to_owned()>{text::REVIEW}</a></li> }.html(),
    };
    view! {
        <li>
            <form method="post" action=format!("{path}/{action}")>
                <button type="submit">{verb}</button>
            </form>
        </li>
    }
    .html()
}

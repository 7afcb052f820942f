//! The settings of a webhook: what it is, its secret, and how to pause or delete it.

use leptos::prelude::*;
use signet_engine::{Unusable, actor::Permission, service::endpoints::Endpoint};
use signet_model::{EndpointId, Timestamp, signature::Secret};

use super::{
    disabled, fuse,
    head::{Tab, head, title},
    options, rotation,
    secret::secret_card,
    text, unusable,
};
use crate::{
    components::{Confirm, When, event_type_tags},
    error::PageResult,
    frame::{Ids, Member},
    html::IntoHtml,
    pages::webhook_delete,
    present::endpoint_path,
    words::moment,
};

/// The address of the tab.
pub(super) fn path(id: EndpointId) -> String {
    format!("{}/settings", endpoint_path(id))
}

/// Shows the tab.
pub(super) async fn show(member: Member, Ids(id): Ids<EndpointId>) -> PageResult {
    page(&member, id, Revealed::default()).await
}

/// The secrets that a person has asked for.
#[derive(Default)]
pub(super) struct Revealed {
    /// The current one.
    pub(super) secret: Option<Secret>,
    /// The next one.
    pub(super) next: Option<Secret>,
}

/// The tab, with the secrets that it is to show.
pub(super) async fn page(member: &Member, id: EndpointId, revealed: Revealed) -> PageResult {
    let handle = member.account().endpoint(id);
    let endpoint = handle.get().await?;
    let fuse = fuse::read(member, &endpoint).await?;
    let takes_over_at = handle.takes_over_at().await?;
    let Revealed { secret, next } = revealed;
    let [changes, reveals] = [Permission::ChangeWebhooks, Permission::RevealSecrets].map(|it| member.may(it));
    let reveals = reveals && endpoint.unusable != Some(Unusable::Secret);
    Ok(member.frame.render(&title(&endpoint, Tab::Settings), || {
        view! {
            {head(member, &endpoint, Tab::Settings)}
            {fuse::panel(member, &endpoint, fuse.as_ref())}
            {unusable::panel(&endpoint, changes)}
            {details(&endpoint, member.frame.now, changes)}
            {reveals.then(|| secret_card(endpoint.id, secret.as_ref()))}
            {(reveals && changes)
                .then(|| rotation::card(&endpoint, takes_over_at, next.as_ref(), member.frame.now))}
            {danger_zone(member, &endpoint)}
        }
    }))
}

/// What the webhook is, with the link to the form that changes it.
fn details(endpoint: &Endpoint, now: Timestamp, changes: bool) -> impl IntoView + use<> {
    let edit = format!("{}/edit", endpoint_path(endpoint.id));
    view! {
        <section class="card">
            <header class="card-head">
                <h2>{text::DETAILS}</h2>
                {changes.then(|| view! { <a class="button" href=edit>{text::EDIT}</a> })}
            </header>
            <dl class="facts">
                <div><dt>{text::URL}</dt><dd class="mono wrap"><bdi>{endpoint.url.clone()}</bdi></dd></div>
                <div><dt>{text::DESCRIPTION}</dt><dd>{description(endpoint)}</dd></div>
                <div>
                    <dt>{text::EVENTS}</dt>
                    <dd>
                        {event_type_tags(&endpoint.event_types)}
                    </dd>
                </div>
                {options::facts(endpoint)}
                <div><dt>{text::CREATED}</dt><dd><When at=moment(endpoint.created_at, now) in_full=true /></dd></div>
            </dl>
        </section>
    }
}

fn description(endpoint: &Endpoint) -> impl IntoView + use<> {
    if endpoint.description.is_empty() {
        view! { <span class="muted">{text::NO_DESCRIPTION}</span> }.html()
    } else {
        endpoint.description.clone().html()
    }
}

/// The buttons that end deliveries for a while, or for ever; `None` for those who may use
/// neither.
fn danger_zone(member: &Member, endpoint: &Endpoint) -> Option<impl IntoView + use<>> {
    let path = endpoint_path(endpoint.id);
    let pauses = member.may(Permission::ChangeWebhooks) && endpoint.disabled.is_none();
    let deletes = member.may(Permission::DeleteWebhooks);
    if !pauses && !deletes {
        return None;
    }
    let pause = pauses.then(|| {
        view! {
            <div class="danger-line">
                <p>{text::PAUSE_HINT}</p>
                {disabled::pause_button(&path)}
            </div>
        }
    });
    let delete = deletes.then(|| {
        let url = endpoint.url.clone();
        view! {
            <div class="danger-line">
                <p>{text::DELETE_HINT}</p>
                <Confirm
                    id="delete-webhook".to_owned()
                    action=webhook_delete::path(endpoint.id)
                    open=webhook_delete::text::DELETE
                    question=webhook_delete::text::QUESTION
                    verb=webhook_delete::text::TITLE
                >
                    {webhook_delete::consequences(&url)}
                </Confirm>
            </div>
        }
    });
    Some(view! {
        <section class="card danger-zone" aria-labelledby="danger-title">
            <h2 id="danger-title">{text::DANGER}</h2>
            {pause}
            {delete}
        </section>
    })
}

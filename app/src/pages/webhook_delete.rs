//! Deleting a webhook: the question, and the deed.

use axum::Router;
use leptos::prelude::*;
use signet_engine::actor::Permission;
use signet_model::EndpointId;

use crate::{
    components::{Breadcrumbs, with_element},
    error::PageResult,
    frame::{Ids, Member},
    methods::{AndPost, get},
    pages::{webhook, webhooks},
    present::endpoint_path,
    redirect::done,
    state::AppState,
};

pub(crate) mod text {
    pub(crate) const TITLE: &str = "Delete webhook";
    pub(crate) const DELETE: &str = "Delete";
    pub(crate) const QUESTION: &str = "Delete this webhook?";
    pub(super) const CONSEQUENCES: &str =
        "No more events are sent to {}. What is waiting or held for it is discarded. This cannot be undone.";
    pub(super) const CANCEL: &str = "Cancel";
    pub(super) const DELETED: &str = "Webhook deleted.";
}

/// The address of the form.
pub(crate) fn path(id: EndpointId) -> String {
    format!("{}/delete", endpoint_path(id))
}

pub(super) fn routes() -> Router<AppState> {
    Router::new().route("/delete", get(ask).and_post(delete))
}

/// Shows the question of the dialog, for the address of its form.
async fn ask(member: Member, Ids(id): Ids<EndpointId>) -> PageResult {
    let endpoint = member.account().endpoint(id).get().await?;
    member.check(Permission::DeleteWebhooks)?;
    Ok(member.frame.render(text::TITLE, || {
        view! {
            <Breadcrumbs above=webhook::breadcrumbs(&endpoint) here=text::DELETE />
            <section class="card">
                <h1>{text::QUESTION}</h1>
                {consequences(&endpoint.url)}
                <form method="post" action=path(id) class="form-actions">
                    <button class="button danger" type="submit">
                        {text::TITLE}
                    </button>
                    <a class="button quiet" href=endpoint_path(id)>
                        {text::CANCEL}
                    </a>
                </form>
            </section>
        }
    }))
}

async fn delete(member: Member, Ids(id): Ids<EndpointId>) -> PageResult {
    member.account().endpoint(id).delete().await?;
    Ok(done(text::DELETED, webhooks::PATH))
}

/// Names the consequences of deleting the webhook with this URL.
pub(crate) fn consequences(url: &str) -> impl IntoView + use<> {
    let url = view! { <span class="mono wrap">{url.to_owned()}</span> };
    view! { <p>{with_element(text::CONSEQUENCES, url)}</p> }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Visitor;

    #[tokio::test]
    async fn a_webhook_is_deleted_after_a_question() {
        let owner = Visitor::owner().await;
        let path = path(owner.endpoint().await.id);
        insta::assert_snapshot!("question", owner.get(&path).await.content());
        let deleted = owner.post(&path, "").await;
        assert_eq!((deleted.location(), deleted.flash()), (webhooks::PATH, text::DELETED.to_owned()));
        assert_eq!(owner.account().endpoints().list().await.expect("endpoints").len(), 0);
    }
}

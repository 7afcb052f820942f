//! Are you sure? Asks what the dialog asks, where the address of its form is opened by itself.

use axum::response::Response;
use leptos::prelude::*;
use signet_model::EndpointId;

use crate::{
    components::Breadcrumbs,
    error::PageError,
    frame::{Ids, Member},
    present::endpoint_path,
    redirect::HOME,
};

/// Asks.
pub(crate) async fn get(member: Member, Ids(id): Ids<EndpointId>) -> Result<Response, PageError> {
    let endpoint = member.engine().endpoint(member.account, id).await?.ok_or(PageError::NotFound)?;
    let path = endpoint_path(id);
    let above = vec![(HOME.to_owned(), "Webhooks".to_owned()), (path.clone(), endpoint.host())];
    let action = format!("{path}/delete");
    Ok(member.frame.render("Delete webhook", || {
        view! {
            <Breadcrumbs above=above here="Delete" />
            <section class="card">
                <h1>"Delete this webhook?"</h1>
                {consequences(&endpoint.url)}
                <form method="post" action=action class="form-actions">
                    <button class="button danger" type="submit">
                        "Delete webhook"
                    </button>
                    <a class="button quiet" href=path>
                        "Cancel"
                    </a>
                </form>
            </section>
        }
    }))
}

/// What deleting does.
pub(crate) fn consequences(url: &str) -> impl IntoView + use<> {
    view! {
        <p>
            "No more events are sent to " <span class="mono wrap">{url.to_owned()}</span>
            ". What is waiting or held for it is discarded. This cannot be undone."
        </p>
    }
}

//! The reason for which a webhook cannot be used as it is stored, and the remedy.

use leptos::prelude::*;
use signet_engine::{Unusable, store::endpoints::Endpoint};

use crate::{components::Icon, present::endpoint_path};

/// The panel; `None` while the webhook can be used.
pub(super) fn panel(endpoint: &Endpoint) -> Option<impl IntoView + use<>> {
    let reason = endpoint.unusable.as_ref()?;
    Some(view! {
        <section class="card panel bad" aria-labelledby="unusable-title">
            <h2 id="unusable-title">
                <Icon name="cross" />
                "This webhook is unusable"
            </h2>
            <p>{format!("Nothing is sent to it, because {reason}.")} " Its events are held and nothing is lost."</p>
            {remedy(reason, &endpoint_path(endpoint.id))}
        </section>
    })
}

fn remedy(reason: &Unusable, path: &str) -> AnyView {
    if *reason == Unusable::Secret {
        return new_secret(path).into_any();
    }
    view! {
        <p>
            <a href=format!("{path}/edit")>"Enter its URL again"</a>
            ", or delete the webhook. Then decide here what happens to the events that are held."
        </p>
    }
    .into_any()
}

fn new_secret(path: &str) -> impl IntoView + use<> {
    view! {
        <p>
            "Make a new secret and give it to your receiver, or delete the webhook. If this happens to every webhook, \
             the server runs with another sealing key than before: its operator can restore the old one instead."
        </p>
        <form method="post" action=format!("{path}/secret/new") class="form-actions">
            <button class="button primary" type="submit">
                "Make a new secret"
            </button>
        </form>
    }
}

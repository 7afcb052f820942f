//! The reason for which a webhook cannot be used as it is stored, and the remedy.

use leptos::prelude::*;
use signet_engine::{Unusable, service::endpoints::Endpoint};

use super::text;
use crate::{
    components::{Icon, with_element},
    html::{Html, IntoHtml},
    present::endpoint_path,
};

/// The panel; `None` while the webhook can be used. Those who may not change it read who can help.
pub(super) fn panel(endpoint: &Endpoint, changes: bool) -> Option<impl IntoView + use<>> {
    let reason = endpoint.unusable.as_ref()?;
    Some(view! {
        <section class="card panel bad" aria-labelledby="unusable-title">
            <h2 id="unusable-title">
                <Icon name="cross" />
                {text::IS_UNUSABLE}
            </h2>
            <p>{text::unusable(reason)}</p>
            {if changes {
                remedy(reason, &endpoint_path(endpoint.id))
            } else {
                view! { <p>{text::ASK_FOR_REPAIR}</p> }.html()
            }}
        </section>
    })
}

fn remedy(reason: &Unusable, path: &str) -> Html {
    if *reason == Unusable::Secret {
        return new_secret(path).html();
    }
    let what = match reason {
        Unusable::Headers => text::ENTER_HEADERS,
        Unusable::Column { .. } => text::ENTER_OPTIONS,
        _ => text::ENTER_URL,
    };
    let edit = view! { <a href=format!("{path}/edit")>{what}</a> };
    view! { <p>{with_element(text::URL_REMEDY, edit)}</p> }.html()
}

fn new_secret(path: &str) -> impl IntoView + use<> {
    view! {
        <p>{text::SECRET_REMEDY}</p>
        <form method="post" action=format!("{path}/secret/new") class="form-actions">
            <button class="button primary" type="submit">
                {text::NEW_SECRET}
            </button>
        </form>
    }
}

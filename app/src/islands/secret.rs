//! A stored signing secret: masked until somebody asks for it.

use leptos::{ev::SubmitEvent, prelude::*, task::spawn_local};

use super::copy::CopyControl;
use crate::components::Icon;

/// What is shown instead of the secret.
const MASK: &str = "whsec_••••••••••••••••••••••••";

/// The secret of a webhook. It is not part of the page until it is asked for.
#[island]
pub fn StoredSecret(
    /// The webhook's id.
    endpoint: String,
    /// The address of the webhook's page.
    page: String,
    /// The secret, where a form asked for it.
    secret: Option<String>,
) -> impl IntoView {
    let shown = RwSignal::new(secret.is_some());
    let failed = RwSignal::new(false);
    let secret = RwSignal::new(secret);
    let id = StoredValue::new(endpoint);
    let obtain = move || async move {
        if let Some(known) = secret.get_untracked() {
            return Some(known);
        }
        let found = reveal(id.get_value()).await.ok();
        failed.set(found.is_none());
        secret.set(found.clone());
        found
    };
    let toggle = move |event: SubmitEvent| {
        event.prevent_default();
        if shown.get_untracked() {
            shown.set(false);
        } else {
            spawn_local(async move { shown.set(obtain().await.is_some()) });
        }
    };
    let text = move || secret.get().filter(|_| shown.get()).unwrap_or_else(|| MASK.to_owned());
    // Without JavaScript, hiding is going back to the page.
    let (method, action) = if shown.get_untracked() { ("get", page) } else { ("post", format!("{page}/secret")) };
    view! {
        <div class="secret">
            <output class="secret-text mono" aria-label="Signing secret">
                {text}
            </output>
            <form method=method action=action on:submit=toggle>
                <button class="button" type="submit">
                    <Icon name="eye" />
                    {move || if shown.get() { "Hide" } else { "Reveal" }}
                </button>
            </form>
            <CopyControl obtain=obtain />
        </div>
        <p class="field-error" role="alert" hidden=move || !failed.get()>
            "The secret could not be loaded. Reload the page and try again."
        </p>
    }
}

/// The secret of a webhook of the session's account.
#[server(prefix = "/live", endpoint = "secret")]
async fn reveal(endpoint: String) -> Result<String, ServerFnError> {
    crate::api::secrets::reveal_live(&endpoint).await
}

//! A stored signing secret: masked until a person reveals it.

use leptos::{ev::SubmitEvent, prelude::*, task::spawn_local};
use serde::{Deserialize, Serialize};

use super::copy::CopyControl;
use crate::components::Icon;

/// Stands in the place of the secret.
const MASK: &str = "whsec_••••••••••••••••••••••••";

mod text {
    pub(super) const SECRET: &str = "Signing secret";
    pub(super) const REVEAL: &str = "Reveal";
    pub(super) const HIDE: &str = "Hide";
    pub(super) const PROVE: &str = "You have been signed in for a while. ";
    pub(super) const PROVE_LINK: &str = "Confirm first that it is you.";
    pub(super) const FAILED: &str = "The secret could not be loaded. Reload the page and try again.";
}

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
    #[cfg(feature = "ssr")]
    if secret.is_some() {
        crate::compressible::shows_secret();
    }
    let shown = RwSignal::new(secret.is_some());
    let failed = RwSignal::new(false);
    let unproved = RwSignal::new(false);
    let prove = format!("/prove?next={page}");
    let secret = RwSignal::new(secret);
    let id = StoredValue::new(endpoint);
    let obtain = move || async move {
        if let Some(known) = secret.get_untracked() {
            return Some(known);
        }
        let answer = reveal(id.get_value()).await;
        failed.set(answer.is_err());
        unproved.set(matches!(answer, Ok(Revealed::ProofNeeded)));
        if let Ok(Revealed::Secret(found)) = answer {
            secret.set(Some(found));
        }
        secret.get_untracked()
    };
    let toggle = move |event: SubmitEvent| {
        event.prevent_default();
        if shown.get_untracked() {
            shown.set(false);
        } else {
            spawn_local(async move { shown.set(obtain().await.is_some()) });
        }
    };
    let shown_secret = move || secret.get().filter(|_| shown.get()).unwrap_or_else(|| MASK.to_owned());
    // Without JavaScript, hiding is going back to the page.
    let (method, action) = if shown.get_untracked() { ("get", page) } else { ("post", format!("{page}/secret")) };
    view! {
        <div class="secret">
            <output class="secret-text mono" aria-label=text::SECRET>
                {shown_secret}
            </output>
            <form method=method action=action on:submit=toggle>
                <button class="button" type="submit">
                    <Icon name="eye" />
                    {move || if shown.get() { text::HIDE } else { text::REVEAL }}
                </button>
            </form>
            <CopyControl obtain=obtain />
        </div>
        <p class="field-error" role="alert" hidden=move || !failed.get()>
            {text::FAILED}
        </p>
        <p class="field-error" role="alert" hidden=move || !unproved.get()>
            {text::PROVE}
            <a href=prove>{text::PROVE_LINK}</a>
        </p>
    }
}

/// The answer to the wish to see a secret.
#[derive(Debug, Clone, Serialize, Deserialize)]
enum Revealed {
    /// The secret.
    Secret(String),
    /// The person has to prove first that they are the one who signed in.
    ProofNeeded,
}

/// The secret of a webhook of the session's account.
#[server(prefix = "/live", endpoint = "secret")]
async fn reveal(endpoint: String) -> Result<Revealed, ServerFnError> {
    Ok(server::reveal(&endpoint).await?)
}

#[cfg(feature = "ssr")]
mod server {
    use signet_model::EndpointId;

    use super::Revealed;
    use crate::{error::PageError, frame::Member};

    pub(super) async fn reveal(endpoint: &str) -> Result<Revealed, PageError> {
        let member = Member::of_island()?;
        let endpoint: EndpointId = endpoint.parse().map_err(|_| PageError::NotFound)?;
        match member.account().endpoint(endpoint).reveal_secret().await.map_err(PageError::from) {
            Ok(secret) => Ok(Revealed::Secret(secret.reveal().to_owned())),
            Err(PageError::ProofNeeded) => Ok(Revealed::ProofNeeded),
            Err(error) => Err(error),
        }
    }
}

#[cfg(all(test, feature = "ssr"))]
mod tests {
    use axum::http::{StatusCode, header};

    use crate::testing::Visitor;

    const FOREIGN: &str = "https://evil.example/collect";

    #[tokio::test]
    async fn no_cache_stores_a_secret_that_an_island_asks_for() {
        let owner = Visitor::owner().await;
        let form = format!("endpoint={}", owner.endpoint().await.id);
        let answer = owner.post("/live/secret", &form).await;
        assert_eq!((answer.status, answer.header(header::CACHE_CONTROL)), (StatusCode::OK, "no-store"));
        assert!(answer.html.contains("whsec_"), "{}", answer.html);
    }

    #[tokio::test]
    async fn a_server_function_never_redirects_to_the_referer() {
        let owner = Visitor::owner().await;
        let good = format!("endpoint={}", owner.endpoint().await.id);
        for form in [good.as_str(), "endpoint=ep_1", "nonsense"] {
            let headers = [(header::ACCEPT, "text/html"), (header::REFERER, FOREIGN)];
            let answer = owner.post_with("/live/secret", form, &headers).await;
            assert_eq!(answer.location(), "", "{form}");
            assert!(!answer.status.is_redirection(), "{form}: {}", answer.status);
        }
    }
}

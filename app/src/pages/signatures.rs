//! Signature checker: why a signature does not verify. Nothing that is entered leaves the browser.

use axum::{Router, response::Response};
use leptos::prelude::*;

use crate::{
    components::{Breadcrumbs, with_code},
    frame::Member,
    islands::SignatureChecker,
    methods::get,
    receiver_code::ReceiverCode,
    state::AppState,
};

pub(crate) const PATH: &str = "/settings/signatures";

pub(crate) mod text {
    pub(crate) const TITLE: &str = "Signature checker";
    pub(super) const LEAD: &str =
        "Paste what your receiver got, and learn whether it verifies, and if it does not, which mistake it is.";
    pub(super) const PRIVATE: &str = "It is checked in your browser. Neither the secret nor the body is sent anywhere.";
    pub(super) const WITHOUT_SCRIPT: &str = "The checker needs JavaScript, because nothing that you enter is sent to the \
         server. On a command line, the raw body in a file has the signature that this prints, which must equal \
         `X-Webhook-Signature`:";
    pub(super) const COMMAND: &str = "openssl dgst -sha256 -hmac 'whsec_…' body.json";
    pub(super) const CODE: &str = "Verify in your language";
    pub(super) const CODE_HINT: &str = "It verifies `webhook-signature`, which covers the id, the time and the body. A \
         library for Standard Webhooks does the same.";
}

pub(crate) fn routes() -> Router<AppState> {
    Router::new().route("/", get(show))
}

async fn show(member: Member) -> Response {
    member.frame.render(text::TITLE, || {
        view! {
            <Breadcrumbs here=text::TITLE />
            <header class="page-head"><h1>{text::TITLE}</h1></header>
            <section class="card">
                <p class="lead">{text::LEAD}</p>
                <p class="hint">{text::PRIVATE}</p>
                <noscript>
                    <p>{with_code(text::WITHOUT_SCRIPT)}</p>
                    <pre class="code" tabindex="0">{text::COMMAND}</pre>
                </noscript>
                <SignatureChecker />
            </section>
            <section class="card">
                <h2>{text::CODE}</h2>
                <p class="hint">{with_code(text::CODE_HINT)}</p>
                <ReceiverCode />
            </section>
        }
    })
}

#[cfg(test)]
mod tests {
    use axum::http::StatusCode;
    use signet_model::Role;

    use super::*;
    use crate::testing::Visitor;

    #[tokio::test]
    async fn the_page_says_how_to_check_without_javascript() {
        let mut visitor = Visitor::owner().await;
        visitor.with_role(Role::Viewer).await;
        let page = visitor.get(PATH).await;
        assert_eq!(page.status, StatusCode::OK);
        assert!(page.html.contains("<noscript>") && page.html.contains("openssl dgst"), "{}", page.html);
        assert!(page.html.contains("data-component"), "the island is there");
    }
}

//! Beside the form: what the receiver gets, and the code with which it verifies that.

use leptos::prelude::*;
use signet_engine::service::event_types::Catalogue;
use signet_model::{Subscriptions, Timestamp, signature::Secret};

use super::{EVENTS, options, text};
use crate::{
    form::Form,
    html::{Html, IntoHtml},
    present::indented,
    receiver_code::ReceiverCode,
};

/// The headers of every request, with what stands in them.
const HEADERS: [(&str, &str); 8] = [
    ("Content-Type", "application/json"),
    ("User-Agent", "Signet/…"),
    ("Webhook-Id", "msg_…"),
    ("Webhook-Timestamp", text::HEADER_TIME),
    ("Webhook-Signature", "v1,…"),
    ("X-Webhook-Signature", "sha256=…"),
    ("X-Webhook-Event", text::HEADER_EVENT),
    ("X-Webhook-Attempt", "1"),
];

/// The aside. The secret stands in the code where the page shows it anyway.
pub(super) fn aside(
    form: &Form,
    catalogue: &Catalogue,
    secret: Option<&Secret>,
    now: Timestamp,
) -> impl IntoView + use<> {
    let wanted = Subscriptions::new(form.selectors(&EVENTS)).unwrap_or_default();
    let kind = catalogue.active().find(|entry| wanted.contains(&entry.name)).or_else(|| catalogue.active().next());
    let sample = kind.map(|entry| {
        let body = indented(&catalogue.sample(&entry.name, now).json);
        let name = entry.name.to_string();
        view! {
            <section>
                <h2>{text::SAMPLE}</h2>
                <p class="hint mono">{name}</p>
                <pre class="code" tabindex="0">{body}</pre>
            </section>
        }
    });
    let line = |name: String, value: &str| {
        view! { <div><dt class="mono">{name}</dt><dd class="mono">{value.to_owned()}</dd></div> }
    };
    let own = form.all(&options::HEADER_NAME).map(str::trim).filter(|name| !name.is_empty());
    let own: Vec<_> = own.map(|name| line(name.to_owned(), "••••••")).collect();
    let always: Vec<_> = HEADERS.iter().map(|(name, value)| line((*name).to_owned(), value)).collect();
    view! {
        <aside class="form-aside" aria-label=text::ASIDE>
            {sample}
            <section>
                <h2>{text::SENT_HEADERS}</h2>
                <dl class="facts">{always}{own}</dl>
            </section>
            {code(secret)}
        </aside>
    }
}

/// The code. It is folded where it has the secret in it: the page does not show that unasked.
fn code(secret: Option<&Secret>) -> Html {
    let Some(secret) = secret else {
        return view! { <section><h2>{text::CODE}</h2><ReceiverCode secret=None /></section> }.html();
    };
    let secret = Some(secret.reveal().to_owned());
    view! {
        <section>
            <h2>{text::CODE}</h2>
            <details class="fold">
                <summary>{text::CODE_WITH_SECRET}</summary>
                <ReceiverCode secret=secret />
            </details>
        </section>
    }
    .html()
}

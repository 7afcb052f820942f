//! How a receiver verifies the last attempt: what was signed, and the signatures to expect.

use leptos::prelude::*;
use signet_engine::{
    Unusable,
    service::{
        Error,
        deliveries::{DeliveryDetail, Expected, SecretInForce, Verification},
        endpoints::Endpoint,
    },
};

use super::{curl, text};
use crate::{
    components::CopyButton,
    components::{Icon, with_code},
    frame::Member,
    html::IntoHtml,
    pages::signatures,
    receiver_code::ReceiverCode,
};

/// The longest part of a signed text that is shown, in bytes.
const MAX_SHOWN: usize = 2 * 1024;

/// What can be told about the signatures.
pub(super) enum Verifiable {
    /// There was no attempt, or its body is gone.
    Nothing,
    /// A secret cannot be opened.
    Sealed,
    /// The last attempt.
    Attempt(Verification),
}

impl Verifiable {
    /// Reads what can be told.
    pub(super) async fn of(member: &Member, webhook: &Endpoint, detail: &DeliveryDetail) -> Result<Self, Error> {
        match member.account().endpoint(webhook.id).verification(detail).await {
            Ok(Some(verification)) => Ok(Self::Attempt(verification)),
            Ok(None) => Ok(Self::Nothing),
            Err(Error::Unusable(Unusable::Secret)) => Ok(Self::Sealed),
            Err(error) => Err(error),
        }
    }
}

/// The card.
pub(super) fn card(detail: &DeliveryDetail, webhook: &Endpoint, verifiable: Verifiable) -> impl IntoView + use<> {
    let content = match (verifiable, &detail.body) {
        (Verifiable::Attempt(verification), Some(body)) => view! {
            {signed(&verification, body)} {expected(&verification)} {command(detail, webhook, body)}
        }
        .html(),
        (Verifiable::Sealed, _) => view! { <p class="hint">{text::SECRET_SEALED}</p> }.html(),
        _ => view! { <p class="hint">{text::NOTHING_SIGNED}</p> }.html(),
    };
    view! {
        <section class="card" id="verify" aria-labelledby="verify-title">
            <h2 id="verify-title">{text::VERIFY}</h2>
            {content}
            <details class="fold">
                <summary>{text::IN_YOUR_LANGUAGE}</summary>
                <div><ReceiverCode /></div>
            </details>
            <p>
                <a href=signatures::PATH>
                    <Icon name="signature" />
                    {text::CHECK_SIGNATURE}
                </a>
            </p>
        </section>
    }
}

fn signed(verification: &Verification, body: &str) -> impl IntoView + use<> {
    let Verification { attempt, id, timestamp, .. } = verification;
    let end = body.floor_char_boundary(MAX_SHOWN);
    let cut = body.len() - end;
    let rest = if cut > 0 { "…" } else { "" };
    view! {
        <p>{text::signed(*attempt)}</p>
        <pre class="code" tabindex="0" aria-label=text::SIGNED_TEXT>
            {format!("{id}.{timestamp}.{}{rest}", &body[..end])}
        </pre>
        {(cut > 0).then(|| view! { <p class="hint">{text::cut(cut)}</p> })}
        <p class="hint">{with_code(text::HEX_COVERS)}</p>
    }
}

fn expected(verification: &Verification) -> impl IntoView + use<> {
    let by_secret = verification.expected.iter().map(|one| {
        let Expected { by, signatures, was_sent } = one;
        let title = match by {
            SecretInForce::Current => text::EXPECTED,
            SecretInForce::Next => text::EXPECTED_NEXT,
        };
        view! {
            <h3>{title}</h3>
            <dl class="headers mono">
                <div><dt>"X-Webhook-Signature"</dt><dd>{signatures.hex.clone()}</dd></div>
                <div><dt>"Webhook-Signature"</dt><dd>{signatures.standard.clone()}</dd></div>
            </dl>
            <p class="hint">{if *was_sent { text::WAS_SENT } else { text::WAS_NOT_SENT }}</p>
        }
    });
    by_secret.collect_view()
}

fn command(detail: &DeliveryDetail, webhook: &Endpoint, body: &str) -> Option<impl IntoView + use<>> {
    let command = curl::command(&webhook.url, detail.attempts.last()?, body);
    let hint = if curl::is_in_file(body) { text::CURL_FILE } else { text::CURL_HINT };
    Some(view! {
        <details class="fold">
            <summary>{text::CURL}</summary>
            <div>
                <pre class="code" tabindex="0">{command.clone()}</pre>
                <p class="hint">{with_code(hint)}</p>
                <CopyButton text=command />
            </div>
        </details>
    })
}

//! The signing secret of a webhook: masked, revealed, or replaced if it cannot be opened.

use leptos::prelude::*;
use signet_engine::service::endpoints::LostSecret;
use signet_model::{EndpointId, signature::Secret};

use super::{
    settings::{Revealed, page, path},
    text,
};
use crate::{
    components::with_code,
    error::PageResult,
    frame::{Ids, Member},
    islands::StoredSecret,
};

/// Shows the settings with the secret.
pub(super) async fn reveal(member: Member, Ids(id): Ids<EndpointId>) -> PageResult {
    let secret = member.account().endpoint(id).reveal_secret().await?;
    page(&member, id, Revealed { secret: Some(secret), ..Revealed::default() }).await
}

/// Makes a new secret for a webhook whose own cannot be opened, and shows it.
pub(super) async fn replace(member: Member, Ids(id): Ids<EndpointId>) -> PageResult {
    let secret = member.account().endpoint(id).replace_lost_secret().await?;
    let secret = match secret {
        LostSecret::Replaced(secret) => Some(secret),
        LostSecret::NotLost => None,
    };
    page(&member, id, Revealed { secret, ..Revealed::default() }).await
}

/// The secret, masked unless it was asked for, and how to verify with it.
pub(crate) fn secret_card(id: EndpointId, secret: Option<&Secret>) -> impl IntoView + use<> {
    view! {
        <section class="card" id="secret">
            <h2>{text::SECRET}</h2>
            <StoredSecret
                endpoint=id.to_string()
                page=path(id)
                secret=secret.map(|secret| secret.reveal().to_owned())
            />
            {verification_hint()}
        </section>
    }
}

/// Says in short how a receiver checks a signature.
pub(crate) fn verification_hint() -> impl IntoView {
    view! { <p class="hint">{with_code(text::VERIFY)}</p> }
}

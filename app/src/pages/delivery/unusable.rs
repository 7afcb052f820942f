//! A delivery that cannot be read as it is stored.

use axum::response::Response;
use leptos::prelude::*;
use signet_engine::{UnusableDelivery, service::endpoints::Endpoint};

use super::{breadcrumbs, text};
use crate::{
    components::{Breadcrumbs, StatusMark, with_code},
    frame::Member,
    present::unusable,
};

/// Gives the reason, and tells that other deliveries go on.
pub(super) fn page(member: &Member, webhook: &Endpoint, delivery: &UnusableDelivery) -> Response {
    member.frame.render(text::UNUSABLE, || {
        view! {
            <Breadcrumbs above=breadcrumbs(webhook) here=text::UNUSABLE />
            <header class="page-head">
                <div>
                    <h1 class="mono-title">{delivery.id.to_string()}</h1>
                    <p><StatusMark status=unusable() /></p>
                </div>
            </header>
            <section class="card">
                <p class="lead">{text::unusable(&delivery.reason)}</p>
                <p>{with_code(text::UNUSABLE_ADVICE)}</p>
            </section>
        }
    })
}

//! A delivery that cannot be read as it is stored.

use axum::response::Response;
use leptos::prelude::*;
use signet_engine::{UnusableDelivery, store::endpoints::Endpoint};

use crate::{
    components::{Breadcrumbs, StatusMark},
    frame::Member,
    present::{endpoint_path, unusable},
    redirect::HOME,
};

/// Gives the reason, and tells that other deliveries go on.
pub(super) fn page(member: &Member, endpoint: &Endpoint, delivery: &UnusableDelivery) -> Response {
    let webhook = endpoint_path(endpoint.id);
    let above = vec![
        (HOME.to_owned(), "Webhooks".to_owned()),
        (webhook.clone(), endpoint.host()),
        (format!("{webhook}/deliveries"), "Deliveries".to_owned()),
    ];
    member.frame.render("Unusable delivery", || {
        view! {
            <Breadcrumbs above=above here="Unusable delivery" />
            <header class="page-head">
                <div>
                    <h1 class="mono-title">{delivery.id.to_string()}</h1>
                    <p><StatusMark status=unusable() /></p>
                </div>
            </header>
            <section class="card">
                <p class="lead">{format!("This delivery cannot be read, because {}.", delivery.reason)}</p>
                <p>
                    "It is not sent as long as that is so; other deliveries are not affected. A newer version of Signet \
                     may have stored it: then that version can send it. The server’s operator finds it with "
                    <code>"signet check"</code> "."
                </p>
            </section>
        }
    })
}

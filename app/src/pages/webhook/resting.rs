//! A webhook whose receiver asked to be left alone: until when, and the form that ends that.

use leptos::prelude::*;
use signet_engine::service::endpoints::Endpoint;
use signet_model::{EndpointId, Timestamp};

use super::text;
use crate::{
    components::{Icon, When, with_element},
    error::PageResult,
    frame::{Ids, Member},
    present::endpoint_path,
    redirect::done,
    words::moment,
};

/// Sends deliveries again before the time is over.
pub(super) async fn end(member: Member, Ids(id): Ids<EndpointId>) -> PageResult {
    member.account().endpoint(id).end_rest().await?;
    Ok(done(text::STOPPED_WAITING, &endpoint_path(id)))
}

/// The panel; `None` while deliveries go out. Those who may not change the webhook see no form.
pub(super) fn panel(endpoint: &Endpoint, now: Timestamp, changes: bool) -> Option<impl IntoView + use<>> {
    let until = endpoint.rests_until(now).filter(|_| endpoint.unusable.is_none())?;
    let action = format!("{}/stop-waiting", endpoint_path(endpoint.id));
    let until = view! { <When at=moment(until, now) in_full=true /> };
    Some(view! {
        <section class="card panel paused" aria-labelledby="resting-title">
            <h2 id="resting-title">
                <Icon name="clock" />
                {text::ASKED_TO_WAIT}
            </h2>
            <p>{with_element(text::WAITS_UNTIL, until)}</p>
            {changes
                .then(|| {
                    view! {
                        <form method="post" action=action class="form-actions">
                            <button class="button" type="submit">
                                {text::STOP_WAITING}
                            </button>
                        </form>
                    }
                })}
        </section>
    })
}

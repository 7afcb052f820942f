//! The webhooks that need a person, each with the reason and the next step.

use leptos::prelude::*;
use signet_engine::service::endpoints::{Attention, ListPage};
use signet_model::Timestamp;

use super::{TROUBLES, text};
use crate::{
    components::{Icon, StatusMark, When},
    present::{delivery_path, endpoint_path, endpoint_status, endpoint_title, fuse_sentence},
    words::moment,
};

/// The panel; `None` if all is well.
pub(super) fn panel(list: &ListPage, now: Timestamp) -> Option<impl IntoView + use<>> {
    if list.troubles.is_empty() {
        return None;
    }
    let all = list.counts.failing + list.counts.disabled;
    let more = all.saturating_sub(list.troubles.len() as u64);
    let more = (more > 0 && list.troubles.len() >= TROUBLES as usize)
        .then(|| view! { <p class="muted">{text::more_in_trouble(more)}</p> });
    Some(view! {
        <section class="card panel bad attention" aria-labelledby="attention-title">
            <h2 id="attention-title">
                <Icon name="warning" />
                {text::ATTENTION}
            </h2>
            <ul>{list.troubles.iter().map(|trouble| item(trouble, now)).collect_view()}</ul>
            {more}
        </section>
    })
}

fn item(trouble: &Attention, now: Timestamp) -> impl IntoView + use<> {
    let endpoint = &trouble.endpoint;
    let (verb, href) = next_step(trouble);
    let reason = text::reason(trouble);
    let (before, after) = match reason.split_once(text::SINCE) {
        Some((before, after)) => (before, Some(after.to_owned())),
        None => (reason.as_str(), None),
    };
    let since = after.as_ref().and(endpoint.disabled).map(|disabled| view! { <When at=moment(disabled.at, now) /> });
    let held = text::held(trouble.held).map(|held| view! { <p>{held}</p> });
    view! {
        <li>
            <div>
                <p>
                    <a class="mono" href=endpoint_path(endpoint.id)>
                        <bdi>{endpoint_title(endpoint)}</bdi>
                    </a>
                    " "
                    <StatusMark status=endpoint_status(endpoint, now) />
                </p>
                <p>{before.to_owned()} {since} {after}</p>
                {trouble.fuse.as_ref().map(|fuse| view! { <p>{fuse_sentence(fuse, now)}</p> })}
                {held}
            </div>
            <a class="button" href=href>{verb}</a>
        </li>
    }
}

/// The one step that leads out of it.
fn next_step(trouble: &Attention) -> (&'static str, String) {
    let endpoint = &trouble.endpoint;
    let page = endpoint_path(endpoint.id);
    if endpoint.unusable.is_some() {
        return (text::REPAIR, page);
    }
    match (endpoint.disabled, trouble.failed) {
        (Some(_), _) => (text::REVIEW, page),
        (None, Some(failed)) => (text::SEE_FAILING, delivery_path(endpoint.id, failed.id)),
        (None, None) => (text::REPAIR, page),
    }
}

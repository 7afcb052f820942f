//! The fuse of a webhook in a sentence.

use leptos::prelude::*;
use signet_engine::service::endpoints::Fuse;
use signet_model::Timestamp;

use super::delivery_path;
use crate::{
    components::{Icon, When, with_element},
    words::moment,
};

mod text {
    use super::Fuse;

    pub(super) const OPEN: &str = "Open the delivery";

    /// How far it is: "3 of 6 attempts failed."
    pub(super) fn failed(fuse: &Fuse) -> String {
        format!("{} of {} attempts to deliver a {} event failed.", fuse.failed, fuse.of, fuse.event_type)
    }

    /// When it ends. The instant stands in the place of `{}`.
    pub(super) const fn disables(fuse: &Fuse) -> &'static str {
        match (fuse.of.saturating_sub(fuse.failed), fuse.is_first) {
            (0 | 1, _) => "This webhook will be disabled {} unless the last attempt succeeds.",
            (_, true) => "This webhook will be disabled {} unless one of the next attempts succeeds.",
            (_, false) => "This webhook will be disabled {}, or a little earlier, unless the next attempts succeed.",
        }
    }
}

/// Says which failure would disable a webhook, and when; with a link to the delivery.
pub(crate) fn fuse(fuse: &Fuse, endpoint: signet_model::EndpointId, now: Timestamp) -> impl IntoView + use<> {
    view! {
        <div class="alert warning fuse">
            <Icon name="warning" />
            <p>
                {fuse_sentence(fuse, now)} " "
                <a href=delivery_path(endpoint, fuse.delivery)>{text::OPEN}</a>
            </p>
        </div>
    }
}

/// The sentence alone.
pub(crate) fn fuse_sentence(fuse: &Fuse, now: Timestamp) -> impl IntoView + use<> {
    let at = view! { <When at=moment(fuse.disables_at, now) in_full=true /> };
    view! { {text::failed(fuse)} " " {with_element(text::disables(fuse), at)} }
}

#[cfg(test)]
mod tests {
    use signet_model::{DeliveryId, EndpointId, event::EventType};

    use super::*;

    #[test]
    fn the_sentence_says_how_many_attempts_failed_and_when_the_webhook_is_disabled() {
        let now = Timestamp::from_unix_seconds(1_774_699_200);
        let id = DeliveryId::new(now, [0; 10]);
        let mut it = Fuse {
            delivery: id,
            event_type: EventType::TASK_FAILED,
            failed: 3,
            of: 6,
            next_at: now,
            disables_at: now + std::time::Duration::from_mins(122),
            is_first: true,
        };
        let endpoint = EndpointId::new(now, [0; 10]);
        let html = |it: &Fuse| fuse(it, endpoint, now).to_html().replace("<!>", "");
        let shown = html(&it);
        assert!(shown.contains("3 of 6 attempts to deliver a task.failed event failed."), "{shown}");
        assert!(shown.contains("28 Mar 2026, 14:02:00 UTC") && shown.contains("in 2 h"), "{shown}");
        assert!(shown.contains("unless one of the next attempts succeeds."), "{shown}");
        it.failed = 5;
        assert!(html(&it).contains("unless the last attempt succeeds."));
        it = Fuse { failed: 1, is_first: false, ..it };
        assert!(html(&it).contains("or a little earlier"));
    }
}

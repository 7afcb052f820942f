//! A status that stands out: a word on a ground of its colour.

use leptos::prelude::*;

use super::{Icon, Status};

/// Shows a status as a badge, beside a title. In a table a [`super::StatusMark`] is calmer.
#[component]
pub(crate) fn Badge(
    /// The status.
    status: Status,
) -> impl IntoView {
    let class = format!("badge {}", status.tone.name());
    view! {
        <span class=class>
            <Icon name=status.tone.icon() />
            {status.word}
        </span>
    }
}

//! A span beside the longest that could be.

use leptos::prelude::*;

use super::{ink, share};
use crate::components::Tone;

/// A span in words, and a bar as long as its part of the most.
#[component]
pub(crate) fn DurationBar(
    /// The span, in milliseconds.
    millis: u64,
    /// The longest, in milliseconds: the timeout, or the slowest of a list.
    most: u64,
    /// The span in words.
    #[prop(into)]
    words: String,
    /// Its colour.
    #[prop(default = Tone::Waiting)]
    tone: Tone,
) -> impl IntoView {
    let width = format!("{:.1}%", (share(millis, most).min(1.0) * 100.0).max(3.0));
    view! {
        <span class="duration">
            <span>{words}</span>
            <svg class="duration-bar" width="100%" height="4" aria-hidden="true">
                <rect class="track" width="100%" height="4" rx="2" />
                <rect class=ink(tone) width=width height="4" rx="2" />
            </svg>
        </span>
    }
}

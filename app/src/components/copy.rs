//! Copying to the clipboard, which only a script can do.

use leptos::prelude::*;

use super::Icon;

const COPY: &str = "Copy";

/// A button that copies a text. Without a script it does not appear.
#[component]
pub(crate) fn CopyButton(
    /// The text to copy.
    text: String,
) -> impl IntoView {
    view! {
        <button class="button" type="button" data-copy-text=text>
            <Icon name="copy" />
            <span aria-live="polite">{COPY}</span>
        </button>
    }
}

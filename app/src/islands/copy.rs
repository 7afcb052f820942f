//! Copying to the clipboard, which only a script can do.

use std::time::Duration;

use leptos::{prelude::*, task::spawn_local};

use crate::components::Icon;

/// The time for which a button says that it has copied.
const CONFIRMED: Duration = Duration::from_secs(2);

mod text {
    pub(super) const COPY: &str = "Copy";
    pub(super) const COPIED: &str = "Copied";
}

/// A button that copies the text that `obtain` returns.
#[component]
pub(super) fn CopyControl<F, Fut>(obtain: F) -> impl IntoView
where
    F: Fn() -> Fut + Send + 'static,
    Fut: Future<Output = Option<String>> + 'static,
{
    let alive = RwSignal::new(false);
    let copied = RwSignal::new(false);
    Effect::new(move |_| alive.set(true));
    let copy = move |_| {
        let text = obtain();
        spawn_local(async move {
            if let Some(text) = text.await
                && write_to_clipboard(text).await
            {
                copied.set(true);
                set_timeout(move || copied.set(false), CONFIRMED);
            }
        });
    };
    view! {
        <button class="button" type="button" hidden=move || !alive.get() on:click=copy>
            <Icon name="copy" />
            <span aria-live="polite">{move || if copied.get() { text::COPIED } else { text::COPY }}</span>
        </button>
    }
}

#[cfg(feature = "hydrate")]
async fn write_to_clipboard(text: String) -> bool {
    let written = window().navigator().clipboard().write_text(&text);
    wasm_bindgen_futures::JsFuture::from(written).await.is_ok()
}

#[cfg(not(feature = "hydrate"))]
fn write_to_clipboard(_text: String) -> std::future::Ready<bool> {
    std::future::ready(false)
}

//! Icons, drawn once on every page and referred to by name.

use leptos::prelude::*;

/// All icons, as the children of one `<svg>`.
#[cfg(feature = "ssr")]
pub(crate) const fn sprite() -> &'static str {
    include_str!("sprite.svg")
}

/// An icon beside the words that say the same.
#[component]
pub fn Icon(
    /// Its name in the sprite.
    name: &'static str,
    /// The class that sets its size.
    #[prop(default = "icon")]
    class: &'static str,
) -> impl IntoView {
    view! {
        <svg class=class viewBox="0 0 16 16" aria-hidden="true">
            <use_ href=format!("#icon-{name}") />
        </svg>
    }
}

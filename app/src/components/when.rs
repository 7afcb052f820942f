//! Instants.

use leptos::prelude::*;
use serde::{Deserialize, Serialize};

/// An instant as it is shown; made on the server, which knows the present.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Moment {
    /// For machines: RFC 3339.
    pub iso: String,
    /// In full, UTC.
    pub full: String,
    /// Relative to now: "3 min ago".
    pub relative: String,
}

/// Shows an instant relative to now, and in full on hovering.
#[component]
pub fn When(
    /// The instant.
    at: Moment,
    /// `true` writes it out in full as well.
    #[prop(optional)]
    in_full: bool,
) -> impl IntoView {
    let text = if in_full { format!("{} ({})", at.full, at.relative) } else { at.relative };
    view! { <time datetime=at.iso title=at.full>{text}</time> }
}

/// Shows an instant, or these words where there is none.
#[cfg(feature = "ssr")]
pub(crate) fn when_or(at: Option<Moment>, otherwise: &'static str) -> AnyView {
    match at {
        Some(at) => view! { <When at=at /> }.into_any(),
        None => view! { <span class="muted">{otherwise}</span> }.into_any(),
    }
}

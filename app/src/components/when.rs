//! Instants.
//!
//! Both forms of an instant are in the page: the distance ("3 min ago"), which a script lets
//! grow, and the full one in the reader's zone with UTC beside it. One switch at the foot of
//! each page shows the one or the other, for keyboards and fingers that cannot hover; a control
//! at each instant would be a stop for the keyboard in every cell of a table.

use leptos::prelude::*;
use serde::{Deserialize, Serialize};

use crate::html::{Html, IntoHtml};

/// An instant as it is shown; made on the server, which knows the present.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Moment {
    /// For machines: RFC 3339.
    pub iso: String,
    /// In full, in the zone of the reader.
    pub full: String,
    /// In UTC, where the reader has another zone.
    pub utc: Option<String>,
    /// Relative to now: "3 min ago".
    pub relative: String,
}

impl Moment {
    /// In full, with UTC beside it.
    pub(crate) fn in_full(&self) -> String {
        match &self.utc {
            Some(utc) => format!("{} · {utc}", self.full),
            None => self.full.clone(),
        }
    }
}

/// Shows an instant relative to now, or in full where the reader has chosen so.
#[component]
pub fn When(
    /// The instant.
    at: Moment,
    /// `true` shows both.
    #[prop(optional)]
    in_full: bool,
) -> impl IntoView {
    let full = at.in_full();
    if in_full {
        view! {
            <time datetime=at.iso>
                <span data-full="">{full}</span> " (" <span data-ago="">{at.relative}</span> ")"
            </time>
        }
        .html()
    } else {
        let title = full.clone();
        view! {
            <time datetime=at.iso title=title>
                <span class="when-ago" data-ago="">{at.relative}</span>
                <span class="when-full" data-full="">{full}</span>
            </time>
        }
        .html()
    }
}

/// Shows an instant, or these words where there is none.
#[cfg(feature = "ssr")]
pub(crate) fn when_or(at: Option<Moment>, otherwise: &'static str) -> Html {
    match at {
        Some(at) => view! { <When at=at /> }.html(),
        None => view! { <span class="muted">{otherwise}</span> }.html(),
    }
}

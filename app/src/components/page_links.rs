//! The links between the pages of a list.

use leptos::prelude::*;

use super::Icon;

mod text {
    pub(super) const PAGES: &str = "Pages";
    pub(super) const NEWEST: &str = "Newest";
    pub(super) const OLDER: &str = "Older";
}

/// The link to another page of a list.
pub(crate) struct PageLink {
    /// Its words.
    pub(crate) label: &'static str,
    /// The address of the page.
    pub(crate) href: String,
}

impl PageLink {
    /// The link to the first page of a list whose newest rows come first.
    pub(crate) fn newest(href: impl Into<String>) -> Self {
        Self { label: text::NEWEST, href: href.into() }
    }

    /// The link to the next page of such a list.
    pub(crate) fn older(href: impl Into<String>) -> Self {
        Self { label: text::OLDER, href: href.into() }
    }
}

/// The links to the first and the next page, as far as there are such pages.
pub(crate) fn page_links(first: Option<PageLink>, next: Option<PageLink>) -> Option<impl IntoView + use<>> {
    let first = first.map(|PageLink { label, href }| view! { <a class="button" href=href>{label}</a> });
    let next = next.map(|PageLink { label, href }| {
        view! {
            <a class="button" rel="next" href=href>
                {label}
                <Icon name="next" />
            </a>
        }
    });
    (first.is_some() || next.is_some())
        .then(|| view! { <nav class="pages" aria-label=text::PAGES>{first} {next}</nav> })
}

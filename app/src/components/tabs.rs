//! The links between the parts of a page, or the states of a list.

use leptos::prelude::*;

/// One of the links.
pub(crate) struct TabLink {
    /// Its words.
    label: String,
    /// The address that it opens.
    href: String,
    /// How many rows it leads to.
    count: Option<String>,
    /// It is the part that is shown.
    here: bool,
}

impl TabLink {
    /// A link; `here` for the part that is shown.
    pub(crate) fn new(label: impl Into<String>, href: impl Into<String>, here: bool) -> Self {
        Self { label: label.into(), href: href.into(), count: None, here }
    }

    /// The link with a count behind its words.
    pub(crate) fn counted(self, count: impl std::fmt::Display) -> Self {
        Self { count: Some(count.to_string()), ..self }
    }
}

/// The links in a row, which scrolls by itself on a narrow screen.
#[component]
pub(crate) fn Tabs(
    /// Names the row for those who do not see it.
    label: &'static str,
    /// The links, in order.
    tabs: Vec<TabLink>,
) -> impl IntoView {
    view! {
        <nav class="tabs" aria-label=label>
            <ul>
                {tabs
                    .into_iter()
                    .map(|TabLink { label, href, count, here }| {
                        view! {
                            <li>
                                <a href=href aria-current=here.then_some("page")>
                                    {label} {count.map(|count| view! { " "<span class="count">{count}</span> })}
                                </a>
                            </li>
                        }
                    })
                    .collect_view()}
            </ul>
        </nav>
    }
}

//! The way through a list that is read in pages, newest first.

use leptos::prelude::*;

use super::Icon;

mod text {
    pub(super) const PAGES: &str = "Pages";
    pub(super) const NEWEST: &str = "Newest";
    pub(super) const OLDER: &str = "Older";
}

/// The links to the newest and the next older rows, and a note on what is shown.
#[component]
pub(crate) fn Pager(
    /// What is shown: "50 of 12,000".
    #[prop(optional, into)]
    note: String,
    /// The address of the first page, unless it is this one.
    newest: Option<String>,
    /// The address of the next page, if there are older rows.
    older: Option<String>,
) -> impl IntoView {
    let is_there = newest.is_some() || older.is_some() || !note.is_empty();
    is_there.then(|| {
        view! {
            <nav class="pages" aria-label=text::PAGES>
                {(!note.is_empty()).then(|| view! { <span class="pages-note">{note}</span> })}
                {newest.map(|href| view! { <a class="button" href=href>{text::NEWEST}</a> })}
                {older
                    .map(|href| {
                        view! {
                            <a class="button" rel="next" href=href>
                                {text::OLDER}
                                <Icon name="next" />
                            </a>
                        }
                    })}
            </nav>
        }
    })
}

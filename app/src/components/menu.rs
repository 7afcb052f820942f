//! The less frequent actions on a row, behind one button.

use leptos::prelude::*;

use super::Icon;

/// A button that opens a list of links and forms, by markup alone: a popover, which closes by
/// Escape and by a click elsewhere. The children are `<li>`s with an `<a>`, or with a `<form>`
/// that has one `<button>`.
#[component]
pub(crate) fn Menu(
    /// Names the list in the document.
    id: String,
    /// Says to what the actions apply: "Actions for orders.example".
    #[prop(into)]
    label: String,
    /// The actions.
    children: Children,
) -> impl IntoView {
    let (opens, named) = (id.clone(), label.clone());
    view! {
        <span class="menu">
            <button class="button quiet icon-only" type="button" popovertarget=opens aria-label=label>
                <Icon name="more" />
            </button>
            <ul class="menu-list" id=id popover="auto" aria-label=named>
                {children()}
            </ul>
        </span>
    }
}

//! Dialogs that keep the focus until they are answered.

use leptos::prelude::*;

/// A button that opens a dialog, by markup alone. Browsers that know commands make it modal;
/// the others show it as a popover. Its first control has the focus when it opens, so the
/// children begin with the one that does no harm. [`closes`] makes that.
#[component]
pub(crate) fn Modal(
    /// Names the dialog in the document.
    id: String,
    /// The label of the button that opens it.
    #[prop(into)]
    open: String,
    /// The look of that button.
    #[prop(default = "button")]
    class: &'static str,
    /// The title of the dialog.
    #[prop(into)]
    title: String,
    /// Its content.
    children: Children,
) -> impl IntoView {
    let title_id = format!("{id}-title");
    let (shows, titled) = (id.clone(), title_id.clone());
    view! {
        <button class=class type="button" command="show-modal" commandfor=shows.clone() popovertarget=shows>
            {open}
        </button>
        <dialog class="dialog" id=id popover="auto" closedby="any" aria-labelledby=titled>
            <h2 id=title_id>{title}</h2>
            {children()}
        </dialog>
    }
}

/// A button that closes the dialog with this id, and changes nothing.
pub(crate) fn closes(id: &str, label: &'static str) -> impl IntoView + use<> {
    view! {
        <button
            class="button quiet"
            type="button"
            command="close"
            commandfor=id.to_owned()
            popovertarget=id.to_owned()
            popovertargetaction="hide"
        >
            {label}
        </button>
    }
}

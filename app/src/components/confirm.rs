//! Asking before something that cannot be undone.

use leptos::prelude::*;

/// A button that opens a dialog with a form. A browser that does not know
/// dialogs opened by markup follows the button to a page that asks the same.
#[component]
pub(crate) fn Confirm(
    /// Names the dialog in the document.
    id: String,
    /// The page that asks the same.
    page: String,
    /// Where the form sends to.
    action: String,
    /// What the button that opens the dialog says.
    open: &'static str,
    /// The question.
    question: &'static str,
    /// What the button that does it says.
    verb: &'static str,
    /// What it does.
    children: Children,
) -> impl IntoView {
    let title = format!("{id}-title");
    let (opens, closes, titled) = (id.clone(), id.clone(), title.clone());
    view! {
        <form method="get" action=page>
            <button class="button danger-quiet" command="show-modal" commandfor=opens>
                {open}
            </button>
        </form>
        <dialog class="dialog" id=id aria-labelledby=titled>
            <h2 id=title>{question}</h2>
            {children()}
            <div class="form-actions">
                <form method="post" action=action>
                    <button class="button danger" type="submit">
                        {verb}
                    </button>
                </form>
                <button class="button quiet" type="button" command="close" commandfor=closes autofocus>
                    "Cancel"
                </button>
            </div>
        </dialog>
    }
}

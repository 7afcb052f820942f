//! The question before an action that cannot be undone.

use leptos::prelude::*;

mod text {
    pub(super) const CANCEL: &str = "Cancel";
}

/// A button that opens a dialog with a form, by markup alone: a popover, which
/// browsers have known for longer than commands. *Cancel* comes first, so that it
/// has the focus when the dialog opens.
#[component]
pub(crate) fn Confirm(
    /// Names the dialog in the document.
    id: String,
    /// The address of the form.
    action: String,
    /// The label of the button that opens the dialog.
    open: &'static str,
    /// The question.
    question: &'static str,
    /// The label of the button that acts.
    verb: &'static str,
    /// The consequences.
    children: Children,
) -> impl IntoView {
    let title = format!("{id}-title");
    let (opens, closes, titled) = (id.clone(), id.clone(), title.clone());
    view! {
        <button class="button danger-quiet" type="button" popovertarget=opens>
            {open}
        </button>
        <dialog class="dialog" id=id popover="auto" aria-labelledby=titled>
            <h2 id=title>{question}</h2>
            {children()}
            <div class="form-actions">
                <button class="button quiet" type="button" popovertarget=closes popovertargetaction="hide">
                    {text::CANCEL}
                </button>
                <form method="post" action=action>
                    <button class="button danger" type="submit">
                        {verb}
                    </button>
                </form>
            </div>
        </dialog>
    }
}

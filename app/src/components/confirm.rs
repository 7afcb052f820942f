//! The question before an action that cannot be undone.

use leptos::prelude::*;

use super::modal::{Modal, closes};

mod text {
    pub(super) const CANCEL: &str = "Cancel";
}

/// A button that opens a dialog with a form, by markup alone. *Cancel* comes first, so that it
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
    let cancel = closes(&id, text::CANCEL);
    view! {
        <Modal id=id open=open class="button danger-quiet" title=question>
            {children()}
            <div class="form-actions">
                {cancel}
                <form method="post" action=action>
                    <button class="button danger" type="submit">
                        {verb}
                    </button>
                </form>
            </div>
        </Modal>
    }
}

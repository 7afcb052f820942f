//! What stands where there is nothing yet.

use leptos::prelude::*;

use super::Icon;

/// Says why there is nothing, and what to do. The children are the buttons for it.
#[component]
pub(crate) fn EmptyState(
    /// The icon of what is missing.
    icon: &'static str,
    /// What is missing, in a few words.
    #[prop(into)]
    title: String,
    /// Why, and what to do.
    #[prop(into)]
    advice: String,
    /// The buttons.
    #[prop(optional)]
    children: Option<Children>,
) -> impl IntoView {
    view! {
        <section class="card empty">
            <Icon name=icon />
            <h2>{title}</h2>
            <p>{advice}</p>
            {children.map(|children| view! { <div class="actions">{children()}</div> })}
        </section>
    }
}

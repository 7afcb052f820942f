//! All errors of a form, above it.

use leptos::prelude::*;

use crate::html::IntoHtml;

use super::Icon;

/// Lists the errors of a form, each a link to its field. It takes the focus, so that it is read
/// out first; a field behind it must not ask for the focus as well.
#[component]
pub(crate) fn ErrorSummary(
    /// The sentence above them.
    #[prop(into)]
    title: String,
    /// The id of each field with its error. An empty id is an error of the whole form.
    errors: Vec<(String, String)>,
) -> impl IntoView {
    view! {
        <div class="alert bad error-summary" role="alert" tabindex="-1" autofocus=true aria-labelledby="error-summary-title">
            <Icon name="warning" />
            <div>
                <p id="error-summary-title">
                    <strong>{title}</strong>
                </p>
                <ul>
                    {errors
                        .into_iter()
                        .map(|(id, message)| {
                            let message = if id.is_empty() {
                                message.html()
                            } else {
                                view! { <a href=format!("#{id}")>{message}</a> }.html()
                            };
                            view! { <li>{message}</li> }
                        })
                        .collect_view()}
                </ul>
            </div>
        </div>
    }
}

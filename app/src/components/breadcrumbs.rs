//! The pages between the settings and this page.

use leptos::prelude::*;

mod text {
    pub(super) const BREADCRUMB: &str = "Breadcrumb";
}

/// The first word on the pages of an account.
pub const SETTINGS: &str = "Settings";

/// The pages above this one, outermost first, and this one.
#[component]
pub fn Breadcrumbs(
    /// The name of the section of the site.
    #[prop(default = SETTINGS)]
    root: &'static str,
    /// Address and name of each page above.
    #[prop(optional)]
    above: Vec<(String, String)>,
    /// The name of this page.
    #[prop(into)]
    here: String,
) -> impl IntoView {
    view! {
        <nav class="breadcrumbs" aria-label=text::BREADCRUMB>
            <ol>
                <li>{root}</li>
                {above
                    .into_iter()
                    .map(|(href, name)| view! { <li><a href=href>{name}</a></li> })
                    .collect_view()}
                <li aria-current="page">{here}</li>
            </ol>
        </nav>
    }
}

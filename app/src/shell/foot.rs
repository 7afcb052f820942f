//! The foot of each page: the zone of its times, the switch of their form, and the ways to the
//! documentation, to the search and to the shortcuts.

use leptos::prelude::*;

use crate::{
    frame::Frame,
    html::IntoHtml,
    pages::{go, theme, you},
    zone::Zone,
};

/// The address of the documentation, which the server has beside the pages.
pub const DOCUMENTATION: &str = "/docs/";

mod text {
    pub(super) const DOCUMENTATION: &str = "Documentation";
    pub(super) const LABEL: &str = "Times and shortcuts";
    pub(super) const EXACT: &str = "Exact times";
    pub(super) const GO: &str = "Search and shortcuts";

    pub(super) fn times_in(zone: &str) -> String {
        format!("Times in {zone}")
    }
}

pub(super) fn foot(frame: &Frame) -> impl IntoView + use<> {
    let zone = text::times_in(Zone::here().name());
    let is_person = frame.session.as_ref().is_some_and(|session| session.person().is_some());
    let zone =
        if is_person { view! { <a href=you::PATH>{zone}</a> }.html() } else { view! { <span>{zone}</span> }.html() };
    let exact = frame.preferences.exact_times;
    let is_member = frame.session.as_ref().is_some_and(|session| session.account.is_some());
    view! {
        <footer class="foot page-foot" aria-label=text::LABEL>
            {theme::switch(frame)}
            {zone}
            // Whoever comes by a portal link deals with a service, and not with Signet.
            {(!frame.is_of_portal()).then(|| view! { <a href=DOCUMENTATION>{text::DOCUMENTATION}</a> })}
            {is_member
                .then(|| {
                    view! {
                        <form method="post" action=go::TIMES_PATH>
                            <input type="hidden" name=go::BACK.name value=frame.address.clone() />
                            <input type="hidden" name=go::EXACT.name value=if exact { "" } else { "1" } />
                            <button class="button quiet" type="submit" data-exact-times="" aria-pressed=exact.to_string()>
                                {text::EXACT}
                            </button>
                        </form>
                        <a href=go::PATH data-palette="">{text::GO}</a>
                    }
                })}
        </footer>
    }
}

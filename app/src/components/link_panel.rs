//! A one-time link, shown once.

use leptos::prelude::*;

use super::Icon;
use crate::{compressible::shows_secret, islands::CopyButton};

/// A link that was made just now, with what to do with it.
pub(crate) fn link_panel(
    title: &'static str,
    advice: &'static str,
    label: &'static str,
    link: &str,
) -> impl IntoView + use<> {
    shows_secret();
    view! {
        <section class="card panel good" role="status" aria-labelledby="link-title">
            <h2 id="link-title">
                <Icon name="check" />
                {title}
            </h2>
            <p>{advice}</p>
            <div class="secret">
                <output class="secret-text mono" aria-label=label>{link.to_owned()}</output>
                <CopyButton text=link.to_owned() />
            </div>
        </section>
    }
}

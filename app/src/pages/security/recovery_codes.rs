//! Recovery codes: shown once, on the page after the form that made them. A cookie carries them
//! there, sealed, so that they are neither stored nor part of an address.

use axum::{http::HeaderMap, response::Response};
use leptos::prelude::*;
use signet_engine::service::{carried::CARRIED_LIFETIME, factors::Overview};

use super::{PATH, Person, text};
use crate::{
    components::{Breadcrumbs, Confirm},
    cookie,
    error::PageResult,
    redirect::{done, see_other, with_cookie},
};

/// The cookie that carries new codes to the page that shows them.
const COOKIE: &str = "__Host-signet-codes";

pub(super) fn path() -> String {
    format!("{PATH}/recovery-codes")
}

pub(super) fn card(overview: &Overview) -> impl IntoView + use<> {
    view! {
        <section class="card">
            <h2>{text::RECOVERY}</h2>
            <p>{text::RECOVERY_MEANING} " " {text::left(overview.recovery_codes_left)}</p>
            <Confirm
                id="renew-codes".to_owned()
                action=path()
                open=text::RENEW
                question=text::RENEW_QUESTION
                verb=text::RENEW
            >
                <p>{text::RENEW_CONSEQUENCES}</p>
            </Confirm>
        </section>
    }
}

/// Puts new codes in the place of the old ones, and leads to the page that shows them.
pub(super) async fn renew(person: Person) -> PageResult {
    let codes = person.factors()?.renew_recovery_codes().await?;
    Ok(with_cookie(cookie::set(COOKIE, &codes, CARRIED_LIFETIME.as_secs()), see_other(&path())))
}

/// Leads to the page that shows new codes, sealed as they are, under this message.
pub(super) fn hand_over(codes: &str, message: &str) -> Response {
    with_cookie(cookie::set(COOKIE, codes, CARRIED_LIFETIME.as_secs()), done(message, &path()))
}

/// Shows the codes that the cookie carries, this once.
pub(super) async fn show(person: Person, headers: HeaderMap) -> PageResult {
    let carried = cookie::value(&headers, COOKIE).unwrap_or_default();
    let Some(codes) = person.factors()?.recovery_codes(carried) else {
        return Ok(done(text::CODES_GONE, PATH));
    };
    let page = person.frame.render(text::RECOVERY, || {
        crate::compressible::shows_secret();
        view! {
            <Breadcrumbs above=vec![(PATH.to_owned(), text::TITLE.to_owned())] here=text::RECOVERY />
            <section class="card">
                <h1>{text::RECOVERY}</h1>
                <p>{text::KEEP_THEM}</p>
                <ul class="recovery-codes mono">
                    {codes.iter().map(|code| view! { <li>{code.clone()}</li> }).collect_view()}
                </ul>
                <p><a class="button primary" href=PATH>{text::KEPT}</a></p>
            </section>
        }
    });
    Ok(with_cookie(cookie::set(COOKIE, "", 0), page))
}

//! Signing in at an OpenID provider: the browser is sent there, and comes back with a code.

use axum::{
    Router,
    http::{HeaderMap, HeaderName},
    response::{IntoResponse, Response},
};
use leptos::prelude::*;
use signet_engine::{
    oidc::{FlowError, Provider},
    service::{carried::CARRIED_LIFETIME, factors::second_step::SignedIn, identities::IdentityError},
};

use crate::{
    cookie,
    error::{PageError, PageResult},
    form::{Field, Form},
    frame::{Frame, Ids, with_next},
    methods::get,
    pages::{
        login::{self, NEXT},
        second_step,
    },
    redirect::{HOME, local_path, see_other, with_cookie},
    state::AppState,
};

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// The cookie with the secrets of a sign-in that goes on at a provider, sealed.
const COOKIE: &str = "__Host-signet-oidc";

/// The longest address that is gone back to: a cookie has little room.
const MAX_NEXT: usize = 1_000;

/// Asks the provider not to take a session of its own for a proof.
const AGAIN: Field = Field::named("again");
const STATE: Field = Field::named("state");
const CODE: Field = Field::named("code");

mod text {
    pub(super) const UNUSABLE: &str =
        "The provider cannot be reached at the moment. Try again, or sign in with your password.";
    pub(super) const REFUSED: &str = "The provider did not sign you in. Try again.";
    pub(super) const EXPIRED: &str = "That took too long, or was begun in another browser. Try again.";
    pub(super) const UNVERIFIED: &str =
        "The provider has not confirmed your e-mail address. Confirm it there, and try again.";
    pub(super) const NO_ACCOUNT: &str = "You belong to no account here. Ask your administrator for access.";

    pub(super) fn sign_in_with(label: &str) -> String {
        format!("Sign in with {label}")
    }

    pub(super) fn again_with(label: &str) -> String {
        format!("Sign in again with {label}")
    }
}

pub(crate) fn routes() -> Router<AppState> {
    Router::new().route("/login/oidc/{name}", get(begin)).route("/login/oidc/{name}/callback", get(finish))
}

fn path(provider: &Provider) -> String {
    format!("/login/oidc/{}", provider.name())
}

/// A link for each provider, on the sign-in page.
pub(crate) fn buttons(frame: &Frame, next: &str) -> impl IntoView + use<> {
    let link = |provider: &Provider| {
        let href = with_next(&path(provider), next);
        view! { <p><a class="button wide" href=href>{text::sign_in_with(&provider.settings().label)}</a></p> }
    };
    frame.state.oidc.iter().map(link).collect_view()
}

/// A link for each provider, where proof is asked for again.
pub(crate) fn proofs(frame: &Frame, next: &str) -> impl IntoView + use<> {
    let link = |provider: &Provider| {
        let href = format!("{}&{}=1", with_next(&path(provider), next), AGAIN.name);
        view! { <p><a class="button" href=href>{again_with(provider)}</a></p> }
    };
    frame.state.oidc.iter().map(link).collect_view()
}

/// The label of a button that asks a provider for a proof.
pub(crate) fn again_with(provider: &Provider) -> String {
    text::again_with(&provider.settings().label)
}

/// Sends the browser to the provider. A link on a page of another site leads to the sign-in
/// page first: nobody is signed in without their doing (OWASP ASVS 5.0, 7.6.2).
async fn begin(frame: Frame, Ids(name): Ids<String>, headers: HeaderMap, query: Form) -> PageResult {
    let provider = frame.state.oidc.get(&name).ok_or(PageError::NotFound)?;
    if is_from_another_site(&headers) {
        return Ok(see_other(&with_next(login::PATH, local_path(query.get(&NEXT)).unwrap_or(HOME))));
    }
    let next = local_path(query.get(&NEXT)).filter(|next| next.len() <= MAX_NEXT).unwrap_or(HOME);
    Ok(send(&frame, provider, next, !query.get(&AGAIN).is_empty()).await)
}

/// Sends the browser to the provider, and to `next` when it comes back.
pub(crate) async fn send(frame: &Frame, provider: &Provider, next: &str, again: bool) -> Response {
    let redirect = format!("{}{}/callback", frame.origin(), path(provider));
    match provider.begin(&*frame.state.clock, &redirect, next, again).await {
        Ok((address, begun)) => {
            let carried = frame.state.engine.sessions().carry_begun(&begun);
            let kept = cookie::set(COOKIE, &carried, CARRIED_LIFETIME.as_secs());
            with_cookie(kept, see_other(address.as_str()))
        }
        Err(error) => refused(frame, &error),
    }
}

/// The browser's own judgement, which no page can alter.
fn is_from_another_site(headers: &HeaderMap) -> bool {
    headers.get(SEC_FETCH_SITE).is_some_and(|site| !matches!(site.as_bytes(), b"same-origin" | b"none"))
}

/// Takes the provider's answer.
async fn finish(frame: Frame, Ids(name): Ids<String>, headers: HeaderMap, query: Form) -> PageResult {
    let provider = frame.state.oidc.get(&name).ok_or(PageError::NotFound)?;
    let sessions = frame.state.engine.sessions();
    let carried = cookie::value(&headers, COOKIE).unwrap_or_default();
    let Some(begun) = sessions.carried_begun(carried) else { return Ok(refused(&frame, &FlowError::State)) };
    if query.get(&CODE).is_empty() {
        return Ok(ended(login::refuse(&frame, text::REFUSED)));
    }
    let next = begun.next.clone();
    let identity = match provider.finish(&*frame.state.clock, begun, query.get(&STATE), query.get(&CODE)).await {
        Ok(identity) => identity,
        Err(error) => return Ok(refused(&frame, &error)),
    };
    let grants = provider.settings().grants(&identity.values);
    let refusal = match sessions.sign_in_with_identity(&identity, &grants, &frame.browser).await {
        Ok(SignedIn::Session(token)) => return Ok(ended(frame.signed_in(&token, &next))),
        Ok(SignedIn::Pending(pending)) => return Ok(ended(second_step::ask(&pending, &next))),
        Err(IdentityError::EmailUnverified) => text::UNVERIFIED,
        Err(IdentityError::NoAccount) => text::NO_ACCOUNT,
        Err(IdentityError::Store(error)) => return Err(error.into()),
    };
    Ok(ended(login::refuse(&frame, refusal)))
}

/// The cookie of the sign-in goes: its secrets count once.
fn ended(response: Response) -> Response {
    with_cookie(cookie::set(COOKIE, "", 0), response)
}

fn refused(frame: &Frame, error: &FlowError) -> Response {
    let sentence = match error {
        FlowError::State => text::EXPIRED,
        FlowError::Provider { .. } => text::UNUSABLE,
        FlowError::Token { .. } => text::REFUSED,
    };
    if !matches!(error, FlowError::State) {
        tracing::warn!(%error, "a sign-in at a provider failed");
    }
    ended(login::refuse(frame, sentence)).into_response()
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    #[test]
    fn a_sign_in_begins_on_a_page_of_this_site_or_by_an_address_that_was_typed() {
        let from = |site| HeaderMap::from_iter([(SEC_FETCH_SITE, HeaderValue::from_static(site))]);
        for (site, foreign) in [("same-origin", false), ("none", false), ("same-site", true), ("cross-site", true)] {
            assert_eq!(is_from_another_site(&from(site)), foreign, "{site}");
        }
        assert!(!is_from_another_site(&HeaderMap::new()), "a browser that does not judge");
    }
}

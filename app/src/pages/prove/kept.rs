//! Proof at an OpenID provider, on the way to which the browser carries the form that was
//! refused: sealed, in a cookie.

use axum::{http::HeaderMap, response::Response};
use leptos::prelude::*;
use signet_engine::{
    oidc::Provider,
    service::{carried::CARRIED_LIFETIME, sessions::Session},
};

use super::{KEPT, TO, carried, go_on, oidc, text};
use crate::{
    cookie,
    error::{PageError, PageResult},
    form::{Field, Form},
    frame::{Frame, Ids, Person},
    html::{Html, IntoHtml},
    pages::login::NEXT,
    redirect::{HOME, local_path, see_other, with_cookie},
};

/// The page on which the form is sent again.
pub(super) const PATH: &str = "/prove/kept";

/// The cookie with the form, sealed.
const COOKIE: &str = "__Host-signet-kept";
/// The longest form, in bytes: browsers keep cookies of 4 KiB, and sealing adds a third.
const MAX_LEN: usize = 2_800;

/// The account in which the form was sent. A provider can lead into another one.
const ACCOUNT: Field = Field::named("account");

/// A button for each provider. One that sends a form keeps it; one too long leads to its page.
pub(super) fn proofs(frame: &Frame, session: &Session, form: &Form) -> Html {
    let Some(to) = local_path(form.get(&TO)) else {
        return oidc::proofs(frame, local_path(form.get(&NEXT)).unwrap_or(HOME)).html();
    };
    let mut providers = frame.state.oidc.iter().peekable();
    if providers.peek().is_none() {
        return ().html();
    }
    if written(session, form).len() > MAX_LEN {
        let to = to.to_owned();
        return view! { <p class="hint">{text::TOO_LONG}</p> {oidc::proofs(frame, &to)} }.html();
    }
    let button = |provider: &Provider| {
        view! {
            <form method="post" action=format!("/prove/oidc/{}", provider.name())>
                {carried(form)}
                <button class="button" type="submit">{oidc::again_with(provider)}</button>
            </form>
        }
    };
    providers.map(button).collect_view().html()
}

/// The form in one text: where it goes, and its fields.
fn written(session: &Session, form: &Form) -> String {
    let mut text = form_urlencoded::Serializer::new(String::new());
    text.append_pair(TO.name, form.get(&TO));
    text.extend_pairs(session.account_id().map(|id| (ACCOUNT.name, id.to_string())));
    text.extend_pairs(form.prefixed(KEPT).map(|(name, value)| (format!("{KEPT}{name}"), value)));
    text.finish()
}

/// Sends the browser to a provider, with the form.
pub(super) async fn send(person: Person, Ids(name): Ids<String>, form: Form) -> PageResult {
    let Person { frame, session } = person;
    let provider = frame.state.oidc.get(&name).ok_or(PageError::NotFound)?;
    let text = written(&session, &form);
    if text.len() > MAX_LEN || local_path(form.get(&TO)).is_none() {
        return Err(PageError::Unreadable);
    }
    let carried = frame.state.engine.sessions().carry_form(&session, &text).unwrap_or_default();
    let sent = oidc::send(&frame, provider, PATH, true).await;
    Ok(with_cookie(cookie::set(COOKIE, &carried, CARRIED_LIFETIME.as_secs()), sent))
}

/// Shows the form after the proof, in the account in which it was sent, to be sent again.
pub(super) async fn show(person: Person, headers: HeaderMap) -> PageResult {
    let carried = cookie::value(&headers, COOKIE).unwrap_or_default();
    let Some(text) = person.frame.state.engine.sessions().carried_form(&person.session, carried) else {
        return Ok(see_other(HOME));
    };
    let form = Form::of_body(text.as_bytes());
    let account = form.get(&ACCOUNT).parse().ok();
    let page = forgotten(go_on(&person.frame, &form));
    match account.filter(|account| person.session.account_id() != Some(*account)) {
        Some(account) => Ok(person.frame.keep(&person.myself()?.switch(account).await?, page)),
        None => Ok(page),
    }
}

fn forgotten(page: Response) -> Response {
    with_cookie(cookie::set(COOKIE, "", 0), page)
}

//! The URL of a webhook: its field, and the check of what is typed, before it is saved.

use axum::{
    http::header,
    response::{Html, IntoResponse, Response},
};
use leptos::prelude::*;
use signet_engine::{actor::Permission, service::endpoints::UrlCheck};
use signet_model::endpoint::EndpointUrl;

use super::{URL, text};
use crate::{
    components::field_error,
    error::{PageError, PageResult},
    form::{Field, Form},
    frame::Member,
    present::readable_host,
};

/// The address of the check, for a script: `?url=…`.
pub(crate) const CHECK_PATH: &str = "/live/url";

/// What a script shows below the field.
#[derive(Debug)]
struct Checked {
    /// `good`, `bad` or `unknown`.
    state: &'static str,
    text: String,
}

/// Answers what is wrong with a URL, or where it leads.
pub(crate) async fn check(member: Member, query: Form) -> PageResult {
    member.check(Permission::ChangeWebhooks)?;
    let checked = match query.get(&URL).parse::<EndpointUrl>() {
        Err(error) => Checked { state: "bad", text: text::invalid_url(error) },
        Ok(url) => {
            let (state, said) = match member.account().endpoints().check_url(&url).await? {
                UrlCheck::Fine => ("good", text::URL_FINE.to_owned()),
                UrlCheck::Refused(refused) => ("bad", refused.to_string()),
                UrlCheck::NotFound => ("bad", text::URL_NOT_FOUND.to_owned()),
                UrlCheck::Unknown | UrlCheck::TooMany => ("unknown", text::URL_UNKNOWN.to_owned()),
            };
            let twin = is_used(&member, &url).await?;
            let said = [Some(said), host_note(&url), twin.then(|| text::URL_USED.to_owned())];
            Checked { state, text: said.into_iter().flatten().collect::<Vec<_>>().join(" ") }
        }
    };
    Ok(answer(&checked))
}

/// A piece of HTML, for the element below the field.
fn answer(checked: &Checked) -> Response {
    let text = checked.text.clone();
    let html = view! { <span class=checked.state>{text}</span> }.to_html();
    ([(header::CACHE_CONTROL, "no-store")], Html(html)).into_response()
}

/// Returns true if a webhook of the account has this URL.
async fn is_used(member: &Member, url: &EndpointUrl) -> Result<bool, PageError> {
    Ok(member.account().endpoints().list().await?.iter().any(|other| other.url == url.as_str()))
}

/// The host of an international name, as people write it and as it is looked up.
fn host_note(url: &EndpointUrl) -> Option<String> {
    readable_host(url.host()).map(|host| text::host(&host))
}

/// The field. What it has at first is not checked again: it is stored, or was refused.
pub(super) fn input(form: &Form) -> impl IntoView + use<> {
    let Field { name, label, hint, placeholder, .. } = URL;
    let wrong = form.error(&URL).is_some();
    let described = if wrong { "url-error url-hint url-check" } else { "url-hint url-check" };
    let note = form.get(&URL).parse::<EndpointUrl>().ok().as_ref().and_then(host_note);
    view! {
        <div class="field">
            <label for=name>{label}</label>
            <p class="hint" id="url-hint">{hint}</p>
            <input
                class="input mono"
                id=name
                name=name
                type="url"
                value=form.get(&URL).to_owned()
                placeholder=placeholder
                inputmode="url"
                autocomplete="off"
                required
                autofocus=form.has_focus(&URL)
                spellcheck="false"
                autocapitalize="none"
                aria-invalid=wrong.then_some("true")
                aria-describedby=described
                data-check-url=form.get(&URL).to_owned()
                dir="ltr"
            />
            <p class="hint" id="url-check" role="status">{note}</p>
            {field_error(&URL, form)}
        </div>
    }
}

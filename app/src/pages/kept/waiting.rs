//! A form that was one attempt too many. What was typed stays in the page that says so, and goes
//! to the same address again, once the time is over: nothing of it is stored.

use axum::{http::header, response::IntoResponse, response::Response};
use leptos::prelude::*;
use signet_engine::request::RequestId;

use super::{Typed, is_secret};
use crate::{
    error::PageError,
    form::Form,
    frame::Frame,
    html::{Html, IntoHtml},
    pages::{error, second_step, security},
};

mod text {
    pub(super) const KEPT: &str = "What you typed is kept on this page. Passwords and codes are not: enter them again.";
    pub(super) const AGAIN: &str = "Send it again";
    pub(super) const BACK: &str = "Back to the form";
    pub(super) const PASSWORD: &str = "Password";
    pub(super) const CODE: &str = "Code";
}

/// Answers a form that came too soon.
pub(crate) fn page(frame: &Frame, form: &Form, refusal: PageError, id: Option<RequestId>) -> Response {
    let (title, advice) = error::text::page(refusal);
    let typed = Typed::of(&frame.path, form);
    let shown = frame.render(title, || {
        view! {
            <h1>{title}</h1>
            <p>{advice}</p>
            {again(&typed, form)}
            {id.map(|id| view! { <p class="hint">{error::text::request(id)}</p> })}
        }
    });
    let retry_after = refusal.retry_after().map(|seconds| [(header::RETRY_AFTER, seconds.to_string())]);
    (refusal.status(), retry_after, shown).into_response()
}

/// The form again; a link to it where it cannot be sent from here, as what a passkey has signed.
fn again(typed: &Typed, form: &Form) -> Html {
    let signed = [&security::ANSWER, &security::CHALLENGE].iter().any(|field| !form.get(field).is_empty());
    if signed || (typed.shown().next().is_none() && asked(form).is_empty()) {
        let to = typed.to.clone();
        return view! { <p><a class="button wide" href=to>{text::BACK}</a></p> }.html();
    }
    let kept = typed.fields.iter().filter(|(name, _)| !is_asked(name)).map(|(name, value)| {
        view! { <input type="hidden" name=name.clone() value=value.clone() /> }
    });
    let fields = asked(form).into_iter().map(field).collect_view();
    view! {
        <p>{text::KEPT}</p>
        <form method="post" action=typed.to.clone() class="form">
            {kept.collect_view()} {fields}
            <button class="button primary wide" type="submit">{text::AGAIN}</button>
        </form>
    }
    .html()
}

/// The secrets that a person can type again, by the names of their fields.
fn asked(form: &Form) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for (name, _) in form.prefixed("") {
        if is_asked(name) && !names.iter().any(|it| it == name) {
            names.push(name.to_owned());
        }
    }
    names
}

fn is_asked(name: &str) -> bool {
    is_secret(name) && (name.contains("password") || name == second_step::CODE.name)
}

fn field(name: String) -> impl IntoView {
    let is_code = name == second_step::CODE.name;
    let (label, kind, complete) =
        if is_code { (text::CODE, "text", "one-time-code") } else { (text::PASSWORD, "password", "current-password") };
    view! {
        <div class="field">
            <label for=name.clone()>{label}</label>
            <input class="input" id=name.clone() name=name type=kind autocomplete=complete required />
        </div>
    }
}

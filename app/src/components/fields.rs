//! Fields of forms, each with its label, hint and error.

use leptos::prelude::*;

use super::Icon;
use crate::form::{Errors, FORM};

/// A labelled line of text. The first wrong field of a form takes the focus.
#[component]
pub(crate) fn TextField(
    name: &'static str,
    label: &'static str,
    #[prop(into)] value: String,
    errors: Errors,
    #[prop(optional)] hint: &'static str,
    #[prop(optional)] optional: bool,
    #[prop(default = "text")] kind: &'static str,
    #[prop(default = "off")] autocomplete: &'static str,
    #[prop(optional)] placeholder: &'static str,
    #[prop(optional)] inputmode: &'static str,
    #[prop(optional)] maxlength: usize,
    #[prop(optional)] mono: bool,
    #[prop(optional)] autofocus: bool,
) -> impl IntoView {
    let error = errors.get(name);
    let focus = errors.is_first(name) || (autofocus && errors.is_empty());
    let described_by = described_by(name, !hint.is_empty(), error.is_some());
    view! {
        <div class="field">
            <label for=name>
                {label}
                {optional.then(|| view! { <span class="optional">"Optional"</span> })}
            </label>
            {(!hint.is_empty()).then(|| view! { <p class="hint" id=format!("{name}-hint")>{hint}</p> })}
            <input
                class="input"
                class:mono=mono
                id=name
                name=name
                type=kind
                value=value
                placeholder=(!placeholder.is_empty()).then_some(placeholder)
                inputmode=(!inputmode.is_empty()).then_some(inputmode)
                maxlength=(maxlength > 0).then(|| maxlength.to_string())
                autocomplete=autocomplete
                required=!optional
                autofocus=focus
                spellcheck=mono.then_some("false")
                autocapitalize=mono.then_some("none")
                aria-invalid=error.is_some().then_some("true")
                aria-describedby=described_by
            />
            <FieldError name=name errors=errors />
        </div>
    }
}

/// The ids of what describes a field.
pub(crate) fn described_by(name: &str, hint: bool, error: bool) -> Option<String> {
    match (hint, error) {
        (true, true) => Some(format!("{name}-error {name}-hint")),
        (false, true) => Some(format!("{name}-error")),
        (true, false) => Some(format!("{name}-hint")),
        (false, false) => None,
    }
}

/// What is wrong with a field, beside it.
#[component]
pub(crate) fn FieldError(name: &'static str, errors: Errors) -> impl IntoView {
    errors.get(name).map(|message| {
        view! {
            <p class="field-error" id=format!("{name}-error")>
                <Icon name="warning" />
                <span>{message}</span>
            </p>
        }
    })
}

/// Says above a form that something in it is wrong, or why all of it was refused.
#[component]
pub(crate) fn ErrorSummary(errors: Errors) -> impl IntoView {
    let text = match (errors.get(FORM), errors.len()) {
        (Some(message), _) => Some(message),
        (None, 0) => None,
        (None, 1) => Some("One field needs your attention.".to_owned()),
        (None, _) => Some("Some fields need your attention.".to_owned()),
    };
    text.map(|text| {
        view! {
            <p class="alert bad" role="alert">
                <Icon name="warning" />
                {text}
            </p>
        }
    })
}

//! The fields of a form, each with its label, hint and error, and the summary of the errors.

use leptos::prelude::*;

use super::Icon;
use crate::form::{Field, Form};

mod text {
    pub(super) const OPTIONAL: &str = "Optional";
    pub(super) const ONE_ERROR: &str = "One field needs your attention.";
    pub(super) const SOME_ERRORS: &str = "Some fields need your attention.";
}

/// A labelled line of text with the value that the form has for it.
pub(crate) fn text_input(field: &Field, form: &Form) -> impl IntoView + use<> {
    input(field, form, form.get(field).to_owned())
}

/// A labelled line for a password, which is never sent back.
pub(crate) fn password_input(field: &Field, form: &Form) -> impl IntoView + use<> {
    input(field, form, String::new())
}

fn input(field: &Field, form: &Form, value: String) -> impl IntoView + use<> {
    let Field { name, hint, kind, optional, autocomplete, placeholder, inputmode, maxlength, mono, .. } = *field;
    let wrong = form.error(field).is_some();
    let control = view! {
            <input
                class="input"
                class:mono=mono
                id=name
                name=name
                type=kind
                value=value
                placeholder=(!placeholder.is_empty()).then_some(placeholder)
                inputmode=(!inputmode.is_empty()).then_some(inputmode)
                maxlength=maxlength.map(|it| it.to_string())
                autocomplete=autocomplete
                required=!optional
                autofocus=form.has_focus(field)
                spellcheck=mono.then_some("false")
                autocapitalize=mono.then_some("none")
                aria-invalid=wrong.then_some("true")
                aria-describedby=described_by(name, !hint.is_empty(), wrong)
            />
    };
    labelled(field, form, control)
}

/// A labelled text of many lines with the value that the form has for it.
pub(crate) fn text_area(field: &Field, rows: u32, form: &Form) -> impl IntoView + use<> {
    let Field { name, hint, optional, mono, .. } = *field;
    let wrong = form.error(field).is_some();
    let control = view! {
            <textarea
                class="input"
                class:mono=mono
                id=name
                name=name
                rows=rows.to_string()
                required=!optional
                autofocus=form.has_focus(field)
                spellcheck="false"
                aria-invalid=wrong.then_some("true")
                aria-describedby=described_by(name, !hint.is_empty(), wrong)
                inner_html=raw_text(form.get(field))
            ></textarea>
    };
    labelled(field, form, control)
}

/// A control between its label with the hint, and its error.
fn labelled<V: IntoView>(field: &Field, form: &Form, control: V) -> impl IntoView + use<V> {
    let Field { name, label, hint, optional, .. } = *field;
    view! {
        <div class="field">
            <label for=name>
                {label}
                {optional.then(|| view! { <span class="optional">{text::OPTIONAL}</span> })}
            </label>
            {(!hint.is_empty()).then(|| view! { <p class="hint" id=format!("{name}-hint")>{hint}</p> })}
            {control}
            {field_error(field, form)}
        </div>
    }
}

/// A group of choices under its label with the hint, and its error.
pub(super) fn choices<V: IntoView>(field: &Field, form: &Form, choices: V) -> impl IntoView + use<V> {
    let Field { name, label, hint, .. } = *field;
    let wrong = form.error(field).is_some();
    view! {
        <fieldset
            class="field"
            aria-describedby=wrong.then(|| format!("{name}-error"))
            aria-invalid=wrong.then_some("true")
        >
            <legend>{label}</legend>
            {(!hint.is_empty()).then(|| view! { <p class="hint">{hint}</p> })}
            <div class="choices">{choices}</div>
            {field_error(field, form)}
        </fieldset>
    }
}

/// A text as the content of a `<textarea>`, which the view does not escape. A browser leaves
/// the first line break out.
fn raw_text(text: &str) -> String {
    format!("\n{}", text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;"))
}

/// A value that the form carries along.
pub(crate) fn hidden_input(field: &Field, value: &str) -> impl IntoView + use<> {
    let value = value.to_owned();
    view! { <input type="hidden" name=field.name value=value /> }
}

/// The e-mail address to which the password in a form belongs, for password managers. It is
/// neither shown nor sent.
pub(crate) fn username(email: &str) -> impl IntoView + use<> {
    let email = email.to_owned();
    view! { <input type="text" autocomplete="username" value=email hidden readonly /> }
}

/// The ids of the elements that describe a field.
fn described_by(name: &str, hint: bool, error: bool) -> Option<String> {
    match (hint, error) {
        (true, true) => Some(format!("{name}-error {name}-hint")),
        (false, true) => Some(format!("{name}-error")),
        (true, false) => Some(format!("{name}-hint")),
        (false, false) => None,
    }
}

/// The error beside a field.
pub(crate) fn field_error(field: &Field, form: &Form) -> Option<impl IntoView + use<>> {
    let (name, message) = (field.name, form.error(field)?.to_owned());
    Some(view! {
        <p class="field-error" id=format!("{name}-error")>
            <Icon name="warning" />
            <span>{message}</span>
        </p>
    })
}

/// Says above a form that fields are invalid, or gives the reason for which all of it was refused.
pub(crate) fn error_summary(form: &Form) -> Option<impl IntoView + use<>> {
    let message = match (form.refusal(), form.errors()) {
        (Some(refusal), _) => refusal.to_owned(),
        (None, 0) => return None,
        (None, 1) => text::ONE_ERROR.to_owned(),
        (None, _) => text::SOME_ERRORS.to_owned(),
    };
    Some(alert(message))
}

/// A fault, announced at once.
pub(crate) fn alert(content: impl IntoView) -> impl IntoView {
    view! {
        <p class="alert bad" role="alert">
            <Icon name="warning" />
            {content}
        </p>
    }
}

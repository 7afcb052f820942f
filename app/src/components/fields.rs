//! The fields of a form, each with its label, hint and error, and the summary of the errors.

use leptos::prelude::*;

use super::{ErrorSummary, Icon};
use crate::{
    form::{Conflict, Difference, FORM_ID, Field, Form, VERSION},
    frame::Frame,
};

mod text {
    pub(super) const OPTIONAL: &str = "Optional";
    pub(super) const ONE_ERROR: &str = "One field needs your attention.";
    pub(super) const SOME_ERRORS: &str = "Some fields need your attention.";
    pub(super) const CHANGED: &str =
        "This was changed meanwhile, in another tab or by somebody else. Nothing of yours is saved yet, or lost.";
    pub(super) const CHANGED_LEGEND: &str = "Changed meanwhile";
    pub(super) const CHANGED_HINT: &str = "Choose for each, and save again.";
    pub(super) const MINE: &str = "Keep mine";
    pub(super) const THEIRS: &str = "Take what is stored now";
    pub(super) const NOTHING: &str = "Nothing";
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
            id=name
            tabindex="-1"
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

/// Lists above a form what is wrong with it: each error leads to its field. It has the focus,
/// so that it is read first. A form of something that has changed meanwhile says so.
pub(crate) fn error_summary(form: &Form) -> Option<impl IntoView + use<>> {
    let errors = form.errors();
    let message = match (form.refusal(), errors.len(), form.conflict()) {
        (Some(refusal), ..) => refusal.to_owned(),
        (None, 0, Some(_)) => text::CHANGED.to_owned(),
        (None, 0, None) => return None,
        (None, 1, _) => text::ONE_ERROR.to_owned(),
        (None, ..) => text::SOME_ERRORS.to_owned(),
    };
    let errors = errors.iter().map(|(name, message)| ((*name).to_owned(), message.clone())).collect();
    Some(view! { <ErrorSummary title=message errors=errors /> })
}

/// The one-time id of a form that makes something. A form that was refused keeps it; one that
/// was done, and is looked at again, has a new one.
pub(crate) fn form_id_input(form: &Form, frame: &Frame) -> impl IntoView + use<> {
    let kept = form.get(&FORM_ID);
    let id = if kept.is_empty() || form.is_reviewing() { frame.state.engine.new_form_id() } else { kept.to_owned() };
    hidden_input(&FORM_ID, &id)
}

/// The version that a form was made from. It stands inside the form.
pub(crate) fn version_input(form: &Form) -> impl IntoView + use<> {
    view! {
        {hidden_input(&VERSION, form.get(&VERSION))}
        {form.conflict().map(conflict_choice)}
    }
}

/// Both values of each part that differs, with the choice between them.
fn conflict_choice(conflict: &Conflict) -> impl IntoView + use<> {
    let rows = conflict.differences.iter().map(difference_row).collect_view();
    view! {
        <fieldset class="field conflict" id="changed">
            <legend>{text::CHANGED_LEGEND}</legend>
            <p class="hint">{text::CHANGED_HINT}</p>
            <input type="hidden" name=Conflict::SEEN value=conflict.seen.clone() />
            {rows}
        </fieldset>
    }
}

fn difference_row(difference: &Difference) -> impl IntoView + use<> {
    let Difference { label, choice, chosen, mine, theirs, carried } = difference.clone();
    let carried = carried.into_iter().map(|(name, value)| view! { <input type="hidden" name=name value=value /> });
    let option = |value: &'static str, label: &'static str, lines: Vec<String>| {
        let id = format!("{choice}-{value}");
        let lines = if lines.is_empty() { vec![text::NOTHING.to_owned()] } else { lines };
        let lines = lines.into_iter().map(|line| view! { <p class="mono wrap" dir="auto">{line}</p> }).collect_view();
        view! {
            <div class="choice">
                <input
                    type="radio"
                    id=id.clone()
                    name=choice.clone()
                    value=value
                    required
                    checked=chosen == value
                    aria-describedby=format!("{id}-about")
                />
                <div>
                    <label for=id.clone()>{label}</label>
                    <div id=format!("{id}-about")>{lines}</div>
                </div>
            </div>
        }
    };
    view! {
        <fieldset class="field">
            <legend>{label}</legend>
            <div class="choices">
                {option(Conflict::MINE, text::MINE, mine)} {option(Conflict::THEIRS, text::THEIRS, theirs)}
            </div>
            {carried.collect_view()}
        </fieldset>
    }
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

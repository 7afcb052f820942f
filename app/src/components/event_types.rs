//! The choice of event types in a form.

use leptos::prelude::*;
use signet_model::{Timestamp, event::EventType};

use super::fields::field_error;
use crate::{
    form::{Field, Form},
    present::indented,
};

mod text {
    pub(super) const SAMPLE_BODY: &str = "Sample body";
}

/// A checkbox for each event type, with a sample body if there is an instant for it.
pub(crate) fn event_types_input(field: &Field, form: &Form, samples_at: Option<Timestamp>) -> impl IntoView + use<> {
    let Field { name, label, hint, .. } = *field;
    let (wrong, focus, ticked) = (form.error(field).is_some(), form.has_focus(field), form.types(field));
    let choices = EventType::ALL
        .into_iter()
        .enumerate()
        .map(|(place, kind)| choice(name, kind, ticked.contains(&kind), focus && place == 0, samples_at))
        .collect_view();
    view! {
        <fieldset
            class="field"
            aria-describedby=wrong.then(|| format!("{name}-error"))
            aria-invalid=wrong.then_some("true")
        >
            <legend>{label}</legend>
            <p class="hint">{hint}</p>
            <div class="choices">{choices}</div>
            {field_error(field, form)}
        </fieldset>
    }
}

fn choice(
    name: &'static str,
    kind: EventType,
    checked: bool,
    autofocus: bool,
    samples_at: Option<Timestamp>,
) -> impl IntoView {
    let id = format!("{name}-{kind}");
    view! {
        <div class="choice">
            <input
                type="checkbox"
                id=id.clone()
                name=name
                value=kind.as_str()
                checked=checked
                autofocus=autofocus
                aria-describedby=format!("{id}-about")
            />
            <div>
                <label class="mono" for=id.clone()>{kind.as_str()}</label>
                <p class="muted" id=format!("{id}-about")>{kind.sentence()}</p>
                {samples_at.map(|at| sample(kind, at))}
            </div>
        </div>
    }
}

fn sample(kind: EventType, at: Timestamp) -> impl IntoView {
    view! {
        <details class="fold">
            <summary>{text::SAMPLE_BODY}</summary>
            <pre class="code" tabindex="0">{indented(&kind.sample(at).json)}</pre>
        </details>
    }
}

//! The choice of event types in a form.

use leptos::prelude::*;
use signet_model::{Timestamp, event::EventType};

use super::FieldError;
use crate::{form::Errors, present::indented};

/// A checkbox for each event type; their name is `event`.
#[component]
pub(crate) fn EventTypesField(
    legend: &'static str,
    hint: &'static str,
    chosen: Vec<EventType>,
    errors: Errors,
    /// The instant of the sample bodies; without it there are none.
    #[prop(optional)]
    samples_at: Option<Timestamp>,
) -> impl IntoView {
    let wrong = errors.get("event").is_some();
    let focus = errors.is_first("event");
    let choices = EventType::ALL
        .into_iter()
        .enumerate()
        .map(|(place, kind)| choice(kind, chosen.contains(&kind), focus && place == 0, samples_at))
        .collect_view();
    view! {
        <fieldset class="field" aria-describedby=wrong.then_some("event-error") aria-invalid=wrong.then_some("true")>
            <legend>{legend}</legend>
            <p class="hint">{hint}</p>
            <div class="choices">{choices}</div>
            <FieldError name="event" errors=errors.clone() />
        </fieldset>
    }
}

fn choice(kind: EventType, checked: bool, autofocus: bool, samples_at: Option<Timestamp>) -> impl IntoView {
    let id = format!("event-{kind}");
    view! {
        <div class="choice">
            <input
                type="checkbox"
                id=id.clone()
                name="event"
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
            <summary>"Sample body"</summary>
            <pre class="code" tabindex="0">{indented(&kind.sample(at).json)}</pre>
        </details>
    }
}

//! The options of a webhook in its form: headers, a throttle, the attributes of CloudEvents,
//! a filter.

use leptos::prelude::*;
use signet_engine::service::endpoints::{Endpoint, EndpointOptions, FilterPreview, HeaderDraft};
use signet_model::{
    Timestamp,
    endpoint::custom_headers::{CUSTOM_HEADERS_MAX, CustomHeaderName, CustomHeaderValue},
};

use super::{filter, text};
use crate::{
    components::{field_error, text_input, with_code},
    form::{Field, Form, Invalid},
};

/// Carries the error of all headers together.
pub(crate) const HEADERS: Field = Field::text("headers", text::HEADERS);
pub(crate) const HEADER_NAME: Field = Field::text("header-name", text::HEADER_NAME);
pub(crate) const HEADER_VALUE: Field = Field::text("header-value", text::HEADER_VALUE).secret();
pub(crate) const THROTTLE: Field = Field {
    hint: text::THROTTLE_HINT,
    optional: true,
    inputmode: "numeric",
    ..Field::text("throttle", text::THROTTLE)
};
pub(crate) const CLOUD_EVENTS: Field = Field::text("cloud-events", text::CLOUD_EVENTS);

/// Empty lines below the headers that a form has.
const BLANK_LINES: usize = 3;
/// The value of a ticked box.
const TICKED: &str = "on";

/// The form with the options of a webhook. Values of headers are never shown.
pub(super) fn fill(form: Form, endpoint: &Endpoint) -> Form {
    let mut form =
        endpoint.headers.iter().fold(form, |form, name| form.with(&HEADER_NAME, name).with(&HEADER_VALUE, ""));
    if let Some(throttle) = endpoint.throttle {
        form = form.with(&THROTTLE, throttle.per_second());
    }
    if endpoint.cloud_events {
        form = form.with(&CLOUD_EVENTS, TICKED);
    }
    filter::fill(form, endpoint)
}

/// The options; or else the form has their errors.
pub(super) fn read(form: &mut Form) -> Result<EndpointOptions, Invalid> {
    let headers: Result<Vec<_>, String> = lines(form).map(|(name, value)| header(name, value)).collect();
    let headers = form.check(&HEADERS, headers, |message| message);
    let throttle = form.parse_optional(&THROTTLE, text::invalid_throttle);
    let cloud_events = form.get(&CLOUD_EVENTS) == TICKED;
    let filter = filter::read(form);
    Ok(EndpointOptions { headers: headers?, cloud_events, throttle: throttle?, filter: filter? })
}

/// The lines for headers that are not empty.
fn lines(form: &Form) -> impl Iterator<Item = (&str, &str)> {
    let trimmed = |field| form.all(field).map(|text| text.trim_matches([' ', '\t']));
    trimmed(&HEADER_NAME).zip(trimmed(&HEADER_VALUE)).filter(|line| *line != ("", ""))
}

fn header(name: &str, value: &str) -> Result<HeaderDraft, String> {
    let parsed: CustomHeaderName = name.parse().map_err(|error| text::invalid_header_name(name, error))?;
    let value: Option<CustomHeaderValue> = match value {
        "" => None,
        value => Some(value.parse().map_err(|error| text::invalid_header_value(&parsed, error))?),
    };
    Ok(HeaderDraft { name: parsed, value })
}

/// The fields, folded as long as none is filled in.
pub(super) fn fields(form: &Form, preview: Option<&FilterPreview>, now: Timestamp) -> impl IntoView + use<> {
    let filled = lines(form).next().is_some()
        || filter::is_filled(form)
        || [&THROTTLE, &CLOUD_EVENTS].into_iter().any(|field| !form.get(field).is_empty())
        || [&HEADERS, &THROTTLE, &filter::FILTER].into_iter().any(|field| form.error(field).is_some());
    view! {
        <details class="fold" open=filled>
            <summary>{text::OPTIONS}</summary>
            <div class="form">
                {headers_input(form)}
                {text_input(&THROTTLE, form)}
                {cloud_events_input(form)}
                {filter::input(form, preview, now)}
            </div>
        </details>
    }
}

fn headers_input(form: &Form) -> impl IntoView + use<> {
    let filled: Vec<_> = lines(form).map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    let count = (filled.len() + BLANK_LINES).min(CUSTOM_HEADERS_MAX.max(filled.len()));
    let focus = form.has_focus(&HEADERS);
    let lines = filled.into_iter().chain(std::iter::repeat_with(Default::default)).take(count);
    let lines = lines.enumerate().map(|(place, line)| header_line(line, place, focus)).collect_view();
    let wrong = form.error(&HEADERS).is_some();
    view! {
        <fieldset
            class="field"
            id="headers"
            tabindex="-1"
            aria-describedby=wrong.then_some("headers-error")
            aria-invalid=wrong.then_some("true")
        >
            <legend>
                {text::HEADERS}
                <span class="optional">{text::OPTIONAL}</span>
            </legend>
            <p class="hint">{text::HEADERS_HINT}</p>
            <div class="pairs">{lines}</div>
            {field_error(&HEADERS, form)}
        </fieldset>
    }
}

/// `focus` is for the first line, which also has an example.
fn header_line((name, value): (String, String), place: usize, focus: bool) -> impl IntoView {
    let placeholder = if name.is_empty() { "" } else { CustomHeaderValue::MASK };
    if !value.is_empty() {
        crate::compressible::shows_secret();
    }
    view! {
        <div class="pair">
            <input
                class="input mono"
                name=HEADER_NAME.name
                value=name
                aria-label=HEADER_NAME.label
                placeholder=if place == 0 { "Authorization" } else { "" }
                autocomplete="off"
                spellcheck="false"
                autocapitalize="none"
                autofocus=focus && place == 0
            />
            <input
                class="input mono"
                name=HEADER_VALUE.name
                value=value
                aria-label=HEADER_VALUE.label
                placeholder=placeholder
                autocomplete="off"
                spellcheck="false"
                autocapitalize="none"
            />
        </div>
    }
}

fn cloud_events_input(form: &Form) -> impl IntoView + use<> {
    let name = CLOUD_EVENTS.name;
    view! {
        <div class="choices">
            <div class="choice">
                <input
                    type="checkbox"
                    id=name
                    name=name
                    value=TICKED
                    checked=form.get(&CLOUD_EVENTS) == TICKED
                    aria-describedby="cloud-events-about"
                />
                <div>
                    <label for=name>{text::CLOUD_EVENTS}</label>
                    <p class="muted" id="cloud-events-about">{with_code(text::CLOUD_EVENTS_HINT)}</p>
                </div>
            </div>
        </div>
    }
}

//! The filter of a webhook in its form: lines of a member, a test and a value, and a preview
//! of what they let through.

use leptos::prelude::*;
use signet_engine::service::endpoints::{Endpoint, FilterPreview, PreviewedEvent};
use signet_model::{
    Filter, Timestamp,
    filter::{CONDITIONS_MAX, Condition, Scalar, Test},
};

use super::text;
use crate::{
    components::{When, field_error},
    form::{Field, Form, Invalid},
    present::{TestKind, typed_value},
    words::moment,
};

/// Carries the error of all conditions together.
pub(crate) const FILTER: Field = Field::text("filter", text::FILTER);
pub(crate) const MEMBER: Field = Field::text("filter-member", text::FILTER_MEMBER);
pub(crate) const TEST: Field = Field::text("filter-test", text::FILTER_TEST);
pub(crate) const VALUE: Field = Field::text("filter-value", text::FILTER_VALUE);
/// The button that previews the filter instead of saving the form.
pub(crate) const PREVIEW: Field = Field::text("preview", text::PREVIEW);

/// Empty lines below the conditions that a form has.
const BLANK_LINES: usize = 2;
/// The events that a preview names.
const NAMED_EVENTS: usize = 5;

/// A condition as it is typed.
#[derive(Debug, Clone, Copy)]
struct Line<'f> {
    member: &'f str,
    test: &'f str,
    value: &'f str,
}

impl Line<'_> {
    /// Reads the condition; the fault stands behind its number.
    fn read(self) -> Result<Condition, String> {
        let kind = TestKind::named(self.test).ok_or(text::NO_TEST)?;
        let test = match kind {
            TestKind::Exists(exists) => Test::Exists(exists),
            _ if self.value.is_empty() => return Err(text::NO_VALUE.to_owned()),
            TestKind::Equals => Test::Equals(Scalar::from_typed(self.value)),
            TestKind::OneOf => Test::OneOf(Scalar::list_from_typed(self.value)),
            TestKind::Compare(comparison) => match Scalar::from_typed(self.value) {
                Scalar::Number(number) => Test::Compare(comparison, number),
                Scalar::Text(_) | Scalar::Bool(_) => return Err(text::NO_NUMBER.to_owned()),
            },
        };
        let pointer = self.member.parse().map_err(text::invalid_member)?;
        Condition::new(pointer, test).map_err(|error| error.to_string())
    }
}

/// The lines of a form that are not empty.
fn lines(form: &Form) -> impl Iterator<Item = Line<'_>> {
    let values = |field| form.all(field).map(str::trim);
    let lines = values(&MEMBER).zip(values(&TEST)).zip(values(&VALUE));
    let lines = lines.map(|((member, test), value)| Line { member, test, value });
    lines.filter(|line| !(line.member.is_empty() && line.value.is_empty()))
}

/// True if the form has a condition.
pub(super) fn is_filled(form: &Form) -> bool {
    lines(form).next().is_some()
}

/// The form with the conditions of a webhook.
pub(super) fn fill(form: Form, endpoint: &Endpoint) -> Form {
    let conditions = endpoint.filter.iter().flat_map(Filter::conditions);
    conditions.fold(form, |form, condition| {
        let kind = TestKind::of(condition.test());
        form.with(&MEMBER, condition.pointer().as_str())
            .with(&TEST, kind.name())
            .with(&VALUE, typed_value(condition.test()))
    })
}

/// The filter; or else the form has its error.
pub(super) fn read(form: &mut Form) -> Result<Option<Filter>, Invalid> {
    let read = |(place, line): (usize, Line<'_>)| line.read().map_err(|fault| text::invalid_condition(place, &fault));
    let conditions: Result<Vec<_>, String> = lines(form).enumerate().map(read).collect();
    let conditions = form.check(&FILTER, conditions, |message| message)?;
    if conditions.is_empty() {
        return Ok(None);
    }
    form.check(&FILTER, Filter::new(conditions), text::invalid_filter).map(Some)
}

/// The lines, and the preview if there is one.
pub(super) fn input(form: &Form, preview: Option<&FilterPreview>, now: Timestamp) -> impl IntoView + use<> {
    let filled: Vec<_> = lines(form).collect();
    let count = (filled.len() + BLANK_LINES).min(CONDITIONS_MAX.max(filled.len()));
    let focus = form.has_focus(&FILTER);
    let blank = Line { member: "", test: TestKind::Equals.name(), value: "" };
    let lines = filled.into_iter().chain(std::iter::repeat(blank)).take(count);
    let lines = lines.enumerate().map(|(place, line)| line_input(line, place, focus)).collect_view();
    let wrong = form.error(&FILTER).is_some();
    view! {
        <fieldset
            class="field"
            id="filter"
            tabindex="-1"
            aria-describedby=wrong.then_some("filter-error")
            aria-invalid=wrong.then_some("true")
        >
            <legend>
                {text::FILTER}
                <span class="optional">{text::OPTIONAL}</span>
            </legend>
            <p class="hint">{text::FILTER_HINT}</p>
            <div class="conditions">{lines}</div>
            {field_error(&FILTER, form)}
            <div class="filter-preview">
                <button class="button" type="submit" name=PREVIEW.name value="filter">
                    {text::PREVIEW}
                </button>
                {preview.map(|preview| judgement(preview, now))}
            </div>
        </fieldset>
    }
}

/// `focus` is for the first line, which also has an example.
fn line_input(line: Line<'_>, place: usize, focus: bool) -> impl IntoView + use<> {
    let Line { member, test, value } = line;
    let options = TestKind::ALL.map(|kind| {
        view! {
            <option value=kind.name() selected=kind.name() == test>
                {kind.words()}
            </option>
        }
    });
    view! {
        <div class="condition">
            <input
                class="input mono"
                name=MEMBER.name
                value=member.to_owned()
                aria-label=MEMBER.label
                placeholder=if place == 0 { "/total" } else { "" }
                autocomplete="off"
                spellcheck="false"
                autocapitalize="none"
                autofocus=focus && place == 0
            />
            <select class="input" name=TEST.name aria-label=TEST.label>
                {options}
            </select>
            <input
                class="input mono"
                name=VALUE.name
                value=value.to_owned()
                aria-label=VALUE.label
                placeholder=if place == 0 { "100" } else { "" }
                autocomplete="off"
                spellcheck="false"
                autocapitalize="none"
            />
        </div>
    }
}

/// The number of events that match, and some of those that do not.
fn judgement(preview: &FilterPreview, now: Timestamp) -> impl IntoView + use<> {
    let named = preview.others.iter().take(NAMED_EVENTS).map(|event| left_out(event, now)).collect_view();
    let others = (!preview.others.is_empty()).then(|| {
        view! {
            <p class="muted">{text::left_out(preview.others.len(), NAMED_EVENTS)}</p>
            <ul class="lines">{named}</ul>
        }
    });
    view! {
        <div class="judgement" role="status" tabindex="-1" autofocus>
            <p>{text::matching(preview)}</p>
            {others}
        </div>
    }
}

fn left_out(event: &PreviewedEvent, now: Timestamp) -> impl IntoView + use<> {
    view! {
        <li>
            <span class="mono">{event.event_type.to_string()}</span>
            " "
            <When at=moment(event.accepted_at, now) />
        </li>
    }
}

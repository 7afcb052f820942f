//! The field that chooses how fast deliveries are sent again.

use leptos::prelude::*;
use signet_engine::service::resends::{Pace, PaceError};

use crate::{
    components::field_error,
    form::{Field, Form, Invalid},
};

/// How many are sent in a time.
const PACE: Field =
    Field { optional: true, inputmode: "numeric", maxlength: Some(6), ..Field::text("pace", text::PACE) };
/// The time: `second` or `minute`.
const EACH: Field = Field::named("each");

mod text {
    use signet_engine::service::resends::Pace;

    use crate::words::number;

    pub(super) const PACE: &str = "Pace";
    pub(super) const EACH: &str = "For each";
    pub(super) const A_SECOND: &str = "second";
    pub(super) const A_MINUTE: &str = "minute";
    pub(super) const PACE_INVALID: &str = "Enter a number, such as 5.";

    pub(super) fn pace_hint(fastest: u32) -> String {
        format!(
            "How many deliveries go out to a webhook in that time. Left empty, that is {} a second, which is the most.",
            number(fastest)
        )
    }

    pub(super) fn too_fast(fastest: Pace) -> String {
        format!("Enter at most {fastest}.")
    }
}

/// The pace that the form chooses; none for that of the server.
pub(crate) fn chosen(form: &mut Form, fastest: u32) -> Result<Option<Pace>, Invalid> {
    let count = form.parse_optional::<u32>(&PACE, |_| text::PACE_INVALID.to_owned())?;
    let Some(count) = count else { return Ok(None) };
    let per_minute = if form.get(&EACH) == "minute" { count } else { count.saturating_mul(60) };
    let pace = form.check(&PACE, Pace::chosen(per_minute, fastest), |error| match error {
        PaceError::Zero => text::PACE_INVALID.to_owned(),
        PaceError::TooFast(fastest) => text::too_fast(fastest),
    });
    pace.map(Some)
}

/// The pace: a number, and the time that it is meant for.
pub(crate) fn field(form: &Form, fastest: u32) -> impl IntoView + use<> {
    let is_wrong = form.error(&PACE).is_some();
    let (value, each) = (form.get(&PACE).to_owned(), form.get(&EACH) == "minute");
    view! {
        <div class="field">
            <label for=PACE.name>{PACE.label}</label>
            <p class="hint" id="pace-hint">{text::pace_hint(fastest)}</p>
            <div class="pace">
                <input
                    class="input"
                    id=PACE.name
                    name=PACE.name
                    type="text"
                    inputmode=PACE.inputmode
                    maxlength="6"
                    autocomplete="off"
                    value=value
                    aria-describedby="pace-hint"
                    aria-invalid=is_wrong.then_some("true")
                />
                <select class="input" name=EACH.name aria-label=text::EACH>
                    <option value="second" selected=!each>{text::A_SECOND}</option>
                    <option value="minute" selected=each>{text::A_MINUTE}</option>
                </select>
            </div>
            {field_error(&PACE, form)}
        </div>
    }
}

//! The end of a key: its choice in a form, and the state of a key in a list.

use std::time::Duration;

use leptos::prelude::*;
use signet_engine::service::api_keys::{ApiKey, KeyState};
use signet_model::Timestamp;

use crate::{
    components::{Status, Tone, field_error, when_or},
    form::{Field, Form, Invalid},
    words::moment,
};

pub(crate) mod text {
    use std::time::Duration;

    use crate::words::long_span;

    pub(crate) const EXPIRES: &str = "Expires";
    pub(super) const HINT: &str = "Requests with the key are refused from then on. Make the next key before.";
    pub(super) const NEVER: &str = "Never";
    pub(crate) const NO_TIME: &str = "Choose one of the times.";
    pub(crate) const STATUS_ACTIVE: &str = "Active";
    pub(crate) const STATUS_EXPIRES_SOON: &str = "Expires soon";
    pub(super) const STATUS_EXPIRED: &str = "Expired";
    pub(super) const STATUS_REVOKED: &str = "Revoked";

    pub(super) fn days(days: u64) -> String {
        format!("After {}", long_span(Duration::from_hours(days * 24)))
    }
}

pub(crate) const EXPIRES: Field = Field { hint: text::HINT, ..Field::text("expires", text::EXPIRES) };

/// The days that a key can be made for.
const DAYS: [u64; 4] = [7, 30, 90, 365];

/// Reads the end that was chosen; none for a key that does not expire.
pub(crate) fn read(form: &mut Form, now: Timestamp) -> Result<Option<Timestamp>, Invalid> {
    let lifetime = lifetime(form.get(&EXPIRES));
    let lifetime = form.check(&EXPIRES, lifetime, |Invalid| text::NO_TIME.to_owned())?;
    Ok(lifetime.map(|time| now + time))
}

fn lifetime(choice: &str) -> Result<Option<Duration>, Invalid> {
    if choice.is_empty() {
        return Ok(None);
    }
    let days = DAYS.into_iter().find(|days| days.to_string() == choice).ok_or(Invalid)?;
    Ok(Some(Duration::from_hours(days * 24)))
}

/// The choice of the time after which the key is refused.
pub(crate) fn input(form: &Form) -> impl IntoView + use<> {
    let Field { name, label, hint, .. } = EXPIRES;
    let chosen = form.get(&EXPIRES).to_owned();
    let option = |days: u64| {
        let value = days.to_string();
        let selected = value == chosen;
        view! { <option value=value selected=selected>{text::days(days)}</option> }
    };
    view! {
        <div class="field">
            <label for=name>{label}</label>
            <p class="hint" id="expires-hint">{hint}</p>
            <select class="input" id=name name=name aria-describedby="expires-hint">
                <option value="" selected=chosen.is_empty()>{text::NEVER}</option>
                {DAYS.map(option).collect_view()}
            </select>
            {field_error(&EXPIRES, form)}
        </div>
    }
}

/// The state of a key in a word.
pub(crate) fn status(key: &ApiKey, now: Timestamp) -> Status {
    match key.state(now) {
        KeyState::Revoked => Status::new(Tone::Idle, text::STATUS_REVOKED),
        KeyState::Expired => Status::new(Tone::Idle, text::STATUS_EXPIRED),
        KeyState::ExpiresSoon(_) => Status::new(Tone::Warning, text::STATUS_EXPIRES_SOON),
        KeyState::InForce => Status::new(Tone::Good, text::STATUS_ACTIVE),
    }
}

/// True for a key whose requests are let in.
pub(crate) fn works(key: &ApiKey, now: Timestamp) -> bool {
    matches!(key.state(now), KeyState::InForce | KeyState::ExpiresSoon(_))
}

/// The end of a key.
pub(crate) fn cell(key: &ApiKey, now: Timestamp) -> impl IntoView + use<> {
    when_or(key.expires_at.map(|at| moment(at, now)), text::NEVER)
}

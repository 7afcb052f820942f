//! The time zone in which the person reads times.

use leptos::prelude::*;

use super::{PATH, TIME_ZONE_PATH, page, text};
use crate::{
    error::PageResult,
    form::{Field, Form},
    frame::Person,
    redirect::done,
    zone,
};

pub(super) const ZONE: Field = Field::text("zone", text::ZONE);

/// Keeps the zone; an empty one leaves it to the browser.
pub(super) async fn set(person: Person, form: Form) -> PageResult {
    let typed = form.get(&ZONE).trim();
    let name = zone::parse(typed);
    if name.is_none() && !typed.is_empty() {
        return page(&person, form.invalid(&ZONE, text::NO_ZONE)).await;
    }
    person.myself()?.set_time_zone(name.as_ref()).await?;
    Ok(done(text::ZONE_SAVED, PATH))
}

pub(super) fn card(person: &Person, form: &Form) -> impl IntoView + use<> {
    let chosen = person.session.time_zone.clone().unwrap_or_default();
    let error = form.error(&ZONE).map(ToOwned::to_owned);
    let options = zone::names().into_iter().map(|name| {
        let selected = name == chosen;
        view! { <option value=name.clone() selected=selected>{name.clone()}</option> }
    });
    view! {
        <section class="card" id="time-zone">
            <h2>{text::ZONE_TITLE}</h2>
            <form method="post" action=TIME_ZONE_PATH class="form">
                <div class="field">
                    <label for=ZONE.name>{ZONE.label}</label>
                    <p class="hint" id="zone-hint">{text::ZONE_HINT}</p>
                    <select class="input" id=ZONE.name name=ZONE.name aria-describedby="zone-hint">
                        <option value="" selected=chosen.is_empty()>{text::ZONE_OF_BROWSER}</option>
                        {options.collect_view()}
                    </select>
                    {error.map(|error| view! { <p class="field-error" id="zone-error">{error}</p> })}
                </div>
                <div class="form-actions">
                    <button class="button" type="submit">{text::SAVE_ZONE}</button>
                </div>
            </form>
        </section>
    }
}

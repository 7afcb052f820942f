//! The filter of the list: a form that is sent as an address, and the states with their counts.

use leptos::prelude::*;
use signet_engine::service::{
    deliveries::{Receiver, ResultClass, StateCounts},
    event_types::Catalogue,
};
use signet_model::{delivery::State, event::EventType};

use super::{
    query::{FROM, Query, RESULT, SEARCH, STATE, STATUS, TO, TYPE, WEBHOOK},
    text,
};
use crate::{
    components::{TabLink, Tabs},
    form::{Field, Form},
    html::{Html, IntoHtml},
    instants::Shown,
};

/// The most types, and the most webhooks, to choose from: a page has a size.
const MAX_CHOICES: usize = 200;

/// The states, each a link to its part of the list.
pub(super) fn states(query: &Query, counts: &StateCounts) -> impl IntoView + use<> {
    let link = |label, state, count| {
        TabLink::new(label, query.in_state(state), query.state == state).counted(text::at_least(count))
    };
    let mut tabs = vec![link(text::ALL, None, counts.all())];
    tabs.extend(State::ALL.iter().map(|&state| link(text::state(state), Some(state), counts.of(state))));
    view! { <Tabs label=text::STATE tabs=tabs /> }
}

/// The form, with what was typed in it.
pub(super) fn filters(
    query: &Query,
    form: &Form,
    catalogue: &Catalogue,
    receivers: &[Receiver],
) -> impl IntoView + use<> {
    let path = query.path();
    let is_open = [STATUS, FROM, TO].iter().any(|field| !form.get(field).is_empty());
    let state = query.state.map(|state| view! { <input type="hidden" name=STATE.name value=state.as_str() /> });
    let clear = (!form.is_blank()).then(|| view! { <a class="button quiet" href=path.clone()>{text::CLEAR}</a> });
    let webhooks = query.of.is_none().then(|| choice(&WEBHOOK, text::ALL_WEBHOOKS, webhooks(query, receivers)));
    view! {
        <form class="filters" method="get" action=path role="search">
            {state}
            {input(&SEARCH, form)}
            {choice(&RESULT, text::ALL_RESULTS, results(query))}
            {webhooks}
            {choice(&TYPE, text::ALL_TYPES, types(query, catalogue))}
            <details class="filters-more" open=is_open>
                <summary>{text::MORE_FILTERS}</summary>
                <div class="filters-fields">{input(&STATUS, form)} {instant(&FROM, form)} {instant(&TO, form)}</div>
            </details>
            <button class="button" type="submit">{text::FILTER}</button>
            {clear}
        </form>
    }
}

fn results(query: &Query) -> Vec<Html> {
    let all = ResultClass::ALL.iter();
    all.map(|&(class, name)| option(name, text::result(class), query.result == Some(class))).collect()
}

fn webhooks(query: &Query, receivers: &[Receiver]) -> Vec<Html> {
    let chosen = |receiver: &Receiver| query.webhook == Some(receiver.id);
    // The one that is chosen is always among them.
    let shown = receivers.iter().enumerate().filter(|(place, it)| *place < MAX_CHOICES || chosen(it));
    let options = shown.map(|(_, receiver)| {
        let host = receiver.host();
        let mut label =
            if receiver.description.is_empty() { host } else { format!("{host}: {}", receiver.description) };
        if receiver.is_deleted {
            label = format!("{label} ({})", text::DELETED);
        }
        option(&receiver.id.to_string(), &label, chosen(receiver))
    });
    options.collect()
}

fn types(query: &Query, catalogue: &Catalogue) -> Vec<Html> {
    let mut types: Vec<EventType> = catalogue.active().take(MAX_CHOICES).map(|entry| entry.name.clone()).collect();
    types.extend(query.kind.clone().filter(|kind| !types.contains(kind)));
    types.iter().map(|it| option(it.as_str(), it.as_str(), query.kind.as_ref() == Some(it))).collect()
}

fn choice(field: &Field, all: &'static str, options: Vec<Html>) -> impl IntoView + use<> {
    let Field { name, label, .. } = *field;
    view! {
        <div>
            <label for=name>{label}</label>
            <select class="input" id=name name=name>
                <option value="">{all}</option>
                {options}
            </select>
        </div>
    }
}

fn option(value: &str, label: &str, selected: bool) -> Html {
    let (value, label) = (value.to_owned(), label.to_owned());
    view! { <option value=value selected=selected>{label}</option> }.html()
}

/// A time in the zone of the reader, with UTC beside it.
fn instant(field: &Field, form: &Form) -> impl IntoView + use<> {
    let shown = Shown::of(form, field);
    let hidden = shown.hidden(field);
    view! { {line(field, form, shown.value, Some(shown.hint))} {hidden} }
}

fn input(field: &Field, form: &Form) -> impl IntoView + use<> {
    line(field, form, form.get(field).to_owned(), None)
}

fn line(field: &Field, form: &Form, value: String, hint: Option<String>) -> impl IntoView + use<> {
    let Field { name, label, kind, placeholder, inputmode, maxlength, .. } = *field;
    let error = form.error(field).map(ToOwned::to_owned);
    let hint_id = hint.as_ref().map(|_| format!("{name}-hint"));
    let ids = hint_id.clone().into_iter().chain(error.as_ref().map(|_| format!("{name}-error")));
    let described = Some(ids.collect::<Vec<_>>().join(" ")).filter(|ids| !ids.is_empty());
    view! {
        <div>
            <label for=name>{label}</label>
            <input
                class="input"
                id=name
                name=name
                type=kind
                value=value
                placeholder=(!placeholder.is_empty()).then_some(placeholder)
                inputmode=(!inputmode.is_empty()).then_some(inputmode)
                maxlength=maxlength.map(|it| it.to_string())
                autocomplete="off"
                aria-invalid=error.as_ref().map(|_| "true")
                aria-describedby=described
            />
            {hint.map(|hint| view! { <p class="hint" id=hint_id>{hint}</p> })}
            {error.map(|error| view! { <p class="field-error" id=format!("{name}-error")>{error}</p> })}
        </div>
    }
}

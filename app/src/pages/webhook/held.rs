//! Held deliveries of a webhook: how many there are of each type, and the choice for each.

use leptos::prelude::*;
use signet_engine::{
    actor::Permission,
    service::{
        backlog::Count,
        deliveries::Filter,
        endpoints::Endpoint,
        resends::{StartError, Verb},
    },
};
use signet_model::{EndpointId, delivery::State, event::EventType};

use super::{
    resends::{Chosen, types},
    text,
};
use crate::{
    components::Icon,
    error::{PageError, PageResult},
    form::Form,
    frame::{Ids, Member},
    present::endpoint_path,
    redirect::done,
    words::deliveries,
};

/// The choice for the held deliveries of one type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Choice {
    Send,
    Discard,
    Keep,
}

impl Choice {
    const ALL: [Self; 3] = [Self::Send, Self::Discard, Self::Keep];

    const fn value(self) -> &'static str {
        match self {
            Self::Send => "send",
            Self::Discard => "discard",
            Self::Keep => "keep",
        }
    }

    const fn label(self) -> &'static str {
        match self {
            Self::Send => text::SEND,
            Self::Discard => text::DISCARD,
            Self::Keep => text::KEEP,
        }
    }
}

/// The beginning of the name of each field, before the name of the type.
const PREFIX: &str = "held.";

/// The name of the field for one type.
pub(crate) fn field(kind: &EventType) -> String {
    format!("{PREFIX}{kind}")
}

/// Sends or discards deliveries that were kept held when the webhook was re-enabled.
pub(super) async fn settle(member: Member, Ids(id): Ids<EndpointId>, form: Form) -> PageResult {
    // A form without a choice makes no call that would look for the webhook.
    member.account().endpoint(id).get().await?;
    member.check(Permission::SendDeliveries)?;
    let refused = apply(&member, id, &form).await?;
    Ok(done(refused.as_deref().unwrap_or(text::SETTLED), &endpoint_path(id)))
}

/// Sends and discards the types that the form chooses. Both go on by themselves, with progress.
/// Returns the reason for which one of them is not begun.
pub(super) async fn apply(member: &Member, id: EndpointId, form: &Form) -> Result<Option<String>, PageError> {
    let endpoint = member.account().endpoint(id);
    let counts = endpoint.held_counts().await?;
    for (verb, choice) in [(Verb::Discard, Choice::Discard), (Verb::Send, Choice::Send)] {
        let types = types(form, PREFIX, choice.value());
        let filter = Filter { state: Some(State::Held), ..Filter::default() };
        match (Chosen { verb, filter, types, counts: &counts, pace: None }).begin(member, id).await {
            Ok(()) => {}
            Err(StartError::Store(error)) => return Err(error.into()),
            Err(refused) => return Ok(Some(refused.to_string())),
        }
    }
    Ok(None)
}

/// The panel of an enabled webhook; `None` if none of its deliveries is held.
pub(super) fn panel(endpoint: &Endpoint, held: &[(EventType, Count)]) -> Option<impl IntoView + use<>> {
    if endpoint.disabled.is_some() || held.is_empty() {
        return None;
    }
    let action = format!("{}/held", endpoint_path(endpoint.id));
    Some(view! {
        <section class="card panel paused" aria-labelledby="held-title">
            <h2 id="held-title">
                <Icon name="pause" />
                {text::ARE_HELD}
            </h2>
            <p>{text::HELD_SINCE_DISABLED}</p>
            <form method="post" action=action class="form">
                {choices(held, Choice::Keep)}
                <div class="form-actions">
                    <button class="button" type="submit">
                        {text::APPLY}
                    </button>
                </div>
            </form>
        </section>
    })
}

/// A choice for each type of which deliveries are held.
pub(super) fn choices(held: &[(EventType, Count)], chosen: Choice) -> Option<impl IntoView + use<>> {
    if held.is_empty() {
        return None;
    }
    let lines = held.iter().map(|(kind, count)| line(kind, *count, chosen)).collect_view();
    Some(view! {
        <fieldset class="field">
            <legend>{text::HELD}</legend>
            <p class="hint">{text::HELD_HINT}</p>
            <div class="held">{lines}</div>
        </fieldset>
    })
}

fn line(kind: &EventType, count: Count, chosen: Choice) -> impl IntoView + use<> {
    let choices = Choice::ALL.map(|choice| (choice.value(), choice.label()));
    choice_line(field(kind), kind, count, &choices, chosen.value())
}

/// What is to happen to the deliveries of one type: how many they are, and the choices by their
/// values and labels.
pub(super) fn choice_line(
    name: String,
    kind: &EventType,
    count: Count,
    choices: &[(&'static str, &'static str)],
    chosen: &str,
) -> impl IntoView + use<> {
    let options = choices
        .iter()
        .map(|&(value, label)| view! { <option value=value selected=value == chosen>{label}</option> })
        .collect_view();
    view! {
        <div class="held-line">
            <label for=name.clone()>
                <span class="mono">{kind.to_string()}</span>
                <span class="muted">{deliveries(count)}</span>
            </label>
            <select class="input" id=name.clone() name=name>
                {options}
            </select>
        </div>
    }
}

//! What happens to deliveries that were held while a webhook was disabled.

use leptos::prelude::*;
use signet_engine::store::{backlog::Count, endpoints::Endpoint};
use signet_model::event::EventType;

use crate::{components::Icon, present::endpoint_path, words::deliveries};

/// What can be done with the held deliveries of one type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Choice {
    Send,
    Discard,
    Keep,
}

impl Choice {
    const ALL: [Self; 3] = [Self::Send, Self::Discard, Self::Keep];

    const fn key(self) -> &'static str {
        match self {
            Self::Send => "send",
            Self::Discard => "discard",
            Self::Keep => "keep",
        }
    }

    const fn words(self) -> &'static str {
        match self {
            Self::Send => "Send",
            Self::Discard => "Discard",
            Self::Keep => "Keep held",
        }
    }

    /// What a form sent.
    pub(crate) fn read(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|choice| choice.key() == text)
    }
}

/// The name of the field for one type.
pub(crate) fn field(kind: EventType) -> String {
    format!("held.{kind}")
}

/// Held deliveries that were kept when the webhook was re-enabled.
pub(super) fn panel(endpoint: &Endpoint, held: &[(EventType, Count)]) -> Option<impl IntoView + use<>> {
    if endpoint.disabled.is_some() || held.is_empty() {
        return None;
    }
    let action = format!("{}/held", endpoint_path(endpoint.id));
    Some(view! {
        <section class="card panel paused" aria-labelledby="held-title">
            <h2 id="held-title">
                <Icon name="pause" />
                "Deliveries are held"
            </h2>
            <p>"They arrived while this webhook was disabled, and wait for your decision."</p>
            <form method="post" action=action class="form">
                {choices(held, Choice::Keep)}
                <div class="form-actions">
                    <button class="button" type="submit">
                        "Apply"
                    </button>
                </div>
            </form>
        </section>
    })
}

/// A choice for each type of which something is held.
pub(super) fn choices(held: &[(EventType, Count)], chosen: Choice) -> Option<impl IntoView + use<>> {
    if held.is_empty() {
        return None;
    }
    let lines = held.iter().map(|&(kind, count)| line(kind, count, chosen)).collect_view();
    Some(view! {
        <fieldset class="field">
            <legend>"Held deliveries"</legend>
            <p class="hint">"What is sent goes out a few at a time, so that your receiver is not flooded."</p>
            <div class="held">{lines}</div>
        </fieldset>
    })
}

fn line(kind: EventType, count: Count, chosen: Choice) -> impl IntoView {
    let name = field(kind);
    let options = Choice::ALL
        .into_iter()
        .map(|choice| view! { <option value=choice.key() selected=choice == chosen>{choice.words()}</option> })
        .collect_view();
    view! {
        <div class="held-line">
            <label for=name.clone()>
                <span class="mono">{kind.as_str()}</span>
                <span class="muted">{deliveries(count)}</span>
            </label>
            <select class="input" id=name.clone() name=name>
                {options}
            </select>
        </div>
    }
}

//! The form that decides about what waited: for each type, and at which pace.

use leptos::prelude::*;
use signet_engine::service::{backlog::Count, endpoints::Endpoint};
use signet_model::event::EventType;

use super::{super::held::choice_line, Backlog, path, text};
use crate::{form::Form, html::IntoHtml, pages::resends::pace};

/// The beginnings of the names of fields, before the name of the type.
pub(super) const HELD: &str = "held.";
pub(super) const FAILED: &str = "failed.";
/// The choices.
pub(super) const SEND: &str = "send";
pub(super) const DISCARD: &str = "discard";
const KEEP: &str = "keep";

/// A choice with its words.
type Choice = (&'static str, &'static str);

/// Held deliveries can be discarded; failed ones stay in the log anyway.
const OF_HELD: [Choice; 3] = [(SEND, text::SEND_THEM), (KEEP, text::KEEP), (DISCARD, text::DISCARD)];
const OF_FAILED: [Choice; 2] = [(SEND, text::SEND_THEM), (KEEP, text::LEAVE)];

/// The form. Sending waits until the webhook is enabled.
pub(super) fn form(endpoint: &Endpoint, backlog: &Backlog, form: &Form, fastest: u32) -> impl IntoView + use<> {
    let held = group(text::HELD, HELD, &backlog.held, &OF_HELD, form);
    let failed = group(text::FAILED, FAILED, &backlog.failed, &OF_FAILED, form);
    let is_enabled = endpoint.disabled.is_none();
    let send = if is_enabled {
        view! {
            <div class="form-actions">
                <button class="button primary" type="submit">
                    {text::BEGIN}
                </button>
            </div>
        }
        .html()
    } else {
        view! { <p class="hint">{text::ENABLE_FIRST}</p> }.html()
    };
    view! {
        <form class="form" method="post" action=path(endpoint.id)>
            {held}
            {failed}
            {is_enabled.then(|| pace::field(form, fastest))}
            {send}
        </form>
    }
}

fn group(
    title: &'static str,
    prefix: &'static str,
    counts: &[(EventType, Count)],
    choices: &[Choice],
    form: &Form,
) -> Option<impl IntoView + use<>> {
    if counts.is_empty() {
        return None;
    }
    let lines = counts.iter().map(|(kind, count)| line(prefix, kind, *count, choices, form)).collect_view();
    Some(view! {
        <fieldset class="field">
            <legend>{title}</legend>
            <div class="held">{lines}</div>
        </fieldset>
    })
}

fn line(prefix: &str, kind: &EventType, count: Count, choices: &[Choice], form: &Form) -> impl IntoView + use<> {
    let name = format!("{prefix}{kind}");
    let chosen = match form.named(&name) {
        "" => SEND,
        chosen => chosen,
    };
    choice_line(name.clone(), kind, count, choices, chosen)
}

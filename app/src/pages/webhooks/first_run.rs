//! The first steps of an account, ticked by what has happened, until a real event has arrived.

use leptos::prelude::*;
use signet_engine::service::{
    deliveries::Filter,
    endpoints::{Endpoint, Listed},
};
use signet_model::{EndpointId, delivery::State};

use super::text;
use crate::{
    components::Icon,
    error::PageError,
    frame::Member,
    pages::{deliveries, webhook::head::Tab, webhook_form},
    receiver_code::ReceiverCode,
};

/// The newest deliveries that tell what has happened.
const LOOKED_AT: u32 = 50;

/// What has happened in an account so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct FirstRun {
    /// The newest webhook.
    webhook: Option<EndpointId>,
    /// A test event went out.
    tested: bool,
    /// A receiver has answered one with 2xx.
    answered: bool,
    /// A real event has come in.
    real: bool,
}

/// Reads what has happened; `None` once a real event has arrived, and for an account with more
/// webhooks than a page has, which is past its first steps.
pub(super) async fn read(member: &Member, listed: &Listed) -> Result<Option<FirstRun>, PageError> {
    let has_success = |endpoint: &Endpoint| endpoint.last_success_at.is_some();
    if listed.next.is_some() || listed.endpoints.iter().any(has_success) {
        return Ok(None);
    }
    let log = member.account().deliveries(&Filter::default(), None, LOOKED_AT).await?;
    let mut facts = FirstRun { webhook: listed.endpoints.first().map(|it| it.id), ..FirstRun::default() };
    for delivery in log.deliveries.iter().flatten() {
        let has_arrived = delivery.state == State::Delivered;
        if !delivery.is_test && has_arrived {
            return Ok(None);
        }
        facts.tested |= delivery.is_test && delivery.attempts > 0;
        facts.answered |= delivery.is_test && has_arrived;
        facts.real |= !delivery.is_test;
    }
    Ok(Some(facts))
}

/// The checklist. Its links are for those who may change webhooks.
pub(super) fn checklist(facts: &FirstRun, changes: bool) -> impl IntoView + use<> {
    let test = facts.webhook.filter(|_| changes).map(|id| (Tab::Test.path(id), text::STEP_TEST));
    let add = changes.then(|| (webhook_form::NEW_PATH.to_owned(), text::ADD));
    let real = facts.real.then(|| (deliveries::PATH.to_owned(), text::SEE_DELIVERIES));
    let real_hint = if facts.real { text::STEP_REAL_UNDER_WAY } else { text::STEP_REAL_HINT };
    let code = (!facts.answered).then(|| {
        view! {
            <details class="fold">
                <summary>{text::CODE}</summary>
                <ReceiverCode />
            </details>
        }
    });
    view! {
        <section class="card first-run" aria-labelledby="first-run-title">
            <h2 id="first-run-title">{text::FIRST_STEPS}</h2>
            <p class="hint">{text::FIRST_STEPS_LEAD}</p>
            <ol class="checklist">
                {step(facts.webhook.is_some(), text::STEP_ADD, text::STEP_ADD_HINT, add, ())}
                {step(facts.answered, text::STEP_VERIFY, text::STEP_VERIFY_HINT, None, code)}
                {step(facts.tested, text::STEP_TEST, text::STEP_TEST_HINT, test, ())}
                {step(false, text::STEP_REAL, real_hint, real, ())}
            </ol>
        </section>
    }
}

/// One step: ticked, or with its link.
fn step(
    done: bool,
    title: &'static str,
    hint: &'static str,
    link: Option<(String, &'static str)>,
    more: impl IntoView,
) -> impl IntoView {
    let (class, icon, word) = if done { ("done", "check", text::DONE) } else { ("to-do", "minus", text::TO_DO) };
    let link = link.filter(|_| !done).map(|(href, verb)| view! { <a class="button" href=href>{verb}</a> });
    view! {
        <li class=class>
            <Icon name=icon />
            <div>
                <p class="step-title"><span class="visually-hidden">{word}" "</span>{title}</p>
                <p class="hint">{hint}</p>
                {link}
                {more}
            </div>
        </li>
    }
}

//! A test of the form as it is, before it is saved: one event to the URL that is typed, and the
//! exchange on the same page. Each page has its own id for a test, so that a reload sends none.

use leptos::prelude::*;
use signet_engine::service::{
    deliveries::DraftTestError, event_types::Catalogue, sessions::Session, stored_answers::Reservation,
};
use signet_model::{Subscriptions, event::EventType};

use super::{EVENTS, FormTarget, URL, draft, text};
use crate::{
    components::{AttemptReport, AttemptView},
    error::PageError,
    form::{Field, Form},
    frame::Member,
    present::{self, Situation},
};

/// The button that sends a test instead of saving the form.
pub(crate) const SEND: Field = Field::text("send-test", text::SEND_TEST);
/// The type of the event.
pub(crate) const TYPE: Field = Field::text("test-type", text::TEST_TYPE);
/// The one-time id of the test.
pub(crate) const ID: Field = Field::named("test-id");

/// The most types to choose from: a page has a size.
const TYPES_MAX: usize = 100;

pub(super) fn is_asked_for(form: &Form) -> bool {
    !form.get(&SEND).is_empty()
}

/// Sends the test. Without an exchange the form has the reason.
pub(super) async fn send(
    member: &Member,
    target: &FormTarget,
    mut form: Form,
) -> Result<(Form, Option<AttemptView>), PageError> {
    let kind = form.parse::<EventType>(&TYPE, |_| text::NO_TEST_TYPE.to_owned());
    let (Ok(draft), Ok(kind)) = (draft(&mut form), kind) else { return Ok((form, None)) };
    if !is_first(member, form.get(&ID)).await? {
        return Ok((form.refused(text::TEST_SENT_BEFORE), None));
    }
    let tested = match target {
        FormTarget::New(secret) => member.account().test_unsaved(&draft, secret, &kind).await,
        FormTarget::Existing(endpoint) => member.account().endpoint(endpoint.id).test_unsaved(&draft, &kind).await,
    };
    match tested {
        Ok(attempt) => Ok((form, Some(present::attempt(&attempt, Situation::DRAFT, member.frame.now)))),
        Err(DraftTestError::Address(refused)) => Ok((form.invalid(&URL, refused.to_string()), None)),
        Err(DraftTestError::Test(error)) => Err(error.into()),
        Err(error) => Ok((form.refused(error.to_string()), None)),
    }
}

/// Uses the id of a test up. Without one, the test is sent in any case.
async fn is_first(member: &Member, id: &str) -> Result<bool, PageError> {
    if id.is_empty() || id.len() > 64 {
        return Ok(true);
    }
    let account = member.frame.session.as_ref().and_then(Session::account_id);
    let key = format!("test\u{a0}{id}");
    let reserved = member.engine().stored_answers(account, account).reserve(&key, [0; 32]).await?;
    Ok(matches!(reserved, Reservation::New | Reservation::TooMany))
}

/// The button and its type, inside the form, with the exchange of the last test.
pub(super) fn part(
    member: &Member,
    form: &Form,
    catalogue: &Catalogue,
    tested: Option<AttemptView>,
) -> impl IntoView + use<> {
    let wanted = Subscriptions::new(form.selectors(&EVENTS)).unwrap_or_default();
    let (first, others): (Vec<_>, Vec<_>) = catalogue.active().partition(|entry| wanted.contains(&entry.name));
    let chosen = form.get(&TYPE).to_owned();
    let option = |name: String| view! { <option value=name.clone() selected=name == chosen>{name.clone()}</option> };
    let names = first.into_iter().chain(others).take(TYPES_MAX).map(|entry| entry.name.to_string());
    let options = names.map(option).collect_view();
    view! {
        <section class="field" id="draft-test">
            <h2 class="label">{text::TEST}</h2>
            <p class="hint">{text::TEST_HINT}</p>
            <input type="hidden" name=ID.name value=member.engine().new_form_id() />
            <div class="pair">
                <select class="input" id=TYPE.name name=TYPE.name aria-label=TYPE.label>{options}</select>
                <button class="button" type="submit" name=SEND.name value="draft">{text::SEND_TEST}</button>
            </div>
            {tested
                .map(|attempt| {
                    view! {
                        <div role="status" tabindex="-1" autofocus>
                            <p class="hint">{text::TESTED}</p>
                            <AttemptReport attempt=attempt open=true />
                        </div>
                    }
                })}
        </section>
    }
}

//! The rotation of the signing secret: make the next one, prove that the receiver knows it,
//! switch, or call it off.

use axum::response::Response;
use leptos::prelude::*;
use signet_engine::{
    actor::Permission,
    service::{
        deliveries::DraftTestError,
        endpoints::{Endpoint, RotateError},
    },
};
use signet_model::{EndpointId, Timestamp, rotation::Overlap, signature::Secret};

use super::{settings, text};
use crate::{
    components::CopyButton,
    components::{When, with_code, with_element},
    error::{PageError, PageResult},
    form::{Field, Form},
    frame::{Ids, Member},
    html::IntoHtml,
    present::endpoint_path,
    redirect::done,
    words::moment,
};

const OVERLAP: Field = Field::text("overlap", text::rotation::OVERLAP);
/// The choices, the usual one first.
const OVERLAPS: [(Overlap, &str); 4] = [
    (Overlap::Day, text::rotation::DAY),
    (Overlap::Hour, text::rotation::HOUR),
    (Overlap::Week, text::rotation::WEEK),
    (Overlap::None, text::rotation::NONE),
];

/// The address of the part.
fn path(id: EndpointId) -> String {
    format!("{}#rotation", settings::path(id))
}

/// Makes the next secret.
pub(super) async fn begin(member: Member, Ids(id): Ids<EndpointId>, form: Form) -> PageResult {
    member.check(Permission::ChangeWebhooks)?;
    let overlap: Overlap = form.get(&OVERLAP).parse().map_err(|_| PageError::Unreadable)?;
    let begun = member.account().endpoint(id).rotate(overlap).await;
    let said = if overlap == Overlap::None { text::rotation::REPLACED } else { text::rotation::BEGUN };
    ended(id, begun.map(drop), said)
}

/// Has the next secret sign alone.
pub(super) async fn switch(member: Member, Ids(id): Ids<EndpointId>) -> PageResult {
    member.check(Permission::ChangeWebhooks)?;
    ended(id, member.account().endpoint(id).switch_secret().await, text::rotation::SWITCHED)
}

/// Drops the next secret.
pub(super) async fn call_off(member: Member, Ids(id): Ids<EndpointId>) -> PageResult {
    member.check(Permission::ChangeWebhooks)?;
    ended(id, member.account().endpoint(id).call_off_rotation().await, text::rotation::CALLED_OFF)
}

/// Shows the settings with the next secret.
pub(super) async fn reveal(member: Member, Ids(id): Ids<EndpointId>) -> PageResult {
    let rotation = member.account().endpoint(id).reveal_rotation().await?;
    settings::page(&member, id, settings::Revealed { next: rotation.map(|it| it.next), ..Default::default() }).await
}

/// Sends a test that the next secret alone signs, and says what it proves.
pub(super) async fn prove(member: Member, Ids(id): Ids<EndpointId>) -> PageResult {
    member.check(Permission::ChangeWebhooks)?;
    let handle = member.account().endpoint(id);
    let wanted = handle.get().await?.event_types;
    let catalogue = member.catalogue().await?;
    let kind = catalogue.active().find(|entry| wanted.contains(&entry.name)).or_else(|| catalogue.active().next());
    let kind = kind.map(|entry| entry.name.clone()).ok_or(PageError::NotFound)?;
    let said = match handle.test_next_secret(&kind, None).await {
        Ok(attempt) if attempt.outcome().is_success() => text::rotation::PROVED.to_owned(),
        Ok(attempt) => text::rotation::not_proved(attempt.outcome()),
        Err(DraftTestError::Test(error)) => return Err(error.into()),
        Err(refused) => refused.to_string(),
    };
    Ok(done(&said, &path(id)))
}

/// Leads back to the part, with what was done or the reason for which it was not.
fn ended(id: EndpointId, result: Result<(), RotateError>, said: &str) -> Result<Response, PageError> {
    match result {
        Ok(()) => Ok(done(said, &path(id))),
        Err(RotateError::Store(error)) => Err(error.into()),
        Err(refused) => Ok(done(&refused.to_string(), &path(id))),
    }
}

/// The part of the settings. `takes_over_at` is the end of the overlap while one is under way.
pub(super) fn card(
    endpoint: &Endpoint,
    takes_over_at: Option<Timestamp>,
    next: Option<&Secret>,
    now: Timestamp,
) -> impl IntoView + use<> {
    let path = format!("{}/rotation", endpoint_path(endpoint.id));
    view! {
        <section class="card" id="rotation" aria-labelledby="rotation-title">
            <h2 id="rotation-title">{text::rotation::TITLE}</h2>
            {match takes_over_at {
                None => begin_form(&path).html(),
                Some(at) => under_way(&path, at, next, now).html(),
            }}
        </section>
    }
}

fn begin_form(path: &str) -> impl IntoView + use<> {
    let options =
        OVERLAPS.map(|(overlap, label)| view! { <option value=overlap.as_str()>{label}</option> }).collect_view();
    view! {
        <p class="hint">{with_code(text::rotation::ABOUT)}</p>
        <form class="form" method="post" action=path.to_owned()>
            <div class="field">
                <label for=OVERLAP.name>{OVERLAP.label}</label>
                <select class="input" id=OVERLAP.name name=OVERLAP.name>
                    {options}
                </select>
            </div>
            <div class="form-actions">
                <button class="button" type="submit">
                    {text::rotation::BEGIN}
                </button>
            </div>
        </form>
    }
}

fn under_way(path: &str, at: Timestamp, next: Option<&Secret>, now: Timestamp) -> impl IntoView + use<> {
    let at = view! { <When at=moment(at, now) in_full=true /> };
    let button = |action: &str, label: &'static str, class: &'static str| {
        view! {
            <form method="post" action=format!("{path}/{action}")>
                <button class=class type="submit">
                    {label}
                </button>
            </form>
        }
    };
    let secret = match next {
        None => button("reveal", text::rotation::REVEAL, "button").html(),
        Some(secret) => {
            let secret = secret.reveal().to_owned();
            view! {
                <div class="secret">
                    <output class="secret-text mono" aria-label=text::rotation::NEXT>
                        {secret.clone()}
                    </output>
                    <CopyButton text=secret />
                </div>
            }
            .html()
        }
    };
    view! {
        <p>{with_element(text::rotation::UNTIL, at)}</p>
        <ol class="steps">
            <li>
                <h3>{text::rotation::GIVE}</h3>
                <p class="hint">{text::rotation::GIVE_HINT}</p>
                {secret}
            </li>
            <li>
                <h3>{text::rotation::PROVE}</h3>
                <p class="hint">{text::rotation::PROVE_HINT}</p>
                {button("test", text::rotation::SEND_TEST, "button")}
            </li>
            <li>
                <h3>{text::rotation::END}</h3>
                <p class="hint">{text::rotation::END_HINT}</p>
                <div class="actions">
                    {button("switch", text::rotation::SWITCH, "button primary")}
                    {button("call-off", text::rotation::CALL_OFF, "button danger-quiet")}
                </div>
            </li>
        </ol>
    }
}

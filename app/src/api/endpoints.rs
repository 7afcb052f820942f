//! Webhooks: create, change, delete, pause, re-enable.

use axum::{
    http::StatusCode,
    response::{IntoResponse, Response},
};
use signet_engine::store::endpoints::{EndpointDraft, HeldChoice, SaveError};
use signet_model::{EndpointId, Subscriptions, event::EventType, signature::Secret};

use crate::{
    error::PageError,
    form::{Errors, FORM, Fields},
    frame::{Ids, Member},
    notice::Notice,
    pages::{
        webhook::held::{Choice, field},
        webhook_form::{About, Entry, page},
    },
    present::endpoint_path,
    redirect::{HOME, done},
};

/// Creates a webhook that signs with the secret that the form showed. A form that is
/// sent twice leads to the one webhook that it made.
pub(crate) async fn create(member: Member, fields: Fields) -> Result<Response, PageError> {
    let secret: Secret = fields.get("secret").parse().map_err(|_| PageError::Unreadable)?;
    let entry = Entry::read(&fields);
    let saved = match entry.draft() {
        Ok(draft) => create_as(&member, draft, &secret).await.map_err(Refusal::from),
        Err(errors) => Err(Refusal::Entry(errors)),
    };
    match saved {
        Ok((notice, id)) => Ok(done(notice, &endpoint_path(id))),
        Err(refusal) => Ok(again(&member, &About::New(secret), &entry, &refusal.errors()?)),
    }
}

async fn create_as(member: &Member, draft: EndpointDraft, secret: &Secret) -> Result<(Notice, EndpointId), SaveError> {
    let endpoint = member.engine().create_endpoint(member.account, draft.clone(), secret).await?;
    let notice = if endpoint.is_as(&draft) { Notice::WebhookCreated } else { Notice::WebhookThere };
    Ok((notice, endpoint.id))
}

/// Saves what a person changed.
pub(crate) async fn update(member: Member, Ids(id): Ids<EndpointId>, fields: Fields) -> Result<Response, PageError> {
    let endpoint = member.engine().endpoint(member.account, id).await?.ok_or(PageError::NotFound)?;
    let entry = Entry::read(&fields);
    let saved = match entry.draft() {
        Ok(draft) => member.engine().update_endpoint(member.account, id, draft).await.map_err(Refusal::from),
        Err(errors) => Err(Refusal::Entry(errors)),
    };
    let about = About::Existing(id, endpoint.host());
    match saved {
        Ok(_) => Ok(done(Notice::WebhookSaved, &endpoint_path(id))),
        Err(refusal) => Ok(again(&member, &about, &entry, &refusal.errors()?)),
    }
}

fn again(member: &Member, about: &About, entry: &Entry, errors: &Errors) -> Response {
    (StatusCode::UNPROCESSABLE_ENTITY, page(&member.frame, about, entry, errors)).into_response()
}

/// Why a webhook was not saved.
enum Refusal {
    Entry(Errors),
    Engine(SaveError),
}

impl From<SaveError> for Refusal {
    fn from(error: SaveError) -> Self {
        Self::Engine(error)
    }
}

impl Refusal {
    /// What to say beside which field.
    fn errors(self) -> Result<Errors, PageError> {
        match self {
            Self::Entry(errors) => Ok(errors),
            Self::Engine(SaveError::Store(error)) => Err(error.into()),
            Self::Engine(error @ SaveError::Address(_)) => Ok(Errors::one("url", error)),
            Self::Engine(error @ SaveError::TooMany(_)) => Ok(Errors::one(FORM, error)),
        }
    }
}

/// Deletes a webhook.
pub(crate) async fn delete(member: Member, Ids(id): Ids<EndpointId>) -> Result<Response, PageError> {
    member.engine().delete_endpoint(member.account, id).await?;
    Ok(done(Notice::WebhookDeleted, HOME))
}

/// Switches a webhook off.
pub(crate) async fn pause(member: Member, Ids(id): Ids<EndpointId>) -> Result<Response, PageError> {
    member.engine().pause_endpoint(member.account, id).await?;
    Ok(done(Notice::WebhookPaused, &endpoint_path(id)))
}

/// Switches a webhook on again, and sends or drops what was held.
pub(crate) async fn enable(member: Member, Ids(id): Ids<EndpointId>, fields: Fields) -> Result<Response, PageError> {
    member.engine().enable_endpoint(member.account, id).await?;
    settle(&member, id, &fields).await?;
    Ok(done(Notice::WebhookEnabled, &endpoint_path(id)))
}

/// Sends or drops what is still held.
pub(crate) async fn settle_held(
    member: Member,
    Ids(id): Ids<EndpointId>,
    fields: Fields,
) -> Result<Response, PageError> {
    // A form may choose nothing, and then nothing else looks for the webhook.
    member.engine().endpoint(member.account, id).await?.ok_or(PageError::NotFound)?;
    settle(&member, id, &fields).await?;
    Ok(done(Notice::HeldSettled, &endpoint_path(id)))
}

async fn settle(member: &Member, id: EndpointId, fields: &Fields) -> Result<(), PageError> {
    for (chosen, choice) in [(Choice::Send, HeldChoice::Release), (Choice::Discard, HeldChoice::Discard)] {
        let types = EventType::ALL.into_iter().filter(|&kind| Choice::read(fields.get(&field(kind))) == Some(chosen));
        if let Ok(types) = Subscriptions::new(types) {
            member.engine().settle_held(member.account, id, types, choice).await?;
        }
    }
    Ok(())
}

//! The places to which a text can lead, the nearest first.

use signet_engine::{
    actor::Permission,
    service::{Error, deliveries::IdPrefix},
};
use signet_model::{DeliveryId, EndpointId};

use super::text;
use crate::{
    error::PageError,
    frame::{Member, encode},
    pages::{SECTIONS, deliveries, webhook_form},
    present::{delivery_path, endpoint_path},
};

/// The most webhooks that are listed.
const MOST_WEBHOOKS: usize = 8;
/// The longest text that is looked for.
const LONGEST: usize = 200;

/// A place to go to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Hit {
    pub(super) label: String,
    pub(super) detail: String,
    pub(super) href: String,
}

impl Hit {
    fn new(label: impl Into<String>, detail: impl Into<String>, href: impl Into<String>) -> Self {
        Self { label: label.into(), detail: detail.into(), href: href.into() }
    }
}

/// The places for a text; without one, all pages and actions.
pub(super) async fn find(member: &Member, query: &str) -> Result<Vec<Hit>, PageError> {
    let query: String = query.chars().take(LONGEST).collect();
    let mut hits = Vec::new();
    if !query.is_empty() {
        hits.extend(by_id(member, &query).await?);
        hits.extend(webhooks(member, &query).await?);
    }
    hits.extend(pages(member, &query));
    if !query.is_empty() && hits.is_empty() {
        hits.push(Hit::new(text::deliveries_with(&query), "", format!("{}?q={}", deliveries::PATH, encode(&query))));
    }
    Ok(hits)
}

/// The delivery, the webhook or the event with this id.
async fn by_id(member: &Member, query: &str) -> Result<Option<Hit>, PageError> {
    if let Ok(id) = query.parse::<DeliveryId>() {
        return match member.account().delivery(id).get().await {
            Ok(found) => {
                let kind = found.delivery.event_type.to_string();
                let href = delivery_path(found.delivery.endpoint, id);
                Ok(Some(Hit::new(format!("{} {kind}", text::DELIVERY), query, href)))
            }
            Err(Error::DeliveryNotFound | Error::UnusableDelivery(_)) => Ok(None),
            Err(error) => Err(error.into()),
        };
    }
    if let Ok(id) = query.parse::<EndpointId>() {
        return match member.account().endpoint(id).get().await {
            Ok(found) => {
                Ok(Some(Hit::new(format!("{} {}", text::WEBHOOK, found.host()), found.url, endpoint_path(id))))
            }
            Err(Error::EndpointNotFound) => Ok(None),
            Err(error) => Err(error.into()),
        };
    }
    let href = format!("{}?q={}", deliveries::PATH, encode(query));
    Ok(match query.parse::<IdPrefix>() {
        Ok(IdPrefix::Event(..)) => Some(Hit::new(text::event(query), "", href)),
        Ok(IdPrefix::Delivery(..)) => Some(Hit::new(text::deliveries_with(query), "", href)),
        Err(_) => None,
    })
}

/// The webhooks with this text in their URL, id or description.
async fn webhooks(member: &Member, query: &str) -> Result<Vec<Hit>, PageError> {
    let wanted = query.to_lowercase();
    let has = |text: &str| text.to_lowercase().contains(&wanted);
    // An account has a limited number of webhooks.
    let all = member.account().endpoints().list().await?;
    let found = all.iter().filter(|one| has(&one.url) || has(&one.description) || has(&one.id.to_string()));
    let hit = |one: &signet_engine::service::endpoints::Endpoint| {
        let label = if one.description.is_empty() { one.host() } else { one.description.clone() };
        Hit::new(format!("{} {label}", text::WEBHOOK), one.url.clone(), endpoint_path(one.id))
    };
    let is_exact = query.parse::<EndpointId>().is_ok();
    Ok(found.take(if is_exact { 0 } else { MOST_WEBHOOKS }).map(hit).collect())
}

/// The pages and the actions that the session allows.
fn pages(member: &Member, query: &str) -> Vec<Hit> {
    let wanted = query.to_lowercase();
    let is_person = !member.frame.is_of_portal();
    let allowed = SECTIONS.iter().filter(|it| member.may(it.permission) && (is_person || !it.of_person));
    let sections = allowed.map(|it| Hit::new(it.label, "", it.path));
    let add = member.may(Permission::ChangeWebhooks).then(|| Hit::new(text::ADD_WEBHOOK, "", webhook_form::NEW_PATH));
    sections.chain(add).filter(|hit| hit.label.to_lowercase().contains(&wanted)).collect()
}

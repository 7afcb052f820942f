//! Endpoints: what customers call their webhooks.

use signet_model::{
    AccountId, DeliveryId, EndpointId, Subscriptions, Timestamp,
    endpoint::{DisabledReason, EndpointUrl},
    event::EventType,
    signature::Secret,
};

use super::Result;
use crate::{Engine, outbound::AddressRefused};

/// An endpoint, without its secret.
#[derive(Debug, Clone)]
pub struct Endpoint {
    /// Its id.
    pub id: EndpointId,
    /// Where it is.
    pub url: EndpointUrl,
    /// What a person wrote about it.
    pub description: String,
    /// What it wants.
    pub event_types: Subscriptions,
    /// Since when and why it is disabled; `None` while it is enabled.
    pub disabled: Option<Disabled>,
    /// When it was created.
    pub created_at: Timestamp,
    /// When a person last changed it.
    pub updated_at: Timestamp,
    /// When a delivery last arrived.
    pub last_success_at: Option<Timestamp>,
    /// When an attempt last failed.
    pub last_failure_at: Option<Timestamp>,
    /// How many attempts have failed since the last success.
    pub consecutive_failures: u32,
}

/// Why nothing is sent to an endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Disabled {
    /// Since when.
    pub at: Timestamp,
    /// Why.
    pub reason: DisabledReason,
    /// The delivery whose failure caused it.
    pub by: Option<DeliveryId>,
}

/// What a person enters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EndpointDraft {
    /// Where it is.
    pub url: EndpointUrl,
    /// What it is for; may be empty.
    pub description: String,
    /// What it wants.
    pub event_types: Subscriptions,
}

/// Why an endpoint was not saved.
#[derive(Debug, thiserror::Error)]
pub enum SaveError {
    /// The URL names an address that is not on the public internet.
    #[error(transparent)]
    Address(#[from] AddressRefused),
    /// The description is too long.
    #[error("Use at most 200 characters.")]
    DescriptionTooLong,
    /// The store failed, or there is no such endpoint.
    #[error(transparent)]
    Store(#[from] super::Error),
}

/// What to do with what was held while the endpoint was disabled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HeldChoice {
    /// Send it, paced.
    Release,
    /// Drop it.
    Discard,
}

impl Engine {
    /// A new random secret, to be shown before the endpoint is saved.
    pub fn new_secret(&self) -> Secret {
        Secret::new(self.0.random.bytes())
    }

    /// The account's endpoints, oldest first.
    pub async fn endpoints(&self, _account: AccountId) -> Result<Vec<Endpoint>> {
        todo!()
    }

    /// One endpoint.
    pub async fn endpoint(&self, _account: AccountId, _id: EndpointId) -> Result<Option<Endpoint>> {
        todo!()
    }

    /// Creates an endpoint that signs with this secret.
    pub async fn create_endpoint(
        &self,
        _account: AccountId,
        _draft: EndpointDraft,
        _secret: &Secret,
    ) -> Result<Endpoint, SaveError> {
        todo!()
    }

    /// Changes what a person entered.
    pub async fn update_endpoint(
        &self,
        _account: AccountId,
        _id: EndpointId,
        _draft: EndpointDraft,
    ) -> Result<Endpoint, SaveError> {
        todo!()
    }

    /// Deletes an endpoint; what was waiting for it is discarded.
    pub async fn delete_endpoint(&self, _account: AccountId, _id: EndpointId) -> Result<()> {
        todo!()
    }

    /// The secret that signs.
    pub async fn endpoint_secret(&self, _account: AccountId, _id: EndpointId) -> Result<Secret> {
        todo!()
    }

    /// Switches an endpoint off; what is waiting is held.
    pub async fn pause_endpoint(&self, _account: AccountId, _id: EndpointId) -> Result<()> {
        todo!()
    }

    /// Switches an endpoint on again. Held deliveries stay held until
    /// [`Engine::settle_held`] is called.
    pub async fn enable_endpoint(&self, _account: AccountId, _id: EndpointId) -> Result<()> {
        todo!()
    }

    /// How many deliveries are held, by event type (only types with any).
    pub async fn held_counts(&self, _account: AccountId, _id: EndpointId) -> Result<Vec<(EventType, u64)>> {
        todo!()
    }

    /// Sends or drops what is held, of these types. Sending is paced. Returns
    /// how many deliveries it concerned.
    pub async fn settle_held(
        &self,
        _account: AccountId,
        _id: EndpointId,
        _types: Subscriptions,
        _choice: HeldChoice,
    ) -> Result<u64> {
        todo!()
    }
}

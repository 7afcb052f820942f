//! One attempt: sign, POST, and tell what came of it.

use std::sync::Arc;

use signet_model::{
    DeliveryId, delivery::Attempt, endpoint::EndpointUrl, event::EventType, signature::SigningKeys, time::Clock,
};

use crate::outbound::Client;

/// Everything that one attempt needs.
#[derive(Debug, Clone)]
pub struct Request {
    /// `webhook-id`.
    pub id: DeliveryId,
    /// Where to.
    pub url: Arc<EndpointUrl>,
    /// What signs.
    pub keys: Arc<SigningKeys>,
    /// `X-Webhook-Event`.
    pub event_type: EventType,
    /// `X-Webhook-Test`.
    pub is_test: bool,
    /// `X-Webhook-Attempt`.
    pub number: u32,
    /// The exact bytes.
    pub body: bytes::Bytes,
}

/// Makes the attempt. Never fails: whatever happens is an outcome.
pub async fn attempt(_client: &Client, _clock: &dyn Clock, _request: Request) -> Attempt {
    todo!()
}

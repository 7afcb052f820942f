//! Sending a test event.

use signet_model::{DeliveryId, event::EventType};

use crate::{
    Unusable,
    deliver::{
        Audience, Incoming,
        ingest::{IngestError, NewEvent},
    },
    service::{EndpointHandle, Error, EventTypesHandle},
};

/// A test event was not sent.
#[derive(Debug, thiserror::Error)]
pub enum TestError {
    /// It was not accepted.
    #[error(transparent)]
    Ingest(#[from] IngestError),
    /// The catalogue has no such type.
    #[error("There is no such event type.")]
    UnknownType,
    /// The endpoint cannot be used.
    #[error("This webhook cannot be used: {0}.")]
    Unusable(Unusable),
    /// The database failed, or there is no such endpoint.
    #[error(transparent)]
    Store(#[from] Error),
}

impl EndpointHandle<'_> {
    /// Sends a test event to the endpoint, on the way that every event goes, but with one
    /// attempt only, and even while the endpoint is disabled.
    pub async fn send_test(self, kind: &EventType) -> Result<DeliveryId, TestError> {
        if let Some(reason) = self.get().await?.unusable {
            return Err(TestError::Unusable(reason));
        }
        let now = self.service.clock.now();
        let delivery = DeliveryId::new(now, self.service.random.bytes());
        let catalogue = EventTypesHandle(self.service).current().await?;
        if catalogue.get(kind.as_str()).is_none() {
            return Err(TestError::UnknownType);
        }
        let event = NewEvent { account: self.account, body: catalogue.sample(kind, now), idempotency: None };
        let incoming = Incoming { event, audience: Audience::Test(self.id, delivery) };
        let answers = self.service.delivery.enqueue(vec![incoming]).await?;
        answers.into_iter().collect::<Result<Vec<_>, _>>()?;
        Ok(delivery)
    }
}

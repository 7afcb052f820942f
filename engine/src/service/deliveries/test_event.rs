//! Sending a test event.

use std::sync::Arc;

use const_format::formatcp;
use signet_model::{
    DeliveryId,
    event::{EventBody, EventType, MemberFault},
};

use super::{
    Delivery,
    row::{DELIVERIES, Row},
};
use crate::{
    Unusable, UnusableDelivery,
    actor::Permission,
    db::Pool,
    deliver::{
        Audience, Incoming,
        ingest::{IngestError, NewEvent},
    },
    limits::TooMany,
    service::{EndpointHandle, Error, EventTypesHandle, Result, Service},
};

/// The last tests of an endpoint (`$1`, `$2`), at most `$3`.
pub(crate) const TESTS: &str = formatcp!(
    "{DELIVERIES} WHERE d.account_id = $1 AND d.endpoint_id = $2 AND d.is_test ORDER BY d.event_id DESC LIMIT $3"
);

/// A test event was not sent.
#[derive(Debug, thiserror::Error)]
pub enum TestError {
    /// It was not accepted.
    #[error(transparent)]
    Ingest(#[from] IngestError),
    /// The catalogue has no such type.
    #[error("There is no such event type.")]
    UnknownType,
    /// The edited body is not one of the type.
    #[error(transparent)]
    Body(#[from] MemberFault),
    /// The account has sent as many tests as it may for now.
    #[error("This account has sent many tests in a short time. Wait a minute, and test again.")]
    TooMany,
    /// The endpoint cannot be used.
    #[error("This webhook cannot be used: {0}.")]
    Unusable(Unusable),
    /// The database failed, or there is no such endpoint.
    #[error(transparent)]
    Store(#[from] Error),
}

/// The body of a test: edited, or the sample of the type.
pub(super) async fn body_of_test(
    service: &Arc<Service>,
    kind: &EventType,
    edited: Option<&str>,
) -> Result<EventBody, TestError> {
    let now = service.clock.now();
    let catalogue = EventTypesHandle(service).current().await?;
    if catalogue.get(kind.as_str()).is_none() {
        return Err(TestError::UnknownType);
    }
    Ok(match edited {
        Some(text) => EventBody::parse(kind, text, now, &*catalogue)?,
        None => catalogue.sample(kind, now),
    })
}

impl EndpointHandle<'_> {
    /// Lists the last tests of the endpoint, newest first, at most `limit`.
    pub async fn tests(self, limit: u32) -> Result<Vec<Result<Delivery, UnusableDelivery>>> {
        let mut conn = self.service.db.read(Pool::Pages).await?;
        let query = conn.query(TESTS).bind(self.account).bind(self.id).bind(i64::from(limit));
        let rows: Vec<Row> = query.fetch_all().await?;
        Ok(rows.into_iter().filter_map(Row::read).collect())
    }

    /// Sends a test event to the endpoint, on the way that every event goes, but with one
    /// attempt only, and even while the endpoint is disabled.
    pub async fn send_test(self, kind: &EventType) -> Result<DeliveryId, TestError> {
        self.send_edited_test(kind, None).await
    }

    /// Sends a test event likewise, with a body that a person has edited.
    ///
    /// # Errors
    /// The body is not one of the type.
    pub async fn send_edited_test(self, kind: &EventType, body: Option<&str>) -> Result<DeliveryId, TestError> {
        self.actor.check(Permission::ChangeWebhooks)?;
        if let Some(reason) = self.get().await?.unusable {
            return Err(TestError::Unusable(reason));
        }
        let body = body_of_test(self.service, kind, body).await?;
        self.service.limits.test(self.account).map_err(|TooMany(_)| TestError::TooMany)?;
        let delivery = DeliveryId::new(self.service.clock.now(), self.service.random.bytes());
        let event = NewEvent { account: self.account, body, idempotency: None, trace: None };
        let incoming = Incoming::new(event, Audience::Test(self.id, delivery));
        let answers = self.service.delivery.enqueue(vec![incoming]).await?;
        answers.into_iter().collect::<Result<Vec<_>, _>>()?;
        Ok(delivery)
    }
}

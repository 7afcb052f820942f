//! Operational events on their way out: a row is written in the transaction of the change that
//! it tells of, and removed once it has become an event.

use signet_model::{AccountId, DeliveryId, EndpointId, Timestamp, event::EventType};
use uuid::Uuid;

use crate::db::{Result, Tx};

/// What happened to an endpoint.
#[derive(Debug, Clone)]
pub(crate) struct NewNotice {
    /// Grows with time.
    pub(crate) id: Uuid,
    pub(crate) account: AccountId,
    pub(crate) endpoint: EndpointId,
    /// One of the operational types.
    pub(crate) event_type: EventType,
    /// The delivery that led to it, and the type of its event.
    pub(crate) delivery: Option<(DeliveryId, EventType)>,
    pub(crate) reason: Option<String>,
    pub(crate) occurred_at: Timestamp,
}

/// The result of telling that an endpoint fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Telling {
    Told,
    /// It was told since the last success of the endpoint.
    ToldBefore,
}

impl Tx<'_> {
    /// Stores a notice, to be sent after the commit.
    pub(crate) async fn note(&mut self, notice: &NewNotice) -> Result<()> {
        self.insert_notice(notice, None).await
    }

    /// Stores a notice that an endpoint fails, unless that was told since its last success.
    /// The health of the endpoint must be written before.
    pub(crate) async fn note_failing(&mut self, notice: &NewNotice) -> Result<Telling> {
        const TELL: &str = "UPDATE endpoint_health SET told_at = $3 WHERE account_id = $1 AND endpoint_id = $2
             AND (told_at IS NULL OR told_at <= last_success_at) RETURNING last_success_at";
        let query = self.query(TELL).bind(notice.account).bind(notice.endpoint).bind(notice.occurred_at);
        let told: Option<Option<Timestamp>> = query.fetch_optional_value().await?;
        let Some(since) = told else { return Ok(Telling::ToldBefore) };
        self.insert_notice(notice, since).await?;
        Ok(Telling::Told)
    }

    async fn insert_notice(&mut self, notice: &NewNotice, since: Option<Timestamp>) -> Result<()> {
        const SQL: &str = "INSERT INTO operational_events
               (account_id, id, event_type, endpoint_id, delivery_id, of_type, reason, since, occurred_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)";
        let (delivery, of_type) = notice.delivery.clone().unzip();
        let query = self.query(SQL).bind(notice.account).bind(notice.id).bind(notice.event_type.as_str());
        let query = query.bind(notice.endpoint).bind(delivery).bind(of_type.as_ref().map(EventType::as_str));
        let query = query.bind(notice.reason.as_deref()).bind(since).bind(notice.occurred_at);
        query.execute().await.map(drop)
    }
}

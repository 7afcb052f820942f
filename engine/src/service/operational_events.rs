//! Sends operational events to the account that hears of them.
//!
//! A notice becomes an event with an idempotency key of its own, and is removed then: if the
//! process dies in between, the next one finds the key used and sends nothing twice. Accounts
//! take turns, so that the notices of one with a thousand failing webhooks keep no others
//! waiting.

#[cfg(test)]
mod tests;

use std::{sync::Arc, time::Duration};

use signet_model::{
    AccountId, DeliveryId, EndpointId, Timestamp,
    endpoint::EndpointUrl,
    event::{EventType, Notice},
    sql::{Lossy, Stored},
};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::{Accounts, Error, Result, Service};
use crate::{
    db::{self, Pool},
    deliver::ingest::{Idempotency, IngestError, NewEvent},
};

/// The notices of one account that are sent in one turn.
const TURN: i64 = 20;
/// The time after which the sender looks for the notices of other processes, and for those
/// that could not be sent.
const PERIOD: Duration = Duration::from_secs(10);

/// The next account with notices after one (`$1`).
pub(crate) const NEXT_ACCOUNT: &str =
    "SELECT account_id FROM operational_events WHERE account_id > $1 ORDER BY account_id LIMIT 1";

/// The oldest notices of an account (`$1`), at most `$2`.
pub(crate) const OLDEST: &str = "SELECT n.id, n.event_type, n.endpoint_id, n.delivery_id, n.of_type, n.reason, n.since,
       n.occurred_at, a.name, e.url
     FROM (SELECT * FROM operational_events WHERE account_id = $1 ORDER BY id LIMIT $2) AS n
       LEFT JOIN accounts a ON a.id = n.account_id
       LEFT JOIN endpoints e ON e.account_id = n.account_id AND e.id = n.endpoint_id
     ORDER BY n.id";

/// Removes the notices of an account (`$1`) up to one (`$2`).
const REMOVE: &str = "DELETE FROM operational_events WHERE account_id = $1 AND id <= $2";

#[derive(sqlx_macros::FromRow)]
struct Row {
    id: Uuid,
    event_type: Stored<EventType>,
    endpoint_id: Stored<EndpointId>,
    delivery_id: Option<Stored<DeliveryId>>,
    of_type: Option<Lossy>,
    reason: Option<Lossy>,
    since: Option<Timestamp>,
    occurred_at: Timestamp,
    name: Option<Lossy>,
    url: Option<Lossy>,
}

impl Row {
    /// The notice; `None` if its account or endpoint is erased, or a column cannot be read.
    fn read(self, account: AccountId) -> Option<Notice> {
        let url = self.url?.0;
        Some(Notice {
            event_type: self.event_type.ok()?,
            occurred_at: self.occurred_at,
            account,
            account_name: self.name?.0,
            endpoint: self.endpoint_id.ok()?,
            host: EndpointUrl::from_stored(&url).map_or_else(|_| "unreadable".to_owned(), |url| url.host().to_owned()),
            delivery: self.delivery_id.and_then(Stored::ok),
            of_type: self.of_type.map(String::from),
            reason: self.reason.map(String::from),
            since: self.since,
        })
    }
}

/// Names the account that hears of operational events, by its id or name. If there is no such
/// account, the log says so once, and no notices are kept.
pub(crate) async fn name_account(service: &Arc<Service>, id_or_name: &str) -> Result<()> {
    let account = match Accounts(service).find(id_or_name).await {
        Ok(account) => Some(account.id),
        Err(Error::AccountNotFound) => {
            tracing::warn!(
                account = id_or_name,
                "there is no such account to hear of operational events; none are kept"
            );
            None
        }
        Err(error) => return Err(error),
    };
    service.delivery.operations.set_account(account);
    Ok(())
}

/// Sends notices until told to stop.
pub(crate) async fn send_notices(service: Arc<Service>, stop: CancellationToken) {
    let sending = async {
        loop {
            let Some(hearing) = service.delivery.operations.account() else { return };
            if let Err(error) = send_all(&service, hearing).await
                && !matches!(&error, SendError::Database(error) if service.delivery.trouble.report(error))
            {
                tracing::warn!(%error, "operational events could not be sent; trying again");
            }
            let _ = tokio::time::timeout(PERIOD, service.delivery.operations.wake.notified()).await;
        }
    };
    stop.run_until_cancelled(sending).await;
}

/// Sends all notices, some of each account in turn.
pub(crate) async fn send_all(service: &Service, hearing: AccountId) -> Result<(), SendError> {
    let mut after = AccountId::from_uuid(Uuid::nil());
    let mut sent_any = false;
    loop {
        let mut conn = service.db.read(Pool::Lookups).await?;
        let next: Option<AccountId> = conn.query(NEXT_ACCOUNT).bind(after).fetch_optional_value().await?;
        drop(conn);
        match next {
            Some(account) => {
                send_some(service, hearing, account).await?;
                (after, sent_any) = (account, true);
            }
            None if sent_any => (after, sent_any) = (AccountId::from_uuid(Uuid::nil()), false),
            None => return Ok(()),
        }
    }
}

/// Notices were not sent.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SendError {
    #[error(transparent)]
    Ingest(#[from] IngestError),
    #[error(transparent)]
    Database(#[from] db::Error),
}

/// Sends the oldest notices of an account, and removes them.
async fn send_some(service: &Service, hearing: AccountId, account: AccountId) -> Result<(), SendError> {
    let mut conn = service.db.read(Pool::Lookups).await?;
    let rows: Vec<Row> = conn.query(OLDEST).bind(account).bind(TURN).fetch_all().await?;
    drop(conn);
    let Some(last) = rows.last().map(|row| row.id) else { return Ok(()) };
    let events = rows.into_iter().filter_map(|row| {
        let id = row.id;
        Some(event(hearing, id, &row.read(account)?))
    });
    for answer in service.delivery.ingest_batch(events.collect()).await {
        match answer {
            // A key that was used is that of a process that died before it removed the notice.
            Ok(_) | Err(IngestError::KeyReused | IngestError::AnswerUnreadable) => {}
            Err(IngestError::UnknownAccount) => {
                if service.delivery.operations.account() == Some(hearing) {
                    service.delivery.operations.set_account(None);
                    tracing::warn!(account = %hearing, "the account that heard of operational events is gone; no more are kept");
                }
            }
            Err(error) => return Err(error.into()),
        }
    }
    let mut tx = service.db.begin().await?;
    tx.query(REMOVE).bind(account).bind(last).execute().await?;
    Ok(tx.commit().await?)
}

fn event(hearing: AccountId, id: Uuid, notice: &Notice) -> NewEvent {
    let mut request_hash = [0; 32];
    request_hash[..16].copy_from_slice(id.as_bytes());
    let key = format!("signet:{id}");
    NewEvent {
        account: hearing,
        body: notice.body(),
        idempotency: Some(Idempotency { key, request_hash }),
        trace: None,
    }
}

//! Taking events away again: with all of their deliveries and attempts in one
//! transaction, so that the ledger adds up at any moment.

use signet_model::{AccountId, DeliveryId, EndpointId, EventId, Timestamp, delivery::State, sql::Stored};
use uuid::Uuid;

use super::Result;
use crate::queue::{Tx, on};

/// How much was, or would be, taken away.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Removed {
    /// Events.
    pub events: u64,
    /// Their deliveries.
    pub deliveries: u64,
    /// Their attempts.
    pub attempts: u64,
}

impl std::ops::AddAssign for Removed {
    fn add_assign(&mut self, more: Self) {
        self.events += more.events;
        self.deliveries += more.deliveries;
        self.attempts += more.attempts;
    }
}

/// A delivery of an event that is to be taken away.
#[derive(Debug, Clone, sqlx::FromRow)]
pub(crate) struct Concerned {
    pub(crate) id: DeliveryId,
    pub(crate) event_id: EventId,
    pub(crate) state: Stored<State>,
}

impl Concerned {
    /// Whether it may still be sent; a state of a newer version is left to that version.
    pub(crate) const fn is_open(&self) -> bool {
        !matches!(self.state.0, Ok(State::Delivered | State::Failed | State::Discarded))
    }
}

/// Runs a statement about rows of one account (`$1`), which ends with the column
/// that is to be one of the ids.
macro_rules! for_ids {
    ($tx:expr, $account:expr, $ids:expr, $sql:literal) => {
        match $tx {
            Tx::Sqlite(tx) => sqlx::query(concat!($sql, " IN (SELECT unhex(value) FROM json_each($2))"))
                .bind($account)
                .bind(hex_list($ids))
                .execute(&mut **tx)
                .await?
                .rows_affected(),
            Tx::Postgres(tx) => sqlx::query(concat!($sql, " = ANY($2)"))
                .bind($account)
                .bind($ids)
                .execute(&mut **tx)
                .await?
                .rows_affected(),
        }
    };
}

/// JSON, an array of ids in hexadecimal: how SQLite takes a list.
fn hex_list(ids: &[Uuid]) -> String {
    let texts: Vec<String> = ids.iter().map(|id| id.simple().to_string()).collect();
    format!("[\"{}\"]", texts.join("\",\""))
}

/// The deliveries of events; on PostgreSQL locked, so that an outcome that is
/// just being recorded is waited for. Found by way of the account's endpoints,
/// because that is how they are indexed.
pub(crate) async fn deliveries_of(tx: &mut Tx<'_>, account: AccountId, events: &[EventId]) -> Result<Vec<Concerned>> {
    macro_rules! select {
        ($rest:literal) => {
            concat!(
                "SELECT d.id, d.event_id, d.state FROM endpoints e
                   JOIN deliveries d ON d.account_id = e.account_id AND d.endpoint_id = e.id
                  WHERE e.account_id = $1 AND d.event_id ",
                $rest
            )
        };
    }
    Ok(match tx {
        Tx::Sqlite(tx) => {
            let ids: Vec<Uuid> = events.iter().map(|id| id.uuid()).collect();
            sqlx::query_as(select!("IN (SELECT unhex(value) FROM json_each($2))"))
                .bind(account)
                .bind(hex_list(&ids))
                .fetch_all(&mut **tx)
                .await?
        }
        Tx::Postgres(tx) => {
            sqlx::query_as(select!("= ANY($2) FOR UPDATE OF d")).bind(account).bind(events).fetch_all(&mut **tx).await?
        }
    })
}

/// Removes events and what [`deliveries_of`] found.
pub(crate) async fn remove(
    tx: &mut Tx<'_>,
    account: AccountId,
    events: &[EventId],
    deliveries: &[Concerned],
) -> Result<Removed> {
    let (events, deliveries) = ids(events, deliveries);
    Ok(Removed {
        attempts: for_ids!(tx, account, &deliveries, "DELETE FROM attempts WHERE account_id = $1 AND delivery_id"),
        deliveries: for_ids!(tx, account, &deliveries, "DELETE FROM deliveries WHERE account_id = $1 AND id"),
        events: for_ids!(tx, account, &events, "DELETE FROM events WHERE account_id = $1 AND id"),
    })
}

/// Removes the idempotency keys of events.
pub(crate) async fn remove_keys(tx: &mut Tx<'_>, account: AccountId, events: &[EventId]) -> Result<()> {
    let (events, _) = ids(events, &[]);
    for_ids!(tx, account, &events, "DELETE FROM idempotency_keys WHERE account_id = $1 AND event_id");
    Ok(())
}

/// Removes what was sent and what came back, and keeps what happened.
pub(crate) async fn strip(
    tx: &mut Tx<'_>,
    account: AccountId,
    events: &[EventId],
    deliveries: &[Concerned],
) -> Result<u64> {
    let (events, deliveries) = ids(events, deliveries);
    for_ids!(
        tx,
        account,
        &deliveries,
        "UPDATE attempts SET request_headers = '[]', response_body = NULL,
           response_headers = CASE WHEN response_headers IS NULL THEN NULL ELSE '[]' END
         WHERE account_id = $1 AND delivery_id"
    );
    Ok(for_ids!(tx, account, &events, "UPDATE events SET body = NULL WHERE account_id = $1 AND id"))
}

fn ids(events: &[EventId], deliveries: &[Concerned]) -> (Vec<Uuid>, Vec<Uuid>) {
    (events.iter().map(|id| id.uuid()).collect(), deliveries.iter().map(|one| one.id.uuid()).collect())
}

/// Removes an account itself and what belongs to it alone, its people included;
/// of its events nothing may be left.
pub(crate) async fn remove_account(tx: &mut Tx<'_>, account: AccountId) -> Result<()> {
    // The rest goes with the account.
    for sql in [
        "DELETE FROM idempotency_keys WHERE account_id = $1",
        "DELETE FROM endpoint_queues WHERE account_id = $1",
        "DELETE FROM endpoint_health WHERE account_id = $1",
        "DELETE FROM accounts WHERE id = $1",
    ] {
        on!(tx, |conn| {
            sqlx::query(sql).bind(account).execute(conn).await?;
        });
    }
    Ok(())
}

/// Keeps an account's people and keys out for good, and closes its endpoints;
/// what waits for them is discarded.
pub(crate) async fn close_account(tx: &mut Tx<'_>, account: AccountId, now: Timestamp) -> Result<()> {
    const ENDPOINTS: &str =
        "UPDATE endpoints SET deleted_at = COALESCE(deleted_at, $2) WHERE account_id = $1 RETURNING id";
    for sql in [
        "DELETE FROM users WHERE id IN (SELECT user_id FROM memberships WHERE account_id = $1)
           AND id NOT IN (SELECT user_id FROM memberships WHERE account_id <> $1)",
        "DELETE FROM memberships WHERE account_id = $1",
        "DELETE FROM sessions WHERE account_id = $1",
        "DELETE FROM setup_links WHERE account_id = $1",
        "DELETE FROM api_keys WHERE account_id = $1",
    ] {
        on!(tx, |conn| {
            sqlx::query(sql).bind(account).execute(conn).await?;
        });
    }
    let endpoints: Vec<EndpointId> =
        on!(tx, |conn| sqlx::query_scalar(ENDPOINTS).bind(account).bind(now).fetch_all(conn).await?);
    for endpoint in endpoints {
        tx.discard_all(account, endpoint, now).await?;
    }
    tx.revise(account).await
}

//! Taking events away again: with all of their deliveries and attempts in one
//! transaction, so that the ledger adds up at any moment.

use signet_model::{AccountId, DeliveryId, EventId, delivery::State, sql::Stored};
use uuid::Uuid;

use super::Result;
use crate::queue::Tx;

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
/// that is to be one of the ids (`$2`), with a parameter of its own (`$3`) or none.
macro_rules! for_ids {
    ($tx:expr, $account:expr, $ids:expr, $sql:literal $(, $more:expr)?) => {
        match $tx {
            $crate::queue::Tx::Sqlite(tx) => sqlx::query(concat!($sql, " IN (SELECT unhex(value) FROM json_each($2))"))
                .bind($account)
                .bind($crate::store::removal::hex_list($ids))
                $(.bind($more))?
                .execute(&mut **tx)
                .await?
                .rows_affected(),
            $crate::queue::Tx::Postgres(tx) => sqlx::query(concat!($sql, " = ANY($2)"))
                .bind($account)
                .bind($ids)
                $(.bind($more))?
                .execute(&mut **tx)
                .await?
                .rows_affected(),
        }
    };
}

pub(crate) use for_ids;

/// JSON, an array of ids in hexadecimal: how SQLite takes a list.
pub(crate) fn hex_list(ids: &[Uuid]) -> String {
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

/// Removes the idempotency keys of events. A key has the instant of its event, by which
/// keys are indexed.
pub(crate) async fn remove_keys(tx: &mut Tx<'_>, account: AccountId, events: &[EventId]) -> Result<()> {
    let (events, _) = ids(events, &[]);
    match tx {
        Tx::Sqlite(tx) => {
            sqlx::query(KEYS_SQLITE).bind(account).bind(hex_list(&events)).execute(&mut **tx).await?;
        }
        Tx::Postgres(tx) => {
            sqlx::query(KEYS_POSTGRES).bind(account).bind(events).execute(&mut **tx).await?;
        }
    }
    Ok(())
}

/// Removes the keys of an account (`$1`) that belong to events (`$2`).
pub(crate) const KEYS_SQLITE: &str = "DELETE FROM idempotency_keys INDEXED BY idempotency_keys_by_age
     WHERE account_id = $1 AND event_id IN (SELECT unhex(value) FROM json_each($2))
       AND created_at IN (SELECT accepted_at FROM events WHERE id IN (SELECT unhex(value) FROM json_each($2)))";
pub(crate) const KEYS_POSTGRES: &str = "DELETE FROM idempotency_keys USING events
     WHERE events.account_id = $1 AND events.id = ANY($2) AND idempotency_keys.account_id = $1
       AND idempotency_keys.event_id = events.id AND idempotency_keys.created_at = events.accepted_at";

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

//! Removing events, with all of their deliveries and attempts in one transaction, so that
//! the ledger adds up at any moment.

use std::ops::Range;

use signet_model::{AccountId, DeliveryId, EventId, delivery::State, sql::Stored};

use crate::db::{Result, Sql, Tx};

/// The numbers of rows that were, or would be, removed.
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

/// A delivery of an event that is to be removed.
#[derive(Debug, Clone, sqlx_macros::FromRow)]
pub(crate) struct Concerned {
    pub(crate) id: DeliveryId,
    pub(crate) event_id: EventId,
    pub(crate) state: Stored<State>,
}

impl Concerned {
    /// True if it may still be sent; a state of a newer version is left to that version.
    pub(crate) const fn is_open(&self) -> bool {
        !matches!(self.state.0, Ok(State::Delivered | State::Failed | State::Discarded))
    }
}

/// The ids of deliveries whose attempts are not deleted with them: their partition is about to be
/// dropped.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Leaving(pub(crate) Vec<Range<DeliveryId>>);

impl Leaving {
    fn has(&self, delivery: DeliveryId) -> bool {
        self.0.iter().any(|ids| ids.contains(&delivery))
    }
}

/// The deliveries of events (`$2`) of an account (`$1`).
const DELIVERIES: Sql = Sql {
    sqlite: "SELECT d.id, d.event_id, d.state FROM endpoints e
               JOIN deliveries d ON d.account_id = e.account_id AND d.endpoint_id = e.id
              WHERE e.account_id = $1 AND d.event_id IN (SELECT unhex(value) FROM json_each($2))",
    postgres: "SELECT d.id, d.event_id, d.state FROM endpoints e
               JOIN deliveries d ON d.account_id = e.account_id AND d.endpoint_id = e.id
              WHERE e.account_id = $1 AND d.event_id = ANY($2) FOR UPDATE OF d",
};

/// Removes the attempts of deliveries (`$2`) of an account (`$1`).
const REMOVE_ATTEMPTS: Sql = Sql {
    sqlite: "DELETE FROM attempts WHERE account_id = $1 AND delivery_id IN (SELECT unhex(value) FROM json_each($2))",
    postgres: "DELETE FROM attempts WHERE account_id = $1 AND delivery_id = ANY($2)",
};

/// Removes deliveries (`$2`) of an account (`$1`).
const REMOVE_DELIVERIES: Sql = Sql {
    sqlite: "DELETE FROM deliveries WHERE account_id = $1 AND id IN (SELECT unhex(value) FROM json_each($2))",
    postgres: "DELETE FROM deliveries WHERE account_id = $1 AND id = ANY($2)",
};

/// Removes events (`$2`) of an account (`$1`).
const REMOVE_EVENTS: Sql = Sql {
    sqlite: "DELETE FROM events WHERE account_id = $1 AND id IN (SELECT unhex(value) FROM json_each($2))",
    postgres: "DELETE FROM events WHERE account_id = $1 AND id = ANY($2)",
};

/// Removes the idempotency keys of events (`$2`) of an account (`$1`). A key has the instant
/// of its event, by which keys are indexed.
pub(crate) const REMOVE_KEYS: Sql = Sql {
    sqlite: "DELETE FROM idempotency_keys INDEXED BY idempotency_keys_by_age
              WHERE account_id = $1 AND event_id IN (SELECT unhex(value) FROM json_each($2))
                AND created_at IN (SELECT accepted_at FROM events
                                   WHERE account_id = $1 AND id IN (SELECT unhex(value) FROM json_each($2)))",
    postgres: "DELETE FROM idempotency_keys USING events
                WHERE events.account_id = $1 AND events.id = ANY($2) AND idempotency_keys.account_id = $1
                  AND idempotency_keys.event_id = events.id AND idempotency_keys.created_at = events.accepted_at",
};

/// Takes the headers and the body from the attempts of deliveries (`$2`) of an account (`$1`).
const STRIP_ATTEMPTS: Sql = Sql {
    sqlite: "UPDATE attempts SET request_headers = '[]', response_body = NULL,
               response_headers = CASE WHEN response_headers IS NULL THEN NULL ELSE '[]' END
             WHERE account_id = $1 AND delivery_id IN (SELECT unhex(value) FROM json_each($2))",
    postgres: "UPDATE attempts SET request_headers = '[]', response_body = NULL,
               response_headers = CASE WHEN response_headers IS NULL THEN NULL ELSE '[]' END
             WHERE account_id = $1 AND delivery_id = ANY($2)",
};

/// Takes the body and the trace, which nothing sends any more, from events (`$2`) of an account (`$1`).
const STRIP_EVENTS: Sql = Sql {
    sqlite: "UPDATE events SET body = NULL, trace_context = NULL
             WHERE account_id = $1 AND id IN (SELECT unhex(value) FROM json_each($2))",
    postgres: "UPDATE events SET body = NULL, trace_context = NULL WHERE account_id = $1 AND id = ANY($2)",
};

/// Finds the deliveries of events; on PostgreSQL locked, so that an outcome that is
/// just being recorded is waited for. Found by way of the account's endpoints,
/// because that is how they are indexed.
pub(crate) async fn deliveries_of(tx: &mut Tx<'_>, account: AccountId, events: &[EventId]) -> Result<Vec<Concerned>> {
    tx.query(DELIVERIES).bind(account).bind_ids(events).fetch_all().await
}

/// Removes events and their deliveries, which [`deliveries_of`] has found, with their attempts but
/// for those that leave with their partition.
pub(crate) async fn remove(
    tx: &mut Tx<'_>,
    account: AccountId,
    events: &[EventId],
    deliveries: &[Concerned],
    leaving: &Leaving,
) -> Result<Removed> {
    let deliveries = ids(deliveries);
    let mut with_attempts = deliveries.clone();
    with_attempts.retain(|&id| !leaving.has(id));
    let attempts = if with_attempts.is_empty() {
        0
    } else {
        tx.query(REMOVE_ATTEMPTS).bind(account).bind_ids(&with_attempts).execute().await?
    };
    Ok(Removed {
        attempts,
        deliveries: tx.query(REMOVE_DELIVERIES).bind(account).bind_ids(&deliveries).execute().await?,
        events: tx.query(REMOVE_EVENTS).bind(account).bind_ids(events).execute().await?,
    })
}

/// Removes the idempotency keys of events.
pub(crate) async fn remove_keys(tx: &mut Tx<'_>, account: AccountId, events: &[EventId]) -> Result<()> {
    tx.query(REMOVE_KEYS).bind(account).bind_ids(events).execute().await.map(drop)
}

/// Removes bodies and headers of events and their deliveries, and keeps the rest. Returns how
/// many events those are.
pub(crate) async fn strip(
    tx: &mut Tx<'_>,
    account: AccountId,
    events: &[EventId],
    deliveries: &[Concerned],
) -> Result<u64> {
    tx.query(STRIP_ATTEMPTS).bind(account).bind_ids(&ids(deliveries)).execute().await?;
    tx.query(STRIP_EVENTS).bind(account).bind_ids(events).execute().await
}

fn ids(deliveries: &[Concerned]) -> Vec<DeliveryId> {
    deliveries.iter().map(|one| one.id).collect()
}

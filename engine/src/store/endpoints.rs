//! Endpoints: what customers call their webhooks.

use std::time::Duration;

use signet_model::{
    AccountId, DeliveryId, EndpointId, Subscriptions, Timestamp,
    endpoint::{DisabledReason, EndpointUrl, MAX_DESCRIPTION_LEN},
    event::EventType,
    signature::Secret,
};

use super::{Error, Result, read};
use crate::{
    Engine,
    deliver::directory::open_secret,
    outbound::AddressRefused,
    queue::{Lock, Touch, Tx, on},
};

/// How many held deliveries are settled in one transaction.
const SETTLE_BATCH: u64 = 1_000;

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

/// The columns of [`Endpoint`].
macro_rules! endpoint_columns {
    ($rest:literal) => {
        concat!(
            "SELECT e.id, e.url, e.description, e.event_types, e.disabled_at, e.disabled_reason, e.disabled_by,
               e.created_at, e.updated_at, h.last_success_at, h.last_failure_at,
               COALESCE(h.consecutive_failures, 0) AS consecutive_failures
             FROM endpoints e LEFT JOIN endpoint_health h ON h.account_id = e.account_id AND h.endpoint_id = e.id
             WHERE e.deleted_at IS NULL AND e.account_id = $1 ",
            $rest
        )
    };
}

#[derive(sqlx::FromRow)]
struct Row {
    id: EndpointId,
    url: EndpointUrl,
    description: String,
    event_types: Subscriptions,
    disabled_at: Option<Timestamp>,
    disabled_reason: Option<DisabledReason>,
    disabled_by: Option<DeliveryId>,
    created_at: Timestamp,
    updated_at: Timestamp,
    last_success_at: Option<Timestamp>,
    last_failure_at: Option<Timestamp>,
    consecutive_failures: i32,
}

impl From<Row> for Endpoint {
    fn from(row: Row) -> Self {
        let disabled = row.disabled_at.zip(row.disabled_reason);
        Self {
            id: row.id,
            url: row.url,
            description: row.description,
            event_types: row.event_types,
            disabled: disabled.map(|(at, reason)| Disabled { at, reason, by: row.disabled_by }),
            created_at: row.created_at,
            updated_at: row.updated_at,
            last_success_at: row.last_success_at,
            last_failure_at: row.last_failure_at,
            consecutive_failures: row.consecutive_failures.unsigned_abs(),
        }
    }
}

impl Engine {
    /// A new random secret, to be shown before the endpoint is saved.
    pub fn new_secret(&self) -> Secret {
        Secret::new(self.0.random.bytes())
    }

    /// The account's endpoints, oldest first.
    pub async fn endpoints(&self, account: AccountId) -> Result<Vec<Endpoint>> {
        let rows: Vec<Row> = read!(&self.0.db, |conn| {
            sqlx::query_as(endpoint_columns!("ORDER BY e.id")).bind(account).fetch_all(&mut *conn).await?
        });
        Ok(rows.into_iter().map(Endpoint::from).collect())
    }

    /// One endpoint.
    pub async fn endpoint(&self, account: AccountId, id: EndpointId) -> Result<Option<Endpoint>> {
        let row: Option<Row> = read!(&self.0.db, |conn| {
            sqlx::query_as(endpoint_columns!("AND e.id = $2")).bind(account).bind(id).fetch_optional(&mut *conn).await?
        });
        Ok(row.map(Endpoint::from))
    }

    /// Creates an endpoint that signs with this secret.
    pub async fn create_endpoint(
        &self,
        account: AccountId,
        draft: EndpointDraft,
        secret: &Secret,
    ) -> Result<Endpoint, SaveError> {
        const SQL: &str =
            "INSERT INTO endpoints (id, account_id, url, description, event_types, secret, created_at, updated_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $7)";
        self.check_draft(&draft)?;
        let now = self.0.clock.now();
        let id = EndpointId::new(now, self.0.random.bytes());
        let sealed = self.0.sealer.seal(secret.reveal(), id.uuid().as_bytes(), self.0.random.bytes());
        let mut tx = self.change(account).await?;
        on!(&mut tx, |conn| {
            sqlx::query(SQL)
                .bind(id)
                .bind(account)
                .bind(draft.url)
                .bind(draft.description)
                .bind(draft.event_types)
                .bind(sealed)
                .bind(now)
                .execute(conn)
                .await
                .map_err(Error::from)?;
        });
        tx.commit().await?;
        Ok(self.endpoint(account, id).await?.ok_or(Error::NotFound)?)
    }

    /// Changes what a person entered.
    pub async fn update_endpoint(
        &self,
        account: AccountId,
        id: EndpointId,
        draft: EndpointDraft,
    ) -> Result<Endpoint, SaveError> {
        const SQL: &str = "UPDATE endpoints SET url = $3, description = $4, event_types = $5, updated_at = $6
             WHERE account_id = $1 AND id = $2 AND deleted_at IS NULL";
        self.check_draft(&draft)?;
        let now = self.0.clock.now();
        let mut tx = self.change(account).await?;
        let changed = on!(&mut tx, |conn| sqlx::query(SQL)
            .bind(account)
            .bind(id)
            .bind(draft.url)
            .bind(draft.description)
            .bind(draft.event_types)
            .bind(now)
            .execute(conn)
            .await
            .map_err(Error::from)?
            .rows_affected());
        found(changed)?;
        tx.commit().await?;
        Ok(self.endpoint(account, id).await?.ok_or(Error::NotFound)?)
    }

    fn check_draft(&self, draft: &EndpointDraft) -> Result<(), SaveError> {
        if draft.description.chars().count() > MAX_DESCRIPTION_LEN {
            return Err(SaveError::DescriptionTooLong);
        }
        Ok(self.0.policy.check_url(&draft.url)?)
    }

    /// Begins a change of the account's endpoints: locks the account, and tells
    /// every process to look again.
    async fn change(&self, account: AccountId) -> Result<Tx> {
        let mut tx = Tx::begin(&self.0.db).await?;
        tx.lock_accounts(&[account], Lock::Change).await?;
        tx.revise(account).await?;
        Ok(tx)
    }

    /// Deletes an endpoint; what was waiting for it is discarded.
    pub async fn delete_endpoint(&self, account: AccountId, id: EndpointId) -> Result<()> {
        const SQL: &str =
            "UPDATE endpoints SET deleted_at = $3 WHERE account_id = $1 AND id = $2 AND deleted_at IS NULL";
        let now = self.0.clock.now();
        let mut tx = self.change(account).await?;
        let deleted = on!(&mut tx, |conn| {
            sqlx::query(SQL).bind(account).bind(id).bind(now).execute(conn).await?.rows_affected()
        });
        found(deleted)?;
        tx.discard_all(account, id, now).await?;
        tx.commit().await
    }

    /// The secret that signs.
    pub async fn endpoint_secret(&self, account: AccountId, id: EndpointId) -> Result<Secret> {
        const SQL: &str = "SELECT CASE WHEN next_secret_at <= $3 THEN next_secret ELSE secret END FROM endpoints
             WHERE account_id = $1 AND id = $2 AND deleted_at IS NULL";
        let now = self.0.clock.now();
        let sealed: Option<Vec<u8>> = read!(&self.0.db, |conn| {
            sqlx::query_scalar(SQL).bind(account).bind(id).bind(now).fetch_optional(&mut *conn).await?
        });
        open_secret(&self.0.sealer, id, &sealed.ok_or(Error::NotFound)?)
    }

    /// Switches an endpoint off; what is waiting is held. Does nothing if it is off.
    pub async fn pause_endpoint(&self, account: AccountId, id: EndpointId) -> Result<()> {
        self.endpoint(account, id).await?.ok_or(Error::NotFound)?;
        let mut tx = self.change(account).await?;
        tx.disable((account, id), DisabledReason::Paused, None, self.0.clock.now()).await?;
        tx.commit().await
    }

    /// Switches an endpoint on again. Held deliveries stay held until
    /// [`Engine::settle_held`] is called.
    pub async fn enable_endpoint(&self, account: AccountId, id: EndpointId) -> Result<()> {
        const ENABLE: &str = "UPDATE endpoints SET disabled_at = NULL, disabled_reason = NULL, disabled_by = NULL
             WHERE account_id = $1 AND id = $2 AND deleted_at IS NULL";
        const FORGET: &str =
            "UPDATE endpoint_health SET consecutive_failures = 0 WHERE account_id = $1 AND endpoint_id = $2";
        let mut tx = self.change(account).await?;
        let enabled = on!(&mut tx, |conn| {
            sqlx::query(FORGET).bind(account).bind(id).execute(&mut *conn).await?;
            sqlx::query(ENABLE).bind(account).bind(id).execute(&mut *conn).await?.rows_affected()
        });
        found(enabled)?;
        tx.commit().await
    }

    /// How many deliveries are held, by event type (only types with any).
    pub async fn held_counts(&self, account: AccountId, id: EndpointId) -> Result<Vec<(EventType, u64)>> {
        const SQL: &str = "SELECT event_type, count(*) FROM deliveries
             WHERE account_id = $1 AND endpoint_id = $2 AND state = 'held' GROUP BY event_type ORDER BY event_type";
        let counts: Vec<(EventType, i64)> =
            read!(&self.0.db, |conn| sqlx::query_as(SQL).bind(account).bind(id).fetch_all(&mut *conn).await?);
        Ok(counts.into_iter().map(|(kind, count)| (kind, count.unsigned_abs())).collect())
    }

    /// Sends or drops what is held, of these types. Sending is paced, in the
    /// order of acceptance, and begins a new round of retries. Returns how many
    /// deliveries it concerned. While the endpoint is disabled only dropping works.
    pub async fn settle_held(
        &self,
        account: AccountId,
        id: EndpointId,
        types: Subscriptions,
        choice: HeldChoice,
    ) -> Result<u64> {
        let mut total = 0;
        loop {
            let settled = self.settle_some(account, id, types, choice, total).await?;
            total += settled;
            if settled < SETTLE_BATCH {
                break;
            }
        }
        self.wake();
        Ok(total)
    }

    /// Settles one batch; `before` deliveries of the same call go first.
    async fn settle_some(
        &self,
        account: AccountId,
        id: EndpointId,
        types: Subscriptions,
        choice: HeldChoice,
        before: u64,
    ) -> Result<u64> {
        const BATCH: &str = "SELECT id FROM deliveries
             WHERE account_id = $1 AND endpoint_id = $2 AND state = 'held' AND event_type IN ($3, $4, $5) ORDER BY id LIMIT $6";
        let now = self.0.clock.now();
        let mut tx = Tx::begin(&self.0.db).await?;
        let views = self.0.directory.look(&mut tx, &[account], Lock::Share).await?;
        let endpoint = views.get(&account).and_then(|view| view.endpoints.get(&id)).ok_or(Error::NotFound)?;
        if endpoint.disabled && choice == HeldChoice::Release {
            return Ok(0);
        }
        let [a, b, c] = EventType::ALL.map(|kind| types.contains(kind).then_some(kind));
        let limit = i64::try_from(SETTLE_BATCH).unwrap_or(i64::MAX);
        let ids: Vec<DeliveryId> = on!(&mut tx, |conn| {
            sqlx::query_scalar(BATCH).bind(account).bind(id).bind(a).bind(b).bind(c).bind(limit).fetch_all(conn).await?
        });
        let mut settled = 0;
        for (place, &delivery) in ids.iter().enumerate() {
            let turn = before + u64::try_from(place).unwrap_or(u64::MAX);
            let due_at = now + Duration::from_secs(1).mul_f64(turn as f64 / f64::from(self.0.settings.release_rate));
            settled += match choice {
                HeldChoice::Release => release(&mut tx, account, delivery, due_at).await?,
                HeldChoice::Discard => discard(&mut tx, account, delivery, now).await?,
            };
        }
        if choice == HeldChoice::Release && settled > 0 {
            tx.touch(&[Touch { account, endpoint: id, due_at: now }]).await?;
            tx.notify().await?;
        }
        tx.commit().await?;
        Ok(settled)
    }
}

async fn release(tx: &mut Tx, account: AccountId, id: DeliveryId, due_at: Timestamp) -> Result<u64> {
    const SQL: &str = "UPDATE deliveries SET state = 'pending', due_at = $3, failures = 0
         WHERE account_id = $1 AND id = $2 AND state = 'held'";
    Ok(on!(tx, |conn| sqlx::query(SQL).bind(account).bind(id).bind(due_at).execute(conn).await?.rows_affected()))
}

async fn discard(tx: &mut Tx, account: AccountId, id: DeliveryId, now: Timestamp) -> Result<u64> {
    const SQL: &str = "UPDATE deliveries SET state = 'discarded', completed_at = $3
         WHERE account_id = $1 AND id = $2 AND state = 'held'";
    Ok(on!(tx, |conn| sqlx::query(SQL).bind(account).bind(id).bind(now).execute(conn).await?.rows_affected()))
}

fn found(rows: u64) -> Result<()> {
    if rows == 0 { Err(Error::NotFound) } else { Ok(()) }
}

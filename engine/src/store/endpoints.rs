//! Endpoints: what customers call their webhooks.

use const_format::formatcp;
use signet_model::{
    AccountId, DeliveryId, EndpointId, Subscriptions, Timestamp,
    endpoint::{DisabledReason, EndpointUrl},
    signature::Secret,
    sql::{Lossy, Stored, Unreadable},
    text::Description,
};

mod create;

pub use super::backlog::HeldChoice;
use crate::{
    Engine, Unusable,
    db::{Error, Pool, Result, Tx},
    deliver::endpoint_cache::open_secret,
    outbound::AddressRefused,
    queue::{Lock, QueueEntry},
    seal::Sealer,
};

/// An endpoint, without its secret.
#[derive(Debug, Clone)]
pub struct Endpoint {
    /// Its id.
    pub id: EndpointId,
    /// Where it is, as it is stored.
    pub url: String,
    /// The reason for which it cannot be used; its events are held meanwhile.
    pub unusable: Option<Unusable>,
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

impl Endpoint {
    /// The host of its URL, or the whole text if that is no URL.
    pub fn host(&self) -> String {
        EndpointUrl::from_stored(&self.url).map_or_else(|_| self.url.clone(), |url| url.host().to_owned())
    }

    /// Whether it is what a person entered here.
    pub fn is_as(&self, draft: &EndpointDraft) -> bool {
        self.url == draft.url.as_str()
            && self.description == *draft.description
            && self.event_types == draft.event_types
    }
}

/// Why nothing is sent to an endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Disabled {
    /// Since when.
    pub at: Timestamp,
    /// Why, if this version knows the reason.
    pub reason: Option<DisabledReason>,
    /// The delivery whose failure caused it.
    pub by: Option<DeliveryId>,
}

/// What a person enters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EndpointDraft {
    /// Where it is.
    pub url: EndpointUrl,
    /// What it is for; may be empty.
    pub description: Description,
    /// What it wants.
    pub event_types: Subscriptions,
}

/// Why an endpoint was not saved.
#[derive(Debug, thiserror::Error)]
pub enum SaveError {
    /// The URL names an address that is not on the public internet.
    #[error(transparent)]
    Address(#[from] AddressRefused),
    /// The account has as many endpoints as it may.
    #[error("This account has {0} webhooks, and may not have more. Delete one that is no longer used.")]
    TooMany(u32),
    /// The store failed, or there is no such endpoint.
    #[error(transparent)]
    Store(#[from] super::Error),
}

/// The endpoints of an account (`$1`), with the columns of [`Row`].
const ENDPOINTS: &str = "SELECT e.id, e.url, e.description, e.event_types, e.secret, e.next_secret,
       e.disabled_at, e.disabled_reason, e.disabled_by, e.created_at, e.updated_at, h.last_success_at, h.last_failure_at,
       COALESCE(h.consecutive_failures, 0) AS consecutive_failures
     FROM endpoints e LEFT JOIN endpoint_health h ON h.account_id = e.account_id AND h.endpoint_id = e.id
     WHERE e.deleted_at IS NULL AND e.account_id = $1";

#[derive(sqlx::FromRow)]
struct Row {
    id: Stored<EndpointId>,
    url: Lossy,
    description: Lossy,
    event_types: Subscriptions,
    secret: Vec<u8>,
    next_secret: Option<Vec<u8>>,
    disabled_at: Option<Timestamp>,
    disabled_reason: Option<Stored<DisabledReason>>,
    disabled_by: Option<Stored<DeliveryId>>,
    created_at: Timestamp,
    updated_at: Timestamp,
    last_success_at: Option<Timestamp>,
    last_failure_at: Option<Timestamp>,
    consecutive_failures: Stored<i32>,
}

impl Row {
    /// The endpoint; `None` if its id is none, since no page could name it.
    fn read(self, sealer: &Sealer) -> Option<Endpoint> {
        let id = self.id.ok()?;
        let unusable = unusable(id, &self.url.0, [Some(&self.secret), self.next_secret.as_ref()], sealer);
        let disabled = self.disabled_at.map(|at| Disabled {
            at,
            reason: self.disabled_reason.and_then(Stored::ok),
            by: self.disabled_by.and_then(Stored::ok),
        });
        Some(Endpoint {
            id,
            url: self.url.0,
            unusable,
            description: self.description.0,
            event_types: self.event_types,
            disabled,
            created_at: self.created_at,
            updated_at: self.updated_at,
            last_success_at: self.last_success_at,
            last_failure_at: self.last_failure_at,
            consecutive_failures: self.consecutive_failures.ok().unwrap_or(i32::MAX).unsigned_abs(),
        })
    }
}

/// The reason for which an endpoint cannot be used with this URL and these sealed secrets.
pub(crate) fn unusable(id: EndpointId, url: &str, secrets: [Option<&Vec<u8>>; 2], sealer: &Sealer) -> Option<Unusable> {
    let unopened = || secrets.into_iter().flatten().find_map(|sealed| open_secret(sealer, id, sealed).err());
    unusable_url(url).or_else(unopened)
}

/// The reason for which this URL cannot be used.
pub(crate) fn unusable_url(url: &str) -> Option<Unusable> {
    EndpointUrl::from_stored(url).err().map(|error| Unusable::Url(Unreadable::new(error)))
}

impl Engine {
    /// A new random secret, to be shown before the endpoint is saved.
    pub fn new_secret(&self) -> Secret {
        Secret::new(self.0.random.bytes())
    }

    /// The account's endpoints, oldest first.
    pub async fn endpoints(&self, account: AccountId) -> Result<Vec<Endpoint>> {
        const SQL: &str = formatcp!("{ENDPOINTS} ORDER BY e.id");
        let rows: Vec<Row> = self.0.db.read(Pool::Pages).await?.query(SQL).bind(account).fetch_all().await?;
        Ok(rows.into_iter().filter_map(|row| row.read(&self.0.sealer)).collect())
    }

    /// One endpoint.
    pub async fn endpoint(&self, account: AccountId, id: EndpointId) -> Result<Option<Endpoint>> {
        const SQL: &str = formatcp!("{ENDPOINTS} AND e.id = $2");
        let mut conn = self.0.db.read(Pool::Pages).await?;
        let row: Option<Row> = conn.query(SQL).bind(account).bind(id).fetch_optional().await?;
        Ok(row.and_then(|row| row.read(&self.0.sealer)))
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
        let changed = tx
            .query(SQL)
            .bind(account)
            .bind(id)
            .bind(draft.url)
            .bind(draft.description.as_str())
            .bind(draft.event_types)
            .bind(now)
            .execute()
            .await?;
        found(changed)?;
        self.commit_change(account, tx).await?;
        Ok(self.endpoint(account, id).await?.ok_or(Error::NotFound)?)
    }

    fn check_draft(&self, draft: &EndpointDraft) -> Result<(), SaveError> {
        Ok(self.0.policy.check_url(&draft.url)?)
    }

    /// Begins a change of the account's endpoints: locks the account, and tells
    /// every process to look again.
    pub(super) async fn change(&self, account: AccountId) -> Result<Tx<'static>> {
        let mut tx = self.0.db.begin().await?;
        tx.lock_accounts(&[account], Lock::Exclusive).await?;
        tx.revise(account).await?;
        Ok(tx)
    }

    /// Commits a change; from then on nothing that waits in a lane is sent by what was
    /// before.
    pub(super) async fn commit_change(&self, account: AccountId, tx: Tx<'_>) -> Result<()> {
        tx.commit().await?;
        self.0.changed(&[account]).await;
        self.wake();
        Ok(())
    }

    /// Deletes an endpoint at once; what was waiting for it is discarded in steps.
    pub async fn delete_endpoint(&self, account: AccountId, id: EndpointId) -> Result<()> {
        const SQL: &str =
            "UPDATE endpoints SET deleted_at = $3 WHERE account_id = $1 AND id = $2 AND deleted_at IS NULL";
        let now = self.0.clock.now();
        let mut tx = self.change(account).await?;
        let deleted = tx.query(SQL).bind(account).bind(id).bind(now).execute().await?;
        found(deleted)?;
        self.settle_later(&mut tx, account, id, now).await?;
        self.commit_change(account, tx).await
    }

    /// Makes an endpoint's queue due: the dispatcher finds there what a change leaves to do.
    async fn settle_later(
        &self,
        tx: &mut Tx<'_>,
        account: AccountId,
        endpoint: EndpointId,
        now: Timestamp,
    ) -> Result<()> {
        tx.pull_forward(QueueEntry { account, endpoint, due_at: now }).await?;
        tx.notify().await
    }

    /// The secret that signs.
    pub async fn endpoint_secret(&self, account: AccountId, id: EndpointId) -> Result<Secret> {
        const SQL: &str = "SELECT CASE WHEN next_secret_at <= $3 THEN next_secret ELSE secret END FROM endpoints
             WHERE account_id = $1 AND id = $2 AND deleted_at IS NULL";
        let now = self.0.clock.now();
        let mut conn = self.0.db.read(Pool::Pages).await?;
        let sealed: Option<Vec<u8>> = conn.query(SQL).bind(account).bind(id).bind(now).fetch_optional_value().await?;
        Ok(open_secret(&self.0.sealer, id, &sealed.ok_or(Error::NotFound)?)?)
    }

    /// Switches an endpoint off at once; what is waiting is held in steps. Does nothing
    /// if it is off.
    pub async fn pause_endpoint(&self, account: AccountId, id: EndpointId) -> Result<()> {
        self.endpoint(account, id).await?.ok_or(Error::NotFound)?;
        let mut tx = self.change(account).await?;
        tx.disable((account, id), DisabledReason::Paused, None, self.0.clock.now()).await?;
        self.commit_change(account, tx).await
    }

    /// Switches an endpoint on again. Held deliveries stay held until
    /// [`Engine::settle_held`] is called. What has waited since before it was
    /// switched off and is not held yet will be, and is not sent until then.
    pub async fn enable_endpoint(&self, account: AccountId, id: EndpointId) -> Result<()> {
        const ENABLE: &str = "UPDATE endpoints SET disabled_at = NULL, disabled_reason = NULL, disabled_by = NULL,
               hold_through = CASE WHEN disabled_at IS NULL THEN hold_through ELSE $3 END
             WHERE account_id = $1 AND id = $2 AND deleted_at IS NULL";
        const FORGET: &str =
            "UPDATE endpoint_health SET consecutive_failures = 0 WHERE account_id = $1 AND endpoint_id = $2";
        let mut tx = self.change(account).await?;
        // After the lock, and so after everything that was stored for it before.
        let now = self.0.clock.now();
        let hold_through = tx.waits(account, id).await?.then_some(now);
        tx.query(FORGET).bind(account).bind(id).execute().await?;
        let enabled = tx.query(ENABLE).bind(account).bind(id).bind(hold_through).execute().await?;
        found(enabled)?;
        self.settle_later(&mut tx, account, id, now).await?;
        self.commit_change(account, tx).await
    }
}

fn found(rows: u64) -> Result<()> {
    if rows == 0 { Err(Error::NotFound) } else { Ok(()) }
}

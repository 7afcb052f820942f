//! Changing, deleting, pausing and enabling an endpoint.

use signet_model::{AccountId, Timestamp, endpoint::DisabledReason, event::EventType};

use super::{Endpoint, EndpointChange, EndpointDraft, EndpointHandle, SaveError, options, wanted_types};
use crate::{
    actor::Actor,
    audit::Action,
    db::Tx,
    queue::{Disabling, QueueEntry},
    service::{
        Error, Result, Service,
        change::{Change, Record},
    },
};

/// Begins a change of the account's endpoints: locks the account, and tells every process
/// to look again.
pub(in crate::service) async fn begin<'e>(service: &'e Service, actor: &Actor, action: Action) -> Result<Change<'e>> {
    let mut change = service.change_locked(actor, action).await?;
    change.tx.revise(actor.account).await?;
    Ok(change)
}

/// Commits a change with its entry in the audit log. From then on no delivery in a lane goes by
/// the endpoints as they were before.
pub(in crate::service) async fn commit(
    service: &Service,
    account: AccountId,
    change: Change<'_>,
    record: Record,
) -> Result<()> {
    change.commit(record).await?;
    service.delivery.changed(&[account]).await;
    service.delivery.wake.notify_one();
    service.delivery.operations.wake.notify_one();
    Ok(())
}

impl<'e> EndpointHandle<'e> {
    /// Changes the endpoint to a draft.
    pub async fn update(self, draft: EndpointDraft) -> Result<Endpoint, SaveError> {
        self.change(draft.into()).await
    }

    /// Changes those members of the endpoint that are given.
    pub async fn change(self, change: EndpointChange) -> Result<Endpoint, SaveError> {
        const SQL: &str = "UPDATE endpoints SET url = COALESCE($3, url), description = COALESCE($4, description),
               event_types = COALESCE($5, event_types), updated_at = $6,
               headers = CASE WHEN $7 THEN $8 ELSE headers END, cloud_events = COALESCE($9, cloud_events),
               throttle = CASE WHEN $10 THEN $11 ELSE throttle END, filter = CASE WHEN $12 THEN $13 ELSE filter END
             WHERE account_id = $1 AND id = $2 AND deleted_at IS NULL";
        self.check(&change).await?;
        let now = self.service.clock.now();
        let before = self.get().await?;
        let mut begun = self.begin_change(Action::EndpointChanged).await?;
        let tx = &mut begun.tx;
        let headers = self.sealed_headers(tx, change.headers).await?;
        let changed = tx
            .query(SQL)
            .bind(self.account)
            .bind(self.id)
            .bind(change.url)
            .bind(change.description.as_ref().map(signet_model::text::PlainText::as_str))
            .bind(change.event_types)
            .bind(now)
            .bind(headers.is_some())
            .bind(headers.flatten())
            .bind(change.cloud_events)
            .bind(change.throttle.is_some())
            .bind(change.throttle.flatten())
            .bind(change.filter.is_some())
            .bind(change.filter.flatten().as_ref().and_then(options::filter_json))
            .execute()
            .await?;
        found(changed)?;
        let after = self.read(tx).await?;
        self.commit_change(begun, self.record().between(before.members(), after.members())).await?;
        Ok(after)
    }

    /// Checks those members of a change that need no lock.
    async fn check(self, change: &EndpointChange) -> Result<(), SaveError> {
        if let Some(url) = &change.url {
            self.service.policy.admit_url(url)?;
        }
        match &change.event_types {
            Some(wanted) => {
                let before = async || self.get().await.map(|endpoint| endpoint.event_types);
                wanted_types::check(self.service, self.account, wanted, before).await
            }
            None => Ok(()),
        }
    }

    /// Deletes the endpoint at once; its deliveries that wait are discarded in steps.
    pub async fn delete(self) -> Result<()> {
        const SQL: &str =
            "UPDATE endpoints SET deleted_at = $3 WHERE account_id = $1 AND id = $2 AND deleted_at IS NULL";
        let now = self.service.clock.now();
        let mut change = self.begin_change(Action::EndpointDeleted).await?;
        let before = self.read(&mut change.tx).await?.members();
        found(change.tx.query(SQL).bind(self.account).bind(self.id).bind(now).execute().await?)?;
        self.make_due(&mut change.tx, now).await?;
        self.commit_change(change, self.record().before(before)).await
    }

    /// Disables the endpoint at once, unless it is disabled; its deliveries that wait are held
    /// in steps.
    pub async fn pause(self) -> Result<()> {
        self.get().await?;
        let mut change = self.begin_change(Action::EndpointPaused).await?;
        let tx = &mut change.tx;
        let (address, reason) = ((self.account, self.id), DisabledReason::Paused);
        if tx.disable(address, reason, None, self.service.clock.now()).await? == Disabling::Disabled {
            self.service.delivery.note_change(tx, address, EventType::ENDPOINT_DISABLED, Some(reason)).await?;
        }
        self.commit_change(change, self.record()).await
    }

    /// Enables the endpoint. Held deliveries stay held until they are released. Deliveries that
    /// have waited since before it was disabled, and are not held yet, will be, and are not
    /// sent until then.
    pub async fn enable(self) -> Result<()> {
        const ENABLE: &str = "UPDATE endpoints SET disabled_at = NULL, disabled_reason = NULL, disabled_by = NULL,
               hold_through = CASE WHEN disabled_at IS NULL THEN hold_through ELSE $3 END
             WHERE account_id = $1 AND id = $2 AND deleted_at IS NULL";
        const IS_DISABLED: &str = "SELECT disabled_at IS NOT NULL FROM endpoints WHERE account_id = $1 AND id = $2";
        const FORGET_FAILURES: &str = "UPDATE endpoint_health SET consecutive_failures = 0, told_at = NULL WHERE account_id = $1 AND endpoint_id = $2";
        let mut change = self.begin_change(Action::EndpointEnabled).await?;
        let tx = &mut change.tx;
        // After the lock, and so after every event that was stored for it before.
        let now = self.service.clock.now();
        let hold_through = tx.has_waiting(self.account, self.id).await?.then_some(now);
        tx.query(FORGET_FAILURES).bind(self.account).bind(self.id).execute().await?;
        let was_disabled: bool =
            tx.query(IS_DISABLED).bind(self.account).bind(self.id).fetch_optional_value().await?.unwrap_or_default();
        found(tx.query(ENABLE).bind(self.account).bind(self.id).bind(hold_through).execute().await?)?;
        if was_disabled {
            let address = (self.account, self.id);
            self.service.delivery.note_change(tx, address, EventType::ENDPOINT_ENABLED, None).await?;
        }
        self.make_due(tx, now).await?;
        self.commit_change(change, self.record()).await
    }

    /// Ends the rest of the endpoint: its deliveries that are due are attempted now.
    pub async fn end_rest(self) -> Result<()> {
        let mut change = self.begin_change(Action::RestEnded).await?;
        if !change.tx.end_rest((self.account, self.id), self.service.clock.now()).await? {
            return Err(Error::EndpointNotFound);
        }
        self.commit_change(change, self.record()).await
    }

    /// Begins a change of the endpoint, which has its expected version, and gives it the next.
    pub(super) async fn begin_change(self, action: Action) -> Result<Change<'e>> {
        const SQL: &str = "UPDATE endpoints SET version = version + 1 WHERE account_id = $1 AND id = $2
               AND deleted_at IS NULL AND version = COALESCE($3, version)";
        const FIND: &str = "SELECT version FROM endpoints WHERE account_id = $1 AND id = $2 AND deleted_at IS NULL";
        let mut change = begin(self.service, self.actor, action).await?;
        if change.tx.query(SQL).bind(self.account).bind(self.id).bind(self.expected).execute().await? == 1 {
            return Ok(change);
        }
        let found: Option<i64> = change.tx.query(FIND).bind(self.account).bind(self.id).fetch_optional_value().await?;
        Err(if found.is_some() { Error::Changed } else { Error::EndpointNotFound })
    }

    pub(super) async fn commit_change(self, change: Change<'_>, record: Record) -> Result<()> {
        commit(self.service, self.account, change, record).await
    }

    /// The entry of a change of the endpoint in the audit log.
    pub(super) fn record(self) -> Record {
        Record::of("endpoint", self.id)
    }

    /// Makes the endpoint's queue due: the dispatcher takes the steps there that a change
    /// leaves.
    async fn make_due(self, tx: &mut Tx<'_>, now: Timestamp) -> Result<()> {
        tx.pull_forward(QueueEntry::new((self.account, self.id), now)).await?;
        Ok(tx.notify().await?)
    }
}

const fn found(changed: u64) -> Result<()> {
    if changed == 0 { Err(Error::EndpointNotFound) } else { Ok(()) }
}

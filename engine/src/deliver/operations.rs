//! Operational events: what the account that the operator names hears of the webhooks of all
//! other accounts. While no account is named, none of this costs or stores anything.

use std::{
    collections::HashSet,
    sync::{PoisonError, RwLock},
};

use signet_model::{
    AccountId, EndpointId, Timestamp,
    delivery::{Attempt, Outcome},
    endpoint::DisabledReason,
    event::EventType,
    retry::Schedule,
};
use tokio::sync::Notify;
use uuid::Uuid;

use super::{Context, outcome::Decided, told::Told, verdict::Verdict};
use crate::{
    db::{Result, Tx},
    queue::{NewNotice, Telling},
};

/// The account that hears of operational events, and the endpoints that it has heard of.
#[derive(Debug, Default)]
pub(crate) struct Operations {
    account: RwLock<Option<AccountId>>,
    told: Told,
    /// Wakes the task that sends the notices.
    pub(crate) wake: Notify,
}

/// The notices of one transaction, once it is committed.
#[derive(Debug, Default)]
pub(super) struct Noted {
    any: bool,
    /// Endpoints of which it is told, or was told before, that they fail.
    failing: Vec<EndpointId>,
}

impl Operations {
    /// The account that hears of operational events.
    pub(crate) fn account(&self) -> Option<AccountId> {
        *self.account.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Has an account hear of operational events from now on, or none.
    pub(crate) fn set_account(&self, account: Option<AccountId>) {
        *self.account.write().unwrap_or_else(PoisonError::into_inner) = account;
    }

    /// Tells whether the webhooks of an account are told of. An account never hears of its own.
    pub(crate) fn concern(&self, account: AccountId) -> bool {
        self.account().is_some_and(|hearing| hearing != account)
    }

    /// Tells whether an outcome is to be told of beside those that disable their endpoint, as
    /// far as this process knows.
    pub(super) fn tell_of(&self, one: &Decided, schedule: &Schedule) -> bool {
        one.is_half_way(schedule) && self.concern(one.completion.account) && !self.told.has(one.completion.endpoint)
    }

    /// Wakes the sender, and remembers the endpoints, after the commit.
    pub(super) fn committed(&self, noted: Noted) {
        if noted.any {
            self.wake.notify_one();
        }
        self.told.add(noted.failing);
    }
}

/// Stores what outcomes mean for the service, in their transaction. `disabled` are the
/// endpoints that it disables.
pub(super) async fn note_outcomes(
    context: &Context,
    tx: &mut Tx<'_>,
    outcomes: &[&Decided],
    disabled: &[(EndpointId, DisabledReason)],
) -> Result<Noted> {
    let mut noted = Noted::default();
    let mut untold: HashSet<EndpointId> = disabled.iter().map(|&(endpoint, _)| endpoint).collect();
    for one in outcomes.iter().filter(|one| context.operations.concern(one.completion.account)) {
        let endpoint = one.completion.endpoint;
        match one.verdict {
            Verdict::Disable(reason) => {
                noted.any = true;
                tx.note(&notice(context, one, EventType::DELIVERY_FAILED, one.completion.attempt().map(reason_of)))
                    .await?;
                if untold.remove(&endpoint) {
                    let reason = Some(reason.as_str().to_owned());
                    tx.note(&notice(context, one, EventType::ENDPOINT_DISABLED, reason)).await?;
                }
            }
            Verdict::Retry(_) if context.operations.tell_of(one, &context.settings.schedule) => {
                let reason = one.completion.attempt().map(reason_of);
                let notice = notice(context, one, EventType::ENDPOINT_FAILING, reason);
                noted.any |= tx.note_failing(&notice).await? == Telling::Told;
                noted.failing.push(endpoint);
            }
            _ => {}
        }
    }
    Ok(noted)
}

fn notice(context: &Context, one: &Decided, event_type: EventType, reason: Option<String>) -> NewNotice {
    let occurred_at = one.completion.ended_at();
    NewNotice {
        id: context.notice_id(occurred_at),
        account: one.completion.account,
        endpoint: one.completion.endpoint,
        event_type,
        delivery: Some((one.completion.delivery, one.completion.event_type.clone())),
        reason,
        occurred_at,
    }
}

/// What an attempt came to, in a word: `http_503`, or `timeout`.
pub(super) fn reason_of(attempt: &Attempt) -> String {
    match attempt.outcome() {
        Outcome::Answered(status) => format!("http_{status}"),
        Outcome::Failed(failure) => failure.as_str().to_owned(),
    }
}

impl Context {
    /// Makes the id of a notice, which grows with time.
    pub(super) fn notice_id(&self, now: Timestamp) -> Uuid {
        signet_model::EventId::new(now, self.random.bytes()).uuid()
    }

    /// Stores that an endpoint was disabled or enabled by a person, if the service is to hear
    /// of it.
    pub(crate) async fn note_change(
        &self,
        tx: &mut Tx<'_>,
        (account, endpoint): (AccountId, EndpointId),
        event_type: EventType,
        reason: Option<DisabledReason>,
    ) -> Result<()> {
        if !self.operations.concern(account) {
            return Ok(());
        }
        let occurred_at = self.clock.now();
        let reason = reason.map(|reason| reason.as_str().to_owned());
        let id = self.notice_id(occurred_at);
        tx.note(&NewNotice { id, account, endpoint, event_type, delivery: None, reason, occurred_at }).await
    }
}

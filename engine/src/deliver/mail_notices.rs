//! Notices by e-mail: that an endpoint is about to be disabled, and that it was. While nobody
//! sends mail, none of this costs or stores anything.

use std::{
    collections::HashSet,
    sync::atomic::{AtomicBool, Ordering},
};

use signet_model::{EndpointId, endpoint::DisabledReason, retry::Schedule};
use tokio::sync::Notify;

use super::{
    Context,
    endpoint_cache::Snapshot,
    operations::reason_of,
    outcome::{Decided, outcome_row},
    told::Told as Remembered,
    verdict::Verdict,
};
use crate::{
    db::{Result, Tx},
    queue::{NewMailNotice, Told},
};

/// Whether notices are kept, and the endpoints whose people were warned.
#[derive(Debug, Default)]
pub(crate) struct MailNotices {
    kept: AtomicBool,
    warned: Remembered,
    /// Wakes the task that sends them.
    pub(crate) wake: Notify,
}

/// The notices of one transaction, once it is committed.
#[derive(Debug, Default)]
pub(super) struct Mailed {
    any: bool,
    /// Endpoints whose people are warned, or were before.
    warned: Vec<EndpointId>,
}

impl MailNotices {
    /// Has notices kept from now on: somebody sends them.
    pub(crate) fn keep(&self) {
        self.kept.store(true, Ordering::Relaxed);
    }

    fn are_kept(&self) -> bool {
        self.kept.load(Ordering::Relaxed)
    }

    /// Tells whether an outcome leaves one attempt of which people are to be warned, as far as
    /// this process knows.
    pub(super) fn warn_of(&self, one: &Decided, schedule: &Schedule) -> bool {
        one.is_before_last(schedule) && self.are_kept() && !self.warned.has(one.completion.endpoint)
    }

    /// Wakes the sender, and remembers the endpoints, after the commit.
    pub(super) fn committed(&self, mailed: Mailed) {
        if mailed.any {
            self.wake.notify_one();
        }
        self.warned.add(mailed.warned);
    }
}

/// Stores what outcomes mean for the people of their accounts, in their transaction.
/// `disabled` are the endpoints that it disables.
pub(super) async fn note_by_mail(
    context: &Context,
    tx: &mut Tx<'_>,
    outcomes: &[&Decided],
    snapshot: &Snapshot,
    disabled: &[(EndpointId, DisabledReason)],
) -> Result<Mailed> {
    let mut mailed = Mailed::default();
    if !context.mail_notices.are_kept() {
        return Ok(mailed);
    }
    let disabled: HashSet<EndpointId> = disabled.iter().map(|&(endpoint, _)| endpoint).collect();
    let mut untold = disabled.clone();
    for one in outcomes {
        let endpoint = one.completion.endpoint;
        match one.verdict {
            Verdict::Disable(reason) if untold.remove(&endpoint) => {
                tx.note_by_mail(&notice(context, one, Told::Disabled(reason))).await?;
                mailed.any = true;
            }
            Verdict::Retry(_)
                if !disabled.contains(&endpoint) && context.mail_notices.warn_of(one, &context.settings.schedule) =>
            {
                // A delivery that is held has no next attempt.
                if let Some(due_at) = outcome_row(one, snapshot).due_at {
                    let notice = notice(context, one, Told::LastAttempt(due_at));
                    mailed.any |= tx.note_by_mail(&notice).await? == crate::queue::Telling::Told;
                    mailed.warned.push(endpoint);
                }
            }
            _ => {}
        }
    }
    Ok(mailed)
}

fn notice(context: &Context, one: &Decided, told: Told) -> NewMailNotice {
    let completion = &one.completion;
    let occurred_at = completion.ended_at();
    NewMailNotice {
        id: context.notice_id(occurred_at),
        account: completion.account,
        endpoint: completion.endpoint,
        delivery: completion.delivery,
        event_type: completion.event_type.clone(),
        told,
        outcome: completion.attempt().map(reason_of).unwrap_or_default(),
        occurred_at,
    }
}

//! Rests: a receiver that answers 429 or 503 with `Retry-After` is left alone until then.
//!
//! The outcome of the attempt stores the end of the rest in the endpoint's row, raises the
//! account's revision, and moves the endpoint's queue to that end, so that claims do not look
//! at it before. The rests of one commit share their statements, and the cache takes them over
//! without reading the account again: receivers that ask to wait each second must cost others
//! nothing. From then on deliveries are stored as due, and the queue stays where it is.
//! A rest ends by itself, as the queue falls due, or when a person ends it.

use std::collections::BTreeMap;

use signet_model::{AccountId, EndpointId, Timestamp};

use super::{
    Address, Context, distinct,
    endpoint_cache::{AccountView, EndpointCache, Snapshot},
    outcome::Decided,
};
use crate::{
    db::{Result, Tx},
    queue::{HotPath, Lock, Queue, drain::EndpointAt},
};

/// The rests of an account that a commit stores.
pub(super) struct Rested {
    pub(super) account: AccountId,
    /// The revision that the commit found, and raised once.
    found: i64,
    rests: Vec<(EndpointId, Timestamp)>,
}

impl Rested {
    /// Adds the rests to the cache after the commit. Returns `false` if the cache has to read
    /// the account.
    pub(super) fn remember(&self, endpoints: &EndpointCache) -> bool {
        endpoints.record_rests(self.account, self.found, &self.rests)
    }
}

/// Lets the endpoints rest whose receivers asked for it. Ends of rests are whole seconds, so
/// that most rests of an account end together.
pub(super) async fn store(tx: &mut Tx<'_>, outcomes: &[&Decided], snapshot: &Snapshot) -> Result<Vec<Rested>> {
    let mut asked: BTreeMap<AccountId, BTreeMap<Timestamp, Vec<EndpointId>>> = BTreeMap::new();
    for (one, until) in outcomes.iter().filter_map(|one| Some((one, one.rest?))) {
        asked.entry(one.completion.account).or_default().entry(until).or_default().push(one.completion.endpoint);
    }
    let mut rested = Vec::new();
    for (account, by_end) in asked {
        let Some(found) = snapshot.account(account).map(AccountView::revision) else { continue };
        let mut rests = Vec::new();
        for (until, endpoints) in by_end {
            rests.extend(tx.rest(account, &endpoints, until).await?.into_iter().map(|endpoint| (endpoint, until)));
        }
        if !rests.is_empty() {
            tx.revise(account).await?;
            rested.push(Rested { account, found, rests });
        }
    }
    Ok(rested)
}

/// Moves the due queues of endpoints that rest to the ends of their rests: a change that
/// another process had planned can have pulled one forward. Returns `true` for each of `due`
/// that may be claimed from.
pub(super) async fn leave_alone(
    context: &Context,
    queue: &mut Queue,
    due: &mut Vec<Address>,
    snapshot: &Snapshot,
    now: Timestamp,
) -> Result<()> {
    let rests =
        |snapshot: &Snapshot, &(account, endpoint): &Address| snapshot.endpoint(account, endpoint)?.rests_until(now);
    let resting: Vec<_> = due.extract_if(.., |address| rests(snapshot, address).is_some()).collect();
    if resting.is_empty() {
        return Ok(());
    }
    let accounts = distinct(resting.iter().map(|&(account, _)| account));
    let mut tx = queue.begin().await?;
    let free = tx.lock_free_accounts(&accounts, Lock::Shared).await?;
    let snapshot = context.endpoint_cache.load_at(&mut tx, free).await?;
    for address in resting {
        let at = EndpointAt { account: address.0, endpoint: address.1, now };
        if let Some(until) = rests(&snapshot, &address)
            && tx.lock_queue(at).await?
        {
            tx.hold_queue_back(address, until).await?;
        }
    }
    tx.commit().await
}

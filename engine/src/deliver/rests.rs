//! Rests: a receiver that answers 429 or 503 with `Retry-After` is left alone until then.
//!
//! The outcome of the attempt stores the end of the rest in the endpoint's row, raises the
//! account's revision, and moves the endpoint's queue to that end, so that claims do not look
//! at it before. From then on deliveries are stored as due, and the queue stays where it is.
//! A rest ends by itself, as the queue falls due, or when a person ends it.

use signet_model::Timestamp;

use super::{Address, Context, distinct, endpoint_cache::Snapshot};
use crate::{
    db::Result,
    queue::{HotPath, Lock, Queue, drain::EndpointAt},
};

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

//! Rests: a receiver that answers 429 or 503 with `Retry-After` is left alone until then.
//!
//! A task of its own stores the rests of all endpoints before the outcomes that asked for them
//! reach the writer, which all accounts share: receivers that ask to wait each second must cost
//! others nothing. The rests of an account that are asked for together are one transaction. It
//! stores the ends in the rows of the endpoints, raises the account's revision, and moves the
//! endpoints' queues to the ends, so that claims do not look at them before; the cache takes
//! the ends over without reading the account again. From then on deliveries are stored as due,
//! and the queue stays where it is. A rest ends by itself, as the queue falls due, or when a
//! person ends it.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use signet_model::{AccountId, EndpointId, Timestamp};
use tokio::{
    sync::{mpsc::UnboundedReceiver, oneshot},
    time::{Instant, sleep, timeout},
};

use super::{Address, Context, distinct, endpoint_cache::Snapshot};
use crate::{
    db::Result,
    queue::{HotPath, Lock, Queue, drain::EndpointAt},
};

/// Rests that are stored together.
const TOGETHER_MAX: usize = 1_024;
/// The time that a rest waits for others, and between two tries at a locked account.
const GATHER_TIME: Duration = Duration::from_millis(5);
/// The time after which a rest is given up: the receiver will ask again.
const STORE_TIME_MAX: Duration = Duration::from_secs(5);

/// A rest on its way into the store.
#[derive(Debug)]
pub(crate) struct AskedRest {
    address: Address,
    until: Timestamp,
    asked_at: Instant,
    /// Told once the rest is stored, or given up.
    ended: oneshot::Sender<()>,
}

/// Lets an endpoint rest until an instant, and returns once that is stored, or given up. Does
/// nothing if the endpoint is known to rest as long, or is about to be disabled.
pub(super) async fn begin(context: &Context, address: Address, until: Timestamp) {
    if context.endpoint_cache.begin_resting(address, until) {
        let (ended, stored) = oneshot::channel();
        // If the task has ended, the engine stops.
        if context.rests.send(AskedRest { address, until, asked_at: Instant::now(), ended }).is_ok() {
            stored.await.unwrap_or_default();
        }
    }
}

/// Stores rests until the engine has stopped.
pub(super) async fn store_rests(context: Arc<Context>, mut asked: UnboundedReceiver<AskedRest>) {
    let mut queue = context.queue.clone();
    let mut waiting = Vec::new();
    while !waiting.is_empty() || asked.recv_many(&mut waiting, TOGETHER_MAX).await > 0 {
        sleep(GATHER_TIME).await;
        while waiting.len() < TOGETHER_MAX
            && let Ok(one) = asked.try_recv()
        {
            waiting.push(one);
        }
        waiting = store_all(&context, &mut queue, waiting).await;
    }
}

/// Stores rests, account by account; returns those of accounts that are locked.
async fn store_all(context: &Context, queue: &mut Queue, asked: Vec<AskedRest>) -> Vec<AskedRest> {
    let mut by_account: BTreeMap<AccountId, Vec<AskedRest>> = BTreeMap::new();
    for one in asked {
        by_account.entry(one.address.0).or_default().push(one);
    }
    let mut locked = Vec::new();
    for (account, mut asked) in by_account {
        let rests: Vec<_> = asked.iter().map(|one| (one.address.1, one.until)).collect();
        match timeout(STORE_TIME_MAX, store(context, queue, account, &rests)).await {
            Ok(Ok(Stored::Yes)) => {}
            Ok(Ok(Stored::Locked)) => {
                locked.extend(asked.extract_if(.., |one| one.asked_at.elapsed() < STORE_TIME_MAX));
            }
            Ok(Err(error)) => {
                if !context.trouble.report(&error) {
                    tracing::warn!(%error, "rests of webhooks could not be stored; their receivers will ask again");
                }
                queue.renew();
            }
            Err(_) => queue.renew(),
        }
        for AskedRest { address, until, ended, .. } in asked {
            context.endpoint_cache.end_resting(address.1, until);
            // The attempt may have been given up.
            ended.send(()).unwrap_or_default();
        }
    }
    locked
}

/// The result of a transaction.
enum Stored {
    Yes,
    /// Another transaction has locked the account.
    Locked,
}

async fn store(
    context: &Context,
    queue: &mut Queue,
    account: AccountId,
    rests: &[(EndpointId, Timestamp)],
) -> Result<Stored> {
    // Ends are whole seconds, so that most rests of an account end together.
    let mut by_end: BTreeMap<Timestamp, Vec<EndpointId>> = BTreeMap::new();
    for (endpoint, until) in rests {
        by_end.entry(*until).or_default().push(*endpoint);
    }
    let mut tx = queue.begin().await?;
    let Some(&(_, found)) = tx.lock_free_accounts(&[account], Lock::Exclusive).await?.first() else {
        let is_erased = tx.revisions(&[account]).await?.is_empty();
        tx.roll_back().await;
        return Ok(if is_erased { Stored::Yes } else { Stored::Locked });
    };
    let mut resting = Vec::new();
    for (until, endpoints) in by_end {
        resting.extend(tx.rest(account, &endpoints, until).await?.into_iter().map(|endpoint| (endpoint, until)));
    }
    if resting.is_empty() {
        tx.roll_back().await;
        return Ok(Stored::Yes);
    }
    tx.revise(account).await?;
    tx.commit().await?;
    if !context.endpoint_cache.record_rests(account, found, &resting) {
        context.changed(&[account]).await;
    }
    Ok(Stored::Yes)
}

/// Stores one rest at once, for tests that attempt by hand.
#[cfg(any(test, feature = "testing"))]
pub(crate) async fn store_one(context: &Context, (account, endpoint): Address, until: Timestamp) -> Result<()> {
    store(context, &mut context.queue.clone(), account, &[(endpoint, until)]).await.map(drop)
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

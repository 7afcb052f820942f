//! The requests that a commit takes.

use std::{sync::Arc, time::Duration};

use signet_model::{Timestamp, event::BUILT_IN};
use tokio::sync::Semaphore;

use super::*;
use crate::deliver::{
    ingest::{Audience, NewEvent},
    reply::{Replies, replies},
};

const LIMIT: Duration = Duration::from_secs(15);

fn account(number: u8) -> AccountId {
    AccountId::new(Timestamp::from_unix_seconds(1_774_699_200), [number; 10])
}

/// A request of so many events for an account.
fn request(account: AccountId, count: usize) -> (Replies<Accepted>, Vec<WriteRequest>) {
    let permit = Arc::new(Semaphore::new(1)).try_acquire_owned().expect("a permit");
    let (replies, reply_tos) = replies(count, permit);
    let event = || {
        let body = BUILT_IN[1].sample(Timestamp::from_unix_seconds(1_774_699_200));
        Incoming::new(NewEvent { account, body, idempotency: None, trace: None }, Audience::Subscribers)
    };
    (replies, reply_tos.map(|reply_to| WriteRequest::Event(event(), reply_to)).collect())
}

/// The accounts whose requests the next commit takes.
fn taken(queue: &mut RequestQueue, locked: &LockedAccounts, fanout: impl Fn(AccountId) -> usize) -> Vec<AccountId> {
    let taken = queue.take(locked, Instant::now(), |incoming| fanout(incoming.event.account));
    let accounts = taken.changes.events.iter().map(|incoming| incoming.event.account).collect();
    taken.refuse(IngestError::Overloaded);
    accounts
}

fn count(accounts: &[AccountId], account: AccountId) -> usize {
    accounts.iter().filter(|one| **one == account).count()
}

#[test]
fn a_commit_is_bounded_by_deliveries_and_the_rest_goes_into_the_next() {
    let (mut queue, locked) = (RequestQueue::default(), LockedAccounts::default());
    let (_replies, requests) = request(account(1), 20);
    queue.push(requests, &locked);
    for left in [14, 8, 2, 0] {
        let taken = taken(&mut queue, &locked, |_| 300);
        assert!(taken.len() * 300 <= DELIVERIES_MAX, "{}", taken.len());
        assert_eq!(queue.len(), left);
    }
    assert!(queue.is_empty());
}

#[test]
fn one_event_with_more_deliveries_than_a_commit_takes_goes_alone() {
    let (mut queue, locked) = (RequestQueue::default(), LockedAccounts::default());
    let (_replies, requests) = request(account(1), 2);
    queue.push(requests, &locked);
    assert_eq!(taken(&mut queue, &locked, |_| 2 * DELIVERIES_MAX).len(), 1);
    assert_eq!(queue.len(), 1);
}

#[test]
fn a_huge_fanout_leaves_a_neighbour_as_many_deliveries_as_it_takes_itself() {
    let (mut queue, locked) = (RequestQueue::default(), LockedAccounts::default());
    let (huge, small) = (account(1), account(2));
    let (_replies, requests) = request(huge, 1_000);
    queue.push(requests, &locked);
    let (_others, requests) = request(small, 200);
    queue.push(requests, &locked);
    let taken = taken(&mut queue, &locked, |account| if account == huge { 300 } else { 1 });
    assert_eq!(count(&taken, small), 200, "all of the neighbour's");
    assert_eq!(count(&taken, huge), 6, "{} deliveries fit beside it", DELIVERIES_MAX - 200);
}

#[test]
fn many_accounts_take_turns_over_commits() {
    let (mut queue, locked) = (RequestQueue::default(), LockedAccounts::default());
    let mut waiting = Vec::new();
    for number in 0..100 {
        let (replies, requests) = request(account(number), 32);
        waiting.push(replies);
        queue.push(requests, &locked);
    }
    let first = taken(&mut queue, &locked, |_| 1);
    let second = taken(&mut queue, &locked, |_| 1);
    assert_eq!((first.len(), second.len()), (REQUESTS_MAX, REQUESTS_MAX));
    let both: HashSet<_> = first.iter().chain(&second).collect();
    assert_eq!(
        both.len(),
        2 * REQUESTS_MAX / QUANTUM_DELIVERIES,
        "no account has a second turn before the others' first"
    );
}

#[test]
fn an_abandoned_request_is_not_stored() {
    let (mut queue, locked) = (RequestQueue::default(), LockedAccounts::default());
    let (replies, requests) = request(account(1), 3);
    queue.push(requests, &locked);
    drop(replies);
    assert!(taken(&mut queue, &locked, |_| 1).is_empty());
    assert!(queue.is_empty());
}

#[tokio::test]
async fn a_locked_account_waits_in_its_order_and_its_crowd_is_refused_at_once() {
    let (mut queue, mut locked) = (RequestQueue::default(), LockedAccounts::default());
    let (busy, free) = (account(1), account(2));
    let (replies, requests) = request(busy, LOCKED_REQUESTS_MAX + 1);
    let (_others, neighbours) = request(free, 1);
    locked.found_locked(busy, Instant::now());
    queue.push(requests, &locked);
    queue.push(neighbours, &locked);
    assert_eq!(taken(&mut queue, &locked, |_| 1), [free]);
    assert_eq!(queue.len(), LOCKED_REQUESTS_MAX);
    locked.found_free(busy);
    assert_eq!(taken(&mut queue, &locked, |_| 1).len(), LOCKED_REQUESTS_MAX);
    assert_eq!(replies.all(LIMIT).await[LOCKED_REQUESTS_MAX], Err(IngestError::Overloaded));
}

#[tokio::test]
async fn requests_of_a_locked_account_are_taken_first_the_next_time() {
    let (mut queue, locked) = (RequestQueue::default(), LockedAccounts::default());
    let (busy, free) = (account(1), account(2));
    let (replies, requests) = request(busy, 2);
    let (others, neighbours) = request(free, 1);
    queue.push(requests, &locked);
    queue.push(neighbours, &locked);
    let taken = queue.take(&locked, Instant::now(), |_| 1);
    let id = signet_model::EventId::new(Timestamp::from_unix_seconds(1), [1; 10]);
    let stored = Ok(Accepted { id, deliveries: 1, replayed: false });
    let (put_back, served) = taken.answer(vec![stored], Vec::new(), &HashSet::from([busy]));
    assert_eq!(served, HashSet::from([free]));
    assert_eq!(others.all(LIMIT).await, [stored]);
    queue.put_back(put_back);
    assert_eq!(queue.len(), 2);
    queue.refuse(busy, IngestError::Overloaded);
    assert_eq!(replies.all(LIMIT).await, [Err(IngestError::Overloaded); 2]);
    assert!(queue.is_empty());
}

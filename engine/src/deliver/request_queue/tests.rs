//! What a commit takes of what waits.

use std::{sync::Arc, time::Duration};

use signet_model::{Timestamp, event::EventType};
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
fn request(account: AccountId, count: usize) -> (Replies<Accepted>, Vec<Entry>) {
    let turn = Arc::new(Semaphore::new(1)).try_acquire_owned().expect("a turn");
    let (replies, slots) = replies(count, turn);
    let event = || {
        let body = EventType::TaskFailed.sample(Timestamp::from_unix_seconds(1_774_699_200));
        Incoming { event: NewEvent { account, body, idempotency: None }, audience: Audience::Subscribers }
    };
    (replies, slots.map(|slot| Entry::Event(event(), slot)).collect())
}

/// The accounts of what the next commit takes.
fn taken(pending: &mut Pending, locked: &LockedAccounts, fanout: impl Fn(AccountId) -> usize) -> Vec<AccountId> {
    let taken = pending.take(locked, Instant::now(), |incoming| fanout(incoming.event.account));
    let accounts = taken.changes.events.iter().map(|incoming| incoming.event.account).collect();
    taken.refuse(IngestError::Overloaded);
    accounts
}

fn count(accounts: &[AccountId], account: AccountId) -> usize {
    accounts.iter().filter(|one| **one == account).count()
}

#[test]
fn a_commit_is_bounded_by_deliveries_and_the_rest_goes_into_the_next() {
    let (mut pending, locked) = (Pending::default(), LockedAccounts::default());
    let (_replies, entries) = request(account(1), 20);
    pending.push(entries, &locked);
    for left in [14, 8, 2, 0] {
        let taken = taken(&mut pending, &locked, |_| 300);
        assert!(taken.len() * 300 <= DELIVERIES_MAX, "{}", taken.len());
        assert_eq!(pending.len(), left);
    }
    assert!(pending.is_empty());
}

#[test]
fn one_event_with_more_deliveries_than_a_commit_takes_goes_alone() {
    let (mut pending, locked) = (Pending::default(), LockedAccounts::default());
    let (_replies, entries) = request(account(1), 2);
    pending.push(entries, &locked);
    assert_eq!(taken(&mut pending, &locked, |_| 2 * DELIVERIES_MAX).len(), 1);
    assert_eq!(pending.len(), 1);
}

#[test]
fn a_huge_fanout_leaves_a_neighbour_as_many_deliveries_as_it_takes_itself() {
    let (mut pending, locked) = (Pending::default(), LockedAccounts::default());
    let (huge, small) = (account(1), account(2));
    let (_replies, entries) = request(huge, 1_000);
    pending.push(entries, &locked);
    let (_others, entries) = request(small, 200);
    pending.push(entries, &locked);
    let taken = taken(&mut pending, &locked, |account| if account == huge { 300 } else { 1 });
    assert_eq!(count(&taken, small), 200, "all of the neighbour's");
    assert_eq!(count(&taken, huge), 6, "{} deliveries fit beside it", DELIVERIES_MAX - 200);
}

#[test]
fn many_accounts_take_turns_over_commits() {
    let (mut pending, locked) = (Pending::default(), LockedAccounts::default());
    let mut requests = Vec::new();
    for number in 0..100 {
        let (replies, entries) = request(account(number), 32);
        requests.push(replies);
        pending.push(entries, &locked);
    }
    let first = taken(&mut pending, &locked, |_| 1);
    let second = taken(&mut pending, &locked, |_| 1);
    assert_eq!((first.len(), second.len()), (ENTRIES_MAX, ENTRIES_MAX));
    let both: HashSet<_> = first.iter().chain(&second).collect();
    assert_eq!(both.len(), 2 * ENTRIES_MAX / QUANTUM, "no account has a second turn before the others' first");
}

#[test]
fn a_request_that_was_given_up_is_not_stored() {
    let (mut pending, locked) = (Pending::default(), LockedAccounts::default());
    let (replies, entries) = request(account(1), 3);
    pending.push(entries, &locked);
    drop(replies);
    assert!(taken(&mut pending, &locked, |_| 1).is_empty());
    assert!(pending.is_empty());
}

#[tokio::test]
async fn a_locked_account_waits_in_its_order_and_its_crowd_is_refused_at_once() {
    let (mut pending, mut locked) = (Pending::default(), LockedAccounts::default());
    let (busy, free) = (account(1), account(2));
    let (replies, entries) = request(busy, LOCKED_MAX + 1);
    let (_others, neighbours) = request(free, 1);
    locked.found_locked(busy, Instant::now());
    pending.push(entries, &locked);
    pending.push(neighbours, &locked);
    assert_eq!(taken(&mut pending, &locked, |_| 1), [free]);
    assert_eq!(pending.len(), LOCKED_MAX);
    locked.found_free(busy);
    assert_eq!(taken(&mut pending, &locked, |_| 1).len(), LOCKED_MAX);
    assert_eq!(replies.all(LIMIT).await[LOCKED_MAX], Err(IngestError::Overloaded));
}

#[tokio::test]
async fn what_could_not_be_written_for_a_locked_account_is_taken_again_first() {
    let (mut pending, locked) = (Pending::default(), LockedAccounts::default());
    let (busy, free) = (account(1), account(2));
    let (replies, entries) = request(busy, 2);
    let (others, neighbours) = request(free, 1);
    pending.push(entries, &locked);
    pending.push(neighbours, &locked);
    let taken = pending.take(&locked, Instant::now(), |_| 1);
    let id = signet_model::EventId::new(Timestamp::from_unix_seconds(1), [1; 10]);
    let stored = Ok(Accepted { id, deliveries: 1, replayed: false });
    let (put_back, served) = taken.answer(vec![stored], Vec::new(), &HashSet::from([busy]));
    assert_eq!(served, HashSet::from([free]));
    assert_eq!(others.all(LIMIT).await, [stored]);
    pending.put_back(put_back);
    assert_eq!(pending.len(), 2);
    pending.refuse(busy, IngestError::Overloaded);
    assert_eq!(replies.all(LIMIT).await, [Err(IngestError::Overloaded); 2]);
    assert!(pending.is_empty());
}

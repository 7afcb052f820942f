//! Accounts whose rows another transaction has locked. Their requests and outcomes wait and
//! are tried again a moment later, so that no other account waits for the lock.

use std::{collections::HashMap, time::Duration};

use signet_model::AccountId;
use tokio::time::Instant;

/// The delay before a locked account is tried again: the first, and the longest.
const DELAY_MIN: Duration = Duration::from_millis(20);
const DELAY_MAX: Duration = Duration::from_millis(500);

/// Accounts that were found locked, with the next try of each.
#[derive(Debug, Default)]
pub(super) struct LockedAccounts(HashMap<AccountId, Backoff>);

#[derive(Debug, Clone, Copy)]
struct Backoff {
    since: Instant,
    until: Instant,
    delay: Duration,
}

impl LockedAccounts {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Notes an account that was found locked.
    pub(super) fn found_locked(&mut self, account: AccountId, now: Instant) {
        let backoff = self.0.entry(account).or_insert(Backoff { since: now, until: now, delay: DELAY_MIN });
        backoff.until = now + backoff.delay;
        backoff.delay = (backoff.delay * 2).min(DELAY_MAX);
    }

    /// Notes an account that was found free.
    pub(super) fn found_free(&mut self, account: AccountId) {
        self.0.remove(&account);
    }

    /// Tells whether an account is not to be tried at this instant.
    pub(super) fn is_backing_off(&self, account: AccountId, now: Instant) -> bool {
        self.0.get(&account).is_some_and(|backoff| now < backoff.until)
    }

    /// Tells whether an account was locked at its last try.
    pub(super) fn is_locked(&self, account: AccountId) -> bool {
        self.0.contains_key(&account)
    }

    /// Returns the instant of the next try of a locked account.
    pub(super) fn retry_at(&self, account: AccountId) -> Option<Instant> {
        self.0.get(&account).map(|backoff| backoff.until)
    }

    /// Removes and returns the accounts that have been locked for as long as `limit`.
    pub(super) fn take_locked_for(&mut self, limit: Duration, now: Instant) -> Vec<AccountId> {
        self.0.extract_if(|_, backoff| now.duration_since(backoff.since) >= limit).map(|(account, _)| account).collect()
    }
}

#[cfg(test)]
mod tests {
    use signet_model::Timestamp;

    use super::*;

    fn account(number: u8) -> AccountId {
        AccountId::new(Timestamp::from_unix_seconds(1_774_699_200), [number; 10])
    }

    #[test]
    fn a_locked_account_is_tried_again_ever_more_rarely_and_others_are_not_concerned() {
        let (mut locked, mut now) = (LockedAccounts::default(), Instant::now());
        let mut pauses = Vec::new();
        for _ in 0..7 {
            locked.found_locked(account(1), now);
            let next = locked.retry_at(account(1)).expect("a time");
            assert!(locked.is_backing_off(account(1), now) && !locked.is_backing_off(account(2), now));
            pauses.push((next - now).as_millis());
            now = next;
            assert!(!locked.is_backing_off(account(1), now) && locked.is_locked(account(1)));
        }
        assert_eq!(pauses, [20, 40, 80, 160, 320, 500, 500]);
        locked.found_free(account(1));
        assert!(locked.is_empty());
    }

    #[test]
    fn an_account_that_stays_locked_is_given_up() {
        let (mut locked, begin) = (LockedAccounts::default(), Instant::now());
        let limit = Duration::from_secs(5);
        locked.found_locked(account(1), begin);
        locked.found_locked(account(2), begin + limit / 2);
        assert!(locked.take_locked_for(limit, begin + limit / 2).is_empty());
        assert_eq!(locked.take_locked_for(limit, begin + limit), [account(1)]);
        assert!(locked.is_locked(account(2)) && !locked.is_locked(account(1)));
    }
}

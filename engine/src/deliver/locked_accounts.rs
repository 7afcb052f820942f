//! Accounts whose rows another transaction has locked. What is to be written for them is
//! set aside and tried again a moment later, so that no other account waits for the lock.

use std::{collections::HashMap, time::Duration};

use signet_model::AccountId;
use tokio::time::Instant;

/// How long an account is left alone at first, and at most.
const FIRST_PAUSE: Duration = Duration::from_millis(20);
const LONGEST_PAUSE: Duration = Duration::from_millis(500);

/// Accounts that were found locked, and when each is tried again.
#[derive(Debug, Default)]
pub(super) struct LockedAccounts(HashMap<AccountId, Rest>);

#[derive(Debug, Clone, Copy)]
struct Rest {
    since: Instant,
    until: Instant,
    pause: Duration,
}

impl LockedAccounts {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// An account was found locked, again perhaps.
    pub(super) fn found_locked(&mut self, account: AccountId, now: Instant) {
        let rest = self.0.entry(account).or_insert(Rest { since: now, until: now, pause: FIRST_PAUSE });
        rest.until = now + rest.pause;
        rest.pause = (rest.pause * 2).min(LONGEST_PAUSE);
    }

    /// An account was found free.
    pub(super) fn found_free(&mut self, account: AccountId) {
        self.0.remove(&account);
    }

    /// Whether an account is left alone at this moment.
    pub(super) fn is_resting(&self, account: AccountId, now: Instant) -> bool {
        self.0.get(&account).is_some_and(|rest| now < rest.until)
    }

    /// Whether an account was locked when it was last tried.
    pub(super) fn is_locked(&self, account: AccountId) -> bool {
        self.0.contains_key(&account)
    }

    /// Until when an account is left alone.
    pub(super) fn resting_until(&self, account: AccountId) -> Option<Instant> {
        self.0.get(&account).map(|rest| rest.until)
    }

    /// Forgets the accounts that have been locked for so long, and returns them.
    pub(super) fn take_locked_for(&mut self, limit: Duration, now: Instant) -> Vec<AccountId> {
        self.0.extract_if(|_, rest| now.duration_since(rest.since) >= limit).map(|(account, _)| account).collect()
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
            let next = locked.resting_until(account(1)).expect("a time");
            assert!(locked.is_resting(account(1), now) && !locked.is_resting(account(2), now));
            pauses.push((next - now).as_millis());
            now = next;
            assert!(!locked.is_resting(account(1), now) && locked.is_locked(account(1)));
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

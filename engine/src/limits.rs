//! The limits that keep one client, or one customer, from costing the others. All of them are
//! of one process, and forget: nothing here is stored.
//!
//! - [`RateLimit`] takes a key a few times at once and then at intervals.
//! - [`Backoff`] makes a key wait longer with each failure.
//! - [`FairQueue`] gives a few places to many clients in turns.
//! - [`Attempts`] are made of these: attempts to get in.

mod attempts;
mod backoff;
mod fair_queue;
mod known_device;
mod rate_limit;
mod steady_clock;

pub use attempts::{Attempt, Attempts, Refused, Subject};
pub use backoff::{Backoff, Growth};
pub use fair_queue::{Bounds, FairQueue, Full, Place};
pub use known_device::{KNOWN_DEVICE_LIFETIME, KnownDevice, KnownDevices};
pub use rate_limit::{Allowance, Rate, RateLimit};

use std::{sync::Arc, time::Duration};

use signet_model::{AccountId, time::Clock};

use crate::settings::Settings;

/// The accounts that are counted.
const ACCOUNTS: usize = 10_000;

/// The tests of URLs that are not saved, and of next secrets, that an account makes in a minute.
pub const DRAFT_TESTS_PER_MINUTE: u32 = 10;
const DRAFT_TESTS: Rate = Rate::new(DRAFT_TESTS_PER_MINUTE, Duration::from_secs(6));
/// The look-ups of names in URLs that one account's people are typing.
const URL_CHECKS: Rate = Rate::new(30, Duration::from_secs(2));
/// The test events of one account.
const TESTS: Rate = Rate::new(60, Duration::from_secs(1));
/// The tests of all accounts.
const ALL_TESTS: Rate = Rate::new(600, Duration::from_millis(100));

/// The account, or all together, did as much of it as may be for now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TooMany(
    /// The time to wait.
    pub Duration,
);

/// The limits of what accounts make this server send, or store.
#[derive(Debug)]
pub(crate) struct AccountLimits {
    draft_tests: RateLimit<AccountId>,
    url_checks: RateLimit<AccountId>,
    tests: RateLimit<AccountId>,
    all_tests: RateLimit<()>,
    creations: RateLimit<AccountId>,
}

impl AccountLimits {
    /// Nothing has been done yet.
    pub(crate) fn new(settings: &Settings, clock: &Arc<dyn Clock>) -> Self {
        let webhooks = settings.max_endpoints_per_account.max(1);
        // All of an account's webhooks may be made anew at once, twice, and then once an hour.
        let creations = Rate::new(webhooks.saturating_mul(2), Duration::from_hours(1) / webhooks);
        let limit = |name, rate| RateLimit::new(name, rate, ACCOUNTS, Arc::clone(clock));
        Self {
            draft_tests: limit("tests of drafts", DRAFT_TESTS),
            url_checks: limit("checks of URLs", URL_CHECKS),
            tests: limit("test events", TESTS),
            all_tests: RateLimit::new("all tests", ALL_TESTS, 1, Arc::clone(clock)),
            creations: limit("new webhooks", creations),
        }
    }

    /// Counts a test of a URL that is not saved, or of a next secret.
    pub(crate) fn draft_test(&self, account: AccountId) -> Result<(), TooMany> {
        self.test_within(&self.draft_tests, account)
    }

    /// Counts a look-up of the name in a URL that is being typed.
    pub(crate) fn url_check(&self, account: AccountId) -> Result<(), TooMany> {
        self.url_checks.take(account).map(drop).map_err(TooMany)
    }

    /// Counts a test event.
    pub(crate) fn test(&self, account: AccountId) -> Result<(), TooMany> {
        self.test_within(&self.tests, account)
    }

    /// Counts a new webhook.
    pub(crate) fn creation(&self, account: AccountId) -> Result<(), TooMany> {
        self.creations.take(account).map(drop).map_err(TooMany)
    }

    /// What one account does beyond its own limit takes nothing from the others.
    fn test_within(&self, limit: &RateLimit<AccountId>, account: AccountId) -> Result<(), TooMany> {
        limit.take(account).map_err(TooMany)?;
        self.all_tests.take(()).map(drop).map_err(TooMany).inspect_err(|_| limit.give_back(&account))
    }
}

#[cfg(test)]
mod tests {
    use signet_model::Timestamp;

    use super::*;
    use crate::clock::ManualClock;

    fn account(number: i64) -> AccountId {
        AccountId::new(Timestamp::from_unix_seconds(number), [0; 10])
    }

    #[test]
    fn tests_are_limited_by_account_and_in_all() {
        let clock: Arc<dyn Clock> = Arc::new(ManualClock::at(Timestamp::from_unix_seconds(1_000)));
        let limits = AccountLimits::new(&Settings::default(), &clock);
        let of = |number| (0..100).take_while(|_| limits.test(account(number)).is_ok()).count();
        assert_eq!((of(1), of(1), of(2)), (60, 0, 60));
        let others: usize = (3..20).map(of).sum();
        assert_eq!(others, 600 - 120, "all together have a limit as well");
    }
}

//! The number of streams that are open.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use signet_model::AccountId;

/// The most streams of one account in one process.
pub const STREAMS_PER_ACCOUNT: usize = 8;
/// The most streams in one process.
pub const STREAMS: usize = 256;

/// Counts the open streams of each account.
#[derive(Debug)]
pub(crate) struct Places {
    open: Mutex<HashMap<AccountId, usize>>,
    most_of_account: usize,
    most: usize,
}

/// The place of one stream, until it is dropped.
#[derive(Debug)]
pub(crate) struct Place {
    places: Arc<Places>,
    account: AccountId,
}

/// No more streams can be opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TooManyStreams {
    /// The account has as many as it may.
    #[error("This account has {0} streams open. End one of them first.")]
    OfAccount(usize),
    /// All accounts together have as many as the process takes.
    #[error("The server has as many streams open as it takes.")]
    OfAll,
}

impl Default for Places {
    fn default() -> Self {
        Self::of(STREAMS_PER_ACCOUNT, STREAMS)
    }
}

impl Places {
    /// As many places of one account, and of all together.
    pub(crate) fn of(most_of_account: usize, most: usize) -> Self {
        Self { open: Mutex::default(), most_of_account, most }
    }

    /// Takes a place.
    pub(crate) fn take(self: &Arc<Self>, account: AccountId) -> Result<Place, TooManyStreams> {
        let mut open = self.open();
        if open.values().sum::<usize>() >= self.most {
            return Err(TooManyStreams::OfAll);
        }
        let own = open.entry(account).or_default();
        if *own >= self.most_of_account {
            return Err(TooManyStreams::OfAccount(self.most_of_account));
        }
        *own += 1;
        Ok(Place { places: Arc::clone(self), account })
    }

    fn open(&self) -> MutexGuard<'_, HashMap<AccountId, usize>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut open = self.places.open();
        if let Some(own) = open.get_mut(&self.account) {
            *own -= 1;
            if *own == 0 {
                open.remove(&self.account);
            }
        }
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
    fn an_account_has_a_share_and_gives_it_back() {
        let places = Arc::new(Places::default());
        let open = |number| places.take(account(number)).map(drop).err();
        let mut taken: Vec<_> = (0..STREAMS_PER_ACCOUNT).map(|_| places.take(account(1)).expect("room")).collect();
        assert_eq!((open(1), open(2)), (Some(TooManyStreams::OfAccount(STREAMS_PER_ACCOUNT)), None));
        taken.pop();
        assert_eq!(open(1), None);
        drop(taken);
        assert!(places.open().is_empty());
    }

    #[test]
    fn all_accounts_together_have_a_limit() {
        let places = Arc::new(Places::default());
        let number = |index: usize| u8::try_from(index / STREAMS_PER_ACCOUNT).expect("few accounts");
        let _taken: Vec<_> = (0..STREAMS).map(|index| places.take(account(number(index))).expect("room")).collect();
        assert_eq!(places.take(account(255)).err(), Some(TooManyStreams::OfAll));
    }
}

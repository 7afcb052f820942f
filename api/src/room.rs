//! The memory for bodies of requests: a limit for all of them, and a share for one account.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use signet_model::AccountId;

use signet_engine::notice::Notice;

use super::events::MAX_EVENT_LEN;

/// The most bytes of small bodies, and the most of large ones: 64 MiB in all. That is as
/// much as the engine lets wait to be stored, or two of the largest batches. The events
/// that are made of a body can take a few times as much.
const BODIES_BYTES_MAX: usize = 32 * 1024 * 1024;

/// The share of one account. A single body may be larger.
const ACCOUNT_BYTES_MAX: usize = BODIES_BYTES_MAX / 4;

/// The largest small body: that of a single event. Small bodies have room of their own, so
/// that a few batches do not keep the events of all other producers out.
const SMALL_BODY_BYTES_MAX: usize = MAX_EVENT_LEN;

/// There is no room.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Full {
    /// All of it is taken.
    #[error("Too many requests are being read.")]
    All,
    /// The account has its share.
    #[error("Too many requests of this account are being read.")]
    Share,
}

/// The room for bodies. Clones share it.
#[derive(Debug, Clone, Default)]
pub struct Room {
    small: Arc<Part>,
    large: Arc<Part>,
}

#[derive(Debug, Default)]
struct Part {
    taken: Mutex<Taken>,
    full: Notice,
}

#[derive(Debug, Default)]
struct Taken {
    bytes: usize,
    by_account: HashMap<AccountId, usize>,
}

/// The room that one body takes, until the place is dropped.
#[derive(Debug)]
pub struct Place {
    part: Arc<Part>,
    /// The account that the body counts for. The operator's key sends for all accounts and has
    /// no share.
    account: Option<AccountId>,
    bytes: usize,
}

impl Room {
    /// A place for a body of at most so many bytes, of which none has come.
    pub fn place(&self, account: Option<AccountId>, most: usize) -> Place {
        let part = if most <= SMALL_BODY_BYTES_MAX { &self.small } else { &self.large };
        Place { part: Arc::clone(part), account, bytes: 0 }
    }
}

impl Place {
    /// Takes room for bytes that have come.
    pub fn grow(&mut self, bytes: usize) -> Result<(), Full> {
        if let Err(full) = self.part.taken().take(self.account, self.bytes, bytes) {
            if let Some(times) = self.part.full.due() {
                let account = self.account.map(tracing::field::display);
                tracing::warn!(account, times, "requests were not read: {full}");
            }
            return Err(full);
        }
        self.bytes += bytes;
        Ok(())
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.part.taken().give_back(self.account, self.bytes);
    }
}

impl Part {
    fn taken(&self) -> MutexGuard<'_, Taken> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Taken {
    /// Takes `more` bytes for a body of an account that has `before`.
    fn take(&mut self, account: Option<AccountId>, before: usize, more: usize) -> Result<(), Full> {
        if self.bytes + more > BODIES_BYTES_MAX {
            return Err(Full::All);
        }
        if let Some(account) = account {
            let own = self.by_account.entry(account).or_default();
            if *own > before && *own + more > ACCOUNT_BYTES_MAX {
                return Err(Full::Share);
            }
            *own += more;
        }
        self.bytes += more;
        Ok(())
    }

    fn give_back(&mut self, account: Option<AccountId>, bytes: usize) {
        self.bytes -= bytes;
        let Some(account) = account else { return };
        if let Some(own) = self.by_account.get_mut(&account) {
            *own -= bytes;
            if *own == 0 {
                self.by_account.remove(&account);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: usize = 1024 * 1024;

    #[expect(clippy::unnecessary_wraps, reason = "a key of the operator has no account")]
    fn account(number: u8) -> Option<AccountId> {
        Some(AccountId::new(signet_model::Timestamp::from_unix_seconds(1), [number; 10]))
    }

    /// Places for whole bodies of 1 MiB, as many as there is room for.
    fn fill(room: &Room, account: Option<AccountId>) -> Vec<Place> {
        let body = || {
            let mut place = room.place(account, MIB);
            place.grow(MIB).map(|()| place)
        };
        std::iter::from_fn(|| body().ok()).collect()
    }

    #[test]
    fn an_account_has_a_share_and_the_operator_has_all_that_is_free() {
        let room = Room::default();
        let first = fill(&room, account(1));
        assert_eq!((first.len(), fill(&room, account(1)).len()), (8, 0));
        let second = fill(&room, account(2));
        assert_eq!(second.len(), 8);
        let operators = fill(&room, None);
        assert_eq!((operators.len(), fill(&room, account(3)).len()), (16, 0));
        drop(first);
        assert_eq!(fill(&room, account(3)).len(), 8);
    }

    #[test]
    fn bytes_that_have_not_come_take_no_room() {
        let room = Room::default();
        let mut begun: Vec<_> = (0..1_000).map(|_| room.place(account(1), MIB)).collect();
        assert!(begun.iter_mut().all(|place| place.grow(1).is_ok()));
        assert_eq!(fill(&room, account(2)).len(), 8);
        drop(begun);
        assert!(room.small.taken().by_account.is_empty());
    }

    #[test]
    fn one_body_may_be_larger_than_a_share() {
        let room = Room::default();
        let mut batch = room.place(account(1), 16 * MIB);
        assert!((0..16).all(|_| batch.grow(MIB).is_ok()));
        let mut other = room.place(account(1), 16 * MIB);
        assert_eq!(other.grow(1), Err(Full::Share));
        assert_eq!(room.place(account(2), 16 * MIB).grow(MIB), Ok(()));
    }
}

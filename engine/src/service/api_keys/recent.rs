//! Keys that were just looked up, so that a busy producer does not cost a query
//! a request.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use signet_model::Timestamp;

use super::KeyHolder;

/// The time for which a look-up holds: a key that another process revokes goes on working
/// for as long.
const LIFETIME: Duration = Duration::from_secs(1);
/// The most keys that are remembered.
const CAPACITY: usize = 4_096;

/// Holders by the hash of their key.
#[derive(Debug, Default)]
pub(crate) struct RecentKeys(Mutex<Recent>);

#[derive(Debug, Default)]
struct Recent {
    /// Grows with each revocation.
    generation: u64,
    holders: HashMap<[u8; 32], (KeyHolder, Timestamp)>,
}

/// A query that begins now. Its result is remembered only if no key is revoked in the
/// meantime.
#[derive(Debug, Clone, Copy)]
pub(super) struct LookUp(u64);

impl RecentKeys {
    /// The holder, or the query that is to find it.
    pub(super) fn get(&self, hash: &[u8; 32], now: Timestamp) -> Result<KeyHolder, LookUp> {
        let recent = self.lock();
        match recent.holders.get(hash) {
            Some(&(holder, at)) if holds(at, now) && !has_expired(&holder, now) => Ok(holder),
            _ => Err(LookUp(recent.generation)),
        }
    }

    /// Remembers the holder that a query has found.
    pub(super) fn put(&self, look_up: LookUp, hash: [u8; 32], holder: KeyHolder, now: Timestamp) {
        let mut recent = self.lock();
        if recent.generation != look_up.0 {
            return;
        }
        if recent.holders.len() >= CAPACITY {
            recent.holders.retain(|_, (_, at)| holds(*at, now));
        }
        if recent.holders.len() < CAPACITY {
            recent.holders.insert(hash, (holder, now));
        }
    }

    /// Forgets all holders, because a key was revoked.
    pub(super) fn forget(&self) {
        let mut recent = self.lock();
        recent.generation += 1;
        recent.holders.clear();
    }

    fn lock(&self) -> MutexGuard<'_, Recent> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Not after its time, nor before, should the clock have been set back.
fn holds(at: Timestamp, now: Timestamp) -> bool {
    at <= now && now.since(at) < LIFETIME
}

fn has_expired(holder: &KeyHolder, now: Timestamp) -> bool {
    holder.expires_at.is_some_and(|at| at <= now)
}

#[cfg(test)]
mod tests {
    use signet_model::{ApiKeyId, Scopes};

    use super::*;

    const HASH: [u8; 32] = [3; 32];

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_unix_micros(1_774_699_200_000_000 + millis * 1_000)
    }

    fn holder() -> KeyHolder {
        KeyHolder { key: ApiKeyId::new(at(0), [1; 10]), account: None, scopes: Scopes::FIRST, expires_at: None }
    }

    fn filled() -> RecentKeys {
        let keys = RecentKeys::default();
        let look_up = keys.get(&HASH, at(0)).expect_err("nothing is known yet");
        keys.put(look_up, HASH, holder(), at(0));
        keys
    }

    #[test]
    fn a_look_up_holds_for_less_than_a_second() {
        let keys = filled();
        assert_eq!(keys.get(&HASH, at(999)).ok(), Some(holder()));
        assert!(keys.get(&HASH, at(1_000)).is_err());
    }

    #[test]
    fn a_look_up_does_not_hold_for_longer_when_the_clock_is_set_back() {
        assert!(filled().get(&HASH, at(-1)).is_err());
    }

    #[test]
    fn a_look_up_does_not_hold_beyond_the_end_of_the_key() {
        let keys = RecentKeys::default();
        let look_up = keys.get(&HASH, at(0)).expect_err("nothing is known yet");
        let holder = KeyHolder { expires_at: Some(at(500)), ..holder() };
        keys.put(look_up, HASH, holder, at(0));
        assert_eq!(keys.get(&HASH, at(499)).ok(), Some(holder));
        assert!(keys.get(&HASH, at(500)).is_err());
    }

    #[test]
    fn every_key_is_forgotten_after_a_revocation() {
        let keys = filled();
        keys.forget();
        assert!(keys.get(&HASH, at(0)).is_err());
    }

    #[test]
    fn a_look_up_from_before_a_revocation_is_not_remembered_after_it() {
        let keys = RecentKeys::default();
        let look_up = keys.get(&HASH, at(0)).expect_err("nothing is known yet");
        keys.forget();
        keys.put(look_up, HASH, holder(), at(0));
        assert!(keys.get(&HASH, at(0)).is_err());
    }

    #[test]
    fn a_crowd_of_keys_does_not_take_more_memory_and_gives_it_back() {
        let keys = RecentKeys::default();
        let fill = |count: usize, now| {
            for number in 0..count {
                let mut hash = [0; 32];
                hash[..8].copy_from_slice(&number.to_ne_bytes());
                if let Err(look_up) = keys.get(&hash, now) {
                    keys.put(look_up, hash, holder(), now);
                }
            }
        };
        fill(2 * CAPACITY, at(0));
        assert_eq!(keys.lock().holders.len(), CAPACITY);
        let look_up = keys.get(&HASH, at(2_000)).expect_err("new");
        keys.put(look_up, HASH, holder(), at(2_000));
        assert_eq!(keys.lock().holders.len(), 1);
    }
}

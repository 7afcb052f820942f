//! What waits to be written, by account: a commit takes a fair share from each, so that
//! one account's events, however many deliveries they make, shut no other out.

use std::collections::{HashMap, HashSet, VecDeque};

use hashlink::LinkedHashMap;
use signet_model::AccountId;
use tokio::time::Instant;

use super::{
    commit::Changes,
    ingest::{Accepted, Incoming, IngestError},
    balances::Report,
    locked_accounts::LockedAccounts,
    reply::{Answer, Slot},
};

/// The most events and reports in one commit.
pub(super) const ENTRIES_MAX: usize = 256;
/// The most deliveries in one commit, unless its first event makes more by itself.
const DELIVERIES_MAX: usize = 2_000;
/// How many deliveries an account may make before it is the next one's turn.
const QUANTUM: usize = 16;
/// How much may wait for an account that is locked. The rest is refused at once: it
/// would take the places of others.
const LOCKED_MAX: usize = 256;

/// One part of a request: what is to be written, and the place for its answer.
pub(crate) enum Entry {
    Event(Incoming, Slot<Accepted>),
    Report(Report, Slot<()>),
}

impl Entry {
    fn account(&self) -> AccountId {
        match self {
            Self::Event(incoming, _) => incoming.event.account,
            Self::Report(report, _) => report.account,
        }
    }

    fn is_gone(&self) -> bool {
        match self {
            Self::Event(_, slot) => slot.is_gone(),
            Self::Report(_, slot) => slot.is_gone(),
        }
    }

    pub(super) fn refuse(self, error: IngestError) {
        match self {
            Self::Event(_, slot) => slot.answer(Err(error)),
            Self::Report(_, slot) => slot.answer(Err(error)),
        }
    }
}

/// What waits, the account whose turn it is first.
#[derive(Default)]
pub(super) struct Pending {
    queues: LinkedHashMap<AccountId, VecDeque<Entry>>,
    len: usize,
}

impl Pending {
    pub(super) const fn len(&self) -> usize {
        self.len
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Whether anything can be taken now.
    pub(super) fn is_ready(&self, locked: &LockedAccounts, now: Instant) -> bool {
        self.ready(locked, now).next().is_some()
    }

    /// The accounts of which something can be taken now.
    pub(super) fn ready(&self, locked: &LockedAccounts, now: Instant) -> impl Iterator<Item = AccountId> {
        self.queues.keys().copied().filter(move |&account| !locked.is_resting(account, now))
    }

    /// The accounts of what waits.
    pub(super) fn accounts(&self) -> impl Iterator<Item = AccountId> {
        self.queues.keys().copied()
    }

    /// Adds the parts of a request.
    pub(super) fn push(&mut self, entries: Vec<Entry>, locked: &LockedAccounts) {
        for entry in entries {
            let account = entry.account();
            let queue = self.queues.entry(account).or_insert_with(VecDeque::new);
            if queue.len() >= LOCKED_MAX && locked.is_locked(account) {
                entry.refuse(IngestError::Overloaded);
                continue;
            }
            queue.push_back(entry);
            self.len += 1;
        }
    }

    /// Puts back what was taken and could not be written yet, in its order.
    pub(super) fn put_back(&mut self, entries: Vec<Entry>) {
        self.len += entries.len();
        for entry in entries.into_iter().rev() {
            self.queues.entry(entry.account()).or_insert_with(VecDeque::new).push_front(entry);
        }
    }

    /// Refuses all that waits for an account.
    pub(super) fn refuse(&mut self, account: AccountId, error: IngestError) {
        let queue = self.queues.remove(&account).unwrap_or_default();
        self.len -= queue.len();
        for entry in queue {
            entry.refuse(error);
        }
    }

    /// Refuses all that waits.
    pub(super) fn refuse_all(&mut self, error: IngestError) {
        let accounts: Vec<_> = self.queues.keys().copied().collect();
        for account in accounts {
            self.refuse(account, error);
        }
    }

    /// Takes what one commit writes. Accounts take turns, and each goes on until its
    /// deliveries, as `weigh` counts them, are no fewer than those of the others. Those
    /// of which nothing was taken are first the next time.
    pub(super) fn take(&mut self, locked: &LockedAccounts, now: Instant, weigh: impl Fn(&Incoming) -> usize) -> Taken {
        let mut taken = Taken::default();
        let mut weights: HashMap<AccountId, usize> = HashMap::new();
        let mut allowance = 0;
        loop {
            allowance += QUANTUM;
            let mut goes_on = false;
            for _ in 0..self.queues.len() {
                let Some((account, mut queue)) = self.queues.pop_front() else { break };
                if !locked.is_resting(account, now) {
                    let weight = weights.entry(account).or_default();
                    let before = queue.len();
                    goes_on |= taken.take_turn(&mut queue, weight, allowance, &weigh);
                    self.len -= before - queue.len();
                }
                if !queue.is_empty() {
                    self.queues.insert(account, queue);
                }
            }
            if !goes_on {
                self.keep_first(|account| weights.get(account).is_none_or(|weight| *weight == 0));
                return taken;
            }
        }
    }

    /// Puts some accounts before the others, in the order that they have.
    fn keep_first(&mut self, is_first: impl Fn(&AccountId) -> bool) {
        let first: Vec<_> = self.queues.keys().copied().filter(is_first).collect();
        for account in first.iter().rev() {
            self.queues.to_front(account);
        }
    }
}

/// What one commit writes, and where its answers go.
#[derive(Default)]
pub(super) struct Taken {
    pub(super) changes: Changes,
    pub(super) event_slots: Vec<Slot<Accepted>>,
    pub(super) report_slots: Vec<Slot<()>>,
    deliveries: usize,
}

impl Taken {
    pub(super) fn len(&self) -> usize {
        self.event_slots.len() + self.report_slots.len()
    }

    pub(super) fn refuse(self, error: IngestError) {
        for slot in self.event_slots {
            slot.answer(Err(error));
        }
        for slot in self.report_slots {
            slot.answer(Err(error));
        }
    }

    /// Gives each part its answer. Returns those of locked accounts, which have none yet,
    /// and the accounts of the others.
    pub(super) fn answer(
        self,
        events: Vec<Answer<Accepted>>,
        reports: Vec<Answer<()>>,
        locked: &HashSet<AccountId>,
    ) -> (Vec<Entry>, HashSet<AccountId>) {
        let (mut events, mut reports) = (events.into_iter(), reports.into_iter());
        let (mut put_back, mut free) = (Vec::new(), HashSet::new());
        for (incoming, slot) in self.changes.events.into_iter().zip(self.event_slots) {
            if locked.contains(&incoming.event.account) {
                put_back.push(Entry::Event(incoming, slot));
            } else {
                free.insert(incoming.event.account);
                slot.answer(events.next().unwrap_or(Err(IngestError::Store)));
            }
        }
        for (report, slot) in self.changes.reports.into_iter().zip(self.report_slots) {
            if locked.contains(&report.account) {
                put_back.push(Entry::Report(report, slot));
            } else {
                free.insert(report.account);
                slot.answer(reports.next().unwrap_or(Err(IngestError::Store)));
            }
        }
        (put_back, free)
    }

    /// Takes from an account until it has its allowance; returns whether more of it fits.
    fn take_turn(
        &mut self,
        queue: &mut VecDeque<Entry>,
        taken: &mut usize,
        allowance: usize,
        weigh: &impl Fn(&Incoming) -> usize,
    ) -> bool {
        while let Some(entry) = queue.front() {
            let weight = match entry {
                Entry::Event(incoming, _) => weigh(incoming).max(1),
                Entry::Report(..) => 1,
            };
            if !self.fits(weight) {
                return false;
            }
            if *taken >= allowance {
                return true;
            }
            // A request that was given up, or told to come back, is not stored later.
            if let Some(entry) = queue.pop_front().filter(|entry| !entry.is_gone()) {
                *taken += weight;
                self.add(entry, weight);
            }
        }
        false
    }

    fn fits(&self, weight: usize) -> bool {
        self.len() < ENTRIES_MAX && (self.len() == 0 || self.deliveries + weight <= DELIVERIES_MAX)
    }

    fn add(&mut self, entry: Entry, weight: usize) {
        self.deliveries += weight;
        match entry {
            Entry::Event(incoming, slot) => {
                self.changes.events.push(incoming);
                self.event_slots.push(slot);
            }
            Entry::Report(report, slot) => {
                self.changes.reports.push(report);
                self.report_slots.push(slot);
            }
        }
    }
}

#[cfg(test)]
mod tests;

//! Requests that wait for the writer, by account. A commit takes a fair share from each
//! account, so that one account's events, however many deliveries they make, shut no other
//! account out.

use std::collections::{HashMap, HashSet, VecDeque};

use hashlink::LinkedHashMap;
use signet_model::AccountId;
use tokio::time::Instant;

use super::{
    balances::BalanceUpdate,
    commit::Changes,
    ingest::{Accepted, Incoming, IngestError},
    locked_accounts::LockedAccounts,
    reply::{Answer, ReplyTo},
};

/// Events and balances in one commit.
pub(super) const REQUESTS_MAX: usize = 256;
/// Deliveries in one commit, unless its first event makes more by itself.
const DELIVERIES_MAX: usize = 2_000;
/// Deliveries that an account may make before the next account has its turn.
const QUANTUM_DELIVERIES: usize = 16;
/// Requests that may wait for a locked account. The rest is refused at once, since it would
/// take the places of other accounts.
const LOCKED_REQUESTS_MAX: usize = 256;

/// One part of a producer's request, and the handle for its answer.
pub(crate) enum WriteRequest {
    Event(Incoming, ReplyTo<Accepted>),
    Balance(BalanceUpdate, ReplyTo<()>),
}

impl WriteRequest {
    fn account(&self) -> AccountId {
        match self {
            Self::Event(incoming, _) => incoming.event.account,
            Self::Balance(update, _) => update.account,
        }
    }

    fn is_abandoned(&self) -> bool {
        match self {
            Self::Event(_, reply_to) => reply_to.is_abandoned(),
            Self::Balance(_, reply_to) => reply_to.is_abandoned(),
        }
    }

    pub(super) fn refuse(self, error: IngestError) {
        match self {
            Self::Event(_, reply_to) => reply_to.answer(Err(error)),
            Self::Balance(_, reply_to) => reply_to.answer(Err(error)),
        }
    }
}

/// The queues of accounts, in the order of their turns.
#[derive(Default)]
pub(super) struct RequestQueue {
    queues: LinkedHashMap<AccountId, VecDeque<WriteRequest>>,
    len: usize,
}

impl RequestQueue {
    pub(super) const fn len(&self) -> usize {
        self.len
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Tells whether a request can be taken now.
    pub(super) fn is_ready(&self, locked: &LockedAccounts, now: Instant) -> bool {
        self.ready(locked, now).next().is_some()
    }

    /// Returns the accounts whose requests can be taken now.
    pub(super) fn ready(&self, locked: &LockedAccounts, now: Instant) -> impl Iterator<Item = AccountId> {
        self.queues.keys().copied().filter(move |&account| !locked.is_backing_off(account, now))
    }

    /// Returns the accounts whose requests wait.
    pub(super) fn accounts(&self) -> impl Iterator<Item = AccountId> {
        self.queues.keys().copied()
    }

    /// Adds the parts of a request.
    pub(super) fn push(&mut self, requests: Vec<WriteRequest>, locked: &LockedAccounts) {
        for request in requests {
            let account = request.account();
            let queue = self.queues.entry(account).or_insert_with(VecDeque::new);
            if queue.len() >= LOCKED_REQUESTS_MAX && locked.is_locked(account) {
                request.refuse(IngestError::Overloaded);
                continue;
            }
            queue.push_back(request);
            self.len += 1;
        }
    }

    /// Puts requests back that could not be written yet, in their order.
    pub(super) fn put_back(&mut self, requests: Vec<WriteRequest>) {
        self.len += requests.len();
        for request in requests.into_iter().rev() {
            self.queues.entry(request.account()).or_insert_with(VecDeque::new).push_front(request);
        }
    }

    /// Refuses the requests of an account.
    pub(super) fn refuse(&mut self, account: AccountId, error: IngestError) {
        let queue = self.queues.remove(&account).unwrap_or_default();
        self.len -= queue.len();
        for request in queue {
            request.refuse(error);
        }
    }

    /// Refuses all requests.
    pub(super) fn refuse_all(&mut self, error: IngestError) {
        let accounts: Vec<_> = self.queues.keys().copied().collect();
        for account in accounts {
            self.refuse(account, error);
        }
    }

    /// Takes the requests of one commit. Accounts take turns, and each goes on until its
    /// deliveries, as `fanout` counts them, are no fewer than those of the others. Accounts
    /// that had no turn are first the next time.
    pub(super) fn take(
        &mut self,
        locked: &LockedAccounts,
        now: Instant,
        fanout: impl Fn(&Incoming) -> usize,
    ) -> RequestBatch {
        let mut batch = RequestBatch::default();
        let mut taken: HashMap<AccountId, usize> = HashMap::new();
        let mut allowance = 0;
        loop {
            allowance += QUANTUM_DELIVERIES;
            let mut goes_on = false;
            for _ in 0..self.queues.len() {
                let Some((account, mut queue)) = self.queues.pop_front() else { break };
                if !locked.is_backing_off(account, now) {
                    let taken = taken.entry(account).or_default();
                    let before = queue.len();
                    goes_on |= batch.take_turn(&mut queue, taken, allowance, &fanout);
                    self.len -= before - queue.len();
                }
                if !queue.is_empty() {
                    self.queues.insert(account, queue);
                }
            }
            if !goes_on {
                self.keep_first(|account| taken.get(account).is_none_or(|taken| *taken == 0));
                return batch;
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

/// The requests of one commit, and the handles for their answers.
#[derive(Default)]
pub(super) struct RequestBatch {
    pub(super) changes: Changes,
    pub(super) event_replies: Vec<ReplyTo<Accepted>>,
    pub(super) balance_replies: Vec<ReplyTo<()>>,
    deliveries: usize,
}

impl RequestBatch {
    pub(super) fn len(&self) -> usize {
        self.event_replies.len() + self.balance_replies.len()
    }

    pub(super) fn refuse(self, error: IngestError) {
        for reply_to in self.event_replies {
            reply_to.answer(Err(error));
        }
        for reply_to in self.balance_replies {
            reply_to.answer(Err(error));
        }
    }

    /// Answers the requests. Returns those of locked accounts, which have no answer yet, and
    /// the accounts of the others.
    pub(super) fn answer(
        self,
        events: Vec<Answer<Accepted>>,
        balances: Vec<Answer<()>>,
        locked: &HashSet<AccountId>,
    ) -> (Vec<WriteRequest>, HashSet<AccountId>) {
        let (mut events, mut balances) = (events.into_iter(), balances.into_iter());
        let (mut put_back, mut free) = (Vec::new(), HashSet::new());
        for (incoming, reply_to) in self.changes.events.into_iter().zip(self.event_replies) {
            if locked.contains(&incoming.event.account) {
                put_back.push(WriteRequest::Event(incoming, reply_to));
            } else {
                free.insert(incoming.event.account);
                reply_to.answer(events.next().unwrap_or(Err(IngestError::Store)));
            }
        }
        for (update, reply_to) in self.changes.balances.into_iter().zip(self.balance_replies) {
            if locked.contains(&update.account) {
                put_back.push(WriteRequest::Balance(update, reply_to));
            } else {
                free.insert(update.account);
                reply_to.answer(balances.next().unwrap_or(Err(IngestError::Store)));
            }
        }
        (put_back, free)
    }

    /// Takes requests of one account up to its allowance. Returns `true` if more would fit.
    fn take_turn(
        &mut self,
        queue: &mut VecDeque<WriteRequest>,
        taken: &mut usize,
        allowance: usize,
        fanout: &impl Fn(&Incoming) -> usize,
    ) -> bool {
        while let Some(request) = queue.front() {
            let deliveries = match request {
                WriteRequest::Event(incoming, _) => fanout(incoming).max(1),
                WriteRequest::Balance(..) => 1,
            };
            if !self.fits(deliveries) {
                return false;
            }
            if *taken >= allowance {
                return true;
            }
            // An abandoned request, or one that was answered already, is not stored.
            if let Some(request) = queue.pop_front().filter(|request| !request.is_abandoned()) {
                *taken += deliveries;
                self.add(request, deliveries);
            }
        }
        false
    }

    fn fits(&self, deliveries: usize) -> bool {
        self.len() < REQUESTS_MAX && (self.len() == 0 || self.deliveries + deliveries <= DELIVERIES_MAX)
    }

    fn add(&mut self, request: WriteRequest, deliveries: usize) {
        self.deliveries += deliveries;
        match request {
            WriteRequest::Event(incoming, reply_to) => {
                self.changes.events.push(incoming);
                self.event_replies.push(reply_to);
            }
            WriteRequest::Balance(update, reply_to) => {
                self.changes.balances.push(update);
                self.balance_replies.push(reply_to);
            }
        }
    }
}

#[cfg(test)]
mod tests;

//! The endpoints of accounts, in memory, so that no event costs a look-up of URLs and
//! secrets. An entry is valid for one revision of its account, which each transaction that
//! relies on the entry reads or compares.

use std::{
    borrow::Cow,
    collections::{HashMap, HashSet},
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use hashlink::LruCache;

use signet_model::{
    AccountId, EndpointId, Subscriptions, Throttle, Timestamp,
    endpoint::{DisabledReason, EndpointUrl},
    event::{EventBody, EventType},
    signature::{SigningKey, SigningKeys},
};

use super::{
    Address, distinct,
    extra_headers::{ExtraHeaders, event_source},
    filters::{EndpointFilter, Judgements},
};
use crate::{
    Unusable,
    db::{Result, Tx},
    metrics::labels::HeldReason,
    queue::{EndpointRow, EndpointStatus, Lock, OwnedEndpoint, Queue, Revision},
    seal::Sealer,
};

/// Accounts in the cache, and their endpoints in all. Beyond either limit the account that
/// was least recently used is evicted.
const ACCOUNTS_MAX: usize = 20_000;
const ENDPOINTS_MAX: usize = 100_000;

/// Unusable endpoints that the log names before it names them again.
const REPORTED_ENDPOINTS_MAX: usize = 1_000;

/// An endpoint as delivering sees it.
#[derive(Clone)]
pub(crate) struct EndpointView {
    pub(crate) id: EndpointId,
    pub(crate) event_types: Subscriptions,
    /// It was disabled or has no usable target, and its events are held.
    pub(crate) disabled: bool,
    /// The reason for which it was disabled, as far as this version knows it.
    disabled_reason: Option<DisabledReason>,
    /// It was enabled, and deliveries that had waited before are still to be held.
    pub(crate) enabling: bool,
    /// The end of its last release, as far as is known.
    pub(crate) released_until: Option<Timestamp>,
    /// Its receiver asked to be left alone until then, as far as is known.
    resting_until: Option<Timestamp>,
    /// The deliveries that may start in a second.
    pub(crate) throttle: Option<Throttle>,
    /// Events that do not match are not delivered.
    pub(super) filter: Option<Arc<EndpointFilter>>,
    /// The target of its deliveries, or the reason for which it cannot be used.
    pub(crate) target: Result<Arc<Target>, Unusable>,
}

impl EndpointView {
    /// Returns the URL of its deliveries, if it can be used.
    pub(crate) fn url(&self) -> Option<&Arc<EndpointUrl>> {
        self.target.as_ref().ok().map(|target| &target.url)
    }

    /// Returns the reason for which its deliveries are held, while they are.
    pub(super) fn held_reason(&self) -> HeldReason {
        match self.disabled_reason {
            Some(reason) => HeldReason::of(reason),
            None if self.target.is_err() => HeldReason::Unusable,
            None => HeldReason::Other,
        }
    }

    /// Returns the end of its rest, if it rests at this instant.
    pub(crate) fn rests_until(&self, now: Timestamp) -> Option<Timestamp> {
        self.resting_until.filter(|&until| until > now)
    }

    fn open(row: &EndpointRow, (account, id): Address, sealer: &Sealer) -> Self {
        let target = Target::open(row, (account, id), sealer).map(Arc::new);
        Self {
            id,
            event_types: row.event_types.clone(),
            disabled: row.disabled || target.is_err(),
            disabled_reason: row.disabled_reason.as_ref().and_then(|reason| reason.0.parse().ok()),
            enabling: row.enabling,
            released_until: row.released_until,
            resting_until: row.resting_until,
            // What cannot be read makes the target unusable.
            throttle: row.throttle.as_ref().and_then(|stored| stored.0.as_ref().ok().copied()),
            filter: row.filter.as_ref().and_then(|stored| EndpointFilter::read(stored).ok()).map(Arc::new),
            target,
        }
    }
}

/// The URL that deliveries to an endpoint go to, and the keys that sign them.
pub(crate) struct Target {
    pub(crate) url: Arc<EndpointUrl>,
    keys: Arc<SigningKeys>,
    /// The headers besides those of the contract.
    pub(crate) extra: ExtraHeaders,
    /// The keys after a rotation, and the instant of the rotation.
    rotated: Option<(Arc<SigningKeys>, Timestamp)>,
}

impl Target {
    /// Returns the keys that sign at this instant.
    pub(crate) fn keys_at(&self, now: Timestamp) -> Arc<SigningKeys> {
        match &self.rotated {
            Some((keys, at)) if *at <= now => Arc::clone(keys),
            _ => Arc::clone(&self.keys),
        }
    }

    fn open(row: &EndpointRow, (account, id): Address, sealer: &Sealer) -> Result<Self, Unusable> {
        let key = |sealed: &[u8]| sealer.open_secret(id, sealed).map(|secret| SigningKey::new(&secret));
        let url = row.url.0.clone().map_err(Unusable::Url)?;
        let current = key(&row.secret)?;
        let next = row.next_secret.as_deref().map(key).transpose()?;
        let rotated = next
            .clone()
            .zip(row.next_secret_at)
            .map(|(next, at)| (Arc::new(SigningKeys { current: next, next: None }), at));
        row.throttle.clone().map(|stored| Unusable::column("throttle", stored)).transpose()?;
        row.filter.as_ref().map(EndpointFilter::read).transpose()?;
        let headers = row.headers.as_deref().map(|text| sealer.open_headers(id, text)).transpose()?;
        let extra = ExtraHeaders::new(&headers.unwrap_or_default(), row.cloud_events.then(|| event_source(account)));
        Ok(Self { url: Arc::new(url), keys: Arc::new(SigningKeys { current, next }), extra, rotated })
    }
}

/// An account as delivering sees it. Deleted endpoints are not in it.
#[derive(Clone)]
pub(crate) struct AccountView {
    revision: i64,
    /// It takes no events, and none of its deliveries is sent.
    pub(crate) suspended: bool,
    /// An endpoint has a filter.
    has_filters: bool,
    pub(crate) endpoints: HashMap<EndpointId, Arc<EndpointView>>,
}

impl AccountView {
    /// Judges the filters of the endpoints that subscribe to an event, beyond those that were
    /// judged before.
    pub(super) fn judged<'j>(&self, judgements: &'j Judgements, event: &EventBody) -> Cow<'j, Judgements> {
        if !self.has_filters {
            return Cow::Borrowed(judgements);
        }
        let filters = self.subscribers(&event.event_type).filter_map(|endpoint| endpoint.filter.as_deref());
        judgements.completed(filters, &event.json)
    }

    /// Returns the endpoints that subscribe to events of this type.
    pub(crate) fn subscribers(&self, kind: &EventType) -> impl Iterator<Item = &Arc<EndpointView>> {
        self.endpoints.values().filter(move |endpoint| endpoint.event_types.contains(kind))
    }
}

/// The cache.
pub(crate) struct EndpointCache {
    sealer: Sealer,
    accounts: Mutex<CachedAccounts>,
    /// Endpoints that an outcome closes that is yet to be recorded.
    closing: Mutex<HashMap<EndpointId, Closing>>,
    /// Unusable endpoints that the log has named, with the revision of their account.
    reported: Mutex<HashSet<(EndpointId, i64)>>,
}

/// The change of an endpoint by an outcome that is yet to be recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Closing {
    /// The endpoint rests until this instant.
    Resting(Timestamp),
    Disabling,
}

/// Accounts as they were last read, in the order of their last use.
struct CachedAccounts {
    accounts: LruCache<AccountId, Arc<AccountView>>,
    /// The number of their endpoints, and its limit.
    endpoints: usize,
    endpoints_max: usize,
}

impl CachedAccounts {
    fn new(accounts_max: usize, endpoints_max: usize) -> Self {
        Self { accounts: LruCache::new(accounts_max), endpoints: 0, endpoints_max }
    }

    fn insert(&mut self, account: AccountId, view: Arc<AccountView>) {
        if let Some(before) = self.accounts.remove(&account) {
            self.endpoints -= before.endpoints.len();
        }
        self.endpoints += view.endpoints.len();
        while self.accounts.len() >= self.accounts.capacity() || self.endpoints > self.endpoints_max {
            let Some((_, oldest)) = self.accounts.remove_lru() else { break };
            self.endpoints -= oldest.endpoints.len();
        }
        self.accounts.insert(account, view);
    }
}

impl Default for CachedAccounts {
    fn default() -> Self {
        Self::new(ACCOUNTS_MAX, ENDPOINTS_MAX)
    }
}

/// The answer to a delivery that is about to be attempted.
pub(crate) enum Admission {
    /// The endpoint receives, and is as this view shows it.
    Send(Arc<EndpointView>),
    /// The endpoint receives no deliveries, or tests alone.
    Refuse,
    /// The endpoint rests, and receives tests alone.
    Rest,
    /// The cache does not have the account; the delivery goes by its own view.
    NotCached,
}

impl fmt::Debug for EndpointCache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("EndpointCache")
    }
}

/// Accounts that exist, with their endpoints, at one revision each.
#[derive(Default)]
pub(crate) struct Snapshot(HashMap<AccountId, Arc<AccountView>>);

impl Snapshot {
    /// Returns the revisions of the accounts, sorted.
    pub(crate) fn revisions(&self) -> Vec<Revision> {
        let mut revisions: Vec<_> = self.0.iter().map(|(&account, view)| (account, view.revision)).collect();
        revisions.sort_unstable();
        revisions
    }

    /// Returns the revisions of some of the accounts, sorted.
    pub(super) fn revisions_of(&self, accounts: impl Iterator<Item = AccountId>) -> Vec<Revision> {
        let revision = |account| Some((account, self.account(account)?.revision));
        distinct(accounts).into_iter().filter_map(revision).collect()
    }

    /// Returns the account, if it exists.
    pub(crate) fn account(&self, account: AccountId) -> Option<&AccountView> {
        self.0.get(&account).map(Arc::as_ref)
    }

    /// Tells whether an account is suspended.
    pub(crate) fn is_suspended(&self, account: AccountId) -> bool {
        self.account(account).is_some_and(|view| view.suspended)
    }

    /// Returns the account's endpoint, if it exists and is not deleted.
    pub(crate) fn endpoint(&self, account: AccountId, endpoint: EndpointId) -> Option<&Arc<EndpointView>> {
        self.account(account)?.endpoints.get(&endpoint)
    }

    /// Returns the status of an endpoint at which a delivery is due.
    pub(crate) fn status(&self, (account, endpoint): Address) -> EndpointStatus {
        match self.endpoint(account, endpoint) {
            None => EndpointStatus::Deleted,
            Some(view) if view.disabled => EndpointStatus::Disabled,
            Some(view) if view.enabling => EndpointStatus::Enabling,
            Some(_) => EndpointStatus::Enabled,
        }
    }
}

impl EndpointCache {
    pub(crate) fn new(sealer: Sealer) -> Self {
        Self { sealer, accounts: Mutex::default(), closing: Mutex::default(), reported: Mutex::default() }
    }

    /// Locks accounts and returns them as they are.
    pub(crate) async fn load_locked(&self, tx: &mut Tx<'_>, accounts: &[AccountId], lock: Lock) -> Result<Snapshot> {
        let revisions = tx.lock_accounts(accounts, lock).await?;
        self.load_at(tx, revisions).await
    }

    /// Returns accounts that the transaction has locked, and that have these revisions.
    pub(crate) async fn load_at(&self, tx: &mut Tx<'_>, revisions: Vec<Revision>) -> Result<Snapshot> {
        let (mut snapshot, changed) = self.cached_at(revisions);
        if !changed.is_empty() {
            let rows = tx.endpoints(&ids(&changed)).await?;
            let suspended = tx.suspended(&ids(&changed)).await?;
            self.insert(&mut snapshot, changed, &rows, &suspended);
        }
        Ok(snapshot)
    }

    /// Returns these accounts from memory, and reads those that the cache does not have. The
    /// snapshot may be out of date.
    pub(crate) async fn cached(&self, queue: &Queue, accounts: &[AccountId]) -> Result<Snapshot> {
        let (mut snapshot, missing) = self.split_cached(accounts);
        if !missing.is_empty() {
            snapshot.0.extend(self.refresh(queue, &missing).await?.0);
        }
        Ok(snapshot)
    }

    /// Reads the accounts that have changed, without a lock: the snapshot is true of some
    /// instant before the transaction that compares the revisions.
    pub(crate) async fn refresh(&self, queue: &Queue, accounts: &[AccountId]) -> Result<Snapshot> {
        // Revisions first: endpoints that are newer fail the comparison.
        let (mut snapshot, changed) = self.cached_at(queue.look_up().await?.revisions(accounts).await?);
        if !changed.is_empty() {
            let rows = queue.look_up().await?.endpoints(&ids(&changed)).await?;
            let suspended = queue.look_up().await?.suspended(&ids(&changed)).await?;
            self.insert(&mut snapshot, changed, &rows, &suspended);
        }
        Ok(snapshot)
    }

    /// Returns the accounts that the cache has, and the ids of the others.
    fn split_cached(&self, accounts: &[AccountId]) -> (Snapshot, Vec<AccountId>) {
        let mut cached = self.accounts();
        let mut snapshot = HashMap::with_capacity(accounts.len());
        let mut missing = Vec::new();
        for account in accounts {
            match cached.accounts.get(account) {
                Some(view) => drop(snapshot.insert(*account, Arc::clone(view))),
                None => missing.push(*account),
            }
        }
        (Snapshot(snapshot), missing)
    }

    /// Decides whether an endpoint receives a delivery at this instant.
    pub(crate) fn admission(&self, (account, endpoint): Address, is_test: bool, now: Timestamp) -> Admission {
        if !is_test && let Some(closing) = self.closing().get(&endpoint) {
            match *closing {
                Closing::Disabling => return Admission::Refuse,
                Closing::Resting(until) if until > now => return Admission::Rest,
                Closing::Resting(_) => {}
            }
        }
        let mut accounts = self.accounts();
        let account = accounts.accounts.get(&account);
        match account.map(|view| view.endpoints.get(&endpoint).filter(|_| !view.suspended)) {
            Some(Some(view)) if !is_test && view.rests_until(now).is_some() => Admission::Rest,
            Some(Some(view)) if view.target.is_ok() && (is_test || !view.disabled) => Admission::Send(Arc::clone(view)),
            Some(_) => Admission::Refuse,
            None => Admission::NotCached,
        }
    }

    /// Refuses deliveries of an endpoint from now on whose disabling is yet to be recorded.
    pub(crate) fn begin_disabling(&self, endpoint: EndpointId) {
        self.closing().insert(endpoint, Closing::Disabling);
    }

    /// Lets the endpoint rest from now on, before its rest is recorded. Returns `false` if the
    /// endpoint is known to rest as long, or is about to be disabled.
    pub(crate) fn begin_resting(&self, (account, endpoint): Address, until: Timestamp) -> bool {
        let view = self.accounts().accounts.peek(&account).and_then(|view| view.endpoints.get(&endpoint).cloned());
        if view.is_some_and(|view| view.resting_until >= Some(until)) {
            return false;
        }
        let (mut closing, rest) = (self.closing(), Closing::Resting(until));
        let is_new = closing.get(&endpoint).is_none_or(|before| *before < rest);
        if is_new {
            closing.insert(endpoint, rest);
        }
        is_new
    }

    /// Lets endpoints rest whose rests a transaction has stored, which found the account at the
    /// revision `found` and raised it once. Returns `false` if the cache has another revision.
    pub(super) fn record_rests(&self, account: AccountId, found: i64, rests: &[(EndpointId, Timestamp)]) -> bool {
        let mut cached = self.accounts();
        let view = cached.accounts.peek(&account).filter(|view| view.revision == found);
        let Some(mut view) = view.map(|view| AccountView::clone(view)) else { return false };
        view.revision += 1;
        for (endpoint, until) in rests {
            if let Some(endpoint) = view.endpoints.get_mut(endpoint) {
                Arc::make_mut(endpoint).resting_until = Some(*until);
            }
        }
        cached.insert(account, Arc::new(view));
        true
    }

    /// Goes by the recorded state of the endpoint again.
    pub(crate) fn end_disabling(&self, endpoint: EndpointId) {
        self.closing().remove(&endpoint);
    }

    /// Goes by the recorded state of the endpoint again, unless it is about to be disabled or
    /// to rest for longer than this.
    pub(crate) fn end_resting(&self, endpoint: EndpointId, until: Timestamp) {
        let mut closing = self.closing();
        if closing.get(&endpoint).is_some_and(|before| *before <= Closing::Resting(until)) {
            closing.remove(&endpoint);
        }
    }

    fn closing(&self) -> MutexGuard<'_, HashMap<EndpointId, Closing>> {
        self.closing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the account as the cache has it, which may be out of date.
    pub(super) fn peek(&self, account: AccountId) -> Option<Arc<AccountView>> {
        self.accounts().accounts.peek(&account).cloned()
    }

    /// Tells whether the cache has an account.
    pub(crate) fn contains(&self, account: AccountId) -> bool {
        self.accounts().accounts.peek(&account).is_some()
    }

    /// Empties the cache, after changes that this process may have missed.
    pub(crate) fn clear(&self) {
        *self.accounts() = CachedAccounts::default();
    }

    fn accounts(&self) -> MutexGuard<'_, CachedAccounts> {
        self.accounts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the accounts that the cache has at these revisions, and the other revisions.
    fn cached_at(&self, revisions: Vec<Revision>) -> (Snapshot, Vec<Revision>) {
        let mut cached = self.accounts();
        let mut snapshot = HashMap::with_capacity(revisions.len());
        let mut changed = Vec::new();
        for (account, revision) in revisions {
            match cached.accounts.get(&account).filter(|view| view.revision == revision) {
                Some(view) => drop(snapshot.insert(account, Arc::clone(view))),
                None => changed.push((account, revision)),
            }
        }
        (Snapshot(snapshot), changed)
    }

    /// Adds accounts with these revisions and endpoints to the cache and to the snapshot.
    fn insert(
        &self,
        snapshot: &mut Snapshot,
        revisions: Vec<Revision>,
        rows: &[OwnedEndpoint],
        suspended: &[AccountId],
    ) {
        let mut rows_of: HashMap<AccountId, Vec<&EndpointRow>> = HashMap::new();
        for OwnedEndpoint { account_id, endpoint } in rows {
            rows_of.entry(*account_id).or_default().push(endpoint);
        }
        for (account, revision) in revisions {
            let rows = rows_of.remove(&account).unwrap_or_default();
            let open = |row: &EndpointRow| self.open(row, account, revision).map(|view| (view.id, view));
            let endpoints: HashMap<_, _> = rows.into_iter().filter_map(open).collect();
            let has_filters = endpoints.values().any(|endpoint| endpoint.filter.is_some());
            let suspended = suspended.contains(&account);
            let view = Arc::new(AccountView { revision, suspended, has_filters, endpoints });
            self.accounts().insert(account, Arc::clone(&view));
            snapshot.0.insert(account, view);
        }
    }

    /// Makes the view of a row, and reports an unusable one in the log. Returns `None` if the
    /// id cannot be read: no delivery can name such an endpoint.
    fn open(&self, row: &EndpointRow, account: AccountId, revision: i64) -> Option<Arc<EndpointView>> {
        let id = match &row.id.0 {
            Ok(id) => *id,
            Err(reason) => {
                tracing::error!(%account, %reason, "an endpoint has an id that cannot be read, and is left out");
                return None;
            }
        };
        let view = EndpointView::open(row, (account, id), &self.sealer);
        if let Err(reason) = &view.target
            && self.is_first_report(id, revision)
        {
            tracing::error!(%account, endpoint = %id, %reason, "an endpoint cannot be used; its events are held");
        }
        Some(Arc::new(view))
    }

    /// Tells whether the log has yet to name an endpoint at this revision.
    fn is_first_report(&self, endpoint: EndpointId, revision: i64) -> bool {
        let mut reported = self.reported.lock().unwrap_or_else(PoisonError::into_inner);
        if reported.len() >= REPORTED_ENDPOINTS_MAX {
            reported.clear();
        }
        reported.insert((endpoint, revision))
    }
}

fn ids(revisions: &[Revision]) -> Vec<AccountId> {
    revisions.iter().map(|&(account, _)| account).collect()
}

#[cfg(test)]
mod tests;

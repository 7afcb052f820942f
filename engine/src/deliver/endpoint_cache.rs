//! What this process remembers of accounts and their endpoints, so that no
//! event costs a look-up of its URL and its secret. The account's revision, read or
//! compared in the transaction that relies on it, tells whether the memory still
//! holds.

use std::{
    collections::{HashMap, HashSet},
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use hashlink::LruCache;

use signet_model::{
    AccountId, EndpointId, Subscriptions, Timestamp,
    endpoint::EndpointUrl,
    event::EventType,
    signature::{Secret, SigningKey, SigningKeys},
};

use super::Address;
use crate::{
    Unusable,
    queue::{EndpointRow, Lock, OwnedEndpoint, Standing, Tx, endpoints, revisions},
    seal::Sealer,
    store::{Database, Result},
};

/// How many accounts are remembered, and how many endpoints in all. Beyond either the
/// account that was not asked for for the longest time is forgotten.
const ACCOUNTS_MAX: usize = 20_000;
const ENDPOINTS_MAX: usize = 100_000;

/// How many unusable endpoints the log names before it names them again.
const MOST_REPORTED: usize = 1_000;

/// An endpoint as delivering sees it.
pub(crate) struct EndpointView {
    pub(crate) id: EndpointId,
    pub(crate) event_types: Subscriptions,
    /// Whether its events are held: it was disabled, or it has no target.
    pub(crate) disabled: bool,
    /// Whether what had waited before it was enabled is still to be held.
    pub(crate) settling: bool,
    /// Until when what was released for it goes out, as far as is known.
    pub(crate) released_until: Option<Timestamp>,
    /// Where its deliveries go, or why that cannot be read.
    pub(crate) target: Result<Arc<Target>, Unusable>,
}

impl EndpointView {
    /// Where its deliveries go, if that can be read.
    pub(crate) fn url(&self) -> Option<&Arc<EndpointUrl>> {
        self.target.as_ref().ok().map(|target| &target.url)
    }

    fn open(row: &EndpointRow, id: EndpointId, sealer: &Sealer) -> Self {
        let target = Target::open(row, id, sealer).map(Arc::new);
        Self {
            id,
            event_types: row.event_types,
            disabled: row.disabled || target.is_err(),
            settling: row.settling,
            released_until: row.released_until,
            target,
        }
    }
}

/// The URL that deliveries to an endpoint go to, and the keys that sign them.
pub(crate) struct Target {
    pub(crate) url: Arc<EndpointUrl>,
    keys: Arc<SigningKeys>,
    /// The keys after a rotation, and when it is complete.
    then: Option<(Arc<SigningKeys>, Timestamp)>,
}

impl Target {
    /// What signs at this instant.
    pub(crate) fn keys_at(&self, now: Timestamp) -> Arc<SigningKeys> {
        match &self.then {
            Some((keys, at)) if *at <= now => Arc::clone(keys),
            _ => Arc::clone(&self.keys),
        }
    }

    fn open(row: &EndpointRow, id: EndpointId, sealer: &Sealer) -> Result<Self, Unusable> {
        let key = |sealed: &[u8]| open_secret(sealer, id, sealed).map(|secret| SigningKey::new(&secret));
        let url = row.url.0.clone().map_err(Unusable::Url)?;
        let current = key(&row.secret)?;
        let next = row.next_secret.as_deref().map(key).transpose()?;
        let then = next
            .clone()
            .zip(row.next_secret_at)
            .map(|(next, at)| (Arc::new(SigningKeys { current: next, next: None }), at));
        Ok(Self { url: Arc::new(url), keys: Arc::new(SigningKeys { current, next }), then })
    }
}

/// Opens a secret of an endpoint.
pub(crate) fn open_secret(sealer: &Sealer, endpoint: EndpointId, bytes: &[u8]) -> Result<Secret, Unusable> {
    let text = sealer.open(bytes, endpoint.uuid().as_bytes()).map_err(|_| Unusable::Secret)?;
    Secret::from_stored(&text).map_err(|_| Unusable::Secret)
}

/// An account as delivering sees it. Deleted endpoints are not in it.
pub(crate) struct AccountView {
    revision: i64,
    pub(crate) endpoints: HashMap<EndpointId, Arc<EndpointView>>,
}

impl AccountView {
    /// The endpoints that want events of this type.
    pub(crate) fn subscribers(&self, kind: EventType) -> impl Iterator<Item = &Arc<EndpointView>> {
        self.endpoints.values().filter(move |endpoint| endpoint.event_types.contains(kind))
    }
}

/// The memory.
pub(crate) struct Directory {
    sealer: Sealer,
    memory: Mutex<Memory>,
    /// Endpoints that an outcome disables which is still to be recorded.
    closing: Mutex<HashSet<EndpointId>>,
    /// Unusable endpoints that the log has named, with the revision of their account.
    reported: Mutex<HashSet<(EndpointId, i64)>>,
}

/// Accounts as they were last read, the one that was just asked for last.
struct Memory {
    accounts: LruCache<AccountId, Arc<AccountView>>,
    /// How many endpoints they have in all, and may have.
    endpoints: usize,
    endpoints_max: usize,
}

impl Memory {
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

impl Default for Memory {
    fn default() -> Self {
        Self::new(ACCOUNTS_MAX, ENDPOINTS_MAX)
    }
}

/// What a delivery finds when its turn has come.
pub(crate) enum Door {
    /// The endpoint as it is now.
    Open(Arc<EndpointView>),
    /// It takes nothing, or tests at most.
    Closed,
    /// Nothing is remembered but what the delivery brings along.
    Unknown,
}

impl fmt::Debug for Directory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Directory")
    }
}

/// Accounts that exist, as they are while the transaction lasts.
#[derive(Default)]
pub(crate) struct Views(HashMap<AccountId, Arc<AccountView>>);

impl Views {
    /// The revisions of the accounts, sorted.
    pub(crate) fn revisions(&self) -> Vec<(AccountId, i64)> {
        let mut revisions: Vec<_> = self.0.iter().map(|(&account, view)| (account, view.revision)).collect();
        revisions.sort_unstable();
        revisions
    }

    /// The account, if it exists.
    pub(crate) fn account(&self, account: AccountId) -> Option<&AccountView> {
        self.0.get(&account).map(Arc::as_ref)
    }

    /// The account's endpoint, if it exists and is not deleted.
    pub(crate) fn endpoint(&self, account: AccountId, endpoint: EndpointId) -> Option<&Arc<EndpointView>> {
        self.account(account)?.endpoints.get(&endpoint)
    }

    /// What is to be done at an endpoint at which something is due.
    pub(crate) fn standing(&self, (account, endpoint): Address) -> Standing {
        match self.endpoint(account, endpoint) {
            None => Standing::Deleted,
            Some(view) if view.disabled => Standing::Disabled,
            Some(view) if view.settling => Standing::Settling,
            Some(_) => Standing::Open,
        }
    }
}

impl Directory {
    pub(crate) fn new(sealer: Sealer) -> Self {
        Self { sealer, memory: Mutex::default(), closing: Mutex::default(), reported: Mutex::default() }
    }

    /// Locks accounts and tells what is true of them.
    pub(crate) async fn look(&self, tx: &mut Tx<'_>, accounts: &[AccountId], lock: Lock) -> Result<Views> {
        let revisions = tx.lock_accounts(accounts, lock).await?;
        self.views(tx, revisions).await
    }

    /// Tells what is true of accounts with these revisions, which the transaction has locked.
    pub(crate) async fn views(&self, tx: &mut Tx<'_>, revisions: Vec<(AccountId, i64)>) -> Result<Views> {
        let (mut views, changed) = self.remembered(revisions);
        if !changed.is_empty() {
            let rows = tx.endpoints(&ids(&changed)).await?;
            self.remember(&mut views, changed, &rows);
        }
        Ok(views)
    }

    /// What is known of these accounts: what is remembered may be old, and only what is
    /// not remembered is read.
    pub(crate) async fn known(&self, db: &Database, accounts: &[AccountId]) -> Result<Views> {
        let (mut views, missing) = self.cached(accounts);
        if !missing.is_empty() {
            views.0.extend(self.learn(db, &missing).await?.0);
        }
        Ok(views)
    }

    /// Reads what has changed of these accounts, without a lock: it is true of some
    /// moment before the transaction that will compare the revisions.
    pub(crate) async fn learn(&self, db: &Database, accounts: &[AccountId]) -> Result<Views> {
        // The revisions first: endpoints that are newer than these are found out.
        let (mut views, changed) = self.remembered(revisions(db, accounts).await?);
        if !changed.is_empty() {
            let rows = endpoints(db, &ids(&changed)).await?;
            self.remember(&mut views, changed, &rows);
        }
        Ok(views)
    }

    /// What is remembered of these accounts, and those of which nothing is.
    fn cached(&self, accounts: &[AccountId]) -> (Views, Vec<AccountId>) {
        let mut memory = self.memory();
        let mut views = HashMap::with_capacity(accounts.len());
        let mut missing = Vec::new();
        for account in accounts {
            match memory.accounts.get(account) {
                Some(view) => drop(views.insert(*account, Arc::clone(view))),
                None => missing.push(*account),
            }
        }
        (Views(views), missing)
    }

    /// Whether an endpoint takes a delivery at this moment.
    pub(crate) fn door(&self, account: AccountId, endpoint: EndpointId, is_test: bool) -> Door {
        if !is_test && self.closing().contains(&endpoint) {
            return Door::Closed;
        }
        match self.memory().accounts.get(&account).map(|view| view.endpoints.get(&endpoint)) {
            Some(Some(view)) if view.target.is_ok() && (is_test || !view.disabled) => Door::Open(Arc::clone(view)),
            Some(_) => Door::Closed,
            None => Door::Unknown,
        }
    }

    /// Closes an endpoint at once that is about to be disabled.
    pub(crate) fn close(&self, endpoint: EndpointId) {
        self.closing().insert(endpoint);
    }

    /// Goes by what is recorded again.
    pub(crate) fn closed(&self, endpoint: EndpointId) {
        self.closing().remove(&endpoint);
    }

    fn closing(&self) -> MutexGuard<'_, HashSet<EndpointId>> {
        self.closing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether anything is remembered of an account.
    pub(crate) fn knows(&self, account: AccountId) -> bool {
        self.memory().accounts.peek(&account).is_some()
    }

    /// Forgets everything: it may have changed unheard.
    pub(crate) fn forget(&self) {
        *self.memory() = Memory::default();
    }

    fn memory(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is remembered at these revisions, and those of which something else is, or
    /// nothing.
    fn remembered(&self, revisions: Vec<(AccountId, i64)>) -> (Views, Vec<(AccountId, i64)>) {
        let mut memory = self.memory();
        let mut views = HashMap::with_capacity(revisions.len());
        let mut changed = Vec::new();
        for (account, revision) in revisions {
            match memory.accounts.get(&account).filter(|view| view.revision == revision) {
                Some(view) => drop(views.insert(account, Arc::clone(view))),
                None => changed.push((account, revision)),
            }
        }
        (Views(views), changed)
    }

    /// Adds accounts with these revisions and endpoints.
    fn remember(&self, views: &mut Views, revisions: Vec<(AccountId, i64)>, rows: &[OwnedEndpoint]) {
        let mut rows_of: HashMap<AccountId, Vec<&EndpointRow>> = HashMap::new();
        for OwnedEndpoint { account_id, endpoint } in rows {
            rows_of.entry(*account_id).or_default().push(endpoint);
        }
        for (account, revision) in revisions {
            let rows = rows_of.remove(&account).unwrap_or_default();
            let open = |row: &EndpointRow| self.open(row, account, revision).map(|view| (view.id, view));
            let endpoints = rows.into_iter().filter_map(open).collect();
            let view = Arc::new(AccountView { revision, endpoints });
            self.memory().insert(account, Arc::clone(&view));
            views.0.insert(account, view);
        }
    }

    /// Makes the view of a row, and names it in the log if it cannot be used. `None` if
    /// its id is none: no delivery can name it.
    fn open(&self, row: &EndpointRow, account: AccountId, revision: i64) -> Option<Arc<EndpointView>> {
        let id = match &row.id.0 {
            Ok(id) => *id,
            Err(reason) => {
                tracing::error!(%account, %reason, "an endpoint has an id that cannot be read, and is left out");
                return None;
            }
        };
        let view = EndpointView::open(row, id, &self.sealer);
        if let Err(reason) = &view.target
            && self.reports(id, revision)
        {
            tracing::error!(%account, endpoint = %id, %reason, "an endpoint cannot be used; its events are held");
        }
        Some(Arc::new(view))
    }

    /// Whether an endpoint is yet to be named in the log at this revision.
    fn reports(&self, endpoint: EndpointId, revision: i64) -> bool {
        let mut reported = self.reported.lock().unwrap_or_else(PoisonError::into_inner);
        if reported.len() >= MOST_REPORTED {
            reported.clear();
        }
        reported.insert((endpoint, revision))
    }
}

fn ids(revisions: &[(AccountId, i64)]) -> Vec<AccountId> {
    revisions.iter().map(|&(account, _)| account).collect()
}

#[cfg(test)]
mod tests;

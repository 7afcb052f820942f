//! What this process remembers of accounts and their endpoints, so that no
//! event costs a look-up of its URL and its secret. The account's revision, read or
//! compared in the transaction that relies on it, tells whether the memory still
//! holds.

use std::{
    collections::{HashMap, HashSet},
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use signet_model::{
    AccountId, EndpointId, Subscriptions, Timestamp,
    endpoint::EndpointUrl,
    signature::{Secret, SigningKey, SigningKeys},
};

use crate::{
    Unusable,
    queue::{ENDPOINTS, EndpointRow, Lock, REVISION, Tx},
    seal::Sealer,
    store::{Database, Result, read},
};

/// How many accounts are remembered before all are forgotten.
const MOST_ACCOUNTS: usize = 20_000;

/// How many unusable endpoints the log names before it names them again.
const MOST_REPORTED: usize = 1_000;

/// An endpoint as delivering sees it.
pub(crate) struct EndpointView {
    pub(crate) id: EndpointId,
    pub(crate) event_types: Subscriptions,
    /// Whether its events are held: it was disabled, or it has no target.
    pub(crate) disabled: bool,
    /// Where its deliveries go, or why that cannot be read.
    pub(crate) target: Result<Arc<Target>, Unusable>,
}

impl EndpointView {
    fn open(row: &EndpointRow, id: EndpointId, sealer: &Sealer) -> Self {
        let target = Target::open(row, id, sealer).map(Arc::new);
        Self { id, event_types: row.event_types, disabled: row.disabled || target.is_err(), target }
    }
}

/// Where deliveries to an endpoint go, and what signs them.
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
    text.parse().map_err(|_| Unusable::Secret)
}

/// An account as delivering sees it. Deleted endpoints are not in it.
pub(crate) struct AccountView {
    revision: i64,
    pub(crate) endpoints: HashMap<EndpointId, Arc<EndpointView>>,
}

/// The memory.
pub(crate) struct Directory {
    sealer: Sealer,
    accounts: Mutex<HashMap<AccountId, Arc<AccountView>>>,
    /// Endpoints that an outcome disables which is still to be recorded.
    closing: Mutex<HashSet<EndpointId>>,
    /// Unusable endpoints that the log has named, with the revision of their account.
    reported: Mutex<HashSet<(EndpointId, i64)>>,
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
}

impl Directory {
    pub(crate) fn new(sealer: Sealer) -> Self {
        Self { sealer, accounts: Mutex::default(), closing: Mutex::default(), reported: Mutex::default() }
    }

    /// Locks accounts and tells what is true of them.
    pub(crate) async fn look(&self, tx: &mut Tx<'_>, accounts: &[AccountId], lock: Lock) -> Result<Views> {
        let mut views = HashMap::with_capacity(accounts.len());
        for (account, revision) in tx.lock_accounts(accounts, lock).await? {
            let view = match self.remembered(account, revision) {
                Some(view) => view,
                None => self.remember(account, revision, &tx.endpoints(account).await?),
            };
            views.insert(account, view);
        }
        Ok(Views(views))
    }

    /// What is remembered of these accounts, without a look at the database; `None`
    /// if one of them is not.
    pub(crate) fn recall(&self, accounts: &[AccountId]) -> Option<Views> {
        let remembered = self.accounts.lock().unwrap_or_else(PoisonError::into_inner);
        let view = |account: &AccountId| Some((*account, Arc::clone(remembered.get(account)?)));
        accounts.iter().map(view).collect::<Option<_>>().map(Views)
    }

    /// Reads what has changed of these accounts, without a lock: it is true of some
    /// moment before the transaction that will compare the revisions.
    pub(crate) async fn learn(&self, db: &Database, accounts: &[AccountId]) -> Result<Views> {
        let mut views = HashMap::with_capacity(accounts.len());
        for &account in accounts {
            // The revision first: endpoints that are newer than it are found out.
            let view = read!(db, |conn| {
                let revision = sqlx::query_scalar(REVISION).bind(account).fetch_optional(&mut *conn).await?;
                let Some(revision) = revision else { continue };
                if let Some(view) = self.remembered(account, revision) {
                    view
                } else {
                    let rows = sqlx::query_as(ENDPOINTS).bind(account).fetch_all(&mut *conn).await?;
                    self.remember(account, revision, &rows)
                }
            });
            views.insert(account, view);
        }
        Ok(Views(views))
    }

    /// Whether an endpoint takes a delivery at this moment.
    pub(crate) fn door(&self, account: AccountId, endpoint: EndpointId, is_test: bool) -> Door {
        if !is_test && self.closing().contains(&endpoint) {
            return Door::Closed;
        }
        let accounts = self.accounts.lock().unwrap_or_else(PoisonError::into_inner);
        match accounts.get(&account).map(|view| view.endpoints.get(&endpoint)) {
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
        self.accounts.lock().unwrap_or_else(PoisonError::into_inner).contains_key(&account)
    }

    /// Forgets everything: it may have changed unheard.
    pub(crate) fn forget(&self) {
        self.accounts.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    fn remembered(&self, account: AccountId, revision: i64) -> Option<Arc<AccountView>> {
        let accounts = self.accounts.lock().unwrap_or_else(PoisonError::into_inner);
        accounts.get(&account).filter(|view| view.revision == revision).cloned()
    }

    fn remember(&self, account: AccountId, revision: i64, rows: &[EndpointRow]) -> Arc<AccountView> {
        let open = |row| self.open(row, account, revision).map(|view| (view.id, view));
        let endpoints = rows.iter().filter_map(open).collect();
        let view = Arc::new(AccountView { revision, endpoints });
        let mut accounts = self.accounts.lock().unwrap_or_else(PoisonError::into_inner);
        if accounts.len() >= MOST_ACCOUNTS {
            accounts.clear();
        }
        accounts.insert(account, Arc::clone(&view));
        view
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

//! The one way of a change by an actor: their permission is checked before it begins, and the
//! audit log gets its entry in the transaction that commits it. A change that is dropped is
//! rolled back.

use serde_json::Value;
use signet_model::AccountId;

use super::{Error, Result, Service, factors::proof::is_fresh};
use crate::{
    actor::{Actor, By, Operator, Permission, Proof},
    audit::{self, Action, Draft, Target},
    db::{self, Tx},
    queue::Lock,
    security_log,
};

/// A change that has begun.
pub(crate) struct Change<'e> {
    /// The transaction of the change.
    pub(crate) tx: Tx<'static>,
    service: &'e Service,
    account: Option<AccountId>,
    by: By,
    action: Action,
}

/// The part of an audit entry that a change tells: never a secret.
#[derive(Debug, Clone, Default)]
pub(crate) struct Record {
    target: Option<Target>,
    before: Option<Value>,
    after: Option<Value>,
}

impl Record {
    /// A change of a row.
    pub(crate) fn of(kind: &'static str, id: impl ToString) -> Self {
        Self { target: Some(Target::new(kind, id)), ..Self::default() }
    }

    /// The change with the members that it removed.
    pub(crate) fn before(self, before: Value) -> Self {
        Self { before: Some(before), ..self }
    }

    /// The change with the members that it made.
    pub(crate) fn after(self, after: Value) -> Self {
        Self { after: Some(after), ..self }
    }

    /// The change with those members that are not the same before and after.
    pub(crate) fn between(self, mut before: Value, mut after: Value) -> Self {
        if let (Some(before), Some(after)) = (before.as_object_mut(), after.as_object_mut()) {
            let same: Vec<_> = before.keys().filter(|&key| before.get(key) == after.get(key)).cloned().collect();
            for key in same {
                before.remove(&key);
                after.remove(&key);
            }
        }
        self.before(before).after(after)
    }
}

impl Actor {
    /// Checks that the actor has a permission.
    ///
    /// # Errors
    /// The actor has not.
    pub(crate) fn check(&self, permission: Permission) -> Result<()> {
        if self.may(permission) {
            return Ok(());
        }
        security_log::forbidden(&self.by, permission);
        Err(Error::Forbidden(permission))
    }
}

impl Operator {
    /// Checks that the operator has a permission.
    ///
    /// # Errors
    /// The key of the operator has not the scope.
    pub(crate) fn check(&self, permission: Permission) -> Result<()> {
        if self.may(permission) {
            return Ok(());
        }
        security_log::forbidden(self.by(), permission);
        Err(Error::Forbidden(permission))
    }
}

impl Service {
    /// Begins a change in the actor's account. No row is locked yet.
    ///
    /// # Errors
    /// The actor may not make such a change.
    pub(crate) async fn change(&self, actor: &Actor, action: Action) -> Result<Change<'_>> {
        actor.check(action.permission())?;
        self.check_proof(actor.proved, action)?;
        let (account, by) = (Some(actor.account), actor.by.clone());
        Ok(Change { tx: self.db.begin().await?, service: self, account, by, action })
    }

    /// Begins a change in the actor's account, which is locked: its events wait.
    ///
    /// # Errors
    /// The actor may not make such a change, or there is no such account.
    pub(crate) async fn change_locked(&self, actor: &Actor, action: Action) -> Result<Change<'_>> {
        let mut change = self.change(actor, action).await?;
        if change.tx.lock_accounts(&[actor.account], Lock::Exclusive).await?.is_empty() {
            return Err(Error::AccountNotFound);
        }
        Ok(change)
    }

    /// Begins a change that needs no permission: a person makes it of themselves, or a one-time
    /// link gives the right to it.
    pub(crate) async fn change_by_right(
        &self,
        account: Option<AccountId>,
        by: By,
        action: Action,
    ) -> Result<Change<'_>> {
        Ok(Change { tx: self.db.begin().await?, service: self, account, by, action })
    }

    /// Begins a change of the installation.
    ///
    /// # Errors
    /// The operator may not make such a change.
    pub(crate) async fn change_installation(&self, operator: &Operator, action: Action) -> Result<Change<'_>> {
        operator.check(action.permission())?;
        self.check_proof(operator.proved(), action)?;
        let by = operator.by().clone();
        Ok(Change { tx: self.db.begin().await?, service: self, account: None, by, action })
    }
}

impl Service {
    /// Begins a change that a person makes of the ways in which they sign in. Its entry stands
    /// in the log of the account at hand, or in that of the installation.
    ///
    /// # Errors
    /// The person has to prove again to be the one who signed in.
    pub(crate) async fn change_of_self(
        &self,
        by: &By,
        account: Option<AccountId>,
        proved: Proof,
        action: Action,
    ) -> Result<Change<'_>> {
        self.check_proof(proved, action)?;
        Ok(Change { tx: self.db.begin().await?, service: self, account, by: by.clone(), action })
    }

    fn check_proof(&self, proved: Proof, action: Action) -> Result<()> {
        match proved {
            Proof::At(at) if action.needs_proof() && !is_fresh(at, self.clock.now()) => Err(Error::ProofNeeded),
            _ => Ok(()),
        }
    }
}

impl Change<'_> {
    /// Writes the entry, commits, and tells those who watch the account.
    pub(crate) async fn commit(self, record: Record) -> db::Result<()> {
        let (account, service) = (self.account, self.service);
        self.write(record).await?.commit().await?;
        service.delivery.change_watchers.notify(account.into_iter());
        Ok(())
    }

    /// Writes the entry, and returns the transaction, in which the caller has more to do.
    pub(crate) async fn write(mut self, record: Record) -> db::Result<Tx<'static>> {
        let Record { target, before, after } = record;
        let draft = Draft { account: self.account, by: self.by, action: self.action, target, before, after };
        audit::append(&mut self.tx, &draft, self.service.clock.now()).await?;
        security_log::changed(draft.account, &draft.by, draft.action);
        Ok(self.tx)
    }

    /// Has the entry stand in the log of an account that this change makes.
    pub(crate) fn in_account(self, account: AccountId) -> Self {
        Self { account: Some(account), ..self }
    }

    /// Has the entry stand in the log of the installation.
    pub(crate) fn in_installation(self) -> Self {
        Self { account: None, ..self }
    }

    /// Takes back what was done.
    pub(crate) async fn roll_back(self) {
        self.tx.roll_back().await;
    }
}

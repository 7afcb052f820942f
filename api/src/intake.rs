//! The way of events and balances into the engine.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use signet_engine::{
    Engine,
    deliver::ingest::{Accepted, Idempotency, IngestError, NewEvent},
    limits::Rate,
    service::{self, event_types::Catalogue},
};
use signet_model::{
    AccountId, Amount, Timestamp,
    event::{EventBody, Submission},
    trace::TraceContext,
};

use super::{Problem, access::Caller, event_rate::EventRate, names::Names};

/// The member with the type of an event.
pub const TYPE: &str = "/event";

/// Hands events and balances to the engine. It remembers the names of accounts, and counts
/// the events of each account.
#[derive(Debug)]
pub struct Intake {
    engine: Engine,
    names: Names,
    rate: EventRate,
}

/// The account of one request. Its id may come from memory.
#[derive(Debug)]
pub struct Addressee<'a> {
    intake: &'a Intake,
    caller: Caller,
    name: Option<&'a str>,
    id: AccountId,
}

impl Intake {
    /// The way into an engine, which takes events of one account in at this rate.
    pub fn new(engine: Engine, rate: Rate) -> Self {
        let rate = EventRate::new(rate, engine.clock());
        Self { engine, names: Names::default(), rate }
    }

    /// The account that a request names (`/account`), or else the key's own.
    ///
    /// # Errors
    /// The account does not exist, is not named though the key needs it, or is not the
    /// key's; or the store failed.
    pub async fn account<'a>(&'a self, caller: Caller, name: Option<&'a str>) -> Result<Addressee<'a>, Problem> {
        let found = match name {
            Some(name) => self.names.find(&self.engine, name, caller.own_account()).await?,
            None => None,
        };
        Ok(Addressee { intake: self, caller, name, id: caller.choose(name, found)? })
    }

    /// The catalogue, as it was at most a second ago.
    ///
    /// # Errors
    /// It was never read, and the store failed.
    pub async fn catalogue(&self) -> Result<Arc<Catalogue>, Problem> {
        Ok(self.engine.event_types().current().await?)
    }

    /// The catalogue as it is now, if that is another one: it may have a type that this one
    /// does not know.
    ///
    /// # Errors
    /// The store failed.
    pub async fn newer_catalogue(&self, known: &Catalogue) -> Result<Option<Arc<Catalogue>>, Problem> {
        Ok(self.engine.event_types().newer_than(known).await?)
    }

    /// Reads the event of a request.
    ///
    /// # Errors
    /// A member is not valid, or the store failed.
    pub async fn read(&self, text: &str, now: Timestamp) -> Result<Submission, Problem> {
        let catalogue = self.catalogue().await?;
        match Submission::parse(text, now, &*catalogue) {
            Err(fault) if fault.pointer == TYPE => match Box::pin(self.newer_catalogue(&catalogue)).await? {
                Some(newer) => Ok(Submission::parse(text, now, &*newer)?),
                None => Err(fault.into()),
            },
            read => Ok(read?),
        }
    }

    /// The ids of the accounts that requests of a caller name, as far as they exist.
    ///
    /// # Errors
    /// The store failed.
    pub async fn find_accounts<'n>(
        &self,
        caller: Caller,
        names: HashSet<&'n str>,
    ) -> service::Result<HashMap<&'n str, AccountId>> {
        self.names.find_all(&self.engine, names, caller.own_account()).await
    }

    /// Counts one more event of an account.
    ///
    /// # Errors
    /// The account has sent too many events in the last second.
    pub fn count(&self, account: AccountId) -> Result<(), Problem> {
        self.rate.count(account)
    }

    /// Stores events, with one answer for each, in order. Forgets the names of accounts that
    /// do not exist any more.
    pub async fn ingest_batch(&self, events: Vec<NewEvent>) -> Vec<Result<Accepted, IngestError>> {
        let accounts: Vec<_> = events.iter().map(|event| event.account).collect();
        let answers = self.engine.ingest_batch(events).await;
        let gone = accounts.iter().zip(&answers).filter(|(_, answer)| **answer == Err(IngestError::UnknownAccount));
        self.names.forget(&gone.map(|(&account, _)| account).collect());
        answers
    }
}

impl Addressee<'_> {
    /// Stores an event.
    ///
    /// # Errors
    /// The engine does not take the event.
    pub async fn ingest(
        &self,
        body: EventBody,
        idempotency: Option<Idempotency>,
        trace: Option<Arc<TraceContext>>,
    ) -> Result<Accepted, Problem> {
        let event = |account| {
            let (body, idempotency, trace) = (body.clone(), idempotency.clone(), trace.clone());
            NewEvent { account, body, idempotency, trace }
        };
        self.with_id(|account| self.intake.engine.ingest(event(account))).await
    }

    /// Stores a balance.
    ///
    /// # Errors
    /// The engine does not take the balance.
    pub async fn set_balance(&self, balance: Amount) -> Result<(), Problem> {
        let set = |account| async move {
            let actor = self.caller.actor(account);
            self.intake.engine.account(&actor).set_balance(balance).await
        };
        self.with_id(set).await
    }

    /// Does `work` for the account. Where the account does not exist any more, its name is
    /// looked up anew: another account may have it.
    async fn with_id<T, F>(&self, work: impl Fn(AccountId) -> F) -> Result<T, Problem>
    where
        F: Future<Output = Result<T, IngestError>>,
    {
        self.intake.count(self.id)?;
        match work(self.id).await {
            Err(IngestError::UnknownAccount) => {
                self.intake.names.forget(&HashSet::from([self.id]));
                let renamed = Box::pin(self.intake.account(self.caller, self.name)).await?;
                Ok(work(renamed.id).await?)
            }
            answer => Ok(answer?),
        }
    }
}

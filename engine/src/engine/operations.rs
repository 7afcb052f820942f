//! The operations that the engine offers, each reached by its noun.

use std::{net::IpAddr, time::Duration};

use signet_model::{AccountId, signature::Secret};

use super::Engine;
#[cfg(any(test, feature = "testing"))]
use crate::actor::Operator;
use crate::{
    actor::Actor,
    db,
    limits::{Attempts, KnownDevices},
    service::{
        self, AccountHandle, Accounts, AuditLog, EventTypesHandle, Factors, Invitations, MailNotices, Myself,
        OperatorKeys, Operators, PortalLinks, Resets, Restores, Sealing, SealingKeyError, Sessions, Users,
        api_keys::{self, KeyHolder},
        health::{self, Health},
        ledger::{self, Ledger},
        operational_events,
        retention::{self, Swept},
        sealing_check,
        sessions::{Browser, Session},
        stored_answers::StoredAnswers,
    },
};

impl Engine {
    /// The account of an actor, and all that belongs to it.
    pub fn account<'e>(&'e self, actor: &'e Actor) -> AccountHandle<'e> {
        AccountHandle::new(&self.0, actor)
    }

    /// One account, for a test that may do all there.
    #[cfg(any(test, feature = "testing"))]
    pub fn as_operator_in(&self, account: AccountId) -> AccountHandle<'_> {
        // Tests keep handles for as long as they like.
        AccountHandle::new(&self.0, Box::leak(Box::new(Operator::signet().in_account(account))))
    }

    /// The audit log of the installation.
    pub fn audit_log(&self) -> AuditLog {
        AuditLog::of_installation(&self.0)
    }

    /// All accounts.
    pub const fn accounts(&self) -> Accounts<'_> {
        Accounts(&self.0)
    }

    /// The API keys of the operator.
    pub const fn operator_keys(&self) -> OperatorKeys<'_> {
        OperatorKeys(&self.0)
    }

    /// The people who operate the server.
    pub const fn operators(&self) -> Operators<'_> {
        Operators(&self.0)
    }

    /// The sealing keys of all servers, and their rotation.
    pub const fn sealing(&self) -> Sealing<'_> {
        Sealing(&self.0)
    }

    /// The restores of the database from a backup.
    pub const fn restores(&self) -> Restores<'_> {
        Restores(&self.0)
    }

    /// The catalogue of event types.
    pub const fn event_types(&self) -> EventTypesHandle<'_> {
        EventTypesHandle(&self.0)
    }

    /// The users of all accounts.
    pub const fn users(&self) -> Users<'_> {
        Users(&self.0)
    }

    /// The portal links of all accounts.
    pub const fn portal_links(&self) -> PortalLinks<'_> {
        PortalLinks(&self.0)
    }

    /// The invitations into all accounts.
    pub const fn invitations(&self) -> Invitations<'_> {
        Invitations(&self.0)
    }

    /// The links with which people set another password.
    pub const fn resets(&self) -> Resets<'_> {
        Resets(&self.0)
    }

    /// The person who is signed in with this browser, as to themselves.
    pub fn myself<'e>(&'e self, session: &'e Session, browser: &'e Browser) -> Option<Myself<'e>> {
        Myself::of(&self.0, session, browser)
    }

    /// The sessions of all users.
    pub const fn sessions(&self) -> Sessions<'_> {
        Sessions(&self.0)
    }

    /// The factors of the session's person, who acts from this address; `None` for a session
    /// that is no person's.
    pub fn factors(&self, session: &Session, address: Option<IpAddr>) -> Option<Factors<'_>> {
        Factors::of(&self.0, session, address)
    }

    /// The counts of attempts to get in.
    pub fn attempts(&self) -> &Attempts {
        &self.0.attempts
    }

    /// The devices on which people have signed in before.
    pub fn known_devices(&self) -> KnownDevices<'_> {
        KnownDevices { clock: &*self.0.clock, random: &self.0.random, sealer: &self.0.sealer }
    }

    /// The answers to requests about an account, or about none, that came with keys of a
    /// `sender`, or of the operator.
    pub fn stored_answers(&self, account: Option<AccountId>, sender: Option<AccountId>) -> StoredAnswers<'_> {
        StoredAnswers::new(&self.0, account, sender)
    }

    /// Finds the holder of a bearer token; `None` if it is no key or was revoked. Answers from
    /// memory for up to a second.
    pub async fn authenticate(&self, token: &str) -> service::Result<Option<KeyHolder>> {
        api_keys::authenticate(&self.0, token).await
    }

    /// The health of deliveries over all accounts.
    pub async fn health(&self) -> service::Result<Health> {
        health::read(&self.0).await
    }

    /// Has an account, by its id or name, hear of operational events from now on. If there is
    /// no such account, the log says so, and none are kept.
    ///
    /// # Errors
    /// The database failed.
    pub async fn name_operations_account(&self, id_or_name: &str) -> service::Result<()> {
        operational_events::name_account(&self.0, id_or_name).await
    }

    /// The notices that go to people by e-mail.
    pub const fn mail_notices(&self) -> MailNotices<'_> {
        MailNotices(&self.0)
    }

    /// The time after which a person has to sign in again.
    pub fn session_lifetime(&self) -> Duration {
        self.0.settings.session_lifetime
    }

    /// Makes a random secret, to be shown before its endpoint is saved.
    pub fn new_secret(&self) -> Secret {
        Secret::new(self.0.random.bytes())
    }

    /// Makes the random id of a form that makes something, and is to make it once.
    pub fn new_form_id(&self) -> String {
        uuid::Uuid::from_bytes(self.0.random.bytes()).simple().to_string()
    }

    /// The number of deliveries of a backlog that go out to one endpoint in a second.
    pub fn release_rate(&self) -> u32 {
        self.0.settings.release_rate
    }

    /// Checks every rule of the ledger on one snapshot of the database. Takes
    /// leases to be as long, and the attempts at the same time to be as many, as
    /// this engine's settings say.
    pub async fn check(&self) -> db::Result<Ledger> {
        ledger::check(&self.0, Some(&self.0.sealer)).await
    }

    /// Checks likewise without a sealing key: secrets are not opened.
    pub async fn check_without_key(&self) -> db::Result<Ledger> {
        ledger::check(&self.0, None).await
    }

    /// Removes old rows and bodies, as a started engine does by itself.
    pub async fn sweep(&self) -> db::Result<Swept> {
        retention::sweep_all(&self.0).await
    }

    /// Proves that this engine's key is the one that the database was sealed with, and notes
    /// that in it.
    pub async fn prove_sealing_key(&self) -> Result<(), SealingKeyError> {
        sealing_check::prove(&self.0).await
    }
}

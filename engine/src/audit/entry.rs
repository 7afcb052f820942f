//! Entries: as they are written, and as they are read.

use std::net::IpAddr;

use const_format::formatcp;
use serde_json::Value;
use signet_model::{AccountId, Timestamp, sql::Lossy};

use super::Action;
use crate::actor::{By, Who};

/// The row that a change is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// The noun: `endpoint`, `api_key`.
    pub kind: &'static str,
    /// Its id.
    pub id: String,
}

impl Target {
    /// A target.
    #[expect(clippy::needless_pass_by_value, reason = "ids are small, and callers pass them as they are")]
    pub fn new(kind: &'static str, id: impl ToString) -> Self {
        Self { kind, id: id.to_string() }
    }
}

/// An entry that is to be written.
#[derive(Debug, Clone)]
pub(crate) struct Draft {
    /// `None` is the installation.
    pub(crate) account: Option<AccountId>,
    pub(crate) by: By,
    pub(crate) action: Action,
    pub(crate) target: Option<Target>,
    /// The members that change, before and after; never a secret.
    pub(crate) before: Option<Value>,
    pub(crate) after: Option<Value>,
}

/// An entry as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its place in the chain, from 1.
    pub number: i64,
    /// The instant of the change.
    pub at: Timestamp,
    /// The name of an [`Action`]; another version can have others.
    pub action: String,
    /// `person`, `portal`, `key`, `command` or `signet`.
    pub actor_kind: String,
    /// The id of a person or key.
    pub actor_id: Option<String>,
    /// Their name: an e-mail address, for example.
    pub actor_name: String,
    /// The client's address.
    pub address: Option<String>,
    /// The noun of the target.
    pub target_kind: Option<String>,
    /// The id of the target.
    pub target_id: Option<String>,
    /// JSON: the members that changed, as they were.
    pub before: Option<String>,
    /// JSON: the members that changed, as they are since.
    pub after: Option<String>,
}

/// The entries that are looked for. Empty texts select all.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    /// The name of an action, or the noun before its point: `endpoint`.
    pub action: String,
    /// The id or the name of an actor.
    pub actor: String,
    /// The id of a target.
    pub target: String,
    /// The first instant.
    pub since: Option<Timestamp>,
    /// The first instant that is too late.
    pub until: Option<Timestamp>,
}

impl Filter {
    /// Returns true if the filter selects an entry.
    pub fn selects(&self, entry: &Entry) -> bool {
        let is = |wanted: &str, found: &[Option<&str>]| wanted.is_empty() || found.contains(&Some(wanted));
        let noun = entry.action.split_once('.').map(|(noun, _)| noun);
        is(&self.action, &[Some(&entry.action), noun])
            && is(&self.actor, &[entry.actor_id.as_deref(), Some(&entry.actor_name)])
            && is(&self.target, &[entry.target_id.as_deref()])
            && self.since.is_none_or(|since| entry.at >= since)
            && self.until.is_none_or(|until| entry.at < until)
    }
}

/// The columns of [`Row`].
const COLUMNS: &str = "number, at, action, actor_kind, actor_id, actor_name, address, target_kind, target_id,
       before_change, after_change, hash";

/// Entries of an account (`$1`) before a number (`$2`), newest first, at most `$3`.
pub(crate) const PAGE: &str =
    formatcp!("SELECT {COLUMNS} FROM audit_log WHERE account_id = $1 AND number < $2 ORDER BY number DESC LIMIT $3");

/// Entries of an account (`$1`) after a number (`$2`), oldest first, at most `$3`.
pub(super) const NEXT: &str =
    formatcp!("SELECT {COLUMNS} FROM audit_log WHERE account_id = $1 AND number > $2 ORDER BY number LIMIT $3");

/// A row of the table.
#[derive(Debug, sqlx_macros::FromRow)]
pub(crate) struct Row {
    pub(super) number: i64,
    pub(super) at: Timestamp,
    pub(super) action: Lossy,
    pub(super) actor_kind: Lossy,
    pub(super) actor_id: Option<Lossy>,
    pub(super) actor_name: Lossy,
    pub(super) address: Option<Lossy>,
    pub(super) target_kind: Option<Lossy>,
    pub(super) target_id: Option<Lossy>,
    pub(super) before_change: Option<Lossy>,
    pub(super) after_change: Option<Lossy>,
    pub(super) hash: Vec<u8>,
}

impl From<Row> for Entry {
    fn from(row: Row) -> Self {
        let text = |text: Option<Lossy>| text.map(|text| text.0);
        Self {
            number: row.number,
            at: row.at,
            action: row.action.0,
            actor_kind: row.actor_kind.0,
            actor_id: text(row.actor_id),
            actor_name: row.actor_name.0,
            address: text(row.address),
            target_kind: text(row.target_kind),
            target_id: text(row.target_id),
            before: text(row.before_change),
            after: text(row.after_change),
        }
    }
}

/// The longest text of one side of a change, in bytes. Longer ones are left out.
const CHANGE_MAX: usize = 16 * 1024;

impl Draft {
    /// The entry with its place in the chain.
    pub(super) fn numbered(&self, number: i64, at: Timestamp) -> Entry {
        let (actor_kind, actor_id, actor_name) = describe(&self.by.who);
        let (target_kind, target_id) = self.target.clone().map(|it| (it.kind.to_owned(), it.id)).unzip();
        Entry {
            number,
            at,
            action: self.action.as_str().to_owned(),
            actor_kind: actor_kind.to_owned(),
            actor_id,
            actor_name,
            address: self.by.address.map(|address: IpAddr| address.to_canonical().to_string()),
            target_kind,
            target_id,
            before: self.before.as_ref().and_then(text),
            after: self.after.as_ref().and_then(text),
        }
    }
}

fn text(change: &Value) -> Option<String> {
    Some(change.to_string()).filter(|text| text.len() <= CHANGE_MAX)
}

fn describe(who: &Who) -> (&'static str, Option<String>, String) {
    match who {
        Who::Person { id, email } => ("person", Some(id.to_string()), email.clone()),
        Who::Portal { subject } => ("portal", None, subject.clone()),
        Who::Key { id } => ("key", Some(id.to_string()), id.to_string()),
        Who::Command { user } => ("command", None, user.clone()),
        Who::Signet => ("signet", None, "Signet".to_owned()),
    }
}

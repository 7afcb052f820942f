//! The ledger: every accepted event is accounted for.
//!
//! A check reads one snapshot of a live database and looks for rows that break
//! a [`Rule`]. It changes no row and takes no lock.

mod rules;
mod usable;

use std::time::Duration;

use const_format::formatcp;
use signet_model::{DeliveryId, EventId, Timestamp, delivery::State, sql::Stored};
use sqlx::AssertSqlSafe;
use uuid::Uuid;

use super::{EFFECTIVE_STATE, Service, restores::RESTORED_AT};
use crate::{
    Settings,
    audit::{self, Broken},
    db::{Pool, Result, Tx},
    seal::Sealer,
};

use rules::Noun;
pub use rules::Rule;

/// The rows that are named.
const EXAMPLES: usize = 5;
/// The time by which the clocks of the processes that share a database may be apart.
const SKEW: Duration = Duration::from_secs(5);

/// The result of a check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ledger {
    /// The number of stored events.
    pub events: u64,
    /// The number of deliveries in each state, in the order of [`State::ALL`].
    pub deliveries: Vec<(State, u64)>,
    /// The number of stored attempts.
    pub attempts: u64,
    /// The restores from a backup.
    pub restores: Vec<Timestamp>,
    /// The number of deliveries that may be repeats since a restore, or will be when they are sent.
    pub may_repeat: u64,
    /// The rules that are broken.
    pub findings: Vec<Finding>,
}

impl Ledger {
    /// True if no rule is broken.
    pub fn is_clean(&self) -> bool {
        self.findings.is_empty()
    }
}

/// A broken rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The rule.
    pub rule: Rule,
    /// The number of rows that break it.
    pub count: u64,
    /// Up to five of them: ids, for rows that cannot be used with the reason.
    pub examples: Vec<String>,
}

/// Counts deliveries by the state that they are told to have.
const STATES: &str = formatcp!(
    "SELECT {EFFECTIVE_STATE} AS told, count(*) FROM deliveries d
       LEFT JOIN endpoints e ON e.account_id = d.account_id AND e.id = d.endpoint_id GROUP BY told"
);

/// The restores, the oldest first.
const RESTORES: &str = "SELECT restored_at FROM restores ORDER BY restored_at";
/// Counts the deliveries that may be repeats.
const MAY_REPEAT: &str = formatcp!("SELECT count({RESTORED_AT}) FROM deliveries d");

/// Checks every rule on one snapshot; secrets only with a sealer that has the key.
pub(crate) async fn check(service: &Service, sealer: Option<&Sealer>) -> Result<Ledger> {
    let mut tx = service.db.snapshot(Pool::Patient).await?;
    // The first statement fixes the snapshot, at some instant while it runs: all of it was
    // stored before `now`, and every delivery due by `began` was due.
    let began = service.clock.now();
    let events = tx.query("SELECT count(*) FROM events").fetch_value().await?;
    let now = service.clock.now();
    let states: Vec<(Stored<State>, i64)> = tx.query(STATES).fetch_all().await?;
    let attempts = tx.query("SELECT count(*) FROM attempts").fetch_value().await?;
    let mut findings: Vec<_> = usable::check(&mut tx, sealer).await?.into_iter().collect();
    findings.extend(audit_chains(&mut tx).await?);
    for (rule, query) in Rule::ALL.into_iter().filter_map(|rule| Some((rule, rule.query()?))) {
        let broken_by = broken_by(&mut tx, query, &service.settings, began, now).await?;
        findings.extend(finding(rule, &broken_by));
    }
    let restores: Vec<Timestamp> = tx.query(RESTORES).fetch_values().await?;
    let may_repeat = if restores.is_empty() { 0 } else { tx.query(MAY_REPEAT).fetch_value().await? };
    let (deliveries, attempts) = (by_state(&states), counted(attempts));
    Ok(Ledger { events: counted(events), deliveries, attempts, restores, may_repeat: counted(may_repeat), findings })
}

/// The audit logs whose chain is broken.
async fn audit_chains(tx: &mut Tx<'_>) -> Result<Option<Finding>> {
    let broken = audit::verify(tx).await?;
    let name = |one: &Broken| {
        let log = one.account.map_or_else(|| "the installation".to_owned(), |account| account.to_string());
        format!("{log} at entry {}", one.number)
    };
    let examples = broken.iter().take(EXAMPLES).map(name).collect();
    Ok((!broken.is_empty()).then_some(Finding { rule: Rule::AuditChain, count: broken.len() as u64, examples }))
}

/// The rows that break a rule: their number beside each of some examples.
async fn broken_by(
    tx: &mut Tx<'_>,
    query: String,
    settings: &Settings,
    began: Timestamp,
    now: Timestamp,
) -> Result<Vec<(i64, Stored<Uuid>)>> {
    // Made of constants alone.
    tx.query(AssertSqlSafe(query))
        .bind(now + SKEW)
        .bind(now + settings.lease + SKEW)
        .bind(began)
        .bind(before(began, settings.lease + SKEW))
        .bind(limit(settings.max_in_flight))
        .bind(limit(settings.max_in_flight_per_endpoint))
        .fetch_all()
        .await
}

fn finding(rule: Rule, broken_by: &[(i64, Stored<Uuid>)]) -> Option<Finding> {
    let &(count, _) = broken_by.first()?;
    let name = |id: &Stored<Uuid>| match (rule.noun(), &id.0) {
        (_, Err(_)) => "an id that cannot be read".to_owned(),
        (Noun::Event, Ok(id)) => EventId::from_uuid(*id).to_string(),
        (Noun::Delivery, Ok(id)) => DeliveryId::from_uuid(*id).to_string(),
    };
    Some(Finding { rule, count: counted(count), examples: broken_by.iter().map(|(_, id)| name(id)).collect() })
}

fn by_state(found: &[(Stored<State>, i64)]) -> Vec<(State, u64)> {
    let count = |state| found.iter().find(|(one, _)| one.0 == Ok(state)).map_or(0, |(_, count)| counted(*count));
    State::ALL.iter().map(|&state| (state, count(state))).collect()
}

fn counted(count: i64) -> u64 {
    count.unsigned_abs()
}

fn limit(attempts: usize) -> i64 {
    i64::try_from(attempts).unwrap_or(i64::MAX)
}

fn before(now: Timestamp, span: Duration) -> Timestamp {
    Timestamp::from_unix_micros(now.unix_micros().saturating_sub(i64::try_from(span.as_micros()).unwrap_or(i64::MAX)))
}

#[cfg(test)]
mod tests;

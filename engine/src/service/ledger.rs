//! The ledger: every accepted event is accounted for.
//!
//! A check looks for rows of a live database that break a [`Rule`]. It changes no row and takes
//! no lock, and reads one [slice](slice) after the other, each statement in a snapshot of its own:
//! a rule holds in each snapshot.

mod rules;
mod slice;
mod usable;

use std::time::Duration;

use const_format::formatcp;
use signet_model::{DeliveryId, EventId, Timestamp, delivery::State, sql::Stored};
use uuid::Uuid;

use super::{EFFECTIVE_STATE, Service, restores::RESTORED_AT};
use crate::{
    audit::{self, Broken},
    db::{Result, Tx},
    seal::Sealer,
};

use rules::Noun;
pub use rules::Rule;
use slice::{Slice, Snapshot};

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

impl Finding {
    /// Adds what was found in another slice.
    fn and(mut self, other: &Self) -> Self {
        self.count += other.count;
        let room = EXAMPLES.saturating_sub(self.examples.len());
        self.examples.extend(other.examples.iter().take(room).cloned());
        self
    }
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

/// Checks every rule, secrets only with a sealer that has the key. Each statement has a snapshot
/// of its own, and reads the rows of some accounts.
pub(crate) async fn check(service: &Service, sealer: Option<&Sealer>) -> Result<Ledger> {
    let mut ledger = Counts::default();
    let mut findings: Vec<Finding> = Vec::new();
    let slices = Slice::all(service).await?;
    for &slice in &slices {
        ledger.add(service, slice).await?;
    }
    findings.extend(usable::check(service, &slices, sealer).await?);
    findings.extend(audit_chains(&mut Snapshot::take(service).await?.tx).await?);
    for rule in Rule::ALL {
        let mut all: Option<Finding> = None;
        for &slice in rule.slices(&slices) {
            if let Some(found) = broken_in(service, rule, slice).await? {
                all = Some(all.map_or_else(|| found.clone(), |before| before.and(&found)));
            }
        }
        findings.extend(all);
    }
    let restores: Vec<Timestamp> = Snapshot::take(service).await?.tx.query(RESTORES).fetch_values().await?;
    let mut may_repeat = 0;
    for &slice in slices.iter().filter(|_| !restores.is_empty()) {
        may_repeat += count(service, MAY_REPEAT, slice).await?;
    }
    let Counts { events, deliveries, attempts } = ledger;
    let deliveries = State::ALL.iter().zip(deliveries).map(|(&state, count)| (state, count)).collect();
    Ok(Ledger { events, deliveries, attempts, restores, may_repeat, findings })
}

/// The numbers of rows.
#[derive(Debug, Default)]
struct Counts {
    events: u64,
    /// In the order of [`State::ALL`].
    deliveries: [u64; State::ALL.len()],
    attempts: u64,
}

impl Counts {
    /// Adds those of a slice.
    async fn add(&mut self, service: &Service, slice: Slice) -> Result<()> {
        self.events += count(service, "SELECT count(*) FROM events", slice).await?;
        self.attempts += count(service, "SELECT count(*) FROM attempts", slice).await?;
        let mut snapshot = Snapshot::take(service).await?;
        let query = slice.bind(snapshot.tx.query(slice.of(STATES, 0)));
        let found: Vec<(Stored<State>, i64)> = query.fetch_all().await?;
        for (count, state) in self.deliveries.iter_mut().zip(State::ALL) {
            *count +=
                found.iter().filter(|(one, _)| one.0 == Ok(*state)).map(|(_, count)| counted(*count)).sum::<u64>();
        }
        Ok(())
    }
}

async fn count(service: &Service, sql: &str, slice: Slice) -> Result<u64> {
    let mut snapshot = Snapshot::take(service).await?;
    slice.bind(snapshot.tx.query(slice.of(sql, 0))).fetch_value().await.map(counted)
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

/// The rows of a slice that break a rule.
async fn broken_in(service: &Service, rule: Rule, slice: Slice) -> Result<Option<Finding>> {
    const PARAMETERS: usize = 6;
    let Snapshot { mut tx, began, now } = Snapshot::take(service).await?;
    let Some(query) = rule.query(matches!(tx, Tx::Postgres(_))) else { return Ok(None) };
    let settings = &service.settings;
    let query = tx
        .query(slice.of(&query, PARAMETERS))
        .bind(now + SKEW)
        .bind(now + settings.lease + SKEW)
        .bind(began)
        .bind(before(began, settings.lease + SKEW))
        .bind(limit(settings.max_in_flight))
        .bind(limit(settings.max_in_flight_per_endpoint));
    let broken_by: Vec<(i64, Stored<Uuid>)> = slice.bind(query).fetch_all().await?;
    Ok(finding(rule, &broken_by))
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

//! The comparison at the end: events that were accepted, deliveries that are stored, requests
//! that arrived, and `signet check`.

use std::{
    collections::{BTreeMap, HashMap},
    fmt,
    path::Path,
    process::Stdio,
};

use signet_engine::service::deliveries::Filter;
use signet_model::delivery::State;
use tokio::process::Command;

use super::{
    customers::{CUSTOMERS, Customer},
    journal::{Journal, Task},
};
use crate::fixture::{Fixture, open};

/// The deliveries that are read at once.
const PAGE: u32 = 1_000;

/// The counts of the comparison.
#[derive(Debug, Default)]
pub struct Ledger {
    accepted: usize,
    delivered: usize,
    /// Not delivered, and the log says why.
    told: usize,
    /// Accepted and not stored, or still pending, or counted as delivered and never taken.
    lost: Vec<String>,
    /// Requests beyond the attempts that are recorded: a process died between the two, or a
    /// connection that was kept broke, and the attempt went on over another one.
    /// By customer.
    unrecorded: BTreeMap<String, u64>,
    /// `signet check` found nothing.
    adds_up: bool,
}

impl Ledger {
    /// True if every accepted event is accounted for.
    pub fn is_complete(&self) -> bool {
        self.lost.is_empty() && self.adds_up && self.accepted == self.delivered + self.told
    }

    fn add(&mut self, number: usize, task: &Task, event: &str, stored: Option<&(State, u32)>) {
        self.accepted += 1;
        let Some(&(state, attempts)) = stored else {
            return self.lost.push(format!("{event} of task {number} is not stored"));
        };
        let unrecorded = u64::from(task.arrivals.saturating_sub(attempts));
        if unrecorded > 0 {
            *self.unrecorded.entry(format!("{:?}", CUSTOMERS[Customer::of_task(number)])).or_default() += unrecorded;
        }
        match state {
            State::Delivered if task.taken > 0 => self.delivered += 1,
            State::Failed | State::Held | State::Discarded => self.told += 1,
            State::Delivered => {
                self.lost.push(format!("{event} of task {number} counts as delivered and never arrived"));
            }
            State::Pending => self.lost.push(format!("{event} of task {number} is still pending")),
        }
    }
}

/// Compares, once the server has stopped.
pub async fn compare(fixture: &Fixture, journal: &Journal, signet: &Path, lease: &str) -> anyhow::Result<Ledger> {
    let stored = stored(fixture).await?;
    let mut ledger = Ledger { adds_up: adds_up(fixture, signet, lease).await?, ..Ledger::default() };
    for (number, task) in journal.tasks().iter().enumerate() {
        if let Some(event) = &task.event {
            ledger.add(number, task, event, stored.get(event));
        }
    }
    Ok(ledger)
}

/// The state and the attempts of the delivery of each event.
async fn stored(fixture: &Fixture) -> anyhow::Result<HashMap<String, (State, u32)>> {
    let engine = open(fixture.url(), fixture.folder()).await?;
    let mut stored = HashMap::new();
    for name in &fixture.accounts {
        let account = engine.accounts().find(name).await?.id;
        let account = engine.as_operator_in(account);
        for endpoint in account.endpoints().list().await? {
            let mut from = None;
            loop {
                let page = account.endpoint(endpoint.id).log(&Filter::default(), from, PAGE).await?;
                for delivery in page.deliveries.into_iter().flatten() {
                    stored.insert(delivery.event.to_string(), (delivery.state, delivery.attempts));
                }
                from = page.next;
                if from.is_none() {
                    break;
                }
            }
        }
    }
    engine.close().await;
    Ok(stored)
}

async fn adds_up(fixture: &Fixture, signet: &Path, lease: &str) -> anyhow::Result<bool> {
    let mut check = Command::new(signet);
    check.args(["check", "--database", &fixture.database, "--lease", lease, "--key-file"]).arg(fixture.key_file());
    Ok(check.stdout(Stdio::inherit()).status().await?.success())
}

impl fmt::Display for Ledger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { accepted, delivered, told, lost, unrecorded, adds_up } = self;
        writeln!(
            f,
            "{accepted} events accepted: {delivered} delivered, {told} not and told why, {} lost; requests beyond the \
             recorded attempts: {unrecorded:?}; signet check: {}",
            lost.len(),
            if *adds_up { "everything adds up" } else { "BROKEN RULES" },
        )?;
        lost.iter().take(10).try_for_each(|line| writeln!(f, "{line}"))
    }
}

//! `signet check`: compares the events that were accepted with the deliveries and attempts
//! that are stored.

use std::{fmt, process::ExitCode};

use anyhow::Context;
use clap::Args;
use signet_engine::{Engine, Settings, service::ledger::Ledger};

use crate::{
    config::{ConcurrencyArgs, Span, StorageArgs},
    storage::{self, Opened},
};

/// `signet check`
#[derive(Debug, Args)]
pub struct CheckArgs {
    /// The time for which a delivery belongs to the process that attempts it, as the
    /// servers have it.
    #[arg(long, value_name = "TIME", env = "SIGNET_LEASE", default_value_t = Span::new(Settings::default().lease))]
    lease: Span,
    /// The limits that the servers keep.
    #[command(flatten)]
    concurrency: ConcurrencyArgs,
    /// The database.
    #[command(flatten)]
    storage: StorageArgs,
}

/// Checks the ledger and prints the result.
///
/// # Errors
/// The database cannot be used.
pub async fn run(args: CheckArgs) -> anyhow::Result<ExitCode> {
    let Opened { engine, has_key } = storage::open_existing_with_key(&args.storage, settings(&args)).await?;
    let checked = if has_key { engine.check().await } else { engine.check_without_key().await };
    let ledger = checked.context("the ledger could not be checked")?;
    let sealed = sealed_with_old_keys(&engine, has_key).await?;
    engine.close().await;
    print!("{}", Report(&ledger));
    if !has_key {
        println!("Whether signing secrets can be opened was not checked: name the sealing key’s file with --key-file.");
    }
    if sealed > 0 {
        println!(
            "{sealed} secrets are sealed with an old key. Go on with `signet sealing-key rotate`, or with `reseal`."
        );
    }
    Ok(if ledger.is_clean() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The number of secrets that need an old key, while there is one.
async fn sealed_with_old_keys(engine: &Engine, has_key: bool) -> anyhow::Result<i64> {
    if !has_key || !engine.sealing().ring().has_old() {
        return Ok(0);
    }
    engine.sealing().sealed_with_old_keys().await.context("sealed secrets could not be counted")
}

/// The settings of the servers, as far as the rules of the ledger depend on them.
fn settings(args: &CheckArgs) -> Settings {
    Settings {
        lease: args.lease.get(),
        max_in_flight: args.concurrency.max_in_flight,
        max_hanging: args.concurrency.max_hanging,
        max_in_flight_per_endpoint: args.concurrency.max_in_flight_per_endpoint,
        max_in_flight_per_host: args.concurrency.max_in_flight_per_host,
        ..Settings::default()
    }
}

/// The text that is printed.
struct Report<'a>(&'a Ledger);

impl fmt::Display for Report<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Ledger { events, deliveries, attempts, restores, may_repeat, findings } = self.0;
        let total: u64 = deliveries.iter().map(|(_, count)| count).sum();
        writeln!(f, "{events:>12} events")?;
        writeln!(f, "{total:>12} deliveries")?;
        for (state, count) in deliveries {
            writeln!(f, "{count:>16} {}", state.as_str())?;
        }
        writeln!(f, "{attempts:>12} attempts")?;
        if !restores.is_empty() {
            let at = restores.iter().map(|at| at.rfc3339_seconds()).collect::<Vec<_>>().join(", ");
            writeln!(f, "\nRestored from a backup at {at}.")?;
            writeln!(f, "{may_repeat:>12} deliveries from before may have been sent already, and are marked")?;
        }
        if findings.is_empty() {
            return writeln!(f, "\nEverything adds up.");
        }
        writeln!(f, "\nThis does not add up:")?;
        for finding in findings {
            writeln!(f, "{:>12} {}", finding.count, finding.rule.complaint())?;
            for example in &finding.examples {
                writeln!(f, "{:>13}{example}", "")?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use insta::assert_snapshot;
    use signet_engine::service::ledger::{Finding, Rule};
    use signet_model::{Timestamp, delivery::State};

    use super::*;

    #[test]
    fn counts_and_findings_can_be_read() {
        let ledger = Ledger {
            events: 7,
            deliveries: vec![(State::Pending, 1), (State::Delivered, 6)],
            attempts: 8,
            restores: vec![],
            may_repeat: 0,
            findings: vec![Finding { rule: Rule::Fanout, count: 2, examples: vec!["evt_1".into(), "evt_2".into()] }],
        };
        assert_snapshot!(Report(&ledger), @"
           7 events
           7 deliveries
               1 pending
               6 delivered
           8 attempts

This does not add up:
           2 events with more or fewer deliveries than endpoints they went to
             evt_1
             evt_2
");
        let ledger = Ledger { findings: vec![], ..ledger };
        assert!(Report(&ledger).to_string().ends_with("\nEverything adds up.\n"));
        let at = Timestamp::from_unix_seconds(1_774_699_200);
        let restored = Report(&Ledger { restores: vec![at], may_repeat: 1, ..ledger }).to_string();
        assert!(restored.contains("\nRestored from a backup at 2026-03-28T12:00:00Z.\n"), "{restored}");
        assert!(restored.contains("\n           1 deliveries from before may have been sent already"), "{restored}");
    }
}

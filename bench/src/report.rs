//! The results, one line for each load.

use std::time::Duration;

use crate::load::Load;

/// The results of one load.
#[derive(Debug)]
pub struct Report {
    pub load: Load,
    pub on_postgres: bool,
    pub delivered: usize,
    /// Time from the start of a server's process until it listens.
    pub started_in: Duration,
    /// Time from the start until the last event was accepted.
    pub accepting: Duration,
    /// Time from the start until the last delivery had arrived.
    pub delivering: Duration,
    pub server_cpu: Duration,
    pub database_cpu: Duration,
    /// Time from sending an event in to its arrival, sorted.
    pub latencies: Vec<Duration>,
    /// Of the server alone, or of the largest one, in bytes.
    pub peak_memory: u64,
    /// Arrivals of deliveries that had arrived before.
    pub repeats: usize,
    /// The CPU time of each server.
    pub shares: Vec<Duration>,
}

impl Report {
    pub fn print_heading() {
        println!(
            "{:<44} {:>9} {:>9} {:>9} {:>8} {:>8} {:>8} {:>8} {:>7}",
            "load", "accept/s", "deliv/s", "deliv/cpu", "us/deliv", "p50 ms", "p95 ms", "p99 ms", "mem MB"
        );
    }

    #[expect(clippy::cast_precision_loss, reason = "people read the figures, rounded")]
    pub fn print(&self) {
        let cpu = (self.server_cpu + self.database_cpu).as_secs_f64();
        let delivered = self.delivered as f64;
        println!(
            "{:<44} {:>9.0} {:>9.0} {:>9.0} {:>8.1} {:>8.2} {:>8.2} {:>8.2} {:>7.1}",
            self.name(),
            self.load.events as f64 / self.accepting.as_secs_f64(),
            delivered / self.delivering.as_secs_f64(),
            delivered / cpu,
            cpu * 1e6 / delivered,
            self.percentile(50),
            self.percentile(95),
            self.percentile(99),
            self.peak_memory as f64 / 1e6,
        );
        if self.load.stored > 0 {
            println!("  the server listened after {} ms", self.started_in.as_millis());
        }
        if let [_, _, ..] = self.shares.as_slice() {
            let shares: Vec<_> = self.shares.iter().map(|share| format!("{:.1}", share.as_secs_f64())).collect();
            println!("  CPU seconds of each server: {}; {} deliveries twice", shares.join(", "), self.repeats);
        }
    }

    fn name(&self) -> String {
        let Load {
            batch,
            endpoints,
            hanging,
            hanging_accounts,
            hanging_endpoints,
            pending,
            overdue,
            rate,
            event_types,
            processes,
            stored,
            ..
        } = &self.load;
        let mut name = format!("{} ep={endpoints} batch={batch}", if self.on_postgres { "postgres" } else { "sqlite" });
        let extras = [
            hanging.then(|| " +1 hanging".to_owned()),
            (hanging_accounts + hanging_endpoints > 0)
                .then(|| format!(" +{hanging_accounts}+{hanging_endpoints} hanging")),
            (*processes > 1).then(|| format!(" processes={processes}")),
            (*stored > 0).then(|| format!(" stored={stored}")),
            (*event_types > 0).then(|| format!(" types={event_types}")),
            rate.map(|rate| format!(" rate={rate}")),
            (*pending > 0).then(|| format!(" {}={pending}", if *overdue { "overdue" } else { "pending" })),
        ];
        name.extend(extras.into_iter().flatten());
        name
    }

    /// The latency, in milliseconds, that `percent` of the tasks do not exceed.
    fn percentile(&self, percent: usize) -> f64 {
        let index = (self.latencies.len() * percent / 100).min(self.latencies.len().saturating_sub(1));
        self.latencies.get(index).map_or(f64::NAN, |latency| latency.as_secs_f64() * 1e3)
    }
}

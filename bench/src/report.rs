//! The numbers, a line a load.

use std::time::Duration;

use crate::load::Load;

/// What one load has shown.
#[derive(Debug)]
pub struct Report {
    pub load: Load,
    pub on_postgres: bool,
    pub delivered: usize,
    /// Until the last event was accepted.
    pub accepting: Duration,
    /// Until the last delivery had arrived.
    pub delivering: Duration,
    pub server_cpu: Duration,
    pub database_cpu: Duration,
    /// From sending an event in to its arrival, sorted.
    pub latencies: Vec<Duration>,
    /// Of the server alone, bytes.
    pub peak_memory: u64,
}

impl Report {
    /// The names of the columns.
    pub fn heading() {
        println!(
            "{:<44} {:>9} {:>9} {:>9} {:>8} {:>8} {:>8} {:>8} {:>7}",
            "load", "accept/s", "deliv/s", "deliv/cpu", "us/deliv", "p50 ms", "p95 ms", "p99 ms", "mem MB"
        );
    }

    /// One line.
    #[expect(clippy::cast_precision_loss, reason = "for people to read")]
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
    }

    fn name(&self) -> String {
        let Load { batch, endpoints, hanging, pending, overdue, rate, .. } = &self.load;
        let mut name = format!("{} ep={endpoints} batch={batch}", if self.on_postgres { "postgres" } else { "sqlite" });
        let extras = [
            hanging.then(|| " +1 hanging".to_owned()),
            rate.map(|rate| format!(" rate={rate}")),
            (*pending > 0).then(|| format!(" {}={pending}", if *overdue { "overdue" } else { "pending" })),
        ];
        name.extend(extras.into_iter().flatten());
        name
    }

    /// Milliseconds.
    fn percentile(&self, percent: usize) -> f64 {
        let place = (self.latencies.len() * percent / 100).min(self.latencies.len().saturating_sub(1));
        self.latencies.get(place).map_or(f64::NAN, |latency| latency.as_secs_f64() * 1e3)
    }
}

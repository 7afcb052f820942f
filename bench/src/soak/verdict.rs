//! The verdict: what the figures were in the second quarter of the soak, and in the last one.

use std::{fmt, time::Duration};

use super::meter::{Latency, Sample};

/// The growth that is none, beside the slack of each figure.
const GROWTH: f64 = 1.1;

/// The figures compared.
#[derive(Debug)]
pub struct Verdict(Vec<Compared>);

/// A figure in the second quarter and in the last one.
#[derive(Debug)]
struct Compared {
    name: &'static str,
    second: f64,
    last: f64,
    /// Growth by so much is none.
    slack: f64,
    /// Growth is a fault; otherwise it is told, since other work on the machine can be its cause.
    counts: bool,
}

impl Compared {
    fn grows(&self) -> bool {
        self.last > self.second * GROWTH + self.slack
    }
}

impl Verdict {
    /// Compares the samples of a soak of this length.
    #[expect(clippy::cast_precision_loss, reason = "people read the figures, rounded")]
    pub fn of(samples: &[Sample], length: Duration) -> Self {
        let minutes = length.as_secs() / 60;
        let quarter = |number: u64| {
            let within = |sample: &&Sample| (sample.minute - 1) * 4 / minutes.max(1) == number;
            samples.iter().filter(within).collect::<Vec<_>>()
        };
        let (second, last) = (quarter(1), quarter(3));
        let compare = |name, slack, counts, figure: &dyn Fn(&Sample) -> f64| {
            let [second, last] = [&second, &last].map(|samples| median(samples.iter().map(|sample| figure(sample))));
            Compared { name, second, last, slack, counts }
        };
        let most = |latency: Latency| latency.most.as_secs_f64() * 1e3;
        Self(vec![
            compare("memory, MB", 8.0, true, &|sample| sample.memory as f64 / 1e6),
            compare("open descriptors", 16.0, true, &|sample| sample.descriptors as f64),
            compare("threads", 4.0, true, &|sample| sample.threads as f64),
            compare("database, MB", 8.0, true, &|sample| sample.database as f64 / 1e6),
            compare("write-ahead log, MB", 64.0, true, &|sample| sample.log as f64 / 1e6),
            compare("rows", 2_000.0, true, &|sample| sample.rows as f64),
            compare("p99 of the good customer, ms", 20.0, false, &|sample| most(sample.latencies[0])),
            compare("p99 of the others, ms", 1_000.0, false, &|sample| most(sample.latencies[1])),
            compare("CPU a delivery, us", 50.0, false, &|sample| sample.cpu.as_micros() as f64),
        ])
    }

    /// True if nothing grows that must not.
    pub fn is_flat(&self) -> bool {
        !self.0.iter().any(|compared| compared.counts && compared.grows())
    }
}

/// The figure in the middle: minutes with a restart weigh no more than others.
fn median(figures: impl Iterator<Item = f64>) -> f64 {
    let mut figures: Vec<_> = figures.collect();
    figures.sort_by(f64::total_cmp);
    figures.get(figures.len() / 2).copied().unwrap_or_default()
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{:<32} {:>12} {:>12}", "median of a minute", "2nd quarter", "last quarter")?;
        for compared in &self.0 {
            let Compared { name, second, last, counts, .. } = compared;
            let word = match (compared.grows(), counts) {
                (false, _) => "flat",
                (true, true) => "GROWS",
                (true, false) => "grows (by other work on the machine?)",
            };
            writeln!(f, "{name:<32} {second:>12.1} {last:>12.1}  {word}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(minute: u64, memory: u64) -> Sample {
        Sample {
            minute,
            memory,
            descriptors: 50,
            threads: 10,
            database: 0,
            log: 0,
            rows: 0,
            pending: 0,
            delivered: 1,
            latencies: [Latency::default(); 2],
            cpu: Duration::ZERO,
            note: String::new(),
        }
    }

    #[test]
    fn memory_that_grows_from_the_second_to_the_last_quarter_is_told() {
        let hour = Duration::from_hours(1);
        let of = |memory: &dyn Fn(u64) -> u64| {
            let samples: Vec<_> = (1..=60).map(|minute| sample(minute, memory(minute))).collect();
            Verdict::of(&samples, hour)
        };
        assert!(of(&|_| 100_000_000).is_flat());
        assert!(of(&|minute| if minute <= 15 { 20_000_000 } else { 100_000_000 }).is_flat(), "it warms up");
        let leak = of(&|minute| 50_000_000 + minute * 1_000_000);
        assert!(!leak.is_flat() && leak.to_string().contains("GROWS"), "{leak}");
    }
}

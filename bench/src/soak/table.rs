//! The table of samples, one line a minute.

use super::meter::Sample;

pub fn print_heading() {
    println!(
        "{:>4} {:>7} {:>5} {:>7} {:>7} {:>7} {:>8} {:>7} {:>7} {:>17} {:>19} {:>8}",
        "min",
        "RSS MB",
        "open",
        "threads",
        "db MB",
        "WAL MB",
        "rows",
        "waiting",
        "deliv",
        "good p50/p99 ms",
        "others p50/p99 ms",
        "CPU us"
    );
}

#[expect(clippy::cast_precision_loss, reason = "people read the figures, rounded")]
pub fn print(sample: &Sample) {
    let Sample { minute, descriptors, threads, rows, pending, delivered, note, .. } = sample;
    let mega = |bytes: u64| bytes as f64 / 1e6;
    let [good, others] = sample.latencies.map(|latency| {
        let millis = |time: std::time::Duration| time.as_secs_f64() * 1e3;
        format!("{:.1}/{:.1}", millis(latency.half), millis(latency.most))
    });
    println!(
        "{minute:>4} {:>7.1} {descriptors:>5} {threads:>7} {:>7.1} {:>7.1} {rows:>8} {pending:>7} {delivered:>7} {good:>17} \
         {others:>19} {:>8} {note}",
        mega(sample.memory),
        mega(sample.database),
        mega(sample.log),
        sample.cpu.as_micros(),
    );
}

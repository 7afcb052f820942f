//! The steps of a task, as the terminal shows them.

use std::time::{Duration, Instant};

use anyhow::{Context, Result};

/// Runs one step; prints its name and its duration, and names it in its error.
#[expect(clippy::disallowed_methods, reason = "a build tool shows how long its steps take")]
pub fn step<T>(name: &str, work: impl FnOnce() -> Result<T>) -> Result<T> {
    eprintln!("── {name}");
    let started = Instant::now();
    let result = work();
    let outcome = if result.is_ok() { "done" } else { "FAILED" };
    eprintln!("── {name}: {outcome} in {}", seconds(started.elapsed()));
    result.with_context(|| format!("the step “{name}” failed"))
}

fn seconds(time: Duration) -> String {
    format!("{:.1} s", time.as_secs_f64())
}

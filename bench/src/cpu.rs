//! CPU time and memory of processes, from `/proc`.

use std::{fs, time::Duration};

/// The unit of times in `/proc`, a constant of the kernel's interface.
const TICKS_PER_SECOND: u64 = 100;

/// CPU time of a process and of all processes below it: those that live, and those
/// that have ended and were waited for.
pub fn time(process: u32) -> Duration {
    let ticks: u64 = tree(process).iter().filter_map(|&id| ticks(id)).sum();
    Duration::from_millis(ticks * 1_000 / TICKS_PER_SECOND)
}

fn ticks(process: u32) -> Option<u64> {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    // The second field is the name in parentheses, which may contain spaces.
    let fields: Vec<_> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    fields.get(11..15)?.iter().map(|text| text.parse::<u64>().ok()).sum()
}

fn tree(process: u32) -> Vec<u32> {
    let mut found = vec![process];
    let mut next = 0;
    while let Some(&parent) = found.get(next) {
        found.extend(children(parent));
        next += 1;
    }
    found
}

fn children(process: u32) -> Vec<u32> {
    let tasks = fs::read_dir(format!("/proc/{process}/task")).into_iter().flatten().flatten();
    tasks
        .filter_map(|task| fs::read_to_string(task.path().join("children")).ok())
        .flat_map(|list| list.split_whitespace().filter_map(|id| id.parse().ok()).collect::<Vec<_>>())
        .collect()
}

/// The peak resident memory of a process, in bytes.
pub fn peak_memory(process: u32) -> u64 {
    of_status(process, "VmHWM:")
}

/// The resident memory of a process, in bytes.
pub fn memory(process: u32) -> u64 {
    of_status(process, "VmRSS:")
}

fn of_status(process: u32, name: &str) -> u64 {
    let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix(name));
    line.and_then(|rest| rest.split_whitespace().next()?.parse::<u64>().ok()).unwrap_or(0) * 1_024
}

/// The parent of a process: for a backend of PostgreSQL, the server.
pub fn parent(process: u32) -> Option<u32> {
    let status = fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    status.lines().find_map(|line| line.strip_prefix("PPid:"))?.trim().parse().ok()
}

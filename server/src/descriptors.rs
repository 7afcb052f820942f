//! Shares the descriptors (sockets and files) that the process may have.

use anyhow::ensure;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// For the database, the log, name look-ups, tests of webhooks, and the runtime.
const RESERVE: usize = 96;
/// With fewer connections from outside a server is of no use.
const LEAST_CONNECTIONS: usize = 16;

/// The parts of the process that take descriptors by the thousand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shares {
    /// Attempts that are at work at the same time. Each may leave a kept connection behind.
    pub in_flight: usize,
    /// Attempts that hang at the same time.
    pub hanging: usize,
    /// Connections from outside.
    pub connections: usize,
}

impl Shares {
    /// The shares that fit into `limit`: attempts at work keep theirs. Where the rest is too
    /// small for all, connections from outside get half of it at least, and attempts that hang
    /// half of the rest.
    ///
    /// # Errors
    /// Too little is left for connections from outside.
    fn within(self, limit: usize) -> anyhow::Result<Self> {
        let left = limit.saturating_sub(RESERVE + self.in_flight);
        let kept = self.in_flight;
        let connections = part(self.connections, left, self.hanging + kept);
        ensure!(
            connections >= LEAST_CONNECTIONS.min(self.connections),
            "the limit of open files, {limit}, is too low: raise it (LimitNOFILE= with systemd, ulimit -n in a shell), \
             or lower --max-in-flight {}",
            self.in_flight,
        );
        Ok(Self { connections, hanging: part(self.hanging, left - connections, kept), ..self })
    }
}

/// The part of `left` for one that wants so many: all that the others do not want, or half.
fn part(wanted: usize, left: usize, others: usize) -> usize {
    wanted.min(left.saturating_sub(others).max(left / 2))
}

/// Raises the limit of descriptors as far as it goes, and fits `wanted` into it.
///
/// # Errors
/// Too few descriptors are left for connections from outside.
pub fn share(wanted: Shares) -> anyhow::Result<Shares> {
    let limit = raise();
    let shares = wanted.within(limit)?;
    if shares != wanted {
        tracing::warn!(
            limit,
            max_connections = shares.connections,
            max_hanging = shares.hanging,
            "the limit of open files is too low for --max-connections {} and --max-hanging {}, which are lowered: \
             raise LimitNOFILE",
            wanted.connections,
            wanted.hanging,
        );
    }
    Ok(shares)
}

/// The limit of descriptors that a server would have, and the shares within it; nothing is
/// changed.
pub fn look(wanted: Shares) -> (usize, anyhow::Result<Shares>) {
    let limit = number(getrlimit(Resource::Nofile).maximum);
    (limit, wanted.within(limit))
}

/// Raises the soft limit to the hard one. Returns the new soft limit.
fn raise() -> usize {
    let before = getrlimit(Resource::Nofile);
    let raised = Rlimit { current: before.maximum, ..before };
    let after = if setrlimit(Resource::Nofile, raised).is_ok() { raised } else { before };
    number(after.current)
}

/// A limit; none is a large one.
fn number(limit: Option<u64>) -> usize {
    limit.map_or(usize::MAX, |limit| usize::try_from(limit).unwrap_or(usize::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    const WANTED: Shares = Shares { in_flight: 100, hanging: 400, connections: 500 };

    #[test]
    fn attempts_at_work_keep_their_descriptors_and_the_others_share_the_rest() {
        for (left, hanging, connections) in [(1_000, 400, 500), (900, 350, 450), (400, 100, 200), (40, 10, 20)] {
            let shares = WANTED.within(RESERVE + 100 + left).expect("room");
            assert_eq!(shares, Shares { hanging, connections, ..WANTED }, "{left}");
        }
        let few = Shares { hanging: 10, ..WANTED };
        assert_eq!(few.within(RESERVE + 100 + 610).expect("room"), few);
    }

    #[test]
    fn options_that_leave_no_connections_are_refused_by_name() {
        let error = WANTED.within(RESERVE + 100).expect_err("no room").to_string();
        for word in ["LimitNOFILE", "ulimit -n", "--max-in-flight 100"] {
            assert!(error.contains(word), "{error}");
        }
    }
}

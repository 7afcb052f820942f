//! Descriptors (sockets and files): how many the process may have, and how they are shared.

use anyhow::ensure;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// For the database, the log, name look-ups, tests of webhooks, and what the runtime needs.
const RESERVE: usize = 96;
/// With fewer connections from outside a server is of no use.
const LEAST_CONNECTIONS: usize = 16;

/// What takes descriptors.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shares {
    /// Attempts at the same time. Each may leave a kept connection behind, so it counts twice.
    pub in_flight: usize,
    /// Connections from outside.
    pub connections: usize,
}

impl Shares {
    /// The shares that fit into `limit`: attempts keep theirs, connections from outside get what is left.
    ///
    /// # Errors
    /// Too little is left.
    fn within(self, limit: usize) -> anyhow::Result<Self> {
        let taken = RESERVE + 2 * self.in_flight;
        let left = limit.saturating_sub(taken);
        ensure!(
            left >= LEAST_CONNECTIONS.min(self.connections),
            "the limit of open files is {limit}, and sending needs {taken}: raise it (LimitNOFILE= with systemd, \
             ulimit -n in a shell), or lower --max-in-flight {}",
            self.in_flight,
        );
        Ok(Self { connections: self.connections.min(left), ..self })
    }
}

/// Raises the limit of descriptors as far as it goes, and fits `wanted` into it.
///
/// # Errors
/// Too few descriptors are left for connections from outside.
pub fn share(wanted: Shares) -> anyhow::Result<Shares> {
    let limit = raise();
    let shares = wanted.within(limit)?;
    if shares.connections < wanted.connections {
        tracing::warn!(
            limit,
            max_in_flight = shares.in_flight,
            max_connections = shares.connections,
            "the limit of open files is too low for --max-connections {}, which is lowered: raise LimitNOFILE",
            wanted.connections,
        );
    }
    Ok(shares)
}

/// Raises the soft limit to the hard one. Returns what it is then.
fn raise() -> usize {
    let before = getrlimit(Resource::Nofile);
    let raised = Rlimit { current: before.maximum, ..before };
    let after = if setrlimit(Resource::Nofile, raised).is_ok() { raised } else { before };
    after.current.map_or(usize::MAX, |limit| usize::try_from(limit).unwrap_or(usize::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    const WANTED: Shares = Shares { in_flight: 100, connections: 1_000 };

    #[test]
    fn connections_from_outside_get_what_sending_leaves() {
        assert_eq!(WANTED.within(100_000).expect("room"), WANTED);
        assert_eq!(WANTED.within(RESERVE + 500).expect("room"), Shares { connections: 300, ..WANTED });
    }

    #[test]
    fn options_that_leave_no_connections_are_refused_by_name() {
        let error = WANTED.within(RESERVE + 200).expect_err("no room").to_string();
        for word in ["LimitNOFILE", "ulimit -n", "--max-in-flight 100"] {
            assert!(error.contains(word), "{error}");
        }
    }
}

//! Options of the servers in these stories.

/// The length of leases with [`QUICK`].
pub const QUICK_LEASE: &str = "3s";
/// Options with which all deliveries settle soon.
pub const QUICK: [&str; 8] = [
    "--budget",
    "1s",
    "--lease",
    QUICK_LEASE,
    "--retry-delays",
    "20ms,20ms,40ms,40ms,80ms,80ms,160ms,160ms,320ms,320ms",
    "--retry-jitter",
    "100",
];

/// The place at which a server dies when it first passes it.
#[derive(Debug, Clone, Copy)]
pub struct Fault(pub &'static str);

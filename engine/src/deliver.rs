//! Delivering: from an accepted event to a recorded outcome.
//!
//! # The cast
//! - The [**writer**](writer) is the only task that commits. It takes *requests*, for which
//!   producers wait, and *outcomes* of attempts, and writes both in one transaction.
//! - The [**dispatcher**](dispatcher) is the only task that [claims](claim): retries,
//!   releases, and deliveries that a dead process had leased.
//! - The [**request queue**](request_queue) holds the requests that the writer has yet to
//!   write, by account. A [**plan**](plan) says which deliveries an event makes.
//! - The [**lanes**](lanes) hold leased deliveries: one lane for each endpoint, in memory. A
//!   lane's worker makes one [**attempt**](attempt) at each
//!   [**leased delivery**](leased_delivery), and the [**verdict**](verdict) is the meaning of
//!   the attempt for the delivery.
//! - The [**endpoint cache**](endpoint_cache) has the endpoints of an account, valid for one
//!   *revision* of the account.
//! - [**Draining**](drain) holds or discards the deliveries of an endpoint that was disabled
//!   or deleted, in bounded steps. [**Release rates**](release_rates) spread a release.
//! - [**Rests**](rests) keep claims away from an endpoint whose receiver asked for time, and
//!   [**throttles**](throttles) spread them.
//! - The [**tally**](tally) of a commit is what it adds to the metrics.
//! - [**Traces**](traces) tell a recorder of spans of each event and each attempt.
//! - The [**context**](context) has the parts that they share, and the [**tasks**](tasks) start
//!   and stop together.
//! - [**Rounds**](rounds) tell whether writer and dispatcher move.
//! - The [**clock watch**](clock_watch) moves what waits when the clock is set back.
//! - The [**trouble watch**](trouble_watch) tells the log that the database does not work, and
//!   that it works again.
//! - The [**listener**](listener) hears of changes by other processes on one PostgreSQL.
//!
//! # The life of a delivery
//! ```text
//! ingest -> writer -+-> stored, leased -> lane -> attempt -> outcome -> writer -+-> delivered
//!                   |                      ^                                    +-> failed
//!                   +-> stored, due -> dispatcher                               +-> due again
//!                   |                      ^                                    +-> held
//!                   +-> held -> released --+   (the process dies: the lease ends, due again)
//! ```
//!
//! # Invariants
//! Numbered as in `docs/ARCHITECTURE.md`.
//!
//! - I1. A delivery has a due time exactly while it is pending (`CHECK` in `migrations`).
//! - I2. `endpoint_queues.next_due_at` is never later than the earliest due time of its
//!   endpoint, the end of its rest, or the next start by its throttle, whichever is the latest;
//!   on PostgreSQL `pending_from` is never later than the first (`signet check`).
//! - I3. An outcome whose lease is lost changes no row (`queue/conformance.rs`,
//!   `tests/engine/model.rs`).
//! - I4. No transaction is open while a request to a receiver is under way.
//! - I5. A claim takes no more deliveries and bytes than the lanes have room for
//!   (`lanes/tests.rs`, `tests/engine/fairness.rs`).
//! - I6. An event is answered only after the commit that holds all of its deliveries
//!   (`server/tests/crash`).
//! - I7. A commit goes by the endpoints as they are: it compares each account's revision, or
//!   locks the account (`commit/tests.rs`).
//! - I8. A locked account delays no other account (`writer/tests.rs`).
//! - I10. A process claims no delivery that it has in hand or has yet to record
//!   (`lanes/tests.rs`, `tests/engine/outages.rs`).

pub mod attempt;
mod balances;
mod busy;
mod claim;
mod clock_watch;
mod commit;
mod context;
mod dispatcher;
pub(crate) mod drain;
mod emptied;
pub(crate) mod endpoint_cache;
pub mod extra_headers;
mod filters;
pub mod ingest;
pub(crate) mod lanes;
mod last_restore;
mod leased_delivery;
mod listener;
mod locked_accounts;
mod mail_notices;
mod operations;
mod outcome;
mod pass_start;
pub(crate) mod plan;
mod readiness;
mod release_rates;
mod reply;
mod request_queue;
pub(crate) mod rests;
mod rounds;
mod tally;
mod tasks;
mod throttles;
mod told;
mod traces;
mod trouble_watch;
mod verdict;
mod watchers;
mod writer;

use signet_model::{AccountId, EndpointId};

pub(crate) use balances::{BalanceChange, BalanceUpdate};
pub(crate) use context::Context;
pub(crate) use ingest::{Audience, Incoming};
pub(crate) use leased_delivery::LeasedDelivery;
pub use rounds::Rounds;
pub(crate) use tasks::Tasks;
#[cfg(any(test, feature = "testing"))]
pub(crate) use {
    busy::Busy,
    claim::claim_batch,
    commit::{Changes, commit_batch},
    outcome::{Completion, CompletionResult, Decided},
};

/// An endpoint of an account.
type Address = (AccountId, EndpointId);

/// Distinct values, sorted.
fn distinct<T: Ord + Copy>(values: impl Iterator<Item = T>) -> Vec<T> {
    let mut values: Vec<T> = values.collect();
    values.sort_unstable();
    values.dedup();
    values
}

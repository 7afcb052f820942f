//! What this process measures of itself, for a monitoring system.
//!
//! The [catalogue] has the name, unit and meaning of each metric; [labels] have the values that
//! tell the parts of one apart. All of these are known when the program is built: no label
//! grows with customers. The room is empty until [`record_to`] gives it a recorder, and nothing
//! is measured until then. What happens often is recorded once a commit, for all that the
//! commit holds.

pub mod catalogue;
pub(crate) mod labels;
mod room;

use std::sync::OnceLock;

use metrics::Recorder;
use tokio::time::Instant;

use labels::{Operation, RefusedAddress, SignIn, SignInFailure};
pub(crate) use room::Room;

/// The room of this process. Like the log it is one for all: a look-up of a name or a statement
/// belongs to no part that could be handed a room of its own.
static ROOM: OnceLock<Room> = OnceLock::new();

/// Records what is measured from now on. The version and the database are told as they are.
/// Returns `false` if there is a recorder already, which goes on.
pub fn record_to(recorder: &dyn Recorder, version: &'static str, database: &'static str) -> bool {
    if ROOM.get().is_some() {
        return false;
    }
    catalogue::describe(recorder);
    Room::tell_build(recorder, version, database);
    ROOM.set(Room::new(recorder)).is_ok()
}

/// The room, if something records.
pub(crate) fn room() -> Option<&'static Room> {
    ROOM.get()
}

/// Measures work with the database, if anything is recorded. It wraps no future: the futures of
/// the hot path would each be copied into a larger one.
pub(crate) struct Timer(Option<(&'static Room, Operation, Instant)>);

impl Timer {
    pub(crate) fn start(operation: Operation) -> Self {
        Self(room().map(|room| (room, operation, Instant::now())))
    }

    /// The work is done. Work that was given up is not recorded.
    pub(crate) fn stop(self) {
        if let Some((room, operation, begun)) = self.0 {
            room.database_time.of(operation).record(begun.elapsed());
        }
    }
}

/// An address was refused.
pub(crate) fn address_refused(kind: RefusedAddress) {
    if let Some(room) = room() {
        room.refused_addresses.of(kind).increment(1);
    }
}

/// Spans were dropped, which no collector will have.
pub fn spans_dropped(count: u64) {
    if let Some(room) = room() {
        room.spans_dropped.increment(count);
    }
}

/// Somebody has signed in.
pub(crate) fn signed_in(by: SignIn) {
    if let Some(room) = room() {
        room.sign_ins.of(by).increment(1);
    }
}

/// An attempt to get in came to nothing.
pub(crate) fn sign_in_failed(reason: SignInFailure) {
    if let Some(room) = room() {
        room.sign_in_failures.of(reason).increment(1);
    }
}

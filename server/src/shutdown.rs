//! Stopping, in four phases. Each begins when the one before has ended; after the deadline
//! only the last one goes on, for a moment.
//!
//! 1. **Refuse.** The first signal begins the shutdown. The [listener](crate::listener)
//!    closes its socket and its idle connections, and the engine claims no delivery and
//!    takes no event any more.
//! 2. **Store.** Events that wait for the writer are committed, and the requests that
//!    brought them are answered.
//! 3. **Finish.** Attempts under way end; deliveries that wait in a lane are given back.
//! 4. **Record.** The outcomes of these attempts are committed, and the database is closed.
//!
//! An attempt that has not ended at the deadline is left to its lease, after which it is
//! made again. A second signal ends the process at once; it loses no more than that.

use std::time::Duration;

use signet_engine::Shutdown;
use tokio::{
    signal::unix::{Signal, SignalKind, signal},
    time::sleep,
};

/// The time that tasks which do not end by themselves get at the very end.
pub const LAST_WAIT: Duration = Duration::from_secs(1);

/// Begins the shutdown at SIGTERM or SIGINT; its deadline comes after `limit`. A second
/// signal ends the process at once.
///
/// # Errors
/// The signals cannot be listened for.
pub fn begin_on_signals(shutdown: &Shutdown, limit: Duration) -> std::io::Result<()> {
    let mut signals = Signals { term: signal(SignalKind::terminate())?, int: signal(SignalKind::interrupt())? };
    let Shutdown { begun, deadline } = shutdown.clone();
    tokio::spawn(async move {
        signals.next().await;
        if !limit.is_zero() {
            tracing::info!("stopping: finishing what is under way, for at most {limit:?}");
        }
        begun.cancel();
        tokio::select! {
            () = sleep(limit) => deadline.cancel(),
            () = signals.next() => std::process::exit(0),
        }
    });
    Ok(())
}

struct Signals {
    term: Signal,
    int: Signal,
}

impl Signals {
    async fn next(&mut self) {
        tokio::select! {
            _ = self.term.recv() => {}
            _ = self.int.recv() => {}
        }
    }
}

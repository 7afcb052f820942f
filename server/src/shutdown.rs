//! Starting to stop, and stopping.

use std::time::Duration;

use tokio::{
    signal::unix::{Signal, SignalKind, signal},
    time::sleep,
};
use tokio_util::sync::CancellationToken;

/// Tells every part of the process when to stop.
#[derive(Debug, Clone, Default)]
pub struct Lifecycle {
    /// Take nothing new in, and finish what is under way.
    pub soft: CancellationToken,
    /// Drop what is still under way.
    pub hard: CancellationToken,
}

impl Lifecycle {
    /// Stops softly at SIGTERM or SIGINT, and hard when `limit` has passed after
    /// that. A second signal ends the process at once: whatever was under way is
    /// attempted again when its lease has ended.
    ///
    /// # Errors
    /// The signals cannot be listened for.
    pub fn stop_on_signals(&self, limit: Duration) -> std::io::Result<()> {
        let mut signals = Signals { term: signal(SignalKind::terminate())?, int: signal(SignalKind::interrupt())? };
        let this = self.clone();
        tokio::spawn(async move {
            signals.next().await;
            tracing::info!("stopping: finishing what is under way, for at most {limit:?}");
            this.soft.cancel();
            tokio::select! {
                () = sleep(limit) => this.hard.cancel(),
                () = signals.next() => std::process::exit(0),
            }
        });
        Ok(())
    }
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

//! The durations of the steps that make the connection of an exchange.
//!
//! The HTTP client connects within the task of the exchange that asks, so that a value local to that
//! task collects the steps, those of a connection that never stood included. A connection that the exchange no
//! longer needs is finished in a task of its own, where nothing is noted.

use std::{cell::Cell, time::Duration};

use signet_model::delivery::Phases;
use tokio::time::Instant;

tokio::task_local! {
    /// The steps of the exchange that runs in this task.
    static STEPS: Cell<Phases>;
}

/// Runs an exchange, and returns its steps as well.
pub(super) async fn collect<T>(exchange: impl Future<Output = T>) -> (T, Phases) {
    let collecting = async { (exchange.await, STEPS.with(Cell::get)) };
    STEPS.scope(Cell::new(Phases::NONE), collecting).await
}

/// Forgets the steps: they were not those of the connection that served.
pub(super) fn forget() {
    note(|steps| *steps = Phases::NONE);
}

/// A name was looked up.
pub(super) fn looked_up(began_at: Instant) {
    note(|steps| steps.lookup = Some(began_at.elapsed()));
}

/// A connection stands. Its name was looked up in the same time.
pub(super) fn connected(began_at: Instant) {
    note(|steps| steps.connect = Some(began_at.elapsed().saturating_sub(steps.lookup.unwrap_or(Duration::ZERO))));
}

/// TLS stands.
pub(super) fn secured(began_at: Instant) {
    note(|steps| steps.tls = Some(began_at.elapsed()));
}

/// Returns `true` if the exchange has made a connection itself.
pub(super) fn has_connected() -> bool {
    STEPS.try_with(|steps| steps.get().tls.is_some()).unwrap_or(false)
}

fn note(step: impl FnOnce(&mut Phases)) {
    let _ = STEPS.try_with(|steps| {
        let mut noted = steps.get();
        step(&mut noted);
        steps.set(noted);
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn steps_are_those_of_their_own_exchange() {
        let exchange = async {
            let began_at = Instant::now();
            tokio::time::advance(Duration::from_millis(3)).await;
            looked_up(began_at);
            tokio::time::advance(Duration::from_millis(4)).await;
            connected(began_at);
            tokio::spawn(async move { secured(began_at) }).await.expect("no panic outside of an exchange");
        };
        let ((), steps) = collect(exchange).await;
        let millis = |step: Option<Duration>| step.map(|it| it.as_millis());
        assert_eq!((millis(steps.lookup), millis(steps.connect), millis(steps.tls)), (Some(3), Some(4), None));
        assert_eq!(collect(async { forget() }).await, ((), Phases::NONE));
    }
}

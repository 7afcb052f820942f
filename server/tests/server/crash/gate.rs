//! Lets a test decide when the receiver answers.

use std::{collections::HashSet, sync::Arc};

use signet_engine::testing::Receiver;
use tokio::sync::watch;

use crate::patience::within;

/// Requests that arrive wait before it until it is opened.
#[derive(Debug, Clone)]
pub struct Gate(Arc<watch::Sender<bool>>);

impl Gate {
    /// Closes the way to the receiver's answers, which are all 200.
    pub fn close(receiver: &Receiver) -> Self {
        let gate = Self(Arc::new(watch::Sender::new(false)));
        let guard = gate.clone();
        receiver.answer_by(move |_| {
            let mut open = guard.0.subscribe();
            async move {
                // This end holds no sender: a gate that is dropped is open.
                let _ = open.wait_for(|&open| open).await;
                200
            }
        });
        gate
    }

    /// Lets all requests through from now on.
    pub fn open(&self) {
        self.0.send_replace(true);
    }
}

/// Waits until so many different deliveries have arrived.
pub async fn different_arrived(receiver: &Receiver, count: usize) -> HashSet<String> {
    let mut arrivals = 0;
    loop {
        let arrived = within("a delivery arrives", receiver.arrived(arrivals + 1)).await;
        arrivals = arrived.len();
        let ids: HashSet<_> = arrived.into_iter().filter_map(|mut it| it.headers.remove("webhook-id")).collect();
        if ids.len() >= count {
            return ids;
        }
    }
}

//! What the producers were told, and what arrived.

use std::{
    sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

use super::customers::Customer;

/// One event.
#[derive(Debug, Clone, Default)]
pub struct Task {
    /// The id that the server gave it; `None` until it was accepted.
    pub event: Option<String>,
    /// When the request was sent that was answered.
    sent: Option<Instant>,
    /// The requests that arrived at the receiver.
    pub arrivals: u32,
    /// Those that it took.
    pub taken: u32,
}

/// The latencies of deliveries that ended lately.
#[derive(Debug, Default)]
pub struct Latencies {
    /// Of the good customer.
    pub good: Vec<Duration>,
    /// Of all others.
    pub others: Vec<Duration>,
}

#[derive(Debug, Default)]
struct State {
    tasks: Vec<Task>,
    lately: Latencies,
}

/// What the producers were told, and what arrived.
#[derive(Debug, Default)]
pub struct Journal {
    begun: OnceLock<Instant>,
    state: Mutex<State>,
}

impl Journal {
    pub fn new() -> Arc<Self> {
        Arc::default()
    }

    /// The load begins.
    pub fn begin(&self) {
        let _ = self.begun.set(Instant::now());
    }

    /// The time since the load began.
    pub fn since_begin(&self) -> Duration {
        self.begun.get().map_or(Duration::ZERO, Instant::elapsed)
    }

    /// A request with this task is sent.
    pub fn sent(&self, task: usize) {
        let mut state = self.lock();
        if state.tasks.len() <= task {
            state.tasks.resize(task + 1, Task::default());
        }
        let task = &mut state.tasks[task];
        if task.event.is_none() {
            task.sent = Some(Instant::now());
        }
    }

    /// The server has accepted the task.
    pub fn accepted(&self, task: usize, event: String) {
        self.lock().tasks[task].event = Some(event);
    }

    /// The task arrived at its receiver, which takes it or not.
    pub fn arrived(&self, task: usize, taken: bool) {
        let mut state = self.lock();
        let State { tasks, lately } = &mut *state;
        let Some(found) = tasks.get_mut(task) else { return };
        found.arrivals += 1;
        if taken {
            found.taken += 1;
            if let (1, Some(sent)) = (found.taken, found.sent) {
                let latencies = if Customer::of_task(task) == 0 { &mut lately.good } else { &mut lately.others };
                latencies.push(sent.elapsed());
            }
        }
    }

    /// The latencies since this was asked last, sorted.
    pub fn latencies(&self) -> Latencies {
        let mut latencies = std::mem::take(&mut self.lock().lately);
        latencies.good.sort_unstable();
        latencies.others.sort_unstable();
        latencies
    }

    /// All tasks.
    pub fn tasks(&self) -> Vec<Task> {
        self.lock().tasks.clone()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

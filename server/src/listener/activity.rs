//! The step that a connection waits for: one of its client, or one of this server.

use std::{
    future::{Future, poll_fn},
    pin::{Pin, pin},
    sync::{Mutex, PoisonError},
    task::{Context, Poll},
    time::Duration,
};

use tokio::{
    sync::Notify,
    time::{Instant, Sleep, sleep_until},
};

/// The time for which a connection may be open without a request. Proxies keep theirs for a minute.
const IDLE_LIMIT: Duration = Duration::from_secs(75);
/// The time for a request's head, from its first byte to its last.
const HEAD_LIMIT: Duration = Duration::from_secs(15);
/// The time for which a client may stop taking an answer.
const STALL_LIMIT: Duration = Duration::from_secs(15);
/// The time for a whole answer.
const ANSWER_LIMIT: Duration = Duration::from_mins(2);

/// The step that a connection waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wait {
    /// A request, of which there is no byte yet.
    Request,
    /// The rest of a request's head.
    Head,
    /// More of a request's body.
    Body,
    /// This server, which works on the answer.
    Work,
    /// The client, which takes the answer.
    Answer,
}

#[derive(Debug, Clone, Copy)]
struct State {
    wait: Wait,
    since: Instant,
    /// The instant at which the client last went on with this step.
    progress: Instant,
    /// The instant by which the client must have done more; `None` while this server works.
    deadline: Option<Instant>,
}

impl State {
    fn begin(wait: Wait) -> Self {
        let now = Instant::now();
        let deadline = match wait {
            Wait::Request => Some(now + IDLE_LIMIT),
            Wait::Head => Some(now + HEAD_LIMIT),
            Wait::Answer => Some(now + STALL_LIMIT),
            Wait::Body | Wait::Work => None,
        };
        Self { wait, since: now, progress: now, deadline }
    }

    fn answer_goes_on(&mut self) {
        self.progress = Instant::now();
        self.deadline = Some((self.progress + STALL_LIMIT).min(self.since + ANSWER_LIMIT));
    }
}

/// The present step of a connection. Only the connection's own task changes it.
#[derive(Debug)]
pub struct Activity {
    state: Mutex<State>,
    evicted: Notify,
}

impl Activity {
    /// The activity of a new connection, which waits for the head of a request.
    pub fn new() -> Self {
        Self { state: Mutex::new(State::begin(Wait::Head)), evicted: Notify::new() }
    }

    /// Bytes have come.
    pub fn received(&self) {
        self.change(|state| {
            if state.wait == Wait::Request {
                *state = State::begin(Wait::Head);
            }
        });
    }

    /// A head is complete, or a part of a body has come.
    pub fn works(&self) {
        self.change(|state| {
            if state.wait != Wait::Work {
                *state = State::begin(Wait::Work);
            }
        });
    }

    /// More of a body must come until then. The body fails by itself when it is too late.
    pub fn awaits_body(&self, deadline: Instant) {
        self.change(|state| {
            if state.wait != Wait::Body {
                *state = State::begin(Wait::Body);
            }
            state.deadline = Some(deadline);
        });
    }

    /// There is an answer.
    pub fn answers(&self) {
        self.change(|state| *state = State::begin(Wait::Answer));
    }

    /// The client has taken a part of the answer, or `taken` is false and it has to.
    pub fn writes(&self, taken: bool) {
        self.change(|state| match state.wait {
            Wait::Answer if taken => state.answer_goes_on(),
            Wait::Request => *state = State::begin(Wait::Answer),
            _ => {}
        });
    }

    /// The client has taken all that was written.
    pub fn flushed(&self) {
        self.change(|state| {
            if state.wait == Wait::Answer {
                *state = State::begin(Wait::Request);
            }
        });
    }

    /// The instant since which the client is waited for; `None` while this server works.
    pub fn waits_since(&self) -> Option<Instant> {
        let state = self.state();
        (state.wait != Wait::Work).then_some(state.progress)
    }

    /// Makes the connection end, for another one.
    pub fn evict(&self) {
        self.evicted.notify_one();
    }

    /// Waits until the connection has to end for another one.
    pub async fn evicted(&self) {
        self.evicted.notified().await;
    }

    /// Returns true while a request or its answer is under way.
    pub fn is_busy(&self) -> bool {
        self.state().wait != Wait::Request
    }

    /// Waits until the client is too late, and wakes the task when a body is. Must be polled
    /// after the connection.
    pub async fn overdue(&self) {
        let mut timer = pin!(sleep_until(Instant::now() + HEAD_LIMIT));
        poll_fn(|cx| self.poll_overdue(timer.as_mut(), cx)).await;
    }

    fn poll_overdue(&self, mut timer: Pin<&mut Sleep>, cx: &mut Context<'_>) -> Poll<()> {
        let State { wait, deadline: Some(deadline), .. } = self.state() else { return Poll::Pending };
        // A deadline that moves away, as it does with each request, sets no timer.
        if deadline < timer.deadline() || timer.is_elapsed() {
            timer.as_mut().reset(deadline);
        }
        while timer.as_mut().poll(cx).is_ready() {
            if deadline <= Instant::now() {
                return if wait == Wait::Body { Poll::Pending } else { Poll::Ready(()) };
            }
            timer.as_mut().reset(deadline);
        }
        Poll::Pending
    }

    fn state(&self) -> State {
        *self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

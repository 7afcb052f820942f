//! A request's body as it arrives.

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use axum::BoxError;
use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};
use tokio::time::Instant;

use super::Activity;

/// The most time that a body may take.
const LIMIT: Duration = Duration::from_secs(30);
/// The time that a body has at any rate.
const GRACE: Duration = Duration::from_secs(5);
/// The least average rate after that, in bytes a second.
const LEAST_RATE: u32 = 1024;

/// The body did not come in time.
#[derive(Debug, thiserror::Error)]
#[error("the body comes too slowly")]
pub struct TooSlow;

/// A body that fails when it comes too slowly. The connection's [`Activity`] wakes its task then.
#[derive(Debug)]
pub struct Arriving<B> {
    body: B,
    activity: Arc<Activity>,
    received: u32,
    /// The instant at which the body was first waited for.
    began: Option<Instant>,
}

impl<B> Arriving<B> {
    /// A body of which no byte has been read.
    pub const fn new(body: B, activity: Arc<Activity>) -> Self {
        Self { body, activity, received: 0, began: None }
    }

    fn deadline(&mut self) -> Instant {
        let began = *self.began.get_or_insert_with(Instant::now);
        began + LIMIT.min(GRACE + Duration::from_secs(1) * (self.received / LEAST_RATE))
    }

    fn came(&mut self, bytes: usize) {
        self.received = self.received.saturating_add(u32::try_from(bytes).unwrap_or(u32::MAX));
        self.activity.works();
    }

    fn wait(&mut self) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let deadline = self.deadline();
        if deadline <= Instant::now() {
            return Poll::Ready(Some(Err(TooSlow.into())));
        }
        self.activity.awaits_body(deadline);
        Poll::Pending
    }
}

impl<B: Body<Data = Bytes, Error: Into<BoxError>> + Unpin> Body for Arriving<B> {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let Poll::Ready(frame) = Pin::new(&mut self.body).poll_frame(cx) else { return self.wait() };
        let data = frame.as_ref().and_then(|frame| frame.as_ref().ok()?.data_ref());
        self.came(data.map_or(0, Bytes::len));
        Poll::Ready(frame.map(|frame| frame.map_err(Into::into)))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

//! How far one exchange has come with its connection.
//!
//! The pool does not say whether it gave a request a new connection or a kept
//! one, and both matters: a kept connection can have been closed by the receiver
//! at the same moment, and a budget that runs out before a connection stands has
//! another name than one that runs out later. So the connector leaves a note in
//! the task of the exchange that it works for.
//!
//! While a connection is being made, the pool goes on looking for a kept one that
//! becomes free sooner, and then finishes the new one in a task of its own. Nothing
//! tells the exchange. But as long as the exchange waits for the new connection, it
//! polls the connector whenever it is polled itself, so that the note is written
//! anew each time: one that is not was about a connection in the background.

use std::{
    cell::Cell,
    future::poll_fn,
    pin::{Pin, pin},
    task::{Context, Poll},
};

use tower::{Layer, Service};

/// How the exchange came by its connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Progress {
    /// The pool had one, at once or sooner than one was made, or has not been asked yet.
    Kept,
    /// One is being made, and the exchange waits for it.
    Connecting,
    /// One was made for this exchange.
    Connected,
}

tokio::task_local! {
    static PROGRESS: Cell<Progress>;
}

/// Runs one exchange, whose connection [`progress`] then tells about.
pub(super) async fn observed<T>(exchange: impl Future<Output = T>) -> T {
    let mut exchange = pin!(exchange);
    let exchange = poll_fn(|cx| {
        if progress() == Progress::Connecting {
            note(Progress::Kept);
        }
        exchange.as_mut().poll(cx)
    });
    PROGRESS.scope(Cell::new(Progress::Kept), exchange).await
}

/// How the exchange that runs in this task came by its connection.
pub(super) fn progress() -> Progress {
    PROGRESS.try_with(Cell::get).unwrap_or(Progress::Kept)
}

/// A connection that is finished in the background has no exchange to tell: then
/// this does nothing.
fn note(progress: Progress) {
    let _ = PROGRESS.try_with(|cell| cell.set(progress));
}

/// Lets a connector take notes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Observe;

/// A connector that takes notes.
#[derive(Debug, Clone)]
pub(super) struct Observed<S>(S);

impl<S> Layer<S> for Observe {
    type Service = Observed<S>;

    fn layer(&self, connector: S) -> Observed<S> {
        Observed(connector)
    }
}

impl<S, R> Service<R> for Observed<S>
where
    S: Service<R>,
    S::Future: Send + 'static,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<S::Response, S::Error>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.0.poll_ready(cx)
    }

    fn call(&mut self, target: R) -> Self::Future {
        let connecting = self.0.call(target);
        Box::pin(async move {
            let mut connecting = pin!(connecting);
            let connection = poll_fn(|cx| {
                note(Progress::Connecting);
                connecting.as_mut().poll(cx)
            })
            .await?;
            note(Progress::Connected);
            Ok(connection)
        })
    }
}

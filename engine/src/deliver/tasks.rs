//! The tasks of delivering: their start and their end.

use std::{sync::Arc, time::Duration};

use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::{
    Context, clock_watch, context::Receivers, dispatcher::dispatch, listener::listen, rests::store_rests,
    trouble_watch::watch, writer::write,
};

/// The time after the deadline in which outcomes that wait are still recorded.
const LAST_RECORDS_TIME: Duration = Duration::from_secs(1);

/// The tasks of delivering, which go on until they are stopped.
pub(crate) struct Tasks {
    context: Arc<Context>,
    writer: JoinHandle<()>,
    dispatcher: JoinHandle<()>,
    rests: JoinHandle<()>,
    listener: JoinHandle<()>,
    trouble: JoinHandle<()>,
    clock: JoinHandle<()>,
}

impl Tasks {
    /// Begins to ingest and to deliver. Returns `None` if that was done before.
    pub(crate) fn start(context: &Arc<Context>) -> Option<Self> {
        let Receivers { requests, outcomes, rests } = context.take_receivers()?;
        Some(Self {
            writer: tokio::spawn(write(Arc::clone(context), requests, outcomes)),
            rests: tokio::spawn(store_rests(Arc::clone(context), rests)),
            // It can begin attempts, and so they have not ended before it has.
            dispatcher: context.attempts.spawn(dispatch(Arc::clone(context))),
            listener: tokio::spawn(listen(Arc::clone(context))),
            trouble: tokio::spawn(watch(Arc::clone(context))),
            clock: tokio::spawn(clock_watch::watch(Arc::clone(context))),
            context: Arc::clone(context),
        })
    }

    /// Waits until a task ends by a defect, after which no delivery is made any more.
    pub(crate) async fn broken(&mut self) {
        tokio::select! {
            _ = &mut self.writer => {}
            _ = &mut self.dispatcher => {}
            _ = &mut self.rests => {}
            () = self.context.queue.broken() => {}
        }
    }

    /// Stops in the phases that [`crate::Shutdown`] describes.
    pub(crate) async fn stop(self, deadline: CancellationToken) {
        let Self { context, mut writer, rests, listener, trouble, clock, .. } = self;
        context.shutdown.begun.cancel();
        listener.abort();
        trouble.abort();
        clock.abort();
        context.attempts.close();
        if deadline.run_until_cancelled(context.attempts.wait()).await.is_none() {
            context.shutdown.deadline.cancel();
        }
        // No attempt is left that could ask for a rest, or it is too late for it.
        rests.abort();
        let out_of_time = async {
            deadline.cancelled().await;
            tokio::time::sleep(LAST_RECORDS_TIME).await;
        };
        tokio::select! {
            _ = &mut writer => {}
            () = out_of_time => tracing::warn!("the last outcomes could not be recorded; they will be attempted again"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{resting_engine, sqlite};

    #[tokio::test]
    async fn a_task_that_ends_by_itself_is_noticed() {
        let database = sqlite().await;
        let (engine, _) = resting_engine(&database);
        let mut tasks = Tasks::start(&engine.0.delivery).expect("a new engine");
        tasks.writer.abort();
        tasks.broken().await;
    }

    #[tokio::test]
    async fn a_thread_that_ends_by_itself_is_noticed() {
        let database = sqlite().await;
        let (engine, _) = resting_engine(&database);
        let mut tasks = Tasks::start(&engine.0.delivery).expect("a new engine");
        engine.0.delivery.queue.close().await;
        tasks.broken().await;
    }
}

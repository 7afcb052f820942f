//! Moves what waits when the clock is set back.
//!
//! Leases end and deliveries fall due by the clock. Set forward, it makes due what would have been
//! due within that time, and no more. Set back by an hour, it would keep for an hour what was due
//! already, the next tries, and the deliveries of a process that died. So the latest instant is
//! noted in the database: a process that finds the clock far before it makes all that waits due
//! earlier by as much. One process does so, and it need not be one that ran before.
//!
//! What was due in the far future by a right clock, which went ahead and back again, is due earlier
//! as well: nothing tells it from the rest.

use std::{sync::Arc, time::Duration};

use signet_model::{AccountId, EndpointId, Timestamp};
use tokio::time::{Instant, sleep};
use uuid::Uuid;

use super::{Address, Context};
use crate::{
    db::{Result, Tx},
    queue::drain::EndpointAt,
};

/// A clock that is set back by less makes nothing wait for long, and is followed without more.
pub(crate) const STEP_MIN: Duration = Duration::from_secs(15);
/// The time between two looks at the clock.
const LOOK_EVERY: Duration = Duration::from_secs(5);
/// The time after which the noted instant is replaced.
const NOTE_EVERY: Duration = Duration::from_secs(30);
/// Longer than it takes until every process has heard of another clock of a PostgreSQL server: one
/// that has not would note the instant of before again.
const ALL_HAVE_HEARD: Duration = Duration::from_secs(20);
/// The pause before an account that another transaction has locked is tried again.
const RETRY_DELAY: Duration = Duration::from_millis(20);

/// The clock at an instant of its own.
#[derive(Clone, Copy)]
struct Look {
    at: Instant,
    said: Timestamp,
}

impl Look {
    fn now(context: &Context) -> Self {
        Self { at: Instant::now(), said: context.clock.now() }
    }

    /// By how much the clock was set back since another look.
    fn back_since(self, before: Self) -> Duration {
        (before.said + self.at.duration_since(before.at)).since(self.said)
    }
}

/// Watches the clock until the engine stops.
pub(super) async fn watch(context: Arc<Context>) {
    let mut before = Look::now(&context);
    loop {
        sleep(LOOK_EVERY).await;
        match look(&context, before).await {
            Ok(()) => before = Look::now(&context),
            Err(error) if context.trouble.report(&error) => {}
            Err(error) => tracing::warn!(%error, "the clock could not be compared; trying again"),
        }
    }
}

/// Compares the clock with the instants that were seen before, by this process and by others.
async fn look(context: &Context, before: Look) -> Result<()> {
    let now = Look::now(context);
    if now.back_since(before) > STEP_MIN {
        context.throttles.forget();
        context.release_rates.forget();
    }
    let Some(noted) = context.queue.latest_look().await? else { return context.queue.note_look(now.said).await };
    if noted.since(now.said) <= STEP_MIN {
        return if now.said.since(noted) < NOTE_EVERY { Ok(()) } else { context.queue.note_look(now.said).await };
    }
    if context.db.has_clock() {
        // Another process could still note an instant of before.
        sleep(ALL_HAVE_HEARD).await;
    }
    let Some(noted) = context.queue.latest_look().await? else { return Ok(()) };
    let now = Look::now(context);
    if noted.since(now.said) <= STEP_MIN || !context.queue.set_look_back(noted, now.said).await? {
        return Ok(());
    }
    // A process that ran before knows it exactly.
    let back = now.back_since(before).max(noted.since(now.said));
    let seconds = back.as_secs();
    tracing::warn!("the clock was set back by {seconds} s, and what waits is moved by as much");
    move_all(context, now.said, back).await?;
    context.wake.notify_one();
    Ok(())
}

/// Makes due earlier what waits at all endpoints.
pub(crate) async fn move_all(context: &Context, now: Timestamp, back: Duration) -> Result<()> {
    let mut after: Address = (AccountId::from_uuid(Uuid::nil()), EndpointId::from_uuid(Uuid::nil()));
    loop {
        let page = context.queue.queues_after(after).await?;
        let Some(&last) = page.last() else { return Ok(()) };
        for (account, endpoint) in page {
            move_endpoint(context, EndpointAt { account, endpoint, now }, back).await?;
        }
        after = last;
    }
}

/// Makes due earlier what waits at one endpoint: its rest and its schedule, and then its
/// deliveries, the earliest first. One that is due earlier now is never met again.
async fn move_endpoint(context: &Context, at: EndpointAt, back: Duration) -> Result<()> {
    let Some(mut tx) = locked(context, at.account).await? else { return Ok(()) };
    tx.move_endpoint(at, back).await?;
    tx.commit().await?;
    let mut after = at.now;
    loop {
        let Some(mut tx) = locked(context, at.account).await? else { return Ok(()) };
        let Some(last) = tx.move_deliveries(at, after, back).await? else { return Ok(()) };
        tx.commit().await?;
        after = last;
    }
}

/// Begins a transaction that has locked an account, once no other one has. `None` if the account
/// is gone.
async fn locked(context: &Context, account: AccountId) -> Result<Option<Tx<'static>>> {
    loop {
        let mut tx = context.db.begin().await?;
        if tx.lock_to_move(account).await? {
            return Ok(Some(tx));
        }
        let is_gone = tx.revisions(&[account]).await?.is_empty();
        tx.roll_back().await;
        if is_gone {
            return Ok(None);
        }
        sleep(RETRY_DELAY).await;
    }
}

#[cfg(test)]
mod tests {
    use signet_model::time::Clock as _;

    use super::*;
    use crate::{
        service::deliveries::Filter,
        testing::{Hands, TestDatabase, account, completed, endpoint, log, on_each_database, resting_engine},
    };

    const HOUR: Duration = Duration::from_hours(1);

    on_each_database!(what_waits_by_a_clock_that_is_set_back_waits_no_longer);
    async fn what_waits_by_a_clock_that_is_set_back_waits_no_longer(database: TestDatabase) {
        let (engine, clock) = resting_engine(&database);
        let (hands, context) = (Hands(&engine), &engine.0.delivery);
        let account = account(&engine, "acme").await;
        let endpoint = endpoint(&engine, account).await;
        let begin = clock.now();
        // One that is to be tried again, and one that a process which died has leased.
        for (task, status) in [("retried", Some(500)), ("leased", None)] {
            let mut in_flight = hands.ingest(completed(&engine, account, task)).await.1;
            match status {
                Some(status) => hands.finish(in_flight.remove(0), status).await,
                None => in_flight.clear(),
            }
        }
        let waiting = |log: &[crate::service::deliveries::Delivery]| {
            log.iter().map(|one| one.due_at.expect("it waits").since(begin)).collect::<Vec<_>>()
        };
        let before = waiting(&log(&engine, account, endpoint, &Filter::default(), 9).await);
        clock.set(begin - HOUR);
        assert!(hands.claim().await.is_empty(), "nothing is due");

        move_all(context, clock.now(), HOUR).await.expect("moved");
        let moved = log(&engine, account, endpoint, &Filter::default(), 9).await;
        let after: Vec<_> = moved.iter().map(|one| one.due_at.expect("it waits").since(begin - HOUR)).collect();
        assert_eq!(after, before, "as long as before");
        assert!(engine.check().await.expect("a ledger").is_clean());
        // More than either waits; it is yet half an hour before what it would have waited.
        clock.advance(HOUR / 2);
        assert_eq!(hands.claim().await.len(), 2);
    }

    on_each_database!(one_process_moves_what_waits_and_only_if_the_clock_is_far_before_the_noted_instant);
    async fn one_process_moves_what_waits_and_only_if_the_clock_is_far_before_the_noted_instant(
        database: TestDatabase,
    ) {
        let (engine, clock) = resting_engine(&database);
        let (context, start) = (&engine.0.delivery, clock.now());
        assert_eq!(context.queue.latest_look().await.expect("a look"), None);
        context.queue.note_look(start).await.expect("noted");
        context.queue.note_look(start - HOUR).await.expect("not noted");
        assert_eq!(context.queue.latest_look().await.expect("a look"), Some(start), "the latest stays");
        assert!(context.queue.set_look_back(start, start - HOUR).await.expect("set"));
        assert!(!context.queue.set_look_back(start, start - HOUR).await.expect("not set"), "another process did");
        let before = Look::now(context);
        clock.set(start - HOUR);
        let back = Look::now(context).back_since(before);
        assert!(back >= HOUR && back < HOUR + HOUR, "{back:?}");
        clock.set(start + HOUR);
        assert_eq!(Look::now(context).back_since(before), Duration::ZERO, "set forward it goes on");
    }
}

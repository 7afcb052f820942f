//! Live pages, on both databases: a page looks again after each change of its account, whichever
//! process has made it, and no account has so many that the others get none.

use std::time::Duration;

use signet_engine::{
    Engine,
    service::{
        changes::{Changes, LIVE_PAGES_PER_ACCOUNT},
        deliveries::Filter,
        event_stream::TooManyStreams,
    },
    testing::{TestDatabase, account, completed, endpoint, engine_by, on_each_database},
};
use signet_model::{AccountId, Timestamp};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

/// Far longer than any story here takes; only a defect reaches it.
const LIMIT: Duration = Duration::from_mins(1);

fn process(database: &TestDatabase) -> Engine {
    let clock = signet_engine::clock::ManualClock::at(Timestamp::from_unix_seconds(1_774_699_200));
    engine_by(database, std::sync::Arc::new(clock))
}

fn watch(engine: &Engine, account: AccountId) -> Result<Changes, TooManyStreams> {
    engine.as_operator_in(account).watch_changes()
}

async fn look(changes: &mut Changes) -> Option<()> {
    timeout(LIMIT, changes.next()).await.expect("a look is due, or the process stops")
}

async fn deliveries(engine: &Engine, account: AccountId) -> usize {
    let log = engine.as_operator_in(account).deliveries(&Filter::default(), None, 10).await;
    log.expect("the log").deliveries.len()
}

on_each_database!(a_page_looks_at_once_and_until_it_has_seen_each_change);
async fn a_page_looks_at_once_and_until_it_has_seen_each_change(database: TestDatabase) {
    let (here, there) = (process(&database), process(&database));
    let account = account(&here, "acme").await;
    endpoint(&here, account).await;
    let running = [here.start().expect("a new engine"), there.start().expect("a new engine")];
    let mut changes = watch(&here, account).expect("room");
    assert_eq!(look(&mut changes).await, Some(()), "the first look is due at once");
    for (number, process) in [&here, &there, &here].into_iter().enumerate() {
        process.ingest(completed(process, account, "task")).await.expect("accepted");
        while deliveries(&here, account).await <= number {
            assert_eq!(look(&mut changes).await, Some(()));
        }
        assert_eq!(look(&mut changes).await, Some(()), "the page looks once more after it");
    }
    let [here, there] = running;
    here.stop(CancellationToken::new()).await;
    while look(&mut changes).await.is_some() {}
    there.stop(CancellationToken::new()).await;
}

on_each_database!(an_account_has_so_many_live_pages_and_leaves_room_for_others);
async fn an_account_has_so_many_live_pages_and_leaves_room_for_others(database: TestDatabase) {
    let engine = process(&database);
    let (acme, other) = (account(&engine, "acme").await, account(&engine, "other").await);
    let mut pages: Vec<_> = (0..LIVE_PAGES_PER_ACCOUNT).map(|_| watch(&engine, acme).expect("room")).collect();
    assert!(watch(&engine, acme).is_err(), "one too many");
    let mut theirs = watch(&engine, other).expect("room for another account");
    assert_eq!(look(&mut theirs).await, Some(()));
    for page in &mut pages {
        assert_eq!(look(page).await, Some(()));
    }
    // The place of a page that was left is free as soon as its watcher has seen that.
    drop(pages.pop());
    let again = timeout(LIMIT, async {
        loop {
            if let Ok(page) = watch(&engine, acme) {
                return page;
            }
            tokio::task::yield_now().await;
        }
    });
    assert_eq!(look(&mut again.await.expect("a free place")).await, Some(()));
}

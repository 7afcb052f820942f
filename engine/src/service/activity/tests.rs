use signet_model::AccountId;

use super::*;
use crate::{
    Engine,
    db::DatabaseUrl,
    testing::{Hands, TestDatabase, account, completed, endpoint, on_each_database, resting_engine},
};

/// An instant as a literal in a statement. The clock of PostgreSQL's server is not the one of a
/// test: what is stored is moved to it.
fn literal(database: &TestDatabase, at: Timestamp) -> String {
    if matches!(database.url, DatabaseUrl::Postgres(_)) {
        format!("to_timestamp({})", at.unix_seconds())
    } else {
        at.unix_micros().to_string()
    }
}

/// An account with a webhook, which has answered a delivery with this status.
async fn attempted(engine: &Engine, name: &str, status: u16) -> AccountId {
    let (hands, account) = (Hands(engine), account(engine, name).await);
    endpoint(engine, account).await;
    let (accepted, started) = hands.ingest(completed(engine, account, name)).await;
    accepted.expect("accepted");
    for attempt in started {
        hands.finish(attempt, status).await;
    }
    account
}

async fn counts_grow_with_events_and_attempts_and_their_outcomes(database: TestDatabase) {
    let (engine, _) = resting_engine(&database);
    let clock = engine.clock();
    let mut look = Look::at(&database.url).await.expect("a connection");
    let before = Counts::read(&mut look, &*clock, None).await.expect("counts");
    for (name, status) in [("good", 204), ("bad", 500), ("worse", 500)] {
        attempted(&engine, name, status).await;
    }
    database.run(&format!("UPDATE statistics SET hour = {}", literal(&database, before.since))).await;
    let after = Counts { at: before.at + Duration::from_secs(2), ..read(&mut look, &*clock, &before).await };
    assert_eq!((before.outcomes, after.outcomes), (Some([0, 0]), Some([1, 2])));
    let rates = after.since(&before).expect("time has passed");
    assert_eq!((rates.accepted, rates.attempts, rates.outcomes), (1.5, 1.5, Some([0.5, 1.0])));
    assert_eq!(after.since(&after), None, "no time, no rate");
}

/// Counts, once the server has been told of three events: it can take seconds.
async fn read(look: &mut Look, clock: &dyn Clock, before: &Counts) -> Counts {
    loop {
        let counts = Counts::read(look, clock, Some(before)).await.expect("counts");
        if counts.events - before.events >= 3 && counts.attempts - before.attempts >= 3 {
            return counts;
        }
        tokio::task::yield_now().await;
    }
}

on_each_database!(counts_grow_with_events_and_attempts_and_their_outcomes);

#[test]
fn rates_of_other_hours_or_of_too_many_webhooks_are_left_out() {
    let at = Timestamp::from_unix_seconds(7_200);
    let counts = Counts { at, events: 10, attempts: 10, since: at, outcomes: Some([5, 5]) };
    let later = Counts { at: at + Duration::from_secs(1), events: 8, outcomes: Some([6, 5]), ..counts };
    let rates = later.since(&counts).expect("time has passed");
    assert_eq!((rates.accepted, rates.outcomes), (0.0, Some([1.0, 0.0])), "nothing is less than none");
    let without = Counts { outcomes: None, ..later };
    assert_eq!(without.since(&counts).and_then(|rates| rates.outcomes), None);
    let other_hour = Counts { since: at + HOUR, ..later };
    assert_eq!(other_hour.since(&counts).and_then(|rates| rates.outcomes), None);
}

async fn what_waits_is_counted_and_the_slow_and_the_failing_are_named(database: TestDatabase) {
    let (engine, clock) = resting_engine(&database);
    let hands = Hands(&engine);
    let mut look = Look::at(&database.url).await.expect("a connection");
    let now = look.now(&clock).await.expect("a clock");
    let empty = Waiting::read(&mut look, &clock).await.expect("the queue");
    let nothing = Count::from(0);
    assert_eq!(empty, Waiting { pending: nothing, due: nothing, oldest: None, held: nothing });
    for (name, status) in [("good", 204), ("bad", 500), ("gone", 410)] {
        let account = attempted(&engine, name, status).await;
        hands.ingest(completed(&engine, account, "later")).await.0.expect("accepted");
    }
    let ago = |seconds| literal(&database, now - Duration::from_secs(seconds));
    let hour = literal(&database, now.beginning(HOUR));
    for change in [
        format!("UPDATE deliveries SET due_at = {}, lease = NULL WHERE state = 'pending'", ago(600)),
        format!("UPDATE endpoint_queues SET next_due_at = {}", ago(600)),
        format!("UPDATE statistics SET hour = {hour}"),
        "UPDATE statistics SET longer = longer + 1 WHERE failed_attempts > 0".to_owned(),
    ] {
        database.run(&change).await;
    }
    let waiting = Waiting::read(&mut look, &clock).await.expect("the queue");
    assert!(waiting.pending.counted >= 2 && waiting.due == waiting.pending, "{waiting:?}");
    let oldest = waiting.oldest.expect("something is due");
    assert!((Duration::from_secs(590)..Duration::from_mins(20)).contains(&oldest), "{oldest:?}");
    let troubles = Troubles::read(&mut look, &clock).await.expect("the lists");
    let names = |ill: &[Ill]| ill.iter().map(|it| it.account_name.clone()).collect::<Vec<_>>();
    assert_eq!(names(&troubles.failing), ["bad"], "one that is disabled is not tried");
    assert!(names(&troubles.stuck).contains(&"bad".to_owned()), "{troubles:?}");
    let slowest = &troubles.slowest;
    assert_eq!(slowest.len(), 3);
    assert!(slowest[0].mean > slowest[2].mean && slowest[2].webhook.account_name == "good", "{slowest:?}");
    assert_eq!((slowest[2].attempts, slowest[2].failed, slowest[0].failed), (1, 0, 1));
}

on_each_database!(what_waits_is_counted_and_the_slow_and_the_failing_are_named);

async fn servers_are_those_that_were_heard_of_of_late(database: TestDatabase) {
    let (engine, clock) = resting_engine(&database);
    let mut look = Look::at(&database.url).await.expect("a connection");
    assert!(servers(&mut look, &clock).await.expect("servers").is_empty());
    let id = uuid::Uuid::from_bytes([7; 16]);
    engine.sealing().tell(id).await.expect("told");
    let now = look.now(&clock).await.expect("a clock");
    let at = |seconds| literal(&database, now - Duration::from_secs(seconds));
    let (recent, past) = (at(5), at(120));
    database.run(&format!("UPDATE key_holders SET seen_at = {recent}")).await;
    let found = servers(&mut look, &clock).await.expect("servers");
    assert!(found.len() == 1 && found[0].id == id && found[0].ago >= Duration::from_secs(4), "{found:?}");
    database.run(&format!("UPDATE key_holders SET seen_at = {past}")).await;
    assert!(servers(&mut look, &clock).await.expect("servers").is_empty());
}

on_each_database!(servers_are_those_that_were_heard_of_of_late);

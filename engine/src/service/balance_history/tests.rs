use std::time::Duration;

use signet_model::time::Clock;
use tokio_util::sync::CancellationToken;

use super::*;
use crate::testing::{TestDatabase, account, on_each_database, resting_engine};

fn amount(text: &str) -> Amount {
    text.parse().expect("an amount")
}

fn hour(number: i64, last: &str, lowest: &str, highest: &str) -> BalanceHour {
    let hour = Timestamp::from_unix_seconds(3_600 * number);
    BalanceHour { hour, last: amount(last), lowest: amount(lowest), highest: amount(highest) }
}

on_each_database!(balances_are_kept_by_the_hour_and_gone_with_their_account);
async fn balances_are_kept_by_the_hour_and_gone_with_their_account(database: TestDatabase) {
    let (engine, clock) = resting_engine(&database);
    let running = engine.start().expect("a new engine");
    let (acme, other) = (account(&engine, "acme").await, account(&engine, "other").await);
    let began = clock.now();
    for (hours, balance) in [(0, "60"), (0, "40.5"), (0, "55"), (3, "0.1"), (5, "1e+21")] {
        clock.advance(Duration::from_hours(hours));
        engine.as_operator_in(acme).set_balance(amount(balance)).await.expect("taken in");
    }
    engine.as_operator_in(other).set_balance(amount("7")).await.expect("taken in");
    engine.as_operator_in(other).set_balance_threshold(Some(amount("8"))).await.expect("taken in");
    let history = engine.as_operator_in(acme).balance_history(began).await.expect("read");
    let told: Vec<_> =
        history.hours.iter().map(|it| [it.last, it.lowest, it.highest].map(|it| it.to_string())).collect();
    assert_eq!(told, [["55", "40.5", "60"], ["0.1", "0.1", "0.1"], ["1e+21", "1e+21", "1e+21"]]);
    assert_eq!(history.before, None);
    let later = engine.as_operator_in(acme).balance_history(began + Duration::from_hours(1)).await.expect("read");
    assert_eq!((later.before, &later.hours[..]), (Some(history.hours[0]), &history.hours[1..]));
    assert_eq!(database.count("SELECT count(*) FROM balance_history").await, 4, "a threshold is no balance");

    engine.as_operator_in(acme).erase().await.expect("erased");
    assert_eq!(database.count("SELECT count(*) FROM balance_history").await, 1);
    running.stop(CancellationToken::new()).await;
}

on_each_database!(balances_of_before_400_days_are_removed);
async fn balances_of_before_400_days_are_removed(database: TestDatabase) {
    let (engine, clock) = resting_engine(&database);
    let running = engine.start().expect("a new engine");
    let acme = account(&engine, "acme").await;
    let began = clock.now();
    for _ in 0..2 {
        engine.as_operator_in(acme).set_balance(amount("1")).await.expect("taken in");
        clock.advance(Duration::from_hours(2 * 24));
    }
    clock.advance(Duration::from_hours(398 * 24));
    crate::testing::Hands(&engine).believe_the_clock().await;
    engine.sweep().await.expect("swept");
    let history = engine.as_operator_in(acme).balance_history(began).await.expect("read");
    assert_eq!(history.hours.len(), 1, "{history:?}");
    running.stop(CancellationToken::new()).await;
}

#[test]
fn a_threshold_is_crossed_in_the_hours_in_which_the_balance_went_below_it() {
    let history = BalanceHistory {
        before: None,
        hours: vec![
            hour(1, "60", "60", "60"),
            hour(2, "55", "45", "60"),
            hour(3, "40", "40", "55"),
            hour(4, "30", "30", "40"),
            hour(5, "35", "30", "70"),
            hour(6, "80", "35", "80"),
        ],
    };
    let crossed = |threshold: &str| -> Vec<i64> {
        history.crossings(amount(threshold)).map(|it| it.hour.unix_seconds() / 3_600).collect()
    };
    assert_eq!(crossed("50"), [2, 3, 5], "down and up, down, and up and down");
    assert!(crossed("20").is_empty());
    assert_eq!(crossed("100"), [1], "a first balance below counts");
}

use axum::http::StatusCode;
use signet_engine::{Running, service::accounts::AccountHandle};
use signet_model::Role;

use super::*;
use crate::testing::Visitor;

fn amount(text: &str) -> Amount {
    text.parse().expect("an amount")
}

/// An owner whose balance went down, up and down again, an hour each.
async fn owner() -> (Visitor, Running) {
    let owner = Visitor::owner().await;
    let running = owner.engine.start().expect("a new engine");
    report(&owner.clock, owner.account(), &["60", "45.5", "55", "40"]).await;
    (owner, running)
}

async fn report(clock: &signet_engine::clock::ManualClock, account: AccountHandle<'_>, balances: &[&str]) {
    for balance in balances {
        account.set_balance(amount(balance)).await.expect("taken in");
        clock.advance(Duration::from_hours(1));
    }
}

#[tokio::test]
async fn an_account_without_reports_says_so() {
    let owner = Visitor::owner().await;
    insta::assert_snapshot!("empty", owner.get(PATH).await.content());
}

#[tokio::test]
async fn the_history_is_drawn_and_stands_beside_it_as_a_table() {
    let (owner, _running) = owner().await;
    owner.account().set_balance_threshold(Some(amount("50"))).await.expect("set");
    let page = owner.get(PATH).await;
    insta::assert_snapshot!("history", page.content());
    assert!(page.html.contains("class=\"step-threshold\"") && !page.html.contains("step-tried"));
    assert!(page.html.contains("would have been sent 2 times in these 30 days"), "{}", page.content());
}

#[tokio::test]
async fn another_threshold_shows_when_it_would_have_sent() {
    let (owner, _running) = owner().await;
    let page = owner.get(&format!("{PATH}?try=45.5&days=7")).await;
    assert!(page.html.contains("class=\"step-tried\""), "{}", page.content());
    assert!(page.html.contains("With a threshold of 45.5, balance.low would have been sent once in these 7 days"));
    assert!(page.html.contains("28 Mar 2026, 15:00:00 UTC") && page.html.contains("fell to 40"), "{}", page.content());
    assert!(page.html.contains("Use 45.5 as the threshold"));
    assert_eq!(owner.account().get().await.expect("an account").balance_threshold, None, "nothing is changed");
    let never = owner.get(&format!("{PATH}?try=1")).await;
    assert!(never.html.contains("would not have been sent"));
}

#[tokio::test]
async fn a_threshold_that_is_no_amount_comes_back_with_its_remedy() {
    let owner = Visitor::owner().await;
    let answer = owner.get(&format!("{PATH}?try=lots&days=9")).await;
    assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(answer.html.contains("such as 50") && answer.html.contains("value=\"lots\""));
}

#[tokio::test]
async fn a_viewer_tries_thresholds_and_sets_none() {
    let (mut owner, _running) = owner().await;
    owner.with_role(Role::Viewer).await;
    let page = owner.get(&format!("{PATH}?try=45.5")).await;
    assert!(page.html.contains("would have been sent once") && !page.html.contains("as the threshold"));
}

#[test]
fn a_day_has_its_last_and_its_lowest_balance() {
    let hour = |number: i64, last: &str, lowest: &str| BalanceHour {
        hour: Timestamp::from_unix_seconds(3_600 * number),
        last: amount(last),
        lowest: amount(lowest),
        highest: amount("100"),
    };
    let told: Vec<_> = days(&[hour(1, "5", "5"), hour(23, "7", "3"), hour(24, "9", "8")], &Zone::UTC)
        .iter()
        .map(|day| (day.hour.unix_seconds() / 86_400, day.last.get(), day.lowest.get()))
        .collect();
    assert_eq!(told, [(1, 9.0, 8.0), (0, 7.0, 3.0)]);
}

use signet_engine::service::deliveries::Filter;

use super::*;
use crate::testing::Visitor;

#[tokio::test]
async fn a_resend_that_has_ended_says_what_became_of_it() {
    let owner = Visitor::owner().await;
    let account = owner.engine.as_operator_in(owner.account);
    let begun = account.resends().start(Filter::default()).await.expect("begun");
    let ended = account.resend(begun.id).await_end(std::time::Duration::from_secs(30)).await.expect("a resend");
    assert_eq!(ended.progress, Progress::Finished);
    let page = owner.get(&path(begun.id)).await;
    assert!(page.html.contains("Finished") && page.html.contains(text::FOUND));
    assert!(!page.html.contains(text::STOP));
}

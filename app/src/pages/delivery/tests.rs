//! The page of a delivery whose row cannot be read.

use signet_engine::{
    service::deliveries::Filter,
    testing::{Hands, completed},
};

use super::*;
use crate::{present::endpoint_path, testing::Visitor};

#[tokio::test]
async fn the_page_shows_the_body_and_the_attempts() {
    let owner = Visitor::owner().await;
    let endpoint = owner.endpoint().await.id;
    let hands = Hands(&owner.engine);
    let in_flight = hands.ingest(completed(&owner.engine, owner.account, "task_1")).await.1.remove(0);
    let path = delivery_path(endpoint, in_flight.delivery());
    insta::assert_snapshot!("under_way", owner.get(&path).await.content());
    let refused = owner.post(&format!("{path}/resend"), "").await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    insta::assert_snapshot!("not_resent", refused.content());
    hands.finish(in_flight, 200).await;
    insta::assert_snapshot!("delivered", owner.get(&path).await.content());
    let resent = owner.post(&format!("{path}/resend"), "").await;
    assert_eq!((resent.location(), resent.flash()), (&*path, text::RESENT.to_owned()));
}

#[tokio::test]
async fn a_delivery_that_cannot_be_read_has_a_line_and_a_page() {
    for column in ["event_type = 'Order Paid'", "event_type = CAST(X'FF' AS TEXT)", "attempts = 99999999999"] {
        let owner = Visitor::owner().await;
        let endpoint = owner.endpoint().await.id;
        Hands(&owner.engine).ingest(completed(&owner.engine, owner.account, "task")).await.0.expect("accepted");
        owner.database.run(&format!("UPDATE deliveries SET {column}")).await;
        let log =
            owner.account().endpoint(endpoint).log(&Filter::default(), None, 1).await.expect("the log").deliveries;
        let delivery = delivery_path(endpoint, log[0].as_ref().expect_err("unusable").id);
        for page in [&endpoint_path(endpoint), &delivery_log::path(endpoint), &delivery] {
            let answer = owner.get(page).await;
            assert!(answer.status == StatusCode::OK && answer.html.contains("Unusable"), "{column} {page}");
        }
        let resent = owner.post(&format!("{delivery}/resend"), "").await;
        assert_eq!(resent.status, StatusCode::UNPROCESSABLE_ENTITY, "{column}");
    }
}

//! Rules for all operations, which are found in the document.

use axum::http::StatusCode;
use insta::assert_snapshot;
use serde_json::json;

use crate::testing::TestApi;

mod access;
mod bombs;
mod frame;

#[tokio::test]
async fn an_unknown_path_or_method_is_answered_with_a_problem() {
    let api = TestApi::new().await;
    let answer = api.send("GET", "/v1/events/batch", "", &[]).await;
    assert_eq!(answer.status, StatusCode::METHOD_NOT_ALLOWED);
    assert_eq!(answer.headers["allow"], "POST");
    assert_eq!(answer.json["code"], "method_not_allowed");
    let answer = api.send("POST", "/v1/nothing", "{}", &[]).await;
    assert_eq!((answer.status, &answer.json["code"]), (StatusCode::NOT_FOUND, &json!("no_such_operation")));
    assert!(answer.json["instance"].as_str().is_some_and(|it| it.starts_with("/v1/nothing#")), "{answer:?}");
    assert_snapshot!(api.provoked.documents(""));
}

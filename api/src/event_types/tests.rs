//! The catalogue by the API.

use axum::http::StatusCode;
use serde_json::{Value, json};
use signet_engine::{
    service::event_types::MAX_TYPES,
    testing::{TestDatabase, on_each_database},
};

use crate::testing::TestApi;

const PATH: &str = "/v1/event-types";

fn order_paid() -> Value {
    json!({
        "name": "order.paid",
        "description": "An order was paid.",
        "schema": {"type": "object", "properties": {"orderId": {"type": "string"}}, "required": ["orderId"]},
        "sample": {"orderId": "o_1"},
    })
}

on_each_database!(a_type_is_made_listed_changed_archived_and_restored);
async fn a_type_is_made_listed_changed_archived_and_restored(database: TestDatabase) {
    let api = TestApi::on(database).await.with_operator_key().await;
    let made = api.post(PATH, &order_paid()).await;
    assert_eq!(made.status, StatusCode::CREATED, "{made:?}");
    assert_eq!(made.headers["location"], "/v1/event-types/order.paid");
    assert_eq!((&made.json["group"], &made.json["origin"]), (&json!("order"), &json!("person")));
    assert_eq!(made.json["schema"], order_paid()["schema"]);
    assert_eq!(made.json["reference"], "taskId");
    let mut wrong = order_paid();
    wrong["sample"] = json!({"orderId": 7});
    wrong["name"] = json!("order.sent");
    let refused = api.post(PATH, &wrong).await;
    assert_eq!((refused.status, refused.pointer()), (StatusCode::UNPROCESSABLE_ENTITY, "/sample/orderId"));

    let listed = api.get(&format!("{PATH}?limit=2")).await;
    let names = |page: &Value| -> Vec<Value> {
        page["data"].as_array().expect("a page").iter().map(|it| it["name"].clone()).collect()
    };
    assert_eq!(names(&listed.json), vec![json!("balance.low"), json!("order.paid")]);
    let rest = api.get(&format!("{PATH}?limit=2&cursor=order.paid")).await;
    assert_eq!(names(&rest.json), vec![json!("task.completed"), json!("task.failed")]);

    let path = format!("{PATH}/order.paid");
    let etag = api.get(&path).await.headers["etag"].to_str().expect("text").to_owned();
    let wrong = json!({"reference": "timestamp"}).to_string();
    let refused = api.send("PUT", &path, wrong, &[]).await;
    assert_eq!((refused.status, refused.pointer()), (StatusCode::UNPROCESSABLE_ENTITY, "/reference"));
    let content = json!({"description": "Paid.", "sample": null, "reference": "orderId"}).to_string();
    let changed = api.send("PUT", &path, content.clone(), &[("if-match", &etag)]).await;
    assert_eq!((changed.status, &changed.json["schema"]), (StatusCode::OK, &json!(null)), "{changed:?}");
    assert_eq!(changed.json["reference"], "orderId");
    let late = api.send("PUT", &path, content.clone(), &[("if-match", &etag)]).await;
    assert_eq!(late.json["code"], "changed_meanwhile");
    assert_eq!(
        api.send("PUT", &path, content.clone(), &[("if-match", "\"1\", \"2\"")]).await.json["code"],
        "bad_precondition"
    );
    for other in ["task.failed", "order.lost", "Order"] {
        let code = if other == "task.failed" { "event_type_built_in" } else { "no_such_event_type" };
        let answer = api.send("PUT", &format!("{PATH}/{other}"), content.clone(), &[]).await;
        assert_eq!(answer.json["code"], code, "{other}");
    }
    assert_eq!(api.get(&format!("{PATH}/order.lost")).await.json["code"], "no_such_event_type");

    let event = json!({"event": "order.paid", "account": "acme", "orderId": "o_1"});
    for (change, status) in [("archive", StatusCode::UNPROCESSABLE_ENTITY), ("restore", StatusCode::ACCEPTED)] {
        let changed = api.send("POST", &format!("{path}/{change}"), "", &[]).await;
        assert_eq!(changed.status, StatusCode::OK, "{changed:?}");
        assert_eq!(api.post("/v1/events", &event).await.status, status, "{change}");
        let late = api.send("POST", &format!("{path}/{change}"), "", &[("if-match", &etag)]).await;
        assert_eq!(late.json["code"], "changed_meanwhile");
        let bad = api.send("POST", &format!("{path}/{change}"), "", &[("if-match", "\"1\", \"2\"")]).await;
        assert_eq!(bad.json["code"], "bad_precondition");
        for (other, code) in [("task.failed", "event_type_built_in"), ("order.lost", "no_such_event_type")] {
            let answer = api.send("POST", &format!("{PATH}/{other}/{change}"), "", &[]).await;
            assert_eq!(answer.json["code"], code, "{other}");
        }
    }
    api.assert_problems("POST /v1/event-types/{event_type}/archive");
    api.assert_problems("POST /v1/event-types/{event_type}/restore");
    api.assert_problems("PUT /v1/event-types/{event_type}");
    api.assert_problems("GET /v1/event-types/{event_type}");
}

on_each_database!(a_type_that_there_cannot_be_is_refused_with_the_reason);
async fn a_type_that_there_cannot_be_is_refused_with_the_reason(database: TestDatabase) {
    let api = TestApi::on(database).await.with_operator_key().await;
    api.post(PATH, &order_paid()).await;
    for (name, code) in [("order.paid", "event_type_exists"), ("signet.order.paid", "event_type_built_in")] {
        let mut another = order_paid();
        another["name"] = json!(name);
        assert_eq!(api.post(PATH, &another).await.json["code"], code, "{name}");
    }
    let now = api.instant_after(std::time::Duration::ZERO);
    api.run(&format!(
        "WITH RECURSIVE counted (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM counted WHERE n < {MAX_TYPES})
         INSERT INTO event_types (name, description, source, created_at, updated_at, revision)
         SELECT 'filled.' || n, '', 'person', {now}, {now}, 0 FROM counted"
    ))
    .await;
    let mut one_more = order_paid();
    one_more["name"] = json!("order.sent");
    assert_eq!(api.post(PATH, &one_more).await.json["code"], "too_many_event_types");
    api.assert_problems("POST /v1/event-types");
}

on_each_database!(a_key_of_an_account_reads_the_catalogue_and_changes_no_type);
async fn a_key_of_an_account_reads_the_catalogue_and_changes_no_type(database: TestDatabase) {
    let operator = TestApi::on(database).await.with_operator_key().await;
    operator.post(PATH, &order_paid()).await;
    let api = operator.with_key_of(operator.acme).await;
    assert_eq!(api.get(&format!("{PATH}/order.paid")).await.status, StatusCode::OK);
    for (method, path, body) in [
        ("POST", PATH.to_owned(), order_paid().to_string()),
        ("PUT", format!("{PATH}/order.paid"), "{}".to_owned()),
        ("POST", format!("{PATH}/order.paid/archive"), String::new()),
        ("POST", format!("{PATH}/order.paid/restore"), String::new()),
    ] {
        let refused = api.send(method, &path, body, &[]).await;
        assert_eq!(refused.status, StatusCode::FORBIDDEN, "{method} {path}: {refused:?}");
    }
    let after = api.get(&format!("{PATH}/order.paid")).await;
    assert_eq!((&after.json["description"], &after.json["archivedAt"]), (&json!("An order was paid."), &json!(null)));
}

on_each_database!(an_event_of_an_own_type_is_delivered_to_those_who_want_its_group);
async fn an_event_of_an_own_type_is_delivered_to_those_who_want_its_group(database: TestDatabase) {
    let operator = TestApi::on(database).await.with_operator_key().await;
    let api = operator.with_key_of(operator.acme).await;
    let want = async |wanted| {
        let draft = json!({"url": "https://127.0.0.1/webhooks", "eventTypes": [wanted]});
        assert_eq!(api.post("/v1/accounts/acme/endpoints", &draft).await.status, StatusCode::CREATED);
    };
    for wanted in ["*", "order.*", "task.*"] {
        want(wanted).await;
    }
    let event = json!({"event": "order.paid", "orderId": "o_1"});
    let unknown = api.post("/v1/events", &event).await;
    assert_eq!((unknown.status, unknown.pointer()), (StatusCode::UNPROCESSABLE_ENTITY, "/event"));
    operator.post(PATH, &order_paid()).await;
    want("order.paid").await;
    let taken = api.post("/v1/events", &event).await;
    assert_eq!((taken.status, &taken.json["deliveries"]), (StatusCode::ACCEPTED, &json!(3)), "{taken:?}");
    let wrong = api.post("/v1/events", &json!({"event": "order.paid", "orderId": 7})).await;
    assert_eq!((wrong.status, wrong.pointer()), (StatusCode::UNPROCESSABLE_ENTITY, "/orderId"));
    let batch = api.post("/v1/events/batch", &json!([event, {"event": "order.paid"}])).await;
    assert_eq!(batch.json["results"][0]["deliveries"], 3, "{batch:?}");
    assert_eq!(batch.json["results"][1]["error"]["errors"][0]["pointer"], "/1/orderId");
}

//! No key reaches what is not its own. The operations come from the document, so that a new
//! one is tried without being named here.

use std::{collections::HashMap, time::Duration};

use axum::http::StatusCode;
use serde_json::Value;
use signet_engine::{
    service::{
        deliveries::Filter,
        event_types::{EventTypeContent, EventTypeDraft},
    },
    testing::{TestDatabase, api_key, on_each_database},
};
use signet_model::{Scope, Scopes};

use crate::testing::{Operation, TestApi, event};

/// Rows of the first account, by the names that they have in paths.
pub struct Own(HashMap<&'static str, String>);

impl Own {
    pub async fn new(api: &TestApi) -> Self {
        let endpoint = api.subscribe(api.acme).await;
        let event = api.post("/v1/events", &event()).await.json["id"].as_str().expect("an event").to_owned();
        let log = api.engine().as_operator_in(api.acme).endpoint(endpoint).deliveries(&Filter::default(), 1).await;
        let delivery = log.expect("a log").remove(0).expect("a delivery").id;
        let (key, _) = api_key(api.engine(), Some(api.acme), "own").await;
        let order_paid =
            EventTypeDraft { name: "order.paid".parse().expect("a name"), content: EventTypeContent::default() };
        let kind = api
            .engine()
            .event_types()
            .create(&signet_engine::actor::Operator::signet(), order_paid)
            .await
            .expect("a new type");
        let nothing = Filter { task: Some("none".to_owned()), ..Filter::default() };
        let resend = api.engine().as_operator_in(api.acme).resends().start(nothing).await.expect("begun").id;
        let resend = api
            .engine()
            .as_operator_in(api.acme)
            .resend(resend)
            .await_end(Duration::from_mins(1))
            .await
            .expect("ended");
        Self(HashMap::from([
            ("event_type", kind.name.to_string()),
            ("resend", resend.id.to_string()),
            ("account", api.acme.to_string()),
            ("endpoint", endpoint.to_string()),
            ("event", event),
            ("delivery", delivery.to_string()),
            ("key", key.id.to_string()),
        ]))
    }

    /// The path with these rows in the places of its parameters.
    pub fn path(&self, template: &str) -> String {
        let part = |part: &str| match part.strip_prefix('{').and_then(|part| part.strip_suffix('}')) {
            Some(name) => self.0.get(name).unwrap_or_else(|| panic!("{template}: add a {name} to `Own`")).clone(),
            None => part.to_owned(),
        };
        template.split('/').map(part).collect::<Vec<_>>().join("/")
    }
}

fn body(operation: &Operation) -> String {
    operation.example().map(Value::to_string).unwrap_or_default()
}

on_each_database!(no_operation_lets_another_account_in_and_nothing_changes);
async fn no_operation_lets_another_account_in_and_nothing_changes(database: TestDatabase) {
    let api = TestApi::on(database).await;
    let own = Own::new(&api).await;
    let other = api.with_key_of(api.other).await;
    let before = api.rows().await;
    for operation in api.described.operations() {
        let path = own.path(&operation.path);
        if operation.codes().contains("operator_only") {
            let answer = other.send(&operation.method, &path, body(operation), &[]).await;
            assert_eq!(answer.status, StatusCode::FORBIDDEN, "{} {answer:?}", operation.name());
            assert_eq!(answer.json["code"], "operator_only", "{}", operation.name());
        } else if path.contains(&*api.acme.to_string()) {
            let answer = other.send(&operation.method, &path, body(operation), &[]).await;
            assert_eq!(answer.status, StatusCode::NOT_FOUND, "{} {answer:?}", operation.name());
            assert_eq!(answer.json["code"], "no_such_account", "{}", operation.name());
            // The rows are not found in an account of one's own either.
            if operation.path.matches('{').count() > 1 {
                let path = path.replace(&*api.acme.to_string(), "other");
                let answer = other.send(&operation.method, &path, body(operation), &[]).await;
                assert_eq!(answer.status, StatusCode::NOT_FOUND, "{} {answer:?}", operation.name());
            }
        }
    }
    assert_eq!(api.rows().await, before);
}

on_each_database!(no_operation_is_done_without_its_scope_or_without_a_key);
async fn no_operation_is_done_without_its_scope_or_without_a_key(database: TestDatabase) {
    let api = TestApi::on(database).await;
    let own = Own::new(&api).await;
    let mut without = HashMap::new();
    for scope in Scope::ALL {
        let rest = Scopes::new(Scope::ALL.into_iter().filter(|one| *one != scope)).expect("the others");
        let keys = (api.with_scopes(Some(api.acme), rest).await, api.with_scopes(None, rest).await);
        without.insert(scope.as_str(), keys);
    }
    let stranger = api.with_authorization("Bearer sk_unknown");
    let before = api.rows().await;
    for operation in api.described.operations() {
        let Some(scope) = operation.scope() else { continue };
        let path = own.path(&operation.path);
        let answer = stranger.send(&operation.method, &path, body(operation), &[]).await;
        assert_eq!(answer.json["code"], "unauthenticated", "{}", operation.name());
        let (account, operator) = &without[scope];
        let api = if operation.codes().contains("operator_only") { operator } else { account };
        let answer = api.send(&operation.method, &path, body(operation), &[]).await;
        assert_eq!(answer.json["code"], "missing_scope", "{} {answer:?}", operation.name());
        assert!(answer.json["detail"].as_str().is_some_and(|detail| detail.contains(scope)), "{answer:?}");
    }
    assert_eq!(api.rows().await, before);
}

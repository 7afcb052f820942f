//! The document is whole, and says of each operation what is true.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

use insta::assert_snapshot;
use serde_json::{Value, json};
use signet_engine::service::stored_answers::Reservation;
use signet_model::Scope;

use super::access::Own;
use crate::testing::{COMMON, Operation, TestApi};

/// The sources of this crate.
fn sources() -> String {
    fn within(folder: &Path) -> Vec<String> {
        let entries = std::fs::read_dir(folder).expect("a folder").flatten().map(|entry| entry.path());
        entries.flat_map(|path| if path.is_dir() { within(&path) } else { vec![text(&path)] }).collect()
    }
    fn text(path: &Path) -> String {
        std::fs::read_to_string(path).unwrap_or_default()
    }
    within(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/src"))).concat()
}

#[test]
fn routes_are_registered_with_their_descriptions_alone() {
    let call = concat!(".route", "(");
    assert_eq!(sources().matches(call).count(), 2, "the answer to unknown paths, and the reference");
}

/// Those tests fail unless the codes that were answered are those that are declared.
#[tokio::test]
async fn the_own_problems_of_each_operation_are_provoked_by_a_test_that_names_it() {
    let api = TestApi::new().await;
    let sources: String = sources().split_whitespace().collect();
    for operation in api.described.operations() {
        let name = operation.name();
        let own: Vec<_> = operation.codes().into_iter().filter(|code| !COMMON.contains(&&**code)).collect();
        let squeezed: String = name.split_whitespace().collect();
        let is_named =
            ["assert_problems", "documents"].map(|call| sources.contains(&format!("{call}(\"{squeezed}\")")));
        assert!(own.is_empty() || is_named.contains(&true), "no test names {name}, which declares {own:?}");
    }
}

#[tokio::test]
async fn each_operation_of_the_document_is_answered() {
    let api = TestApi::new().await;
    let own = Own::new(&api).await;
    for operation in api.described.operations() {
        let answer = api.send(&operation.method, &own.path(&operation.path), "", &[]).await;
        let code = answer.json["code"].as_str().unwrap_or_default();
        assert!(!["no_such_operation", "method_not_allowed"].contains(&code), "{}", operation.name());
    }
}

#[tokio::test]
async fn each_operation_is_described_in_full() {
    let api = TestApi::new().await;
    let mut ids = BTreeSet::new();
    for operation in api.described.operations() {
        let (name, described) = (operation.name(), &operation.described);
        assert!(ids.insert(described["operationId"].as_str().expect(&name)), "{name} has the id of another one");
        assert!(described["summary"].is_string() && described["tags"].is_array(), "{name}");
        let codes = operation.codes();
        if let Some(scope) = operation.scope() {
            assert!(scope.parse::<Scope>().is_ok(), "{name}: {scope}");
            assert!(codes.contains("missing_scope") && codes.contains("unauthenticated"), "{name}");
        } else {
            assert!(described["tags"] == json!(["Health"]) || codes.contains("unauthenticated"), "{name}");
        }
        assert_eq!(operation.path.contains("{account}"), codes.contains("no_such_account"), "{name}");
        assert_eq!(operation.method == "POST", codes.contains("bad_idempotency_key"), "{name}");
        if let Some(body) = described.get("requestBody") {
            let example = operation.example().unwrap_or_else(|| panic!("{name} has no example"));
            let schema = &body["content"].as_object().expect(&name).values().next().expect(&name)["schema"];
            assert_eq!(api.described.faults(schema, example), [""; 0], "{name}");
        }
    }
}

/// Each operation provokes the problems that all of its kind have.
#[tokio::test]
async fn each_operation_answers_the_problems_of_its_kind() {
    let api = TestApi::new().await;
    let own = Own::new(&api).await;
    let mut provoked = BTreeMap::<_, BTreeSet<String>>::new();
    let note = |provoked: &mut BTreeMap<String, BTreeSet<String>>, operation: &Operation, answer: &Value| {
        let code = answer["code"].as_str().unwrap_or_default().to_owned();
        provoked.entry(operation.name()).or_default().insert(code);
    };
    let operator = api.clone().with_operator_key().await;
    for operation in api.described.operations().iter().filter(|it| it.scope().is_some()) {
        let (method, path) = (&*operation.method, own.path(&operation.path));
        let api = if operation.codes().contains("operator_only") { &operator } else { &api };
        if operation.described.get("requestBody").is_some() {
            for headers in
                [("content-type", "text/plain"), ("content-encoding", "gzip"), ("content-length", "9999999999")]
            {
                let answer = api.send(method, &path, "x", &[headers]).await;
                note(&mut provoked, operation, &answer.json);
            }
            note(&mut provoked, operation, &api.send(method, &path, "x", &[]).await.json);
            note(&mut provoked, operation, &api.send_broken(method, &path).await.json);
        }
        if operation.codes().contains("invalid_parameter") {
            note(&mut provoked, operation, &api.send(method, &format!("{path}?limit=0"), "", &[]).await.json);
        }
    }
    let of_kind =
        ["not_json", "compressed", "too_large", "incomplete", "invalid_member", "invalid_parameter"].map(str::to_owned);
    for operation in api.described.operations().iter().filter(|it| it.scope().is_some()) {
        let kept = |codes: BTreeSet<String>| -> BTreeSet<String> {
            codes.into_iter().filter(|code| of_kind.contains(code)).collect()
        };
        let declared = kept(operation.codes());
        // Members that are not valid are found in examples that an operation refuses, too.
        let provoked = kept(provoked.remove(&operation.name()).unwrap_or_default());
        assert_eq!(provoked, declared, "{}", operation.name());
    }
}

#[tokio::test]
async fn each_operation_is_to_come_back_when_the_store_is_gone() {
    let api = TestApi::new().await;
    let own = Own::new(&api).await;
    let operator = api.clone().with_operator_key().await;
    // Both keys are remembered from here on.
    assert!(api.get("/v1/accounts/acme/endpoints").await.status.is_success());
    assert!(operator.get("/v1/accounts/acme/endpoints").await.status.is_success());
    api.close_database().await;
    for operation in api.described.operations().iter().filter(|it| it.scope().is_some()) {
        let api = if operation.codes().contains("operator_only") { &operator } else { &api };
        let body = operation.example().map(Value::to_string).unwrap_or_default();
        let answer = api.send(&operation.method, &own.path(&operation.path), body, &[]).await;
        assert_eq!(answer.json["code"], "try_again", "{}", operation.name());
    }
}

#[tokio::test]
async fn a_key_of_an_earlier_request_is_refused_by_every_post() {
    let api = TestApi::new().await;
    let own = Own::new(&api).await;
    let operator = api.clone().with_operator_key().await;
    for (about, sender) in [(Some(api.acme), Some(api.acme)), (Some(api.acme), None), (None, None)] {
        let reserved = api.engine().stored_answers(about, sender).reserve("k", [9; 32]).await.expect("reserved");
        assert_eq!(reserved, Reservation::New);
    }
    let before = api.rows().await;
    let sending = ["/v1/events", "/v1/events/batch"];
    for operation in api.described.operations().iter().filter(|it| it.method == "POST") {
        if sending.contains(&&*operation.path) {
            continue;
        }
        let api = if operation.codes().contains("operator_only") { &operator } else { &api };
        let body = operation.example().map(Value::to_string).unwrap_or_default();
        for (key, code) in [("k", "key_reused"), ("", "bad_idempotency_key")] {
            let path = own.path(&operation.path);
            let answer = api.send("POST", &path, body.clone(), &[("idempotency-key", key)]).await;
            assert_eq!(answer.json["code"], code, "{}", operation.name());
        }
    }
    assert_eq!(api.rows().await, before);
}

/// The document in a stable form, a snapshot for each tag.
#[tokio::test]
async fn the_document_stays_as_it_is_announced() {
    let api = TestApi::new().await;
    let mut by_tag = BTreeMap::<String, Vec<&Operation>>::new();
    for operation in api.described.operations() {
        by_tag
            .entry(operation.described["tags"][0].as_str().unwrap_or_default().to_owned())
            .or_default()
            .push(operation);
    }
    for (tag, operations) in by_tag {
        let mut text = String::new();
        for operation in operations {
            let described = serde_json::to_string_pretty(&operation.described).expect("JSON");
            text.extend([&operation.name(), "\n", &*described, "\n\n"]);
        }
        assert_snapshot!(format!("document of {tag}"), text);
    }
}

#[tokio::test]
async fn the_document_is_served_with_the_types_of_events_as_webhooks() {
    let api = TestApi::new().await;
    let answer = api.with_authorization("").get("/openapi.json").await;
    assert_eq!(answer.json["openapi"].as_str().map(|version| &version[..4]), Some("3.1."));
    let webhook = &answer.json["webhooks"]["task.completed"]["post"]["requestBody"]["content"]["application/json"];
    assert_eq!(webhook["example"]["event"], "task.completed");
    assert_eq!(webhook["schema"]["properties"]["event"]["const"], "task.completed");
}

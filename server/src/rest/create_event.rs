//! `POST /v1/events`: takes one event in.

use axum::{
    extract::State,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use signet_engine::deliver::ingest::{Accepted, IngestError, NewEvent};
use signet_model::event::Submission;

use super::{
    Api, Problem,
    body::JsonBody,
    caller::Caller,
    idempotency::{IdempotencyKey, idempotency},
};

/// The largest event.
pub const MAX_LEN: usize = 1024 * 1024;

/// Answers 202 once the event is durably stored.
pub async fn post(
    State(api): State<Api>,
    caller: Caller,
    IdempotencyKey(key): IdempotencyKey,
    body: JsonBody<MAX_LEN>,
) -> Result<Response, Problem> {
    let mut stored = store(&api, caller, key.as_deref(), &body).await?;
    if stored == Err(IngestError::UnknownAccount) {
        // What was remembered of the name is forgotten now: it may mean another account.
        stored = store(&api, caller, key.as_deref(), &body).await?;
    }
    Ok(answer(stored?))
}

/// Takes the event in for the account that it names.
async fn store(
    api: &Api,
    caller: Caller,
    key: Option<&str>,
    body: &JsonBody<MAX_LEN>,
) -> Result<Result<Accepted, IngestError>, Problem> {
    let submission = Submission::parse(body.text()?, api.now())?;
    let account = caller.account(api, submission.account.as_deref()).await?;
    api.event_rate.count(account)?;
    let idempotency = key.map(|key| idempotency(key.to_owned(), body.bytes()));
    let stored = api.ingest(vec![NewEvent { account, body: submission.body, idempotency }]).await;
    Ok(stored.into_iter().next().unwrap_or(Err(IngestError::Store)))
}

fn answer(accepted: Accepted) -> Response {
    let content_type = [(header::CONTENT_TYPE, "application/json")];
    let mut response = (StatusCode::ACCEPTED, content_type, accepted_json(accepted)).into_response();
    if accepted.replayed {
        response.headers_mut().insert("idempotency-replayed", HeaderValue::from_static("true"));
    }
    response
}

/// What is answered to an accepted event.
pub fn accepted_json(accepted: Accepted) -> String {
    format!(r#"{{"id":"{}","deliveries":{}}}"#, accepted.id, accepted.deliveries)
}

#[cfg(test)]
mod tests {
    use axum::http::StatusCode;
    use serde_json::{Value, json};

    use super::*;
    use crate::rest::testing::{TestApi, event};

    #[tokio::test]
    async fn an_event_is_accepted_with_its_id_and_the_number_of_its_deliveries() {
        let api = TestApi::new().await;
        api.subscribe(api.acme).await;
        let answer = api.post("/v1/events", &event()).await;
        assert_eq!(answer.status, StatusCode::ACCEPTED);
        assert!(answer.json["id"].as_str().is_some_and(|id| id.starts_with("evt_")), "{answer:?}");
        assert_eq!(answer.json["deliveries"], 1);
    }

    #[tokio::test]
    async fn a_key_of_the_operator_must_name_an_account_and_may_name_any() {
        let api = TestApi::new().await.with_operator_key().await;
        let answer = api.post("/v1/events", &event()).await;
        assert_eq!((answer.status, answer.pointer()), (StatusCode::UNPROCESSABLE_ENTITY, "/account"));
        for account in ["acme".to_owned(), api.acme.to_string(), "other".to_owned()] {
            let answer = api.post("/v1/events", &with(event(), "account", json!(account))).await;
            assert_eq!(answer.status, StatusCode::ACCEPTED, "{account}: {answer:?}");
        }
        let answer = api.post("/v1/events", &with(event(), "account", json!("nobody"))).await;
        assert_eq!((answer.status, answer.pointer()), (StatusCode::UNPROCESSABLE_ENTITY, "/account"));
    }

    #[tokio::test]
    async fn a_key_of_one_account_cannot_send_for_another() {
        let api = TestApi::new().await;
        api.subscribe(api.other).await;
        let answer = api.post("/v1/events", &with(event(), "account", json!("acme"))).await;
        assert_eq!(answer.status, StatusCode::ACCEPTED);
        let foreign = api.post("/v1/events", &with(event(), "account", json!("other"))).await;
        assert_eq!((foreign.status, foreign.pointer()), (StatusCode::FORBIDDEN, "/account"));
        let unknown = api.post("/v1/events", &with(event(), "account", json!("nobody"))).await;
        assert_eq!(unknown.json, foreign.json, "the answer does not tell which accounts exist");
        assert_eq!(api.delivery_count(api.other).await, 0);
    }

    #[tokio::test]
    async fn a_repeated_request_gets_the_first_answer_and_is_not_sent_twice() {
        let api = TestApi::new().await;
        api.subscribe(api.acme).await;
        let send = async |body: &Value| api.send("POST", "/v1/events", body.to_string(), &[(HEADER, "k1")]).await;
        let first = send(&event()).await;
        let again = send(&event()).await;
        assert_eq!(first.status, StatusCode::ACCEPTED);
        assert_eq!((again.status, &again.json), (first.status, &first.json));
        assert!(first.headers.get("idempotency-replayed").is_none());
        assert_eq!(again.headers["idempotency-replayed"], "true");
        assert_eq!(api.delivery_count(api.acme).await, 1);
        let other = send(&with(event(), "taskId", json!("task_2"))).await;
        assert_eq!((other.status, &other.json["code"]), (StatusCode::UNPROCESSABLE_ENTITY, &json!("key_reused")));
    }

    #[tokio::test]
    async fn an_idempotency_key_has_a_length() {
        let api = TestApi::new().await;
        for key in [String::new(), "k".repeat(256)] {
            let answer = api.send("POST", "/v1/events", event().to_string(), &[(HEADER, &key)]).await;
            assert_eq!(answer.status, StatusCode::BAD_REQUEST);
        }
    }

    #[tokio::test]
    async fn without_a_known_key_nothing_is_taken() {
        let api = TestApi::new().await;
        for key in ["", "Basic abc", "Bearer", "Bearer sk_wrong", "Bearer \u{e9}"] {
            let answer = api.with_authorization(key).post("/v1/events", &event()).await;
            assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{key}");
            assert_eq!(answer.headers["www-authenticate"], "Bearer", "{key}");
            assert_eq!(answer.headers["content-type"], "application/problem+json", "{key}");
        }
    }

    #[tokio::test]
    async fn what_is_wrong_is_named() {
        let api = TestApi::new().await;
        for (body, pointer) in [
            ("", ""),
            ("{", ""),
            ("[]", ""),
            ("{\"event\":\"task.completed\"}", "/taskId"),
            (r#"{"event":"task.completed","taskId":"t","solution":{"n":1e400}}"#, "/solution/n"),
            (r#"{"event":"balance.low","balance":1,"threshold":2,"extra/member":3}"#, "/extra~1member"),
            (
                r#"{"event":"balance.low","balance":1,"threshold":2,"timestamp":"9999-12-31T23:59:59-01:00"}"#,
                "/timestamp",
            ),
        ] {
            let answer = api.send("POST", "/v1/events", body, &[]).await;
            assert_eq!((answer.status, answer.pointer()), (StatusCode::UNPROCESSABLE_ENTITY, pointer), "{body}");
        }
        let answer = api.send("POST", "/v1/events", b"{\"event\":\"\xff\"}".to_vec(), &[]).await;
        assert_eq!((answer.status, answer.pointer()), (StatusCode::UNPROCESSABLE_ENTITY, ""));
    }

    #[tokio::test]
    async fn a_body_must_be_called_json_and_have_a_size() {
        let api = TestApi::new().await;
        for (headers, code) in [
            ([("content-type", "text/plain"), ("x-a", "b")], "not_json"),
            ([("content-type", ""), ("x-a", "b")], "not_json"),
            ([("content-type", "application/json"), ("content-encoding", "gzip")], "compressed"),
        ] {
            let answer = api.send("POST", "/v1/events", event().to_string(), &headers).await;
            assert_eq!((answer.status, &answer.json["code"]), (StatusCode::UNSUPPORTED_MEDIA_TYPE, &json!(code)));
        }
        let charset = [("content-type", "Application/JSON; charset=utf-8")];
        assert_eq!(api.send("POST", "/v1/events", event().to_string(), &charset).await.status, StatusCode::ACCEPTED);
        let answer = api.send("POST", "/v1/events", vec![b' '; MAX_LEN + 1], &[]).await;
        assert_eq!((answer.status, &answer.json["code"]), (StatusCode::PAYLOAD_TOO_LARGE, &json!("too_large")));
    }

    #[tokio::test]
    async fn a_path_or_method_that_is_not_there_is_a_problem_too() {
        let api = TestApi::new().await;
        let answer = api.send("GET", "/v1/events", "", &[]).await;
        assert_eq!(answer.status, StatusCode::METHOD_NOT_ALLOWED);
        assert_eq!(answer.headers["allow"], "POST");
        assert_eq!(answer.json["code"], "method_not_allowed");
        let answer = api.send("POST", "/v1/nothing", "{}", &[]).await;
        assert_eq!((answer.status, &answer.json["code"]), (StatusCode::NOT_FOUND, &json!("no_such_operation")));
    }

    const HEADER: &str = "idempotency-key";

    fn with(mut event: Value, member: &str, value: Value) -> Value {
        event[member] = value;
        event
    }
}

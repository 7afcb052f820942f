//! `POST /v1/events`: stores one event, and answers 202 once it is durable.

use axum::{Json, extract::State, http::StatusCode, response::IntoResponse};
use serde::Serialize;
use signet_engine::deliver::ingest::Accepted;
use signet_model::EventId;
use utoipa::ToSchema;

use super::{SubmittedEvent, idempotency::IdempotencyKey, trace::ProducerTrace};
use crate::{
    access::{Allowed, Api, EventsWrite},
    body::JsonBody,
    ids::schema,
    problem::{Problem, problems},
};

problems!(CALLER, BODY; BadIdempotencyKey, ForeignAccount, KeyReused, AnswerUnreadable, AccountSuspended, TooManyEvents);

/// The largest event, in bytes.
pub const MAX_LEN: usize = 1024 * 1024;

/// An event that was stored.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = AcceptedEvent)]
pub struct Answer {
    /// The event's id.
    #[schema(value_type = schema::EventId)]
    id: EventId,
    /// The number of webhooks that the event goes to.
    deliveries: u32,
}

impl From<Accepted> for Answer {
    fn from(Accepted { id, deliveries, .. }: Accepted) -> Self {
        Self { id, deliveries }
    }
}

/// Send an event.
///
/// Answers once the event and its deliveries are durable.
#[utoipa::path(
    post, path = "/v1/events", operation_id = "sendEvent", tag = "Events", security(("key" = ["events:write"])),
    params(ProducerTrace), request_body(content = SubmittedEvent, example = json!(super::example())),
    responses((status = 202, body = Answer, description = "The event is stored."), Problems)
)]
pub async fn send_event(
    State(api): State<Api>,
    allowed: Allowed<EventsWrite>,
    key: Option<IdempotencyKey>,
    trace: ProducerTrace,
    body: JsonBody<MAX_LEN>,
) -> Result<impl IntoResponse, Problem> {
    let submission = api.intake().read(body.text()?, api.now()).await?;
    let account = api.intake().account(allowed.caller(), submission.account.as_deref()).await?;
    let stored = account.ingest(submission.body, key.map(|key| key.of(body.bytes())), trace.0).await?;
    let replayed = stored.replayed.then_some([("idempotency-replayed", "true")]);
    Ok((StatusCode::ACCEPTED, replayed, Json(Answer::from(stored))))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use axum::http::StatusCode;
    use insta::assert_snapshot;
    use serde_json::{Value, json};
    use signet_engine::{
        limits::Rate,
        testing::{TestDatabase, on_each_database},
    };

    use super::*;
    use crate::testing::{Answer as Answered, TestApi, event};

    on_each_database!(an_event_is_accepted_with_its_id_and_the_number_of_its_deliveries);
    async fn an_event_is_accepted_with_its_id_and_the_number_of_its_deliveries(database: TestDatabase) {
        let api = TestApi::on(database).await;
        api.subscribe(api.acme).await;
        let answer = api.post("/v1/events", &event()).await;
        assert_eq!(answer.status, StatusCode::ACCEPTED);
        assert!(answer.json["id"].as_str().is_some_and(|id| id.starts_with("evt_")), "{answer:?}");
        assert_eq!(answer.json["deliveries"], 1);
    }

    on_each_database!(a_key_of_the_operator_must_name_an_account_and_may_name_any);
    async fn a_key_of_the_operator_must_name_an_account_and_may_name_any(database: TestDatabase) {
        let api = TestApi::on(database).await.with_operator_key().await;
        let answer = api.post("/v1/events", &event()).await;
        assert_eq!((answer.status, answer.pointer()), (StatusCode::UNPROCESSABLE_ENTITY, "/account"));
        for account in ["acme".to_owned(), api.acme.to_string(), "other".to_owned()] {
            let answer = api.post("/v1/events", &with(event(), "account", json!(account))).await;
            assert_eq!(answer.status, StatusCode::ACCEPTED, "{account}: {answer:?}");
        }
        let answer = api.post("/v1/events", &with(event(), "account", json!("nobody"))).await;
        assert_eq!((answer.status, answer.pointer()), (StatusCode::UNPROCESSABLE_ENTITY, "/account"));
    }

    on_each_database!(a_key_of_one_account_cannot_send_for_another);
    async fn a_key_of_one_account_cannot_send_for_another(database: TestDatabase) {
        let api = TestApi::on(database).await;
        api.subscribe(api.other).await;
        let answer = api.post("/v1/events", &with(event(), "account", json!("acme"))).await;
        assert_eq!(answer.status, StatusCode::ACCEPTED);
        let foreign = api.post("/v1/events", &with(event(), "account", json!("other"))).await;
        assert_eq!((foreign.status, foreign.pointer()), (StatusCode::FORBIDDEN, "/account"));
        let unknown = api.post("/v1/events", &with(event(), "account", json!("nobody"))).await;
        let told =
            |answer: &Answered| ["type", "title", "status", "code", "detail"].map(|name| answer.json[name].clone());
        assert_eq!(told(&unknown), told(&foreign), "the answer does not tell which accounts exist");
        assert_eq!(api.delivery_count(api.other).await, 0);
    }

    on_each_database!(a_repeated_request_gets_the_first_answer_and_is_not_sent_twice);
    async fn a_repeated_request_gets_the_first_answer_and_is_not_sent_twice(database: TestDatabase) {
        let api = TestApi::on(database).await;
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

    on_each_database!(the_trace_of_a_request_is_kept_with_its_event_and_one_that_is_none_is_ignored);
    async fn the_trace_of_a_request_is_kept_with_its_event_and_one_that_is_none_is_ignored(database: TestDatabase) {
        let api = TestApi::on(database).await;
        let send = async |headers: &[(&str, &str)]| {
            let answer = api.send("POST", "/v1/events", event().to_string(), headers).await;
            assert_eq!(answer.status, StatusCode::ACCEPTED, "{headers:?}");
        };
        let with = async |text: &str| {
            api.database().count(&format!("SELECT count(*) FROM events WHERE trace_context = '{text}'")).await
        };
        for headers in [
            &[][..],
            &[("traceparent", "")],
            &[("traceparent", "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01")],
            &[("traceparent", PARENT), ("traceparent", PARENT)],
            &[("tracestate", "rojo=1")],
        ] {
            send(headers).await;
        }
        assert_eq!(api.database().count("SELECT count(*) FROM events WHERE trace_context IS NULL").await, 5);
        send(&[("traceparent", PARENT)]).await;
        assert_eq!(with(PARENT).await, 1);
        send(&[("traceparent", PARENT), ("tracestate", "rojo=1"), ("tracestate", "congo=2")]).await;
        assert_eq!(with(&format!("{PARENT} rojo=1,congo=2")).await, 1);
    }

    on_each_database!(a_trace_is_shown_with_the_attempts_of_its_own_account_alone);
    async fn a_trace_is_shown_with_the_attempts_of_its_own_account_alone(database: TestDatabase) {
        let api = TestApi::on(database).await;
        api.subscribe(api.acme).await;
        api.subscribe(api.other).await;
        api.send("POST", "/v1/events", event().to_string(), &[("traceparent", PARENT)]).await;
        let others = api.with_key_of(api.other).await;
        others.post("/v1/events", &event()).await;
        let attempted = async |api: &TestApi, account| loop {
            let list = api.get(&format!("/v1/accounts/{account}/deliveries")).await;
            let id = list.json["data"][0]["id"].as_str().expect("a delivery").to_owned();
            let path = format!("/v1/accounts/{account}/deliveries/{id}");
            let delivery = api.get(&path).await.json;
            if delivery["attemptsMade"].as_array().is_some_and(|it| !it.is_empty()) {
                return (path, delivery.to_string());
            }
            tokio::task::yield_now().await;
        };
        let ((own_path, own), (_, other)) = (attempted(&api, "acme").await, attempted(&others, "other").await);
        assert!(own.contains(&format!(r#"["Traceparent","{PARENT}"]"#)), "{own}");
        assert!(!other.to_lowercase().contains("traceparent"), "{other}");
        let stolen = others.get(&own_path).await;
        assert!(stolen.status == StatusCode::NOT_FOUND && !stolen.json.to_string().contains(PARENT), "{stolen:?}");
    }

    on_each_database!(an_idempotency_key_has_a_length);
    async fn an_idempotency_key_has_a_length(database: TestDatabase) {
        let api = TestApi::on(database).await;
        for key in [String::new(), "k".repeat(256)] {
            let answer = api.send("POST", "/v1/events", event().to_string(), &[(HEADER, &key)]).await;
            assert_eq!(answer.status, StatusCode::BAD_REQUEST);
        }
    }

    on_each_database!(an_event_without_a_known_key_is_refused);
    async fn an_event_without_a_known_key_is_refused(database: TestDatabase) {
        let api = TestApi::on(database).await;
        for key in ["", "Basic abc", "Bearer", "Bearer sk_wrong", "Bearer \u{e9}"] {
            let answer = api.with_authorization(key).post("/v1/events", &event()).await;
            assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{key}");
            assert_eq!(answer.headers["www-authenticate"], "Bearer", "{key}");
            assert_eq!(answer.headers["content-type"], "application/problem+json", "{key}");
        }
    }

    on_each_database!(a_member_that_is_not_valid_is_named);
    async fn a_member_that_is_not_valid_is_named(database: TestDatabase) {
        let api = TestApi::on(database).await;
        for (body, pointer) in [
            ("", ""),
            ("{", ""),
            ("[]", ""),
            ("{\"event\":\"task.completed\"}", "/taskId"),
            (r#"{"event":"task.completed","taskId":"t","solution":{"n":1e400}}"#, "/solution/n"),
            (r#"{"event":"balance.low","balance":1,"threshold":2}"#, "/event"),
            (r#"{"event":"order.paid"}"#, "/event"),
            (r#"{"event":"task.failed","taskId":"t","errorId":1,"errorCode":"E","extra/member":3}"#, "/extra~1member"),
            (
                r#"{"event":"task.failed","taskId":"t","errorId":1,"errorCode":"E","timestamp":"9999-12-31T23:59:59-01:00"}"#,
                "/timestamp",
            ),
        ] {
            let answer = api.send("POST", "/v1/events", body, &[]).await;
            assert_eq!((answer.status, answer.pointer()), (StatusCode::UNPROCESSABLE_ENTITY, pointer), "{body}");
        }
        let answer = api.send("POST", "/v1/events", b"{\"event\":\"\xff\"}".to_vec(), &[]).await;
        assert_eq!((answer.status, answer.pointer()), (StatusCode::UNPROCESSABLE_ENTITY, ""));
    }

    on_each_database!(a_body_must_be_called_json_and_have_a_size);
    async fn a_body_must_be_called_json_and_have_a_size(database: TestDatabase) {
        let api = TestApi::on(database).await;
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
    async fn the_declared_problems_are_answered() {
        let api = TestApi::with_event_rate(Rate::new(4, Duration::from_hours(1))).await;
        api.provoke_problems_of_a_body("POST", "/v1/events", MAX_LEN).await;
        api.post("/v1/events", &with(event(), "account", json!("other"))).await;
        let acme = api.engine().as_operator_in(api.acme);
        acme.suspend().await.expect("suspended");
        api.post("/v1/events", &event()).await;
        acme.resume().await.expect("resumed");
        let keyed = async |key: &str, task: &str| {
            let body = with(event(), "taskId", json!(task)).to_string();
            api.send("POST", "/v1/events", body, &[(HEADER, key)]).await
        };
        keyed("", "task_1").await;
        keyed("k", "task_1").await;
        keyed("k", "task_2").await;
        api.run("UPDATE idempotency_keys SET event_id = X'00'").await;
        keyed("k", "task_1").await;
        keyed("l", "task_1").await;
        api.close_database().await;
        api.with_authorization("Bearer sk_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")
            .post("/v1/events", &event())
            .await;
        assert_snapshot!(api.provoked.documents("POST /v1/events"));
    }

    const HEADER: &str = "idempotency-key";
    const PARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

    fn with(mut event: Value, member: &str, value: Value) -> Value {
        event[member] = value;
        event
    }
}

//! `POST /v1/events/batch`: stores many events, and answers each for itself.

use std::sync::Arc;

use axum::{
    Json,
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::Serialize;
use signet_engine::{
    deliver::ingest::{Accepted, Idempotency, IngestError, NewEvent},
    service::event_types::Catalogue,
};
use signet_model::{
    AccountId, Timestamp,
    event::{MemberFault, Submission},
    payload,
    trace::TraceContext,
};

use utoipa::ToSchema;

use super::{BatchEntry, entries::entries, idempotency::IdempotencyKey, send, trace::ProducerTrace};
use crate::{
    access::{Allowed, Api, Caller, EventsWrite},
    body::JsonBody,
    intake,
    problem::{Code, Problem, RETRY_AFTER, problems},
};

problems!(CALLER, BODY; BadIdempotencyKey, ForeignAccount, KeyReused, AnswerUnreadable, AccountSuspended, TooManyEvents);

/// The largest batch, in bytes.
const MAX_LEN: usize = 16 * 1024 * 1024;

/// The largest batch, in events.
const MAX_EVENTS: usize = 1_000;

/// The answers to the entries of a batch.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = BatchAnswer)]
struct Answer {
    /// The answer to each entry, in order.
    results: Vec<EntryAnswer>,
}

/// The answer to an entry: that to a single event, or the reason of its refusal.
#[derive(Debug, Serialize, ToSchema)]
#[serde(untagged)]
enum EntryAnswer {
    /// The event is stored.
    Stored(send::Answer),
    /// The event was refused.
    Refused {
        /// The problem, with pointers into the batch.
        error: Problem,
    },
}

/// Send up to 1,000 events.
///
/// Answers once all events are durable that can be stored: one bad entry spoils no other. If
/// none could be stored and one may be a little later, the whole batch is to come back.
#[utoipa::path(
    post, path = "/v1/events/batch", operation_id = "sendEvents", tag = "Events", security(("key" = ["events:write"])),
    params(ProducerTrace), request_body(content = Vec<BatchEntry>, example = json!([super::example()])),
    responses((status = 202, body = Answer, description = "Each entry is answered in its place."), Problems)
)]
pub async fn send_events(
    State(api): State<Api>,
    allowed: Allowed<EventsWrite>,
    key: Option<IdempotencyKey>,
    trace: ProducerTrace,
    body: JsonBody<MAX_LEN>,
) -> Result<Response, Problem> {
    let entries = entries(body.text()?, MAX_EVENTS).map_err(|error| Problem::member("", &error.to_string()))?;
    let catalogue = api.intake().catalogue().await?;
    let (caller, now) = (allowed.caller(), api.now());
    let batch = Batch { api: &api, caller, key: key.as_ref(), trace: trace.0, now, catalogue };
    let results = batch.store(&entries).await;
    match refusal(&results) {
        Some(problem) => Err(problem),
        None => Ok(answer(results)),
    }
}

/// The parts that the entries of a batch share.
struct Batch<'a> {
    api: &'a Api,
    caller: Caller,
    key: Option<&'a IdempotencyKey>,
    /// The trace of the request, which counts for each entry.
    trace: Option<Arc<TraceContext>>,
    now: Timestamp,
    catalogue: Arc<Catalogue>,
}

/// The outcome of an entry.
enum Outcome {
    Stored(Accepted),
    Refused(Problem),
    /// The account was erased while its name was remembered.
    AccountGone,
}

impl From<Result<Accepted, IngestError>> for Outcome {
    fn from(answer: Result<Accepted, IngestError>) -> Self {
        match answer {
            Ok(accepted) => Self::Stored(accepted),
            Err(IngestError::UnknownAccount) => Self::AccountGone,
            Err(error) => Self::Refused(error.into()),
        }
    }
}

impl Outcome {
    fn result(self) -> Result<Accepted, Problem> {
        match self {
            Self::Stored(accepted) => Ok(accepted),
            Self::Refused(problem) => Err(problem),
            Self::AccountGone => Err(IngestError::UnknownAccount.into()),
        }
    }
}

impl Batch<'_> {
    /// Stores the entries that can be, and answers each in its place.
    async fn store(&self, entries: &[&str]) -> Vec<Result<Accepted, Problem>> {
        let mut outcomes = self.ingest(entries, 0..entries.len()).await;
        // The names of these accounts are forgotten now: they may mean other accounts.
        let gone: Vec<_> =
            (0..entries.len()).filter(|&place| matches!(outcomes[place], Outcome::AccountGone)).collect();
        if !gone.is_empty() {
            let again = self.ingest(entries, gone.iter().copied()).await;
            gone.iter().zip(again).for_each(|(&place, outcome)| outcomes[place] = outcome);
        }
        let placed = |(place, outcome): (usize, Outcome)| {
            outcome.result().map_err(|problem| problem.within(&format!("/{place}")))
        };
        outcomes.into_iter().enumerate().map(placed).collect()
    }

    /// Reads the entries at some places, and stores those that could be read.
    async fn ingest(&self, entries: &[&str], places: impl Iterator<Item = usize>) -> Vec<Outcome> {
        let places: Vec<_> = places.collect();
        let read = self.read_all(entries, &places).await;
        let accounts = match self.find_accounts(&read).await {
            Ok(accounts) => accounts,
            Err(problem) => {
                return read
                    .into_iter()
                    .map(|entry| Outcome::Refused(entry.err().unwrap_or_else(|| problem.clone())))
                    .collect();
            }
        };
        let mut events = Vec::with_capacity(read.len());
        let addressed = read.into_iter().zip(accounts).map(|(entry, found)| self.address(entry?, found));
        let refused: Vec<_> = addressed.map(|entry| entry.map(|event| events.push(event)).err()).collect();
        let mut stored = self.api.intake().ingest_batch(events).await.into_iter();
        let outcome = |refused: Option<Problem>| match refused {
            Some(problem) => Outcome::Refused(problem),
            None => stored.next().unwrap_or(Err(IngestError::Store)).into(),
        };
        refused.into_iter().map(outcome).collect()
    }

    /// Reads the entries at some places. Those with an unknown type are read again if there is
    /// a newer catalogue.
    async fn read_all(&self, entries: &[&str], places: &[usize]) -> Vec<Result<Entry, Problem>> {
        let read = |place: usize, catalogue: &Catalogue| self.read(entries[place], place, catalogue);
        let mut all: Vec<_> = places.iter().map(|&place| read(place, &self.catalogue)).collect();
        let is_unknown = |entry: &Result<Entry, Problem>| entry.as_ref().err().is_some_and(|it| it.is_at(intake::TYPE));
        if all.iter().any(is_unknown)
            && let Ok(Some(newer)) = self.api.intake().newer_catalogue(&self.catalogue).await
        {
            for (entry, &place) in all.iter_mut().zip(places).filter(|(entry, _)| is_unknown(entry)) {
                *entry = read(place, &newer);
            }
        }
        all
    }

    fn read(&self, entry: &str, place: usize, catalogue: &Catalogue) -> Result<Entry, Problem> {
        if entry.len() > send::MAX_LEN {
            let detail = format!("An event may have at most {} bytes.", send::MAX_LEN);
            return Err(Problem::new(Code::EventTooLarge, detail).at(""));
        }
        let value = payload::parse(entry).map_err(MemberFault::from)?;
        let mut submission = Submission::from_batch_entry(value, self.now, catalogue)?;
        let key = IdempotencyKey::of_entry(submission.idempotency_key.take(), self.key, place)?;
        Ok(Entry { submission, idempotency: key.map(|key| key.of(entry.as_bytes())) })
    }

    /// The accounts that the entries name, as far as they exist. The names of all entries are
    /// looked up together.
    async fn find_accounts(&self, read: &[Result<Entry, Problem>]) -> Result<Vec<Option<AccountId>>, Problem> {
        let named = |entry: &'_ Result<Entry, Problem>| entry.as_ref().ok()?.submission.account.clone();
        let named: Vec<_> = read.iter().map(named).collect();
        let asked = named.iter().flatten().map(String::as_str).collect();
        let found = self.api.intake().find_accounts(self.caller, asked).await?;
        Ok(named.iter().map(|name| found.get(name.as_deref()?).copied()).collect())
    }

    fn address(&self, Entry { submission, idempotency }: Entry, found: Option<AccountId>) -> Result<NewEvent, Problem> {
        let account = self.caller.choose(submission.account.as_deref(), found)?;
        self.api.intake().count(account)?;
        Ok(NewEvent { account, body: submission.body, idempotency, trace: self.trace.clone() })
    }
}

/// An entry that could be read, and the key by which a repetition is recognised.
struct Entry {
    submission: Submission,
    idempotency: Option<Idempotency>,
}

/// The problem with which the whole batch is refused: 202 alone would tell a client that
/// reads no further that all events are stored.
fn refusal(results: &[Result<Accepted, Problem>]) -> Option<Problem> {
    if results.iter().any(Result::is_ok) {
        return None;
    }
    results.iter().filter_map(|result| result.as_ref().err()).find(|problem| problem.code().is_temporary()).cloned()
}

fn answer(results: Vec<Result<Accepted, Problem>>) -> Response {
    let comes_back = |result: &Result<_, Problem>| result.as_ref().is_err_and(|error| error.code().is_temporary());
    let retry_after = results.iter().any(comes_back).then_some([(header::RETRY_AFTER, RETRY_AFTER)]);
    let results = results.into_iter().map(EntryAnswer::from).collect();
    (StatusCode::ACCEPTED, retry_after, Json(Answer { results })).into_response()
}

impl From<Result<Accepted, Problem>> for EntryAnswer {
    fn from(result: Result<Accepted, Problem>) -> Self {
        match result {
            Ok(accepted) => Self::Stored(accepted.into()),
            Err(error) => Self::Refused { error },
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use insta::assert_snapshot;
    use serde_json::json;
    use signet_engine::{
        limits::Rate,
        testing::{TestDatabase, on_each_database},
    };

    use super::*;
    use crate::testing::{TestApi, event};

    const PATH: &str = "/v1/events/batch";

    on_each_database!(one_bad_entry_spoils_no_other);
    async fn one_bad_entry_spoils_no_other(database: TestDatabase) {
        let api = TestApi::on(database).await;
        api.subscribe(api.acme).await;
        let good = event().to_string();
        let bad = r#"{"event":"task.completed","taskId":"t","solution":{"n":1e400}}"#;
        let answer = api.send("POST", PATH, format!("[{good}, {bad}, {{\"a\" 1}}, {good}]"), &[]).await;
        assert_eq!(answer.status, StatusCode::ACCEPTED);
        let results = answer.json["results"].as_array().expect("results");
        assert_eq!(results.len(), 4);
        assert!(results[0]["id"].is_string() && results[3]["id"].is_string() && results[0] != results[3]);
        assert_eq!(results[1]["error"]["status"], 422);
        assert_eq!(results[1]["error"]["errors"][0]["pointer"], "/1/solution/n");
        assert_eq!(results[2]["error"]["errors"][0]["pointer"], "/2");
        assert_eq!(api.delivery_count(api.acme).await, 2);
    }

    on_each_database!(an_entry_is_no_larger_than_a_single_event);
    async fn an_entry_is_no_larger_than_a_single_event(database: TestDatabase) {
        let api = TestApi::on(database).await;
        api.subscribe(api.acme).await;
        let largest = of_len(send::MAX_LEN);
        let larger = of_len(send::MAX_LEN + 1);
        let answer = api.send("POST", PATH, format!("[{largest},{larger},{}]", event()), &[]).await;
        assert_eq!(answer.status, StatusCode::ACCEPTED);
        let results = &answer.json["results"];
        assert!(results[0]["id"].is_string() && results[2]["id"].is_string(), "{answer:?}");
        assert_eq!((&results[1]["error"]["status"], &results[1]["error"]["code"]), (&json!(413), &json!("too_large")));
        assert_eq!(results[1]["error"]["errors"][0]["pointer"], "/1");
        assert_eq!(api.delivery_count(api.acme).await, 2);
        // The same bytes are answered alike when they come alone.
        for (event, status) in [(largest, StatusCode::ACCEPTED), (larger, StatusCode::PAYLOAD_TOO_LARGE)] {
            assert_eq!(api.send("POST", "/v1/events", event, &[]).await.status, status);
        }
    }

    /// An event of so many bytes.
    fn of_len(len: usize) -> String {
        let mut event = event();
        event["solution"] = json!({"token": ""});
        let rest = len - event.to_string().len();
        event["solution"]["token"] = json!("x".repeat(rest));
        event.to_string()
    }

    on_each_database!(the_key_of_a_batch_makes_each_entry_repeatable);
    async fn the_key_of_a_batch_makes_each_entry_repeatable(database: TestDatabase) {
        let api = TestApi::on(database).await;
        api.subscribe(api.acme).await;
        let batch = json!([event(), event()]).to_string();
        let first = api.send("POST", PATH, batch.clone(), &[("idempotency-key", "b")]).await;
        let again = api.send("POST", PATH, batch, &[("idempotency-key", "b")]).await;
        assert_eq!(first.json, again.json);
        assert_eq!(api.delivery_count(api.acme).await, 2);
        // The key is the one that a single event would have.
        let single = api.send("POST", "/v1/events", event().to_string(), &[("idempotency-key", "b/0")]).await;
        assert_eq!(single.json, first.json["results"][0]);
    }

    on_each_database!(the_trace_of_a_batch_is_that_of_each_entry);
    async fn the_trace_of_a_batch_is_that_of_each_entry(database: TestDatabase) {
        let api = TestApi::on(database).await;
        let parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
        let batch = json!([event(), {"event": "task.lost"}, event()]);
        api.send("POST", PATH, batch.to_string(), &[("traceparent", parent)]).await;
        api.post(PATH, &batch).await;
        let count = async |rows: &str| api.database().count(&format!("SELECT count(*) FROM events WHERE {rows}")).await;
        assert_eq!(count(&format!("trace_context = '{parent}'")).await, 2);
        assert_eq!(count("trace_context IS NULL").await, 2);
    }

    on_each_database!(an_entry_may_have_a_key_of_its_own);
    async fn an_entry_may_have_a_key_of_its_own(database: TestDatabase) {
        let api = TestApi::on(database).await;
        let mut keyed = event();
        keyed["idempotencyKey"] = json!("own");
        let batch = json!([keyed, keyed]);
        let results = api.post(PATH, &batch).await.json["results"].clone();
        assert_eq!(results[0], results[1]);
        keyed["taskId"] = json!("task_2");
        let results = api.post(PATH, &json!([keyed])).await.json["results"].clone();
        assert_eq!(results[0]["error"]["code"], "key_reused");
        keyed["idempotencyKey"] = json!("k".repeat(256));
        let results = api.post(PATH, &json!([keyed])).await.json["results"].clone();
        assert_eq!(results[0]["error"]["errors"][0]["pointer"], "/0/idempotencyKey");
    }

    on_each_database!(entries_for_many_accounts_are_each_told_of_their_own);
    async fn entries_for_many_accounts_are_each_told_of_their_own(database: TestDatabase) {
        let api = TestApi::on(database).await.with_operator_key().await;
        api.subscribe(api.acme).await;
        api.subscribe(api.other).await;
        let of = |account: &str| {
            let mut event = event();
            event["account"] = json!(account);
            event
        };
        let ids = [api.acme, api.other].map(|id| id.to_string());
        let batch = json!([of("acme"), of("other"), of("none"), event(), of(&ids[0]), of(&ids[1]), of("no\u{0}ne")]);
        let results = api.post(PATH, &batch).await.json["results"].clone();
        let pointers: Vec<_> = (0..7).map(|place| results[place]["error"]["errors"][0]["pointer"].as_str()).collect();
        let missing = [Some("/2/account"), Some("/3/account"), Some("/6/account")];
        assert_eq!(pointers, [None, None, missing[0], missing[1], None, None, missing[2]], "{results}");
        assert_eq!((api.delivery_count(api.acme).await, api.delivery_count(api.other).await), (2, 2));
    }

    on_each_database!(an_entry_for_another_account_is_refused);
    async fn an_entry_for_another_account_is_refused(database: TestDatabase) {
        let api = TestApi::on(database).await;
        api.subscribe(api.other).await;
        let mut foreign = event();
        foreign["account"] = json!("other");
        let results = api.post(PATH, &json!([foreign, event()])).await.json["results"].clone();
        assert_eq!(results[0]["error"]["status"], 403);
        assert_eq!(results[0]["error"]["errors"][0]["pointer"], "/0/account");
        assert!(results[1]["id"].is_string());
        assert_eq!(api.delivery_count(api.other).await, 0);
    }

    #[tokio::test]
    async fn a_batch_without_a_stored_event_is_to_come_back() {
        let api = TestApi::new().await;
        // The key is remembered from here on.
        assert_eq!(api.post(PATH, &json!([event()])).await.status, StatusCode::ACCEPTED);
        api.close_database().await;
        for batch in [json!([event(), event()]), json!([event(), {"event": "task.lost"}])] {
            let answer = api.post(PATH, &batch).await;
            assert_eq!((answer.status, &answer.json["code"]), (StatusCode::SERVICE_UNAVAILABLE, &json!("try_again")));
            assert_eq!(answer.headers[header::RETRY_AFTER], RETRY_AFTER);
            assert_eq!(answer.headers[header::CONTENT_TYPE], "application/problem+json");
        }
        // To send this again would not help.
        let answer = api.post(PATH, &json!([{"event": "task.lost"}])).await;
        assert_eq!(answer.status, StatusCode::ACCEPTED);
        assert!(!answer.headers.contains_key(header::RETRY_AFTER));
    }

    #[test]
    fn a_batch_with_a_stored_event_is_answered_entry_by_entry() {
        let id = signet_model::EventId::new(Timestamp::from_unix_seconds(1), [1; 10]);
        let stored = Ok(Accepted { id, deliveries: 0, replayed: false });
        let results = [Err(Problem::new(Code::TryAgain, "Busy.")), stored];
        assert_eq!(refusal(&results), None);
        let response = answer(results.into());
        assert_eq!((response.status(), &response.headers()[header::RETRY_AFTER]), (StatusCode::ACCEPTED, &RETRY_AFTER));
    }

    #[tokio::test]
    async fn the_declared_problems_are_answered() {
        let api = TestApi::with_event_rate(Rate::new(4, Duration::from_hours(1))).await;
        api.provoke_problems_of_a_body("POST", PATH, MAX_LEN).await;
        api.send("POST", PATH, "[]", &[("idempotency-key", "")]).await;
        let acme = api.engine().as_operator_in(api.acme);
        acme.suspend().await.expect("suspended");
        api.post(PATH, &json!([event()])).await;
        acme.resume().await.expect("resumed");
        let (mut foreign, mut keyed) = (event(), event());
        foreign["account"] = json!("other");
        keyed["idempotencyKey"] = json!("k");
        api.post(PATH, &json!([foreign, keyed])).await;
        api.run("UPDATE idempotency_keys SET event_id = X'00'").await;
        api.post(PATH, &json!([keyed])).await;
        keyed["taskId"] = json!("task_2");
        api.post(PATH, &json!([keyed])).await;
        api.post(PATH, &json!([event()])).await;
        api.close_database().await;
        api.with_authorization("Bearer sk_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")
            .post(PATH, &json!([event()]))
            .await;
        assert_snapshot!(api.provoked.documents("POST /v1/events/batch"));
    }

    on_each_database!(a_batch_is_an_array_of_at_most_a_thousand);
    async fn a_batch_is_an_array_of_at_most_a_thousand(database: TestDatabase) {
        let api = TestApi::on(database).await;
        assert_eq!(api.post(PATH, &json!([])).await.json, json!({"results": []}));
        for body in [event(), json!(vec![event(); MAX_EVENTS + 1])] {
            let answer = api.post(PATH, &body).await;
            assert_eq!((answer.status, answer.pointer()), (StatusCode::UNPROCESSABLE_ENTITY, ""));
        }
        let answer = api.post(PATH, &json!(vec![event(); MAX_EVENTS])).await;
        assert_eq!(answer.json["results"].as_array().map(Vec::len), Some(MAX_EVENTS));
    }
}

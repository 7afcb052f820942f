//! The API over a real engine on a throw-away database.

mod answers;
mod declared;

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use axum::{
    Router,
    body::{Body, Bytes, HttpBody},
    http::{HeaderMap, Request, StatusCode},
    response::Response,
};
use http_body_util::BodyExt;
use hyper::body::Frame;
use serde_json::{Value, json};
use signet_engine::{
    Engine, Settings,
    clock::ManualClock,
    db::Database,
    limits::Rate,
    service::deliveries::Filter,
    testing::{TestDatabase, account, api_key, api_key_for, endpoint, engine, sqlite},
};
use signet_model::{AccountId, EndpointId, Scopes, time::Clock};
use tower::ServiceExt;

use super::Api;
use crate::{FrontOptions, MAX_EVENT_RATE, MAX_REQUEST_RATE, request_rate};
pub use answers::{Described, Operation};
pub use declared::{COMMON, Provoked};

/// The API with two accounts, called with the first one's key. Clones share the engine.
#[derive(Clone)]
pub struct TestApi {
    pub engine: Engine,
    router: Router,
    authorization: String,
    pub acme: AccountId,
    pub other: AccountId,
    pub clock: ManualClock,
    /// The problems that were answered.
    pub provoked: Provoked,
    /// The description of the operations, which every answer has to keep to.
    pub described: Arc<Described>,
    database: Arc<TestDatabase>,
}

/// An answer.
#[derive(Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    /// `null` for an answer that is no JSON.
    pub json: Value,
}

impl Answer {
    /// The first member at fault.
    pub fn pointer(&self) -> &str {
        self.json["errors"][0]["pointer"].as_str().unwrap_or("no pointer")
    }
}

/// The tables that operations of the API change.
const TABLES: [&str; 9] = [
    "accounts",
    "endpoints",
    "api_keys",
    "events",
    "deliveries",
    "resends",
    "stored_answers",
    "event_types",
    "portal_links",
];

/// A valid event.
pub fn event() -> Value {
    json!({"event": "task.completed", "taskId": "task_1", "solution": {"token": "0.mF7"}})
}

/// The rates of events of one account, and of requests with one key.
fn rates() -> (Rate, Rate) {
    (Rate::per_second(MAX_EVENT_RATE), request_rate(MAX_REQUEST_RATE))
}

impl TestApi {
    /// The API on SQLite, for tests that do not depend on the database.
    pub async fn new() -> Self {
        Self::on(sqlite().await).await
    }

    /// The API on this database.
    pub async fn on(database: TestDatabase) -> Self {
        Self::with_settings(database, Settings::default()).await
    }

    /// The API on this database, with these settings of the engine.
    pub async fn with_settings(database: TestDatabase, settings: Settings) -> Self {
        Self::start(database, settings, rates()).await
    }

    /// The API on SQLite, which takes events in at this rate.
    pub async fn with_event_rate(event_rate: Rate) -> Self {
        let (_, request_rate) = rates();
        Self::start(sqlite().await, Settings::default(), (event_rate, request_rate)).await
    }

    /// The API on SQLite, which takes requests with one key in at this rate.
    pub async fn with_request_rate(request_rate: Rate) -> Self {
        let (event_rate, _) = rates();
        Self::start(sqlite().await, Settings::default(), (event_rate, request_rate)).await
    }

    async fn start(database: TestDatabase, settings: Settings, rates: (Rate, Rate)) -> Self {
        let api = Self::rest(database, settings, rates).await;
        // The engine goes on until the runtime of the test ends.
        std::mem::forget(api.engine.start());
        api
    }

    /// The API on this database, of an engine that has not been started: deliveries stay as a
    /// test leaves them, and no event is taken.
    pub async fn resting(database: TestDatabase) -> Self {
        Self::rest(database, Settings::default(), rates()).await
    }

    async fn rest(database: TestDatabase, settings: Settings, rates: (Rate, Rate)) -> Self {
        let (engine, clock) = engine(&database, settings, Vec::new());
        let acme = account(&engine, "acme").await;
        let other = account(&engine, "other").await;
        let (_, key) = api_key(&engine, Some(acme), "test").await;
        let api = Api::new(engine.clone(), Arc::new(clock.clone()), rates.0, rates.1, FrontOptions::default());
        let described = Arc::new(Described::new(&api.document().with_webhooks(json!({}))));
        let reference = super::reference::router(api.clone(), "/pkg/signet.css".to_owned());
        let router = super::router(api).merge(reference);
        Self {
            engine,
            router,
            authorization: format!("Bearer {key}"),
            acme,
            other,
            clock,
            provoked: Provoked::new(Arc::clone(&described)),
            described,
            database: Arc::new(database),
        }
    }

    /// Runs a statement behind the engine's back.
    pub async fn run(&self, sql: &str) {
        self.database.run(sql).await;
    }

    /// The database behind the engine.
    pub fn database(&self) -> &TestDatabase {
        &self.database
    }

    /// An instant as a literal in a statement: so long after the present one.
    pub fn instant_after(&self, duration: Duration) -> String {
        let at = self.clock.now() + duration;
        match &self.database.db {
            Database::Sqlite(_) => at.unix_micros().to_string(),
            Database::Postgres(_) => format!("TIMESTAMPTZ '{at}'"),
        }
    }

    pub async fn with_operator_key(self) -> Self {
        let (_, key) = api_key(&self.engine, None, "operator").await;
        self.with_authorization(&format!("Bearer {key}"))
    }

    /// The same API, called with another account's key.
    pub async fn with_key_of(&self, account: AccountId) -> Self {
        let (_, key) = api_key(&self.engine, Some(account), "test").await;
        self.with_authorization(&format!("Bearer {key}"))
    }

    /// The same API, called with a key of an account, or of the operator, that has these scopes.
    pub async fn with_scopes(&self, account: Option<AccountId>, scopes: Scopes) -> Self {
        let (_, key) = api_key_for(&self.engine, account, "test", scopes).await;
        self.with_authorization(&format!("Bearer {key}"))
    }

    pub fn with_authorization(&self, authorization: &str) -> Self {
        Self { authorization: authorization.to_owned(), ..self.clone() }
    }

    /// Erases an account, as another process may.
    pub async fn erase(&self, account: AccountId) {
        self.engine.as_operator_in(account).erase().await.expect("erased");
    }

    /// Erases the first account and gives its name to another one. Returns the API, called
    /// with that one's key.
    pub async fn erase_and_create_acme(&self) -> Self {
        self.erase(self.acme).await;
        let acme = account(&self.engine, "acme").await;
        let (_, key) = api_key(&self.engine, Some(acme), "test").await;
        Self { acme, ..self.with_authorization(&format!("Bearer {key}")) }
    }

    /// Gives the account an endpoint that wants all events and cannot be reached.
    pub async fn subscribe(&self, account: AccountId) -> EndpointId {
        endpoint(&self.engine, account).await
    }

    /// The rows of all that an operation of the API can change.
    pub async fn rows(&self) -> Vec<String> {
        let mut rows = Vec::new();
        for table in TABLES {
            rows.extend(self.database.rows(table).await);
        }
        rows
    }

    /// The engine behind the API.
    pub const fn engine(&self) -> &Engine {
        &self.engine
    }

    /// Checks that an operation declares, beside the problems that all operations of its kind
    /// have, those alone that were answered.
    pub fn assert_problems(&self, operation: &str) {
        self.provoked.assert_own(operation);
    }

    pub async fn delivery_count(&self, account: AccountId) -> usize {
        let (account, mut count) = (self.engine.as_operator_in(account), 0);
        for endpoint in account.endpoints().list().await.expect("endpoints") {
            count += account
                .endpoint(endpoint.id)
                .log(&Filter::default(), None, 100)
                .await
                .expect("a list")
                .deliveries
                .len();
        }
        count
    }

    pub async fn set_threshold(&self, account: AccountId, threshold: &str) {
        let threshold = threshold.parse().expect("an amount");
        self.engine.as_operator_in(account).set_balance_threshold(Some(threshold)).await.expect("a threshold");
    }

    pub async fn balance(&self, account: AccountId) -> Option<String> {
        let account = self.engine.as_operator_in(account).get().await.expect("an account");
        account.balance.map(|balance| balance.to_string())
    }

    /// The page for people.
    pub async fn reference(&self) -> String {
        let request = Request::get("/docs/api").body(Body::empty()).expect("a request");
        let answer = self.router.clone().oneshot(request).await.expect("an answer");
        let body = answer.into_body().collect().await.expect("a body").to_bytes();
        String::from_utf8(body.into()).expect("UTF-8")
    }

    /// Takes the database away from the engine: on SQLite, where no other process can.
    pub async fn close_database(&self) {
        self.engine.close().await;
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.send("GET", path, "", &[]).await
    }

    pub async fn post(&self, path: &str, body: &Value) -> Answer {
        self.send("POST", path, body.to_string(), &[]).await
    }

    pub async fn put(&self, path: &str, body: &Value) -> Answer {
        self.send("PUT", path, body.to_string(), &[]).await
    }

    pub async fn patch(&self, path: &str, body: &Value) -> Answer {
        self.send("PATCH", path, body.to_string(), &[]).await
    }

    pub async fn delete(&self, path: &str) -> Answer {
        self.send("DELETE", path, "", &[]).await
    }

    /// Sends JSON, unless the headers name another type.
    pub async fn send(&self, method: &str, path: &str, body: impl Into<Body>, headers: &[(&str, &str)]) -> Answer {
        let mut request = Request::builder().method(method).uri(path).header("authorization", &self.authorization);
        if !headers.iter().any(|(name, _)| *name == "content-type") {
            request = request.header("content-type", "application/json");
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(body.into()).expect("a request");
        let (head, body) = self.router.clone().oneshot(request).await.expect("an answer").into_parts();
        // A stream has no end.
        let is_stream = head.headers.get("content-type").is_some_and(|kind| kind == "text/event-stream");
        let body = if is_stream { Bytes::new() } else { body.collect().await.expect("a body").to_bytes() };
        let json = serde_json::from_slice(&body).unwrap_or_default();
        self.described.check(method, path, head.status, &head.headers, &json);
        self.provoked.note(method, path, &json);
        Answer { status: head.status, headers: head.headers, json }
    }

    /// Opens a stream.
    pub async fn open(&self, path: &str, headers: &[(&str, &str)]) -> Response {
        let mut request = Request::get(path).header("authorization", &self.authorization);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(Body::empty()).expect("a request");
        self.router.clone().oneshot(request).await.expect("an answer")
    }

    /// Sends a body that breaks off.
    pub async fn send_broken(&self, method: &str, path: &str) -> Answer {
        self.send(method, path, Body::new(Broken), &[]).await
    }

    /// Provokes the problems of every operation that takes a body of at most so many bytes.
    pub async fn provoke_problems_of_a_body(&self, method: &str, path: &str, max_len: usize) {
        self.with_authorization("").send(method, path, "", &[]).await;
        self.send(method, path, "", &[("content-type", "text/plain")]).await;
        self.send(method, path, "", &[("content-encoding", "gzip")]).await;
        self.send(method, path, vec![b' '; max_len + 1], &[]).await;
        self.send(method, path, Body::new(Broken), &[]).await;
        self.send(method, path, "", &[]).await;
    }
}

/// A body that breaks off.
struct Broken;

impl HttpBody for Broken {
    type Data = Bytes;
    type Error = std::io::Error;

    fn poll_frame(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<std::io::Result<Frame<Bytes>>>> {
        Poll::Ready(Some(Err(std::io::ErrorKind::ConnectionReset.into())))
    }
}

//! What a collector hears of a running server.

use std::{
    collections::HashMap,
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
};

use axum::{
    Router,
    body::Bytes,
    extract::State,
    http::{HeaderMap, StatusCode},
    routing::post,
};
use opentelemetry_proto::tonic::{
    collector::trace::v1::ExportTraceServiceRequest,
    common::v1::{KeyValue, any_value::Value},
    trace::v1::{Span, span::SpanKind, status::StatusCode as SpanStatus},
};
use prost::Message;
use serde_json::json;
use signet_engine::testing::{Arrival, Receiver};
use tokio::{
    net::{TcpListener, TcpSocket},
    task::JoinHandle,
};

use super::Folder;
use crate::{
    patience::{until, within},
    server::Server,
};

const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
const PRODUCER: &str = "b7ad6b7169203331";
/// A part of the body that no span may have.
const TOKEN: &str = "0.mF7gg2";

/// A collector that takes what it gets.
struct Collector {
    address: SocketAddr,
    requests: Requests,
    task: JoinHandle<()>,
}

type Requests = Arc<Mutex<Vec<(HeaderMap, ExportTraceServiceRequest)>>>;

impl Collector {
    async fn start() -> Self {
        let socket = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let (address, requests) = (socket.local_addr().expect("an address"), Requests::default());
        let router = Router::new().route("/v1/traces", post(take)).with_state(Arc::clone(&requests));
        let task = tokio::spawn(async move { axum::serve(socket, router).await.expect("served") });
        Self { address, requests, task }
    }

    fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    fn requests(&self) -> Vec<(HeaderMap, ExportTraceServiceRequest)> {
        self.requests.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn spans(&self) -> Vec<Span> {
        let all = self.requests().into_iter().flat_map(|(_, request)| request.resource_spans);
        all.flat_map(|resource| resource.scope_spans).flat_map(|scope| scope.spans).collect()
    }

    async fn has(&self, count: usize) -> Vec<Span> {
        until("the spans", async || self.spans().len() >= count).await;
        self.spans()
    }
}

impl Drop for Collector {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn take(State(requests): State<Requests>, headers: HeaderMap, body: Bytes) -> StatusCode {
    let Ok(request) = ExportTraceServiceRequest::decode(body) else { return StatusCode::BAD_REQUEST };
    requests.lock().unwrap_or_else(PoisonError::into_inner).push((headers, request));
    StatusCode::OK
}

/// A server with one webhook that wants everything.
struct Traced {
    receiver: Receiver,
    server: Server,
    key: String,
    client: reqwest::Client,
    _folder: Folder,
}

impl Traced {
    async fn start(collector: &str, options: &[&str]) -> Self {
        let (folder, receiver) = (Folder::new(), Receiver::start().await);
        std::fs::write(folder.path().join("authority.pem"), &receiver.authority).expect("a file");
        folder.printed(&["account", "add", "acme"]).await;
        let key = folder.printed(&["key", "add", "--account", "acme", "--name", "all", "--scope", "all"]).await;
        let mut serve = folder.signet(&["serve", "--listen", "127.0.0.1:0", "--dev", "--trust-ca", "authority.pem"]);
        serve.args(["--retry-delays", "1s", "--retry-jitter", "0"]).args(options).stderr(std::process::Stdio::piped());
        serve.env("OTEL_EXPORTER_OTLP_ENDPOINT", collector).env("OTEL_EXPORTER_OTLP_HEADERS", "x-token=hunter2");
        let server = Server::start(serve).await;
        let tls = signet_engine::outbound::tls_config(&[]).expect("TLS");
        let client = reqwest::Client::builder().tls_backend_preconfigured(tls).build().expect("a client");
        let this = Self { receiver, server, key, client, _folder: folder };
        let webhook = json!({"url": this.receiver.url("hook/secret-path").as_str(), "eventTypes": ["task.completed"]});
        assert_eq!(this.post("/v1/accounts/acme/endpoints", &webhook, None).await, 201);
        this
    }

    async fn post(&self, path: &str, body: &serde_json::Value, trace: Option<&str>) -> u16 {
        let request = self.client.post(format!("http://{}{path}", self.server.address)).bearer_auth(&self.key);
        let mut request = request.header("content-type", "application/json").body(body.to_string());
        if let Some(trace) = trace {
            request = request.header("traceparent", trace).header("tracestate", "rojo=1");
        }
        within("an answer", request.send()).await.expect("an answer").status().as_u16()
    }

    async fn send(&self, trace: Option<&str>) {
        let event = json!({"event": "task.completed", "taskId": "task_1", "solution": {"token": TOKEN}});
        assert_eq!(self.post("/v1/events", &event, trace).await, 202);
    }
}

fn attributes(of: &[KeyValue]) -> HashMap<&str, String> {
    let text = |value: &Value| match value {
        Value::StringValue(text) => text.clone(),
        Value::IntValue(number) => number.to_string(),
        Value::BoolValue(is) => is.to_string(),
        other => panic!("{other:?}"),
    };
    let value = |pair: &KeyValue| pair.value.as_ref().and_then(|value| value.value.as_ref()).map(text);
    of.iter().map(|pair| (pair.key.as_str(), value(pair).expect("a value"))).collect()
}

fn status(span: &Span) -> SpanStatus {
    span.status.as_ref().map_or(SpanStatus::Unset, opentelemetry_proto::tonic::trace::v1::Status::code)
}

#[tokio::test]
async fn a_collector_gets_the_span_of_an_event_and_of_each_attempt() {
    let collector = Collector::start().await;
    let traced = Traced::start(&collector.url(), &[]).await;
    traced.receiver.answer_by(async |arrival: Arrival| {
        if arrival.headers["x-webhook-attempt"] == "1" && arrival.headers["traceparent"].ends_with("-01") {
            500
        } else {
            204
        }
    });
    let not_recorded = format!("00-11111111111111111111111111111111-{PRODUCER}-00");
    traced.send(Some(&not_recorded)).await;
    traced.receiver.arrived(1).await;
    traced.send(Some(&format!("00-{TRACE}-{PRODUCER}-01"))).await;

    let mut spans = collector.has(3).await;
    spans.sort_by_key(|span| span.start_time_unix_nano);
    let [event, first, second] = &spans[..] else { panic!("{spans:?}") };
    for span in &spans {
        assert_eq!(hex::encode(&span.trace_id), TRACE, "the other trace is not recorded");
        assert_eq!((span.trace_state.as_str(), span.flags & 0xff), ("rojo=1", 1));
        assert!(span.end_time_unix_nano >= span.start_time_unix_nano && span.start_time_unix_nano > 0);
    }
    assert_eq!((event.name.as_str(), event.kind()), ("ingest task.completed", SpanKind::Producer));
    assert_eq!((hex::encode(&event.parent_span_id).as_str(), event.links.len()), (PRODUCER, 0));
    let of_event = attributes(&event.attributes);
    assert!(of_event["messaging.message.id"].starts_with("evt_") && of_event["signet.deliveries"] == "1");
    let arrivals = traced.receiver.arrived(3).await;
    assert_eq!(arrivals[0].headers["traceparent"], not_recorded, "passed on as it came");
    for (span, number, answer, verdict, code) in
        [(first, "1", "500", "retried", SpanStatus::Error), (second, "2", "204", "delivered", SpanStatus::Unset)]
    {
        assert_eq!((span.name.as_str(), span.kind()), ("attempt task.completed", SpanKind::Client));
        assert_eq!(span.parent_span_id, event.span_id);
        let links: Vec<_> = span.links.iter().map(|link| (&link.trace_id, &link.span_id)).collect();
        assert_eq!(links, [(&event.trace_id, &event.span_id)]);
        let told = attributes(&span.attributes);
        assert_eq!((told["signet.attempt"].as_str(), told["signet.verdict"].as_str()), (number, verdict));
        assert_eq!((told["http.response.status_code"].as_str(), status(span)), (answer, code));
        assert_eq!(told["server.address"], "localhost");
        let arrival = arrivals.iter().find(|it| it.headers["webhook-id"] == told["messaging.message.id"]);
        assert!(arrival.is_some(), "the id is that of the delivery");
        let sent = format!("00-{TRACE}-{}-01", hex::encode(&span.span_id));
        assert!(
            arrivals.iter().any(|it| it.headers["traceparent"] == sent && it.headers["x-webhook-attempt"] == number)
        );
    }
    assert_eq!(attributes(&first.attributes)["error.type"], "500");
    for (headers, request) in collector.requests() {
        let resource = request.resource_spans[0].resource.clone().expect("a resource");
        assert_eq!(attributes(&resource.attributes)["service.name"], "signet");
        assert_eq!(headers["x-token"], "hunter2");
        assert_eq!(headers["content-type"], "application/x-protobuf");
        let all = format!("{request:?}");
        for secret in [TOKEN, "secret-path", &traced.key, "whsec_"] {
            assert!(!all.contains(secret), "{secret} in {all}");
        }
    }
}

#[tokio::test]
async fn a_trace_begins_with_the_event_and_the_last_spans_are_sent_before_the_end() {
    let collector = Collector::start().await;
    let mut traced = Traced::start(&collector.url(), &[]).await;
    traced.send(None).await;
    let arrival = traced.receiver.arrived(1).await.remove(0);
    traced.server.stop().await;
    let spans = collector.spans();
    let event = spans.iter().find(|span| span.kind() == SpanKind::Producer).expect("that of the event");
    let attempt = spans.iter().find(|span| span.kind() == SpanKind::Client).expect("that of the attempt");
    assert!(event.parent_span_id.is_empty() && attempt.parent_span_id == event.span_id);
    let sent: Vec<_> = arrival.headers["traceparent"].split('-').map(str::to_owned).collect();
    assert_eq!(sent[1..3], [hex::encode(&attempt.trace_id), hex::encode(&attempt.span_id)]);
}

#[tokio::test]
async fn without_a_part_to_sample_no_trace_begins() {
    let collector = Collector::start().await;
    let mut traced = Traced::start(&collector.url(), &["--otlp-sample-ratio", "0"]).await;
    traced.send(None).await;
    assert!(!traced.receiver.arrived(1).await[0].headers.contains_key("traceparent"));
    traced.server.stop().await;
    assert_eq!(collector.spans(), []);
}

#[tokio::test]
async fn a_collector_that_is_away_costs_spans_alone() {
    // The port is taken, and nobody listens at it.
    let socket = TcpSocket::new_v4().expect("a socket");
    socket.bind(SocketAddr::from(([127, 0, 0, 1], 0))).expect("a free port");
    let nobody = format!("http://{}", socket.local_addr().expect("an address"));
    let mut traced = Traced::start(&nobody, &["--metrics-listen", "127.0.0.1:0"]).await;
    let line = traced.server.wait_for_log("listening for a monitoring system").await;
    let metrics = line.rsplit("address=").next().and_then(|it| it.split_whitespace().next()).expect("an address");
    let metrics = format!("http://{metrics}/metrics");
    traced.send(Some(&format!("00-{TRACE}-{PRODUCER}-01"))).await;
    traced.receiver.arrived(1).await;
    traced.server.wait_for_log("the collector takes no traces").await;
    until("the spans are counted", async || {
        let answer = traced.client.get(&metrics).send().await.expect("an answer").text().await.expect("text");
        answer.lines().any(|line| line == "signet_spans_dropped_total 2")
    })
    .await;
    traced.server.stop().await;
}

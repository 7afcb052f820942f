//! Spans of the engine in the words of OpenTelemetry's semantic conventions.

use std::time::{Duration, SystemTime};

use opentelemetry::{
    InstrumentationScope, KeyValue, SpanId, TraceFlags, TraceId,
    trace::{Link, SpanContext, SpanKind, Status, TraceState},
};
use opentelemetry_sdk::trace::{SpanData, SpanEvents, SpanLinks};
use signet_engine::spans::{AttemptMade, Ingested, Span, Work};
use signet_model::{Timestamp, delivery::Outcome, trace::TraceContext};

/// The span as an exporter takes it. An attempt has the event's span as its parent, and a link to it
/// besides: it can be hours later and in another process, which some tools show by links alone.
pub(super) fn of(span: Span) -> SpanData {
    let Span { context, parent, began_at, ended_at, account, event_type, is_test, work } = span;
    let mut attributes = vec![
        KeyValue::new("messaging.system", "signet"),
        KeyValue::new("signet.account.id", account.to_string()),
        KeyValue::new("signet.event.type", event_type.to_string()),
    ];
    if is_test {
        attributes.push(KeyValue::new("signet.test", true));
    }
    let (verb, span_kind) = match &work {
        Work::Ingest(_) => ("ingest", SpanKind::Producer),
        Work::Attempt(_) => ("attempt", SpanKind::Client),
    };
    let mut links = SpanLinks::default();
    if let (Work::Attempt(_), Some(event)) = (&work, &parent) {
        links.links.push(Link::with_context(span_context(event, true)));
    }
    let status = match work {
        Work::Ingest(result) => ingest(result, &mut attributes),
        Work::Attempt(made) => attempt(made, &mut attributes),
    };
    SpanData {
        span_context: span_context(&context, false),
        parent_span_id: parent.as_deref().map_or(SpanId::INVALID, span_id),
        parent_span_is_remote: parent.is_some(),
        span_kind,
        name: format!("{verb} {event_type}").into(),
        start_time: system_time(began_at),
        end_time: system_time(ended_at),
        attributes,
        dropped_attributes_count: 0,
        events: SpanEvents::default(),
        links,
        status,
        instrumentation_scope: scope(),
    }
}

fn ingest(result: Result<Ingested, String>, attributes: &mut Vec<KeyValue>) -> Status {
    attributes.push(KeyValue::new("messaging.operation.type", "create"));
    attributes.push(KeyValue::new("messaging.operation.name", "ingest"));
    match result {
        Ok(Ingested { event, deliveries, replayed }) => {
            attributes.push(KeyValue::new("messaging.message.id", event.to_string()));
            attributes.push(KeyValue::new("signet.deliveries", i64::from(deliveries)));
            attributes.push(KeyValue::new("signet.replayed", replayed));
            Status::Unset
        }
        Err(reason) => Status::error(reason),
    }
}

fn attempt(made: AttemptMade, attributes: &mut Vec<KeyValue>) -> Status {
    let AttemptMade { delivery, endpoint, host, port, number, outcome, verdict } = made;
    attributes.extend([
        KeyValue::new("messaging.operation.type", "send"),
        KeyValue::new("messaging.operation.name", "attempt"),
        KeyValue::new("messaging.message.id", delivery.to_string()),
        KeyValue::new("signet.webhook.id", endpoint.to_string()),
        KeyValue::new("signet.attempt", i64::from(number)),
        KeyValue::new("signet.verdict", verdict),
        KeyValue::new("http.request.method", "POST"),
        KeyValue::new("server.address", host),
    ]);
    attributes.extend(port.map(|port| KeyValue::new("server.port", i64::from(port))));
    let error = match outcome {
        Outcome::Answered(status) => {
            attributes.push(KeyValue::new("http.response.status_code", i64::from(status)));
            (!outcome.is_success()).then(|| status.to_string())
        }
        Outcome::Failed(failure) => Some(failure.as_str().to_owned()),
    };
    match error {
        Some(error) => {
            let status = Status::error(format!("{error}: {verdict}"));
            attributes.push(KeyValue::new("error.type", error));
            status
        }
        None => Status::Unset,
    }
}

fn span_context(context: &TraceContext, is_remote: bool) -> SpanContext {
    let state = context.state.as_ref().and_then(|state| state.as_str().parse().ok());
    SpanContext::new(
        TraceId::from_bytes(context.parent.trace.bytes()),
        span_id(context),
        TraceFlags::new(context.parent.flags.bits()),
        is_remote,
        state.unwrap_or(TraceState::NONE),
    )
}

fn span_id(context: &TraceContext) -> SpanId {
    SpanId::from_bytes(context.parent.span.bytes())
}

fn scope() -> InstrumentationScope {
    InstrumentationScope::builder("signet").with_version(env!("CARGO_PKG_VERSION")).build()
}

fn system_time(at: Timestamp) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_micros(u64::try_from(at.unix_micros()).unwrap_or_default())
}

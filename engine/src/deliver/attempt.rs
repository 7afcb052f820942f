//! One attempt: signs a delivery, posts it, and returns the outcome.

use std::{borrow::Cow, sync::Arc};

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, header};
use signet_model::{
    DeliveryId, Timestamp,
    delivery::{Attempt, SentHeader},
    endpoint::EndpointUrl,
    event::EventType,
    signature::SigningKeys,
    time::Clock,
    trace::TraceContext,
};

use super::extra_headers::{ExtraHeaders, event_time};

use crate::{
    outbound::{Client, LocalFault},
    retry_after::wait,
};

/// The delivery of one attempt.
#[derive(Debug, Clone)]
pub struct AttemptRequest {
    /// `webhook-id`.
    pub id: DeliveryId,
    /// The URL of the endpoint.
    pub url: Arc<EndpointUrl>,
    /// The keys that sign.
    pub keys: Arc<SigningKeys>,
    /// `X-Webhook-Event`.
    pub event_type: EventType,
    /// `X-Webhook-Test`.
    pub is_test: bool,
    /// `X-Webhook-Possible-Repeat`: the database was restored since the delivery was made.
    pub may_repeat: bool,
    /// `X-Webhook-Attempt`.
    pub number: u32,
    /// The exact bytes to send.
    pub body: Bytes,
    /// The headers that the endpoint has besides those of the contract.
    pub extra: ExtraHeaders,
    /// `traceparent` and `tracestate`.
    pub trace: Option<Arc<TraceContext>>,
}

/// Makes the attempt. Each answer, and each failure on the receiver's side, is an outcome.
///
/// # Errors
/// A fault of this side kept the attempt from being made.
pub async fn attempt(client: &Client, clock: &dyn Clock, request: AttemptRequest) -> Result<Attempt, LocalFault> {
    let started_at = clock.now();
    let headers = headers(&request, started_at);
    let extra = &request.extra;
    let exchange = client.post(&request.url, || on_the_wire(&headers, extra), request.body).await?;
    let ended_at = started_at + exchange.duration;
    let (answer, broken) = match exchange.outcome {
        Ok(answer) => (Some(answer), None),
        Err(broken) => (None, Some(broken)),
    };
    let (failure, failure_detail) = broken.unzip();
    let retry_after = answer.as_ref().and_then(|answer| answer.retry_after.as_deref());
    Ok(Attempt {
        number: request.number,
        started_at,
        duration: exchange.duration,
        first_byte: answer.as_ref().map(|answer| answer.first_byte),
        phases: exchange.phases,
        retry_after: retry_after.and_then(|text| wait(text, ended_at)),
        request_headers: shown(headers, extra),
        response: answer.map(|answer| answer.response),
        failure,
        failure_detail,
    })
}

/// The headers of an attempt as they are stored.
fn shown(headers: Vec<Header>, extra: &ExtraHeaders) -> Vec<SentHeader> {
    headers.into_iter().map(|(name, value)| (name.shown.into(), value)).chain(extra.masked()).collect()
}

/// The headers that an attempt at this instant would have sent, as they are stored.
#[cfg(any(test, feature = "testing"))]
pub(crate) fn headers_of(request: &AttemptRequest, at: Timestamp) -> Vec<SentHeader> {
    shown(headers(request, at), &request.extra)
}

/// A header's name as it is sent, in title case, and as the client is given it, which
/// puts it into title case.
struct Name {
    shown: &'static str,
    wire: HeaderName,
}

static CONTENT_TYPE: Name = Name { shown: "Content-Type", wire: header::CONTENT_TYPE };
static ACCEPT: Name = Name { shown: "Accept", wire: header::ACCEPT };
static USER_AGENT: Name = Name { shown: "User-Agent", wire: header::USER_AGENT };
static HEX: Name = Name { shown: "X-Webhook-Signature", wire: HeaderName::from_static("x-webhook-signature") };
static ID: Name = Name { shown: "Webhook-Id", wire: HeaderName::from_static("webhook-id") };
static TIMESTAMP: Name = Name { shown: "Webhook-Timestamp", wire: HeaderName::from_static("webhook-timestamp") };
static STANDARD: Name = Name { shown: "Webhook-Signature", wire: HeaderName::from_static("webhook-signature") };
static EVENT: Name = Name { shown: "X-Webhook-Event", wire: HeaderName::from_static("x-webhook-event") };
static ATTEMPT: Name = Name { shown: "X-Webhook-Attempt", wire: HeaderName::from_static("x-webhook-attempt") };
static CE_VERSION: Name = Name { shown: "Ce-Specversion", wire: HeaderName::from_static("ce-specversion") };
static CE_ID: Name = Name { shown: "Ce-Id", wire: HeaderName::from_static("ce-id") };
static CE_SOURCE: Name = Name { shown: "Ce-Source", wire: HeaderName::from_static("ce-source") };
static CE_TYPE: Name = Name { shown: "Ce-Type", wire: HeaderName::from_static("ce-type") };
static CE_TIME: Name = Name { shown: "Ce-Time", wire: HeaderName::from_static("ce-time") };
static TEST: Name = Name { shown: "X-Webhook-Test", wire: HeaderName::from_static("x-webhook-test") };
static TRACE_PARENT: Name = Name { shown: "Traceparent", wire: HeaderName::from_static("traceparent") };
static TRACE_STATE: Name = Name { shown: "Tracestate", wire: HeaderName::from_static("tracestate") };
static MAY_REPEAT: Name =
    Name { shown: "X-Webhook-Possible-Repeat", wire: HeaderName::from_static("x-webhook-possible-repeat") };

type Header = (&'static Name, Cow<'static, str>);

fn headers(request: &AttemptRequest, at: Timestamp) -> Vec<Header> {
    let id = request.id.to_string();
    let signed = request.keys.sign(&id, at, &request.body);
    let mut headers: Vec<Header> = Vec::with_capacity(10);
    headers.extend([
        (&CONTENT_TYPE, "application/json".into()),
        // Firewalls for web applications are wary of requests without it.
        (&ACCEPT, "*/*".into()),
        (&USER_AGENT, concat!("Signet/", env!("CARGO_PKG_VERSION")).into()),
        (&HEX, signed.hex.into()),
        (&ID, id.into()),
        (&TIMESTAMP, at.unix_seconds().to_string().into()),
        (&STANDARD, signed.standard.into()),
        (&EVENT, request.event_type.to_string().into()),
        (&ATTEMPT, request.number.to_string().into()),
    ]);
    if request.is_test {
        headers.push((&TEST, "true".into()));
    }
    if request.may_repeat {
        headers.push((&MAY_REPEAT, "true".into()));
    }
    if let Some(TraceContext { parent, state }) = request.trace.as_deref() {
        headers.push((&TRACE_PARENT, parent.to_string().into()));
        headers.extend(state.iter().map(|state| (&TRACE_STATE, state.to_string().into())));
    }
    if let Some(source) = &request.extra.event_source {
        add_cloud_event(&mut headers, request, source);
    }
    headers
}

/// Adds the attributes of an event in the binary mode of CloudEvents (HTTP Protocol Binding
/// 1.0.2, section 3.1): the body is the data, and `Content-Type` its type.
fn add_cloud_event(headers: &mut Vec<Header>, request: &AttemptRequest, source: &str) {
    headers.extend([
        (&CE_VERSION, Cow::Borrowed("1.0")),
        (&CE_ID, request.id.to_string().into()),
        (&CE_SOURCE, source.to_owned().into()),
        (&CE_TYPE, request.event_type.to_string().into()),
    ]);
    headers.extend(event_time(&request.body).map(|time| (&CE_TIME, time.to_owned().into())));
}

/// The headers as they are sent, with room for those that the client adds.
fn on_the_wire(headers: &[Header], extra: &ExtraHeaders) -> HeaderMap {
    let mut map = HeaderMap::with_capacity((headers.len() + extra.custom.len() + 4).max(16));
    for (name, value) in headers {
        // Hexadecimal digits, base64, numbers, names, ids and traces are all made of visible ASCII.
        let value = match value {
            Cow::Borrowed(text) => HeaderValue::from_static(text),
            Cow::Owned(text) => HeaderValue::from_str(text).expect("visible ASCII"),
        };
        map.insert(name.wire.clone(), value);
    }
    for header in extra.custom.iter() {
        // A name that became the contract's since the header was stored is not overwritten.
        map.entry(&header.name).or_insert_with(|| header.value.clone());
    }
    map
}

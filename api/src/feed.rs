//! A stream of events as an answer: Server-Sent Events (the HTML standard, section 9.2).
//!
//! A task of its own reads the stream, one event ahead of the client. While the client takes
//! nothing, the task holds that event, and no connection of the database.

use std::{convert::Infallible, fmt::Write, str::FromStr, time::Duration};

use axum::{
    body::{Body, Bytes},
    extract::FromRequestParts,
    http::{HeaderName, HeaderValue, header, request::Parts},
    response::{IntoResponse, Response},
};
use futures_util::stream::poll_fn;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use signet_engine::service::event_stream::{EventStream, Next, OpenError, StreamedEvent, TooManyStreams};
use signet_model::{DeliveryId, EventId, Timestamp};
use tokio::{sync::mpsc, time::Instant};
use utoipa::{IntoParams, ToSchema};

use crate::{
    access::{Allows, Api, Standing},
    ids::schema,
    json::members,
    list::query,
    problem::{Code, Problem},
    time::Time,
};

/// The time after which a quiet stream sends its place, and the key is looked at again.
const CHECK: Duration = Duration::from_secs(5);
/// The header with the place of a client that was away.
const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");

/// The end of a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ToSchema)]
#[schema(rename_all = "snake_case")]
enum Until {
    /// Once all that there is has been told.
    Quiet,
}

impl FromStr for Until {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text == "quiet" { Ok(Self::Quiet) } else { Err("must be quiet, or be left out") }
    }
}

/// The parameters of a stream.
#[derive(Debug, Clone, Copy, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct StreamParams {
    /// `quiet`: the stream ends once all that there is has been told. Without it, the stream goes
    /// on.
    #[serde(default, deserialize_with = "members::parsed_if_given")]
    #[param(inline)]
    until: Option<Until>,
}

/// The place from which on a request asks for events, and where they end.
#[derive(Debug, Clone, Copy)]
pub struct Wanted {
    /// The last event that the client has seen.
    pub last_seen: Option<EventId>,
    until: Option<Until>,
}

impl FromRequestParts<Api> for Wanted {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &Api) -> Result<Self, Problem> {
        let StreamParams { until } = query(&parts.uri)?;
        let last_seen = parts.headers.get(LAST_EVENT_ID).map(read_place).transpose()?;
        Ok(Self { last_seen, until })
    }
}

fn read_place(value: &HeaderValue) -> Result<EventId, Problem> {
    let place = value.to_str().ok().and_then(|text| text.parse().ok());
    place.ok_or_else(|| Problem::parameter("Last-Event-ID", "is not an id of this stream; leave it out to begin now"))
}

impl From<TooManyStreams> for Problem {
    fn from(error: TooManyStreams) -> Self {
        Self::new(Code::TooManyStreams, error.to_string())
    }
}

impl From<OpenError> for Problem {
    fn from(error: OpenError) -> Self {
        match error {
            OpenError::TooMany(error) => error.into(),
            OpenError::Store(error) => error.into(),
        }
    }
}

/// An event of a stream: the text of a message (`data`).
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct StreamEvent<'a> {
    /// The event's id.
    #[schema(value_type = schema::EventId)]
    id: EventId,
    /// The delivery to the webhook, in the stream of one.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<schema::DeliveryId>)]
    delivery: Option<DeliveryId>,
    /// The event's type.
    #[serde(rename = "type")]
    event_type: &'a str,
    /// True if a person sent it as a test.
    is_test: bool,
    /// The instant at which it was accepted.
    accepted_at: Time,
    /// The body that is delivered, byte for byte.
    #[schema(value_type = Object)]
    body: &'a RawValue,
}

/// The text of the message `missed`.
#[derive(Debug, Serialize)]
struct Missed {
    /// The instant of the last event that the client has seen.
    since: Time,
}

/// The answer that tells a stream, as long as the permission holds.
pub fn answer<S: Allows>(stream: EventStream, permission: Standing<S>, wanted: Wanted) -> Response {
    let (messages, mut told) = mpsc::channel(1);
    tokio::spawn(feed(stream, permission, wanted.until, messages));
    let body = Body::from_stream(poll_fn(move |context| told.poll_recv(context).map(|it| it.map(Ok::<_, Infallible>))));
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream")),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
        // nginx would keep the messages back.
        (HeaderName::from_static("x-accel-buffering"), HeaderValue::from_static("no")),
    ];
    (headers, body).into_response()
}

/// Tells a stream until the client goes, the key is revoked, or the process stops.
async fn feed<S: Allows>(
    mut stream: EventStream,
    mut permission: Standing<S>,
    until: Option<Until>,
    messages: mpsc::Sender<Bytes>,
) {
    if let Some(since) = stream.missed_since()
        && messages.send(missed(since)).await.is_err()
    {
        return;
    }
    // The first message has the place of the stream, for a client that is cut off before an event.
    let (mut wait, mut checked) = (Duration::ZERO, Instant::now());
    while let Ok(room) = messages.reserve().await {
        if checked.elapsed() >= CHECK {
            if !permission.holds().await {
                return;
            }
            checked = Instant::now();
        }
        let next = tokio::select! {
            next = stream.next(wait) => next,
            () = messages.closed() => return,
        };
        match next {
            Ok(Next::Event(event)) => room.send(message(&event)),
            Ok(Next::Quiet(place)) => {
                room.send(format!("id: {place}\n\n").into());
                wait = CHECK;
                if until == Some(Until::Quiet) {
                    return;
                }
            }
            Ok(Next::Stopping) => return,
            Err(error) => return tracing::debug!(%error, "a stream is ended: its events cannot be read"),
        }
    }
}

fn missed(since: Timestamp) -> Bytes {
    format!("event: missed\ndata: {}\n\n", json(&Missed { since: Time(since) })).into()
}

/// An event as a message; only its place, if its body is no JSON, which no version stores.
fn message(event: &StreamedEvent) -> Bytes {
    let mut text = format!("id: {}\n", event.id);
    if let Ok(body) = serde_json::from_str::<&RawValue>(&event.body)
        && !event.body.contains(['\r', '\n'])
    {
        let shown = StreamEvent {
            id: event.id,
            delivery: event.delivery,
            event_type: event.event_type.as_str(),
            is_test: event.is_test,
            accepted_at: Time(event.accepted_at),
            body,
        };
        let _ = writeln!(text, "data: {}", json(&shown));
    }
    text.push('\n');
    text.into()
}

fn json(value: &impl Serialize) -> String {
    // Only a map with keys that are no text cannot be written.
    serde_json::to_string(value).unwrap_or_default()
}

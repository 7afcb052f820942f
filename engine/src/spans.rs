//! Spans: what a recorder of traces hears of, one for each event that comes in, and one for each
//! attempt.
//!
//! The engine knows no tracing system. It makes the ids of spans, since these go into the store and
//! to receivers before a span has ended, and hands each span over when it has. Without a recorder
//! each of the two places costs a branch.

use std::sync::Arc;

use signet_model::{
    AccountId, DeliveryId, EndpointId, EventId, Timestamp,
    delivery::Outcome,
    event::EventType,
    trace::{TraceContext, TraceId},
};

/// Takes spans.
pub trait SpanRecorder: Send + Sync {
    /// Decides whether a trace is recorded that begins with an event. If its producer has begun one,
    /// the producer has decided.
    fn records(&self, trace: TraceId) -> bool;

    /// Takes a span that has ended. It must not wait: a delivery would wait with it.
    fn take(&self, span: Span);
}

/// A piece of work that has ended. It has no secret, no body, and of a URL only the host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Span {
    /// Its own place in the trace.
    pub context: Arc<TraceContext>,
    /// The place from which it was begun: the producer's span for an event; for an attempt what is
    /// stored with its event. `None`: it begins the trace.
    pub parent: Option<Arc<TraceContext>>,
    /// The instant at which it began.
    pub began_at: Timestamp,
    /// The instant at which it ended.
    pub ended_at: Timestamp,
    /// The account of the event.
    pub account: AccountId,
    /// The type of the event.
    pub event_type: EventType,
    /// True if a person sent the event as a test.
    pub is_test: bool,
    /// The work.
    pub work: Work,
}

/// The work of a span.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Work {
    /// An event was stored, or the reason why not.
    Ingest(Result<Ingested, String>),
    /// An attempt was made.
    Attempt(AttemptMade),
}

/// An event that is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ingested {
    /// Its id.
    pub event: EventId,
    /// The number of its deliveries.
    pub deliveries: u32,
    /// An earlier request has stored it.
    pub replayed: bool,
}

/// An attempt that was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AttemptMade {
    /// The delivery, `webhook-id`.
    pub delivery: DeliveryId,
    /// The endpoint.
    pub endpoint: EndpointId,
    /// The host of its URL.
    pub host: String,
    /// The port of its URL.
    pub port: Option<u16>,
    /// 1 for the first attempt, counting up.
    pub number: u32,
    /// The status, or the failure.
    pub outcome: Outcome,
    /// What it means for the delivery: `delivered`, `retried`, `failed` or `disabled` (the endpoint,
    /// with the delivery failed).
    pub verdict: &'static str,
}

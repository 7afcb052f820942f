//! Tells the recorder of spans, if there is one, of each event that comes in and of each attempt.
//!
//! A span is recorded if the trace is: its producer decides for the whole of it, and the recorder
//! where the trace begins here. The context of the event's span is stored with the event in place of
//! the producer's, and that of an attempt's span is sent to the receiver. Where no span is recorded,
//! what came is passed on as it is: a span that nobody records would be a hole in the trace.

use std::sync::Arc;

use signet_model::{
    AccountId, Timestamp,
    event::EventType,
    trace::{SpanId, TraceContext, TraceFlags, TraceId, TraceParent},
};

use super::{
    Audience, Context, Incoming,
    endpoint_cache::EndpointView,
    ingest::{Accepted, IngestError},
    outcome::Decided,
    reply::Answer,
    verdict::Verdict,
};
use crate::spans::{AttemptMade, Ingested, Span, SpanRecorder, Work};

/// The spans of events on their way into the store, in the order of the events.
pub(super) struct BegunIngests {
    began_at: Timestamp,
    /// `None` for an event whose trace is not recorded.
    spans: Vec<Option<BegunIngest>>,
}

struct BegunIngest {
    context: Arc<TraceContext>,
    parent: Option<Arc<TraceContext>>,
    account: AccountId,
    event_type: EventType,
    is_test: bool,
}

/// Begins a span for each event whose trace is recorded. `None` if none can be.
pub(super) fn begin_ingests(context: &Context, events: &mut [Incoming]) -> Option<BegunIngests> {
    let recorder = context.recorder()?;
    let spans = events.iter_mut().map(|incoming| BegunIngest::of(context, recorder, incoming)).collect();
    Some(BegunIngests { began_at: context.clock.now(), spans })
}

impl BegunIngest {
    fn of(context: &Context, recorder: &dyn SpanRecorder, incoming: &mut Incoming) -> Option<Self> {
        let event = &mut incoming.event;
        let own = Arc::new(match &event.trace {
            Some(parent) => continued(context, parent)?,
            None => begun(context, recorder)?,
        });
        Some(Self {
            parent: event.trace.replace(Arc::clone(&own)),
            context: own,
            account: event.account,
            event_type: event.body.event_type.clone(),
            is_test: matches!(incoming.audience, Audience::Test(..)),
        })
    }

    fn ended(self, began_at: Timestamp, ended_at: Timestamp, answer: Answer<Accepted>) -> Span {
        let Self { context, parent, account, event_type, is_test } = self;
        let stored = answer.map(|Accepted { id, deliveries, replayed }| Ingested { event: id, deliveries, replayed });
        let work = Work::Ingest(stored.map_err(|error| error.to_string()));
        Span { context, parent, began_at, ended_at, account, event_type, is_test, work }
    }
}

/// Tells of events that are stored, or were not taken.
pub(super) fn end_ingests(
    context: &Context,
    begun: BegunIngests,
    answers: &Result<Vec<Answer<Accepted>>, IngestError>,
) {
    let Some(recorder) = context.recorder() else { return };
    let now = context.clock.now();
    for (place, span) in begun.spans.into_iter().enumerate() {
        let answer = match answers {
            Ok(answers) => answers.get(place).copied().unwrap_or(Err(IngestError::Store)),
            Err(error) => Err(*error),
        };
        if let Some(span) = span {
            recorder.take(span.ended(begun.began_at, now, answer));
        }
    }
}

/// Begins the span of an attempt at a delivery of an event with this trace, if it is recorded.
pub(super) fn begin_attempt(context: &Context, trace: Option<&TraceContext>) -> Option<Arc<TraceContext>> {
    context.recorder()?;
    continued(context, trace?).map(Arc::new)
}

/// Tells of an attempt that was made.
pub(super) fn end_attempt(
    context: &Context,
    (own, parent): (Arc<TraceContext>, Option<Arc<TraceContext>>),
    endpoint: &EndpointView,
    decided: &Decided,
) {
    let (Some(recorder), Some(attempt)) = (context.recorder(), decided.completion.attempt()) else { return };
    let completion = &decided.completion;
    let url = endpoint.url();
    recorder.take(Span {
        context: own,
        parent,
        began_at: attempt.started_at,
        ended_at: attempt.ended_at(),
        account: completion.account,
        event_type: completion.event_type.clone(),
        is_test: completion.is_test,
        work: Work::Attempt(AttemptMade {
            delivery: completion.delivery,
            endpoint: completion.endpoint,
            host: url.map(|url| url.host().to_owned()).unwrap_or_default(),
            port: url.and_then(|url| url.url().port_or_known_default()),
            number: attempt.number,
            outcome: attempt.outcome(),
            verdict: match decided.verdict {
                Verdict::Delivered => "delivered",
                Verdict::Retry(_) => "retried",
                Verdict::TestFailed | Verdict::Returned => "failed",
                Verdict::Disable(_) => "disabled",
            },
        }),
    });
}

/// Makes a span in a trace that its producer has recorded.
fn continued(context: &Context, parent: &TraceContext) -> Option<TraceContext> {
    parent.parent.flags.is_sampled().then(|| parent.with_span(SpanId::new(context.random.bytes())))
}

/// Makes the first span of a trace.
fn begun(context: &Context, recorder: &dyn SpanRecorder) -> Option<TraceContext> {
    let (trace, flags) = (TraceId::new(context.random.bytes()), TraceFlags::SAMPLED.and(TraceFlags::RANDOM));
    recorder.records(trace).then(|| {
        let span = SpanId::new(context.random.bytes());
        TraceContext { parent: TraceParent { trace, span, flags }, state: None }
    })
}

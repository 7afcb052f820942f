//! A delivery that this process has leased, from its lane to its outcome.

use std::{pin::pin, sync::Arc};

use bytes::Bytes;
use signet_model::{AccountId, DeliveryId, Timestamp, delivery::Attempt, event::EventType, trace::TraceContext};
use tokio::time::{Instant, timeout};

use super::{
    Context,
    attempt::{self, AttemptRequest},
    endpoint_cache::{Admission, EndpointView, Target},
    lanes::{AttemptSlot, AttemptSummary, HANGS_AFTER, LaneSlot, is_from_before},
    outcome::{Completion, CompletionResult, Decided},
    rests, traces,
};
use crate::{fault, outbound::LocalFault, settings::Settings};

/// A delivery that this process has leased, with a slot in its endpoint's lane.
pub(crate) struct LeasedDelivery {
    pub(crate) account: AccountId,
    pub(crate) id: DeliveryId,
    pub(crate) endpoint: Arc<EndpointView>,
    pub(crate) event_type: EventType,
    pub(crate) is_test: bool,
    /// Attempts made so far.
    pub(crate) attempts: i32,
    /// Failed attempts of this round.
    pub(crate) failures: i32,
    pub(crate) body: Bytes,
    /// The trace of its event.
    pub(crate) trace: Option<Arc<TraceContext>>,
    /// Holds the lease; returned once the writer has the outcome.
    pub(crate) slot: LaneSlot,
}

impl LeasedDelivery {
    /// Attempts the delivery in a task as soon as its lane allows.
    pub(crate) fn send(self, context: &Arc<Context>) {
        if let Some(delivery) = context.lanes.enter(self) {
            delivery.start(context);
        }
    }

    fn start(self, context: &Arc<Context>) {
        context.attempts.spawn(work(Arc::clone(context), self));
    }

    /// Tells whether the lease lasts for an attempt and half of the margin to record it.
    /// A delivery that waited too long is left to fall due again, and so is one that was leased before
    /// the clock was set back.
    fn has_lease_left(&self, context: &Context, now: Timestamp) -> bool {
        let budget = context.settings.budget;
        let ends_at = now + budget + Settings::lease_margin(budget) / 2;
        let lasts = |until| ends_at <= until && !is_from_before(until, now, context.settings.lease);
        self.slot.leased().is_some_and(|leased| lasts(leased.until))
    }

    /// Attempts the delivery and returns a summary. Returns the delivery to the store
    /// instead if its endpoint was disabled or rests since the lease began, or the process stops.
    async fn process(mut self, context: &Arc<Context>, slot: &mut AttemptSlot) -> Option<AttemptSummary> {
        context.lanes.pace(slot).await;
        let now = context.clock.now();
        if !self.has_lease_left(context, now) {
            return None;
        }
        let address = (self.account, self.endpoint.id);
        let admission = context.endpoint_cache.admission(address, self.is_test, now);
        let refused = context.shutdown.begun.is_cancelled() || matches!(admission, Admission::Refuse | Admission::Rest);
        if let Admission::Send(view) = admission {
            self.endpoint = view;
        }
        let (false, Ok(target)) = (refused, self.endpoint.target.clone()) else {
            self.complete(context, CompletionResult::Returned(now), None).await;
            return None;
        };
        let own = traces::begin_attempt(context, self.trace.as_deref());
        let sent = own.clone().or_else(|| self.trace.clone());
        let start = Instant::now();
        match self.attempt(context, &target, sent, slot).await {
            Ok(attempt) => {
                let at = Instant::now();
                let summary = AttemptSummary::of(&attempt, at, at - start);
                self.complete(context, CompletionResult::Attempted(Arc::new(attempt)), own).await;
                Some(summary)
            }
            Err(fault) => {
                tracing::debug!(%fault, "an attempt could not be made, and is not counted");
                let later = context.clock.now() + context.lanes.slow_down(fault);
                self.complete(context, CompletionResult::Returned(later), None).await;
                None
            }
        }
    }

    /// The request of an attempt, which takes the body.
    pub(crate) fn request(
        &mut self,
        context: &Context,
        target: &Target,
        trace: Option<Arc<TraceContext>>,
    ) -> AttemptRequest {
        AttemptRequest {
            id: self.id,
            url: Arc::clone(&target.url),
            keys: target.keys_at(context.clock.now()),
            event_type: self.event_type.clone(),
            is_test: self.is_test,
            may_repeat: context.last_restore.covers(self.id),
            number: u32::try_from(self.attempts.saturating_add(1)).unwrap_or(1),
            body: std::mem::take(&mut self.body),
            extra: target.extra.clone(),
            trace,
        }
    }

    /// Makes the attempt. An attempt that takes long counts as hanging, and its slot
    /// among the working ones goes to another delivery.
    async fn attempt(
        &mut self,
        context: &Arc<Context>,
        target: &Target,
        trace: Option<Arc<TraceContext>>,
        slot: &mut AttemptSlot,
    ) -> Result<Attempt, LocalFault> {
        let request = self.request(context, target, trace);
        let mut attempt = pin!(attempt::attempt(&context.client, context.clock.as_ref(), request));
        let made = loop {
            if let Ok(made) = timeout(HANGS_AFTER, &mut attempt).await {
                break made;
            }
            if let Some(next) = context.lanes.hang(slot) {
                start_all(next, context);
                break attempt.await;
            }
        };
        fault::point("after_send");
        made
    }

    /// Hands the outcome to the writer. The delivery keeps its slot until the writer has
    /// room, so that a slow writer slows claiming down. If the writer has stopped, the
    /// lease runs out and the delivery falls due again. `span` is the attempt's own, if it has one.
    async fn complete(self, context: &Context, result: CompletionResult, span: Option<Arc<TraceContext>>) {
        let completion = Completion {
            account: self.account,
            endpoint: self.endpoint.id,
            delivery: self.id,
            event_type: self.event_type,
            is_test: self.is_test,
            slot: self.slot,
            attempts: self.attempts,
            failures: self.failures,
            result,
        };
        let mut decided = Decided::new(context, completion);
        if let Some(span) = span {
            traces::end_attempt(context, (span, self.trace), &self.endpoint, &decided);
        }
        if decided.disables() {
            context.endpoint_cache.begin_disabling(self.endpoint.id);
        }
        if let Some(until) = decided.rest {
            rests::begin(context, (self.account, self.endpoint.id), until).await;
        }
        if let Ok(writer) = context.outcomes.reserve().await {
            decided.vacate();
            writer.send(decided);
        }
    }
}

/// Attempts a delivery, and then those that its lanes hand out, until none is left.
async fn work(context: Arc<Context>, first: LeasedDelivery) {
    let mut next = Some(first);
    while let Some(delivery) = next {
        let mut slot = delivery.slot.attempt_slot();
        let summary = delivery.process(&context, &mut slot).await;
        let mut deliveries = context.lanes.next(&slot, summary);
        next = deliveries.pop();
        start_all(deliveries, &context);
    }
}

fn start_all(deliveries: Vec<LeasedDelivery>, context: &Arc<Context>) {
    for delivery in deliveries {
        delivery.start(context);
    }
}

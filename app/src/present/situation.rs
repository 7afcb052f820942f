//! The state that the advice about an attempt depends on.

use signet_engine::service::{deliveries::Delivery, endpoints::Endpoint};
use signet_model::{
    delivery::{Attempt, State},
    endpoint::DisabledReason,
};

/// The state of a delivery after one of its attempts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Situation {
    /// A person sent it as a test.
    pub(crate) is_test: bool,
    /// What comes after the attempt.
    pub(crate) next: Next,
    /// The webhook, as it is now.
    pub(crate) webhook: Webhook,
    /// The receiver asked to be left alone for a time.
    pub(crate) asked: bool,
}

/// What comes after an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Next {
    /// Another attempt has been made, or is under way.
    Followed,
    /// Another attempt is due at a time.
    Due,
    /// The delivery waits for the webhook.
    Held,
    /// The delivery has ended.
    Nothing,
}

/// The state of a webhook.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Webhook {
    /// It takes deliveries.
    Enabled,
    /// A person has paused it.
    Paused,
    /// It is disabled, by another delivery.
    Disabled,
    /// It is disabled, because this delivery has failed.
    DisabledByThis,
}

impl Situation {
    /// The state after an attempt at a delivery of a webhook.
    pub(crate) fn of(attempt: &Attempt, delivery: &Delivery, webhook: &Endpoint) -> Self {
        Self { webhook: Webhook::of(delivery, webhook), ..Self::without_webhook(attempt, delivery) }
    }

    /// The state after the test of a draft: nothing comes after it.
    pub(crate) const DRAFT: Self = Self { is_test: true, next: Next::Nothing, webhook: Webhook::Enabled, asked: false };

    /// The state after an attempt where the webhook does not matter, as for a test.
    pub(crate) fn without_webhook(attempt: &Attempt, delivery: &Delivery) -> Self {
        Self {
            is_test: delivery.is_test,
            next: Next::of(attempt, delivery),
            webhook: Webhook::Enabled,
            asked: attempt.rests_until().is_some(),
        }
    }
}

impl Next {
    #[cfg(test)]
    pub(crate) const ALL: [Self; 4] = [Self::Followed, Self::Due, Self::Held, Self::Nothing];

    fn of(attempt: &Attempt, delivery: &Delivery) -> Self {
        if attempt.number < delivery.attempts || delivery.in_flight {
            return Self::Followed;
        }
        match delivery.state {
            State::Pending => Self::Due,
            State::Held => Self::Held,
            State::Delivered | State::Failed | State::Discarded => Self::Nothing,
        }
    }
}

impl Webhook {
    #[cfg(test)]
    pub(crate) const ALL: [Self; 4] = [Self::Enabled, Self::Paused, Self::Disabled, Self::DisabledByThis];

    fn of(delivery: &Delivery, webhook: &Endpoint) -> Self {
        match webhook.disabled {
            None => Self::Enabled,
            Some(disabled) if disabled.reason == Some(DisabledReason::Paused) => Self::Paused,
            Some(disabled) if disabled.by == Some(delivery.id) => Self::DisabledByThis,
            Some(_) => Self::Disabled,
        }
    }
}

//! Operations on deliveries.

mod list;
mod read;
mod resend;
mod retry;
mod stop;
#[cfg(test)]
mod tests;
mod texts;

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use signet_engine::{
    UnusableDelivery,
    service::deliveries::{self, Filter, IdPrefix, ResendError, ResultClass, RetryError},
};
use signet_model::{
    DeliveryId, EndpointId, EventId,
    delivery::{Outcome, State},
    event::EventType,
};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};

pub use read::Exchange;

use crate::{
    access::Api,
    ids::schema,
    json::members,
    problem::{Code, Problem},
    time::Time,
};

/// The operations.
pub fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(list::list_deliveries))
        .routes(routes!(read::read_delivery))
        .routes(routes!(retry::retry_delivery))
        .routes(routes!(stop::stop_delivery))
        .routes(routes!(resend::resend_delivery))
}

/// Defines a type with the members of a selection of deliveries, and members of its own: serde cannot
/// name the place of a fault in a part that is flattened.
macro_rules! selection {
    ($(#[$about:meta])* pub struct $name:ident { $($own:tt)* }) => {
        $(#[$about])*
        #[derive(Debug, Clone, Default, Deserialize, ToSchema, IntoParams)]
        #[serde(rename_all = "camelCase", deny_unknown_fields)]
        #[into_params(parameter_in = Query)]
        pub struct $name {
            /// Only those of this webhook.
            #[serde(default, deserialize_with = "members::parsed_if_given")]
            #[schema(value_type = schema::EndpointId, required = false)]
            #[param(value_type = Option<String>)]
            endpoint: Option<EndpointId>,
            /// Only those in this state.
            #[serde(default, deserialize_with = "members::parsed_if_given")]
            #[schema(value_type = texts::DeliveryState, required = false)]
            #[param(value_type = Option<texts::DeliveryState>, inline)]
            state: Option<State>,
            /// Only those of events of this type.
            #[serde(default, deserialize_with = "members::parsed_if_given")]
            #[schema(value_type = String, required = false)]
            #[param(value_type = Option<String>)]
            event_type: Option<EventType>,
            /// Only those of events accepted at this instant or later (RFC 3339).
            #[serde(default, deserialize_with = "members::parsed_if_given")]
            #[schema(value_type = Time, required = false)]
            #[param(value_type = Option<Time>, inline)]
            since: Option<Time>,
            /// Only those of events accepted before this instant (RFC 3339).
            #[serde(default, deserialize_with = "members::parsed_if_given")]
            #[schema(value_type = Time, required = false)]
            #[param(value_type = Option<Time>, inline)]
            until: Option<Time>,
            /// Only those whose last attempt ended so.
            #[serde(default, deserialize_with = "members::parsed_if_given")]
            #[schema(value_type = texts::DeliveryResult, required = false)]
            #[param(value_type = Option<texts::DeliveryResult>, inline)]
            result: Option<ResultClass>,
            /// Only those whose last attempt was answered with this HTTP status, in digits.
            #[serde(default, deserialize_with = "members::parsed_if_given")]
            #[schema(value_type = String, required = false)]
            #[param(value_type = Option<String>)]
            status: Option<u16>,
            /// Only those of events with this reference: the `taskId`, or the value of the member that
            /// the event type names instead.
            #[serde(default, deserialize_with = "members::if_given")]
            #[schema(value_type = String, required = false)]
            #[param(value_type = Option<String>)]
            task: Option<String>,
            /// Only those whose own id (`msg_…`), or that of their event (`evt_…`), begins so.
            #[serde(default, deserialize_with = "members::parsed_if_given")]
            #[schema(value_type = String, required = false)]
            #[param(value_type = Option<String>)]
            id: Option<IdPrefix>,
            $($own)*
        }

        impl From<$name> for Filter {
            fn from(filter: $name) -> Self {
                Self {
                    endpoint: filter.endpoint,
                    state: filter.state,
                    event_types: filter.event_type.map(|kind| BTreeSet::from([kind])),
                    since: filter.since.map(|time| time.0),
                    until: filter.until.map(|time| time.0),
                    result: filter.result,
                    status: filter.status,
                    task: filter.task,
                    task_begins: false,
                    id: filter.id,
                }
            }
        }
    };
}

selection! {
    /// A selection of deliveries. What is left out does not restrict.
    pub struct DeliveryFilter {}
}

selection! {
    /// A selection of deliveries to be sent again, and the pace. What is left out does not restrict.
    pub struct NewResend {
        /// The deliveries that go out in a minute, never more than the server releases; without it,
        /// as many as that.
        #[serde(default, deserialize_with = "members::if_given")]
        #[schema(value_type = u32, required = false, minimum = 1, example = 60)]
        pub(crate) per_minute: Option<u32>,
    }
}

/// A delivery: one event on its way to one webhook.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Delivery {
    /// Its id, which the receiver sees as `webhook-id`.
    #[schema(value_type = schema::DeliveryId)]
    id: DeliveryId,
    /// The event.
    #[schema(value_type = Option<schema::EventId>)]
    event: Option<EventId>,
    /// The webhook.
    #[schema(value_type = Option<schema::EndpointId>)]
    endpoint: Option<EndpointId>,
    /// The type of the event.
    event_type: Option<String>,
    /// True if it was sent as a test.
    is_test: bool,
    /// `pending`, `delivered`, `failed`, `held` or `discarded`; `null` if it cannot be used.
    state: Option<&'static str>,
    /// The instant at which the next attempt is due, while it is pending.
    due_at: Option<Time>,
    /// True while an attempt is under way.
    in_flight: bool,
    /// Attempts made.
    attempts: u32,
    /// The HTTP status of the last attempt.
    last_status: Option<u16>,
    /// The failure of the last attempt, if it was not answered.
    last_failure: Option<&'static str>,
    /// The milliseconds that the last attempt took.
    last_duration_ms: Option<u64>,
    /// The instant of its creation.
    created_at: Option<Time>,
    /// The instant at which it was delivered, given up or discarded.
    completed_at: Option<Time>,
    /// True if the database was restored from a backup after it was made and before it was known
    /// to be delivered: it may have been sent already. What is sent since carries
    /// `X-Webhook-Possible-Repeat: true`, and the same `webhook-id`.
    possible_repeat: bool,
    /// The reason for which it cannot be used; `null` if it can.
    unusable: Option<String>,
}

/// A duration in whole milliseconds.
pub fn millis(duration: std::time::Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

impl From<deliveries::Delivery> for Delivery {
    fn from(delivery: deliveries::Delivery) -> Self {
        let (last_status, last_failure) = match delivery.last_outcome {
            Some(Outcome::Answered(status)) => (Some(status), None),
            Some(Outcome::Failed(failure)) => (None, Some(failure.as_str())),
            None => (None, None),
        };
        Self {
            id: delivery.id,
            event: Some(delivery.event),
            endpoint: Some(delivery.endpoint),
            event_type: Some(delivery.event_type.to_string()),
            is_test: delivery.is_test,
            state: Some(delivery.state.as_str()),
            due_at: delivery.due_at.map(Time),
            in_flight: delivery.in_flight,
            attempts: delivery.attempts,
            last_status,
            last_failure,
            last_duration_ms: delivery.last_duration.map(millis),
            created_at: Some(delivery.created_at.into()),
            completed_at: delivery.completed_at.map(Time),
            possible_repeat: delivery.restored_at.is_some(),
            unusable: None,
        }
    }
}

impl From<UnusableDelivery> for Delivery {
    fn from(delivery: UnusableDelivery) -> Self {
        Self {
            id: delivery.id,
            event: delivery.event,
            endpoint: None,
            event_type: None,
            is_test: false,
            state: None,
            due_at: None,
            in_flight: false,
            attempts: 0,
            last_status: None,
            last_failure: None,
            last_duration_ms: None,
            created_at: None,
            completed_at: None,
            possible_repeat: false,
            unusable: Some(delivery.reason.to_string()),
        }
    }
}

/// A line of a log.
pub fn line(line: Result<deliveries::Delivery, UnusableDelivery>) -> Delivery {
    line.map_or_else(Delivery::from, Delivery::from)
}

impl From<RetryError> for Problem {
    fn from(error: RetryError) -> Self {
        let text = error.to_string();
        match error {
            RetryError::NotPending(_) => Self::new(Code::DeliveryNotPending, text),
            RetryError::InFlight => Self::new(Code::DeliveryInFlight, text),
            RetryError::Settling => Self::new(Code::EndpointSettling, text),
            RetryError::Store(error) => error.into(),
        }
    }
}

impl From<ResendError> for Problem {
    fn from(error: ResendError) -> Self {
        let text = error.to_string();
        match error {
            ResendError::Pending => Self::new(Code::DeliveryPending, text),
            ResendError::Disabled => Self::new(Code::EndpointDisabled, text),
            ResendError::Settling => Self::new(Code::EndpointSettling, text),
            ResendError::BodyGone => Self::new(Code::BodyGone, text),
            ResendError::Store(error) => error.into(),
        }
    }
}

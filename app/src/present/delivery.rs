//! Deliveries.

use axum::http::StatusCode;
use signet_engine::{UnusableDelivery, actor::Permission, service::deliveries::Delivery};
use signet_model::{
    DeliveryId, EndpointId, Timestamp,
    delivery::{Failure, Outcome, State},
};

use crate::{
    components::{DeliveryRow, Status, Tone},
    frame::Member,
    present::{endpoint_path, unusable},
    words::{moment, span},
};

/// The address of a delivery's page.
pub(crate) fn delivery_path(endpoint: EndpointId, id: DeliveryId) -> String {
    format!("{}/deliveries/{id}", endpoint_path(endpoint))
}

/// The address that sends a delivery again.
pub(crate) fn resend_path(endpoint: EndpointId, id: DeliveryId) -> String {
    format!("{}/resend", delivery_path(endpoint, id))
}

/// Tells if a delivery waits for nothing, and can be sent again by this member.
pub(crate) fn may_resend(member: &Member, delivery: &Delivery) -> bool {
    delivery.state != State::Pending && member.may(Permission::SendDeliveries)
}

/// Marks a delivery that may have been sent before the database was restored.
pub(crate) const MAY_REPEAT: &str = "May have been sent already";

/// The state of a delivery in a word.
pub(crate) fn delivery_status(delivery: &Delivery) -> Status {
    match delivery.state {
        State::Pending if delivery.in_flight => Status::new(Tone::Waiting, "Sending"),
        State::Pending if delivery.attempts > 0 => Status::new(Tone::Warning, "Retrying"),
        State::Pending => Status::new(Tone::Waiting, "Pending"),
        State::Delivered => Status::new(Tone::Good, "Delivered"),
        State::Failed => Status::new(Tone::Bad, "Failed"),
        State::Held => Status::new(Tone::Paused, "Held"),
        State::Discarded => Status::new(Tone::Idle, "Discarded"),
    }
}

/// A line of the log of an endpoint.
pub(crate) fn row(endpoint: EndpointId, delivery: &Result<Delivery, UnusableDelivery>, now: Timestamp) -> DeliveryRow {
    match delivery {
        Ok(delivery) => usable_row(delivery, now),
        Err(delivery) => unusable_row(endpoint, delivery, now),
    }
}

/// The instant in its id stands for the column, which may be unreadable too.
fn unusable_row(endpoint: EndpointId, delivery: &UnusableDelivery, now: Timestamp) -> DeliveryRow {
    DeliveryRow {
        id: delivery.id.to_string(),
        href: delivery_path(endpoint, delivery.id),
        event_type: "cannot be read".to_owned(),
        is_test: false,
        may_repeat: false,
        status: unusable(),
        result: None,
        attempts: 0,
        created: moment(delivery.id.created_at(), now),
        next: None,
        resend: None,
    }
}

fn usable_row(delivery: &Delivery, now: Timestamp) -> DeliveryRow {
    let result = delivery.last_outcome.map(|outcome| match delivery.last_duration {
        Some(duration) => format!("{} in {}", in_short(outcome), span(duration)),
        None => in_short(outcome),
    });
    let waits = delivery.state == State::Pending && !delivery.in_flight;
    DeliveryRow {
        id: delivery.id.to_string(),
        href: delivery_path(delivery.endpoint, delivery.id),
        event_type: delivery.event_type.to_string(),
        is_test: delivery.is_test,
        may_repeat: delivery.restored_at.is_some(),
        status: delivery_status(delivery),
        result,
        attempts: delivery.attempts,
        created: moment(delivery.created_at, now),
        next: delivery.due_at.filter(|_| waits).map(|at| moment(at, now)),
        resend: None,
    }
}

/// An outcome in a few words.
pub(crate) fn in_short(outcome: Outcome) -> String {
    match outcome {
        Outcome::Answered(status) => answer(status),
        Outcome::Failed(failure) => failed(failure).to_owned(),
    }
}

/// `404 Not Found`
pub(super) fn answer(status: u16) -> String {
    let reason = StatusCode::from_u16(status).ok().and_then(|it| it.canonical_reason());
    reason.map_or_else(|| status.to_string(), |reason| format!("{status} {reason}"))
}

const fn failed(failure: Failure) -> &'static str {
    match failure {
        Failure::ConnectTimeout => "No connection in time",
        Failure::Timeout => "No answer in time",
        Failure::Dns => "Host not found",
        Failure::AddressRefused => "Address refused",
        Failure::ConnectionRefused => "Connection refused",
        Failure::Connect => "No connection",
        Failure::Tls => "TLS failed",
        Failure::ConnectionReset => "Connection broke",
        Failure::Protocol => "Not valid HTTP",
        Failure::Unknown => "Failed",
    }
}

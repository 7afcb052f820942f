//! `GET /v1/accounts/{account}/deliveries/{delivery}`: one delivery with its attempts.

use axum::Json;
use serde::Serialize;
use signet_model::{DeliveryId, delivery::Attempt};
use utoipa::ToSchema;

use super::{Delivery, millis};
use crate::{
    access::{DeliveriesRead, InAccount},
    ids::InPath,
    problem::{Problem, problems},
    time::Time,
};

problems!(IN_ACCOUNT; NoSuchDelivery, Unusable);

/// A delivery with its requests and answers.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct DeliveryDetail {
    #[serde(flatten)]
    delivery: Delivery,
    /// The body that is sent; `null` once retention removed it.
    body: Option<String>,
    /// The instant of the event.
    occurred_at: Time,
    /// The attempts, oldest first.
    attempts_made: Vec<Exchange>,
}

/// One attempt: a request and how it ended.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Exchange {
    /// 1 for the first, counting up.
    number: u32,
    /// The begin of the attempt.
    started_at: Time,
    /// The milliseconds from begin to end.
    duration_ms: u64,
    /// The milliseconds from the begin to the head of the answer.
    first_byte_ms: Option<u64>,
    /// The milliseconds of the name's look-up; `null` if there was none.
    lookup_ms: Option<u64>,
    /// The milliseconds of connecting; `null` on a connection that was kept.
    connect_ms: Option<u64>,
    /// The milliseconds of the handshake of TLS; `null` on a connection that was kept.
    tls_ms: Option<u64>,
    /// The headers that were sent: pairs of name and value.
    request_headers: Vec<[String; 2]>,
    /// The HTTP status of the answer.
    status: Option<u16>,
    /// The headers of the answer.
    response_headers: Vec<[String; 2]>,
    /// The kept part of the answer's body.
    response_body: Option<String>,
    /// True if a part of that is missing.
    response_body_truncated: bool,
    /// The failure, unless an answer came.
    failure: Option<&'static str>,
    /// The failure in the words of the part that failed.
    failure_detail: Option<String>,
}

impl From<Attempt> for Exchange {
    fn from(attempt: Attempt) -> Self {
        let pairs = |headers: Vec<(String, String)>| headers.into_iter().map(|(name, value)| [name, value]).collect();
        let sent = attempt.request_headers.into_iter().map(|(name, value)| [name.into_owned(), value.into_owned()]);
        let (status, response_headers, response_body, response_body_truncated) = match attempt.response {
            Some(answer) => (Some(answer.status), pairs(answer.headers), Some(answer.body), answer.body_truncated),
            None => (None, Vec::new(), None, false),
        };
        Self {
            number: attempt.number,
            started_at: attempt.started_at.into(),
            duration_ms: millis(attempt.duration),
            first_byte_ms: attempt.first_byte.map(millis),
            lookup_ms: attempt.phases.lookup.map(millis),
            connect_ms: attempt.phases.connect.map(millis),
            tls_ms: attempt.phases.tls.map(millis),
            request_headers: sent.collect(),
            status,
            response_headers,
            response_body,
            response_body_truncated,
            failure: attempt.failure.map(signet_model::delivery::Failure::as_str),
            failure_detail: attempt.failure_detail,
        }
    }
}

impl From<signet_engine::service::deliveries::DeliveryDetail> for DeliveryDetail {
    fn from(detail: signet_engine::service::deliveries::DeliveryDetail) -> Self {
        Self {
            delivery: detail.delivery.into(),
            body: detail.body,
            occurred_at: detail.occurred_at.into(),
            attempts_made: detail.attempts.into_iter().map(Exchange::from).collect(),
        }
    }
}

/// Read a delivery.
#[utoipa::path(
    get, path = "/v1/accounts/{account}/deliveries/{delivery}", operation_id = "readDelivery", tag = "Deliveries",
    security(("key" = ["deliveries:read"])),
    responses((status = 200, body = DeliveryDetail, description = "The delivery with its attempts."), Problems)
)]
pub async fn read_delivery(
    caller: InAccount<DeliveriesRead>,
    InPath(id): InPath<DeliveryId>,
) -> Result<Json<DeliveryDetail>, Problem> {
    Ok(Json(caller.account().delivery(id).get().await?.into()))
}

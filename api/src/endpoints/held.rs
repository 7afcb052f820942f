//! `/v1/accounts/{account}/endpoints/{endpoint}/held`: what is held for a webhook, counted,
//! and sent or dropped.

pub mod count;
pub mod discard;
pub mod release;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::json::members;

/// A choice among what is held.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct HeldChoice {
    /// The types of events; without them all.
    #[serde(default, deserialize_with = "members::if_given")]
    #[schema(value_type = Vec<String>, required = false, min_items = 1)]
    event_types: Option<Vec<String>>,
}

/// A number of deliveries.
#[derive(Debug, Serialize, ToSchema)]
pub struct DeliveryCount {
    /// The number.
    count: u64,
}

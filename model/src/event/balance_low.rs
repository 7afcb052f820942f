//! `balance.low`: the balance of an account fell below its threshold.

use super::{BuiltIn, EventBody, EventType, Fields, MemberFault, built_in::TaskId, write_timestamp};
use crate::{Amount, Timestamp};

pub(super) static TYPE: BuiltIn = BuiltIn {
    name: EventType::BALANCE_LOW,
    description: "The balance has fallen below the threshold you set.",
    is_default: false,
    schema: r#"{"type":"object","properties":{"event":{"const":"balance.low"},"balance":{"type":"number"},"threshold":{"type":"number"},"timestamp":{"type":"string","format":"date-time"}},"required":["event","balance","threshold","timestamp"],"additionalProperties":false}"#,
    sample: r#""balance":45.5,"threshold":50"#,
    made_here: Some(
        "is made by Signet itself when a balance falls: report balances with PUT /v1/accounts/{account}/balance",
    ),
    copy_members,
};

fn copy_members(fields: &mut Fields<'_>, json: &mut String) -> Result<TaskId, MemberFault> {
    write_members(fields.amount("balance")?, fields.amount("threshold")?, json);
    Ok(None)
}

/// The body of `balance.low`, which Signet makes itself when a balance falls.
pub fn balance_low(balance: Amount, threshold: Amount, occurred_at: Timestamp) -> EventBody {
    let mut json = String::from("{\"event\":\"balance.low\"");
    write_members(balance, threshold, &mut json);
    let occurred_at = occurred_at.whole_seconds();
    write_timestamp(occurred_at, &mut json);
    EventBody { event_type: EventType::BALANCE_LOW, occurred_at, task_id: None, json: json.into() }
}

fn write_members(balance: Amount, threshold: Amount, json: &mut String) {
    json.extend([",\"balance\":", &balance.to_string(), ",\"threshold\":", &threshold.to_string()]);
}

//! `balance.low`: the balance of an account fell below its threshold.

use super::{Definition, EventBody, EventType, Fields, MemberFault, TaskId, fields::write_timestamp};
use crate::{Amount, Timestamp};

pub(super) const DEFINITION: Definition = Definition {
    name: "balance.low",
    sentence: "The balance has fallen below the threshold you set.",
    is_default: false,
    sample: r#""balance":45.5,"threshold":50"#,
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
    EventBody { event_type: EventType::BalanceLow, occurred_at, task_id: None, json: json.into() }
}

fn write_members(balance: Amount, threshold: Amount, json: &mut String) {
    json.extend([",\"balance\":", &balance.to_string(), ",\"threshold\":", &threshold.to_string()]);
}

//! A delivery as one line.

use std::fmt;

use serde::Deserialize;
use signet_model::DeliveryId;

/// A delivery, of which the members are shown that people look for.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Line {
    /// Its id.
    pub id: DeliveryId,
    endpoint: Option<String>,
    event_type: Option<String>,
    is_test: bool,
    state: Option<String>,
    due_at: Option<String>,
    in_flight: bool,
    attempts: u32,
    last_status: Option<u16>,
    last_failure: Option<String>,
    last_duration_ms: Option<u64>,
    created_at: Option<String>,
    /// A server of before 0.2 does not tell.
    #[serde(default)]
    possible_repeat: bool,
    unusable: Option<String>,
}

impl Line {
    fn mark(&self) -> char {
        match self.state.as_deref() {
            Some("delivered") => '✓',
            Some("failed") | None => '✗',
            Some("pending") => '…',
            _ => '-',
        }
    }

    /// The end of the last attempt, if there was one.
    fn last_attempt(&self) -> Option<String> {
        let end = match (self.last_status, &self.last_failure) {
            (Some(status), _) => status.to_string(),
            (None, Some(failure)) => failure.clone(),
            (None, None) => return None,
        };
        let took = self.last_duration_ms.map(|took| format!(" after {took} ms")).unwrap_or_default();
        Some(format!("attempt {}: {end}{took}", self.attempts))
    }

    /// The instant of the next attempt, if there will be one.
    fn next_attempt(&self) -> Option<String> {
        if self.in_flight {
            return Some(format!("attempt {} is under way", self.attempts + 1));
        }
        Some(format!("due at {}", self.due_at.as_ref()?))
    }
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (mark, state) = (self.mark(), self.state.as_deref().unwrap_or("unusable"));
        let unusable = self.unusable.as_ref().map(|reason| format!("cannot be used: {reason}"));
        let parts = [
            self.created_at.clone(),
            Some(format!("{mark} {state:<9}")),
            self.event_type.clone(),
            Some(self.id.to_string()),
            self.endpoint.clone(),
            self.is_test.then(|| "test".to_owned()),
            self.possible_repeat.then(|| "may have been sent already".to_owned()),
            self.last_attempt(),
            self.next_attempt(),
            unusable,
        ];
        let line = parts.into_iter().flatten().collect::<Vec<_>>().join("  ");
        // Control characters could rule the terminal.
        f.write_str(&line.chars().filter(|letter| !letter.is_control()).collect::<String>())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// The line of a delivery with these members besides the usual ones.
    fn line(members: &serde_json::Value) -> String {
        let mut delivery = json!({
            "id": "msg_01kmt0v1g0e0rg40r40m30e209", "event": "evt_01kmt0v1g0e0rg40r40m30e209",
            "endpoint": "ep_1", "eventType": "order.paid", "isTest": false, "state": "pending", "dueAt": null,
            "inFlight": false, "attempts": 0, "lastStatus": null, "lastFailure": null, "lastDurationMs": null,
            "createdAt": "2026-03-28T12:00:00Z", "completedAt": null, "unusable": null,
        });
        for (name, value) in members.as_object().expect("members") {
            delivery[name] = value.clone();
        }
        let line: Line = serde_json::from_value(delivery).expect("a delivery");
        line.to_string().replace("msg_01kmt0v1g0e0rg40r40m30e209", "msg_1")
    }

    #[test]
    fn each_state_is_told_in_one_line() {
        let first = "2026-03-28T12:00:00Z";
        assert_eq!(
            line(&json!({"state": "delivered", "attempts": 1, "lastStatus": 200, "lastDurationMs": 12})),
            format!("{first}  ✓ delivered  order.paid  msg_1  ep_1  attempt 1: 200 after 12 ms")
        );
        assert_eq!(
            line(&json!({"attempts": 1, "lastFailure": "timeout", "dueAt": "2026-03-28T12:00:30Z"})),
            format!("{first}  … pending    order.paid  msg_1  ep_1  attempt 1: timeout  due at 2026-03-28T12:00:30Z")
        );
        assert_eq!(
            line(&json!({"inFlight": true, "dueAt": first, "isTest": true})),
            format!("{first}  … pending    order.paid  msg_1  ep_1  test  attempt 1 is under way")
        );
        assert_eq!(line(&json!({"state": "held"})), format!("{first}  - held       order.paid  msg_1  ep_1"));
    }

    #[test]
    fn a_delivery_that_cannot_be_used_is_told_and_rules_no_terminal() {
        let members = json!({
            "endpoint": null, "eventType": null, "state": null, "createdAt": null, "unusable": "\u{1b}[2Jits state",
        });
        assert_eq!(line(&members), "✗ unusable   msg_1  cannot be used: [2Jits state");
    }
}

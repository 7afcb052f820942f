//! Sample bodies, which the dashboard shows and test events deliver.

use super::{EventBody, EventType, balance_low};
use crate::{Amount, Timestamp};

impl EventType {
    /// A body of this type with sample values.
    pub fn sample(self, occurred_at: Timestamp) -> EventBody {
        let at = occurred_at.rfc3339_seconds();
        let (body, task_id) = match self {
            Self::TaskCompleted => (
                format!(
                    r#"{{"event":"task.completed","taskId":"task_abc123","status":"ready","solution":{{"token":"0.mF7gg2kQ","userAgent":"Mozilla/5.0 (X11; Linux x86_64)"}},"timestamp":"{at}"}}"#
                ),
                Some("task_abc123"),
            ),
            Self::TaskFailed => (
                format!(
                    r#"{{"event":"task.failed","taskId":"task_abc123","status":"failed","errorId":10,"errorCode":"ERROR_CAPTCHA_UNSOLVABLE","timestamp":"{at}"}}"#
                ),
                Some("task_abc123"),
            ),
            Self::BalanceLow => return balance_low(Amount::SAMPLE_BALANCE, Amount::SAMPLE_THRESHOLD, occurred_at),
        };
        EventBody {
            event_type: self,
            occurred_at: occurred_at.whole_seconds(),
            task_id: task_id.map(Into::into),
            json: body.into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::payload;

    #[test]
    fn samples_are_valid_submissions_and_fixed_points() {
        let now = Timestamp::from_unix_seconds(1_774_699_200);
        for kind in EventType::ALL {
            let sample = kind.sample(now);
            let submitted = super::super::Submission::parse(&sample.json, now).expect("a valid submission");
            assert_eq!(submitted.body, sample);
            let mut printed = String::new();
            payload::parse(&sample.json).expect("JSON").write(&mut printed);
            assert_eq!(printed, *sample.json);
        }
    }
}

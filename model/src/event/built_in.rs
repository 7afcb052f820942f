//! The event types that are built in. They are closed: the contract gives their members,
//! and no version changes them.

use super::{
    EventBody, EventType, Fields, MemberFault, balance_low, fields::SAMPLE_TASK, operational, task_completed,
    task_failed, write_timestamp,
};
use crate::Timestamp;

/// A type that is built in: a file of this folder declares it.
#[derive(Debug)]
pub struct BuiltIn {
    /// Its name.
    pub name: EventType,
    /// The sentence that describes it to people.
    pub description: &'static str,
    /// True if a new webhook wants the type unless a person unticks it.
    pub is_default: bool,
    /// The JSON Schema (2020-12) of a body.
    pub schema: &'static str,
    /// The members of a sample body, between `event` and `timestamp`.
    pub(super) sample: &'static str,
    /// The advice to a producer who submits an event of a type that Signet itself makes.
    pub(super) made_here: Option<&'static str>,
    /// Reads the members from a submission, in any order, and writes them in the
    /// contract's order.
    pub(super) copy_members: fn(&mut Fields<'_>, &mut String) -> Result<TaskId, MemberFault>,
}

/// The id of the task, for the types that have one.
pub(super) type TaskId = Option<String>;

/// All types that are built in, in the order in which pages list them.
pub static BUILT_IN: [&BuiltIn; 3] = [&task_completed::TYPE, &task_failed::TYPE, &balance_low::TYPE];

/// The types of operational events, which the account that the operator names gets alone.
pub static OPERATIONAL: [&BuiltIn; 4] = [
    &operational::ENDPOINT_FAILING,
    &operational::ENDPOINT_DISABLED,
    &operational::ENDPOINT_ENABLED,
    &operational::DELIVERY_FAILED,
];

impl BuiltIn {
    /// The type with this name, if it is built in.
    pub fn find(name: &str) -> Option<&'static Self> {
        BUILT_IN.into_iter().chain(OPERATIONAL).find(|it| it.name == *name)
    }

    /// The members of a sample body, between `event` and `timestamp`.
    pub const fn sample_members(&self) -> &'static str {
        self.sample
    }

    /// False if Signet alone makes events of this type.
    pub const fn takes_submissions(&self) -> bool {
        self.made_here.is_none()
    }

    /// A body with sample values, which the dashboard shows and test events deliver.
    pub fn sample(&self, occurred_at: Timestamp) -> EventBody {
        let mut json = format!("{{\"event\":\"{}\",{}", self.name, self.sample);
        write_timestamp(occurred_at, &mut json);
        let task_id = json.contains(SAMPLE_TASK).then(|| SAMPLE_TASK.into());
        EventBody {
            event_type: self.name.clone(),
            occurred_at: occurred_at.whole_seconds(),
            task_id,
            json: json.into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{event::body::tests::NoOwnTypes, payload};

    #[test]
    fn each_type_has_a_sample_that_is_a_valid_body_and_a_fixed_point() {
        let now = Timestamp::from_unix_seconds(1_774_699_200);
        for it in BUILT_IN.into_iter().chain(OPERATIONAL) {
            let sample = it.sample(now);
            let read = EventBody::parse(&it.name, &sample.json, now, &NoOwnTypes).expect("a valid body");
            assert_eq!(read, sample);
            let mut printed = String::new();
            payload::parse(&sample.json).expect("JSON").write(&mut printed);
            assert_eq!(printed, *sample.json);
        }
    }
}

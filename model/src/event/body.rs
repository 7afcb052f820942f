//! Reading a submitted event and writing the body that is delivered for it.

use std::sync::Arc;

use super::{BuiltIn, EventType, Fields, MemberFault, Reference, write_timestamp};
use crate::{
    Timestamp,
    payload::{self, Value},
};

/// The body of an event, and the values of it that the store keeps in columns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventBody {
    /// The type of the event.
    pub event_type: EventType,
    /// The instant of the event, in whole seconds.
    pub occurred_at: Timestamp,
    /// The reference by which people look for the event: the id of the task, or the value of
    /// the member that the event type names instead.
    pub task_id: Option<Arc<str>>,
    /// The exact text that is signed and sent.
    pub json: Arc<str>,
}

/// The event types of the operator's catalogue, as the reader of a submission needs them.
pub trait EventTypes {
    /// Finds the type with this name, if it takes events.
    ///
    /// # Errors
    /// It takes none. The message stands behind the name of the member.
    fn find(&self, name: &str) -> Result<EventType, String>;

    /// Checks a body of a type that was found against the schema of the type.
    ///
    /// # Errors
    /// A member does not match.
    fn check(&self, event_type: &EventType, body: &str) -> Result<(), MemberFault>;

    /// The member of a type that was found whose value is its reference; `None` for
    /// [`Reference::DEFAULT`](super::Reference::DEFAULT).
    fn reference(&self, event_type: &EventType) -> Option<&Reference>;
}

/// An event as a producer submits it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Submission {
    /// The account's id or name, if the producer gave one.
    pub account: Option<String>,
    /// `idempotencyKey`, which only an entry of a batch may have.
    pub idempotency_key: Option<String>,
    /// The body to deliver.
    pub body: EventBody,
}

impl Submission {
    /// Reads the single event of a request. A missing timestamp becomes `now`.
    pub fn parse(text: &str, now: Timestamp, types: &dyn EventTypes) -> Result<Self, MemberFault> {
        Self::read(payload::parse(text)?, now, types, Origin::Request)
    }

    /// Reads one entry of a batch, already parsed.
    pub fn from_batch_entry(entry: Value<'_>, now: Timestamp, types: &dyn EventTypes) -> Result<Self, MemberFault> {
        Self::read(entry, now, types, Origin::Batch)
    }

    fn read(value: Value<'_>, now: Timestamp, types: &dyn EventTypes, origin: Origin) -> Result<Self, MemberFault> {
        let mut fields = Fields::of(value)?;
        let idempotency_key = match origin {
            Origin::Batch => fields.optional_text("idempotencyKey")?,
            Origin::Request => fields.absent("idempotencyKey", "belongs in the header Idempotency-Key")?,
        };
        let account = fields.optional_text("account")?;
        let name = fields.text("event")?;
        let refused = |message| MemberFault::new("event", message);
        let body = match BuiltIn::find(&name) {
            Some(BuiltIn { made_here: Some(advice), .. }) => return Err(refused((*advice).to_owned())),
            Some(it) => read_built_in(it, fields, now)?,
            None => read_own(types.find(&name).map_err(refused)?, fields, now, types)?,
        };
        Ok(Self { account, idempotency_key, body })
    }
}

/// A request with one event has its idempotency key in a header.
#[derive(Clone, Copy)]
enum Origin {
    Request,
    Batch,
}

impl EventBody {
    /// A body without members.
    pub fn empty(event_type: EventType, occurred_at: Timestamp) -> Self {
        let mut json = begin(&event_type);
        let occurred_at = occurred_at.whole_seconds();
        write_timestamp(occurred_at, &mut json);
        Self { event_type, occurred_at, task_id: None, json: json.into() }
    }

    /// Reads a body of this type as it would be delivered, which a person has edited. `event`
    /// and `timestamp` may be left out.
    ///
    /// # Errors
    /// It is not a body of this type.
    pub fn parse(
        event_type: &EventType,
        text: &str,
        now: Timestamp,
        types: &dyn EventTypes,
    ) -> Result<Self, MemberFault> {
        let mut fields = Fields::of(payload::parse(text)?)?;
        fields.constant("event", event_type.as_str())?;
        match BuiltIn::find(event_type.as_str()) {
            Some(it) => read_built_in(it, fields, now),
            None => read_own(event_type.clone(), fields, now, types),
        }
    }
}

fn read_built_in(it: &BuiltIn, mut fields: Fields<'_>, now: Timestamp) -> Result<EventBody, MemberFault> {
    let mut json = begin(&it.name);
    let task_id = (it.copy_members)(&mut fields, &mut json)?;
    let occurred_at = fields.timestamp("timestamp")?.unwrap_or(now).whole_seconds();
    write_timestamp(occurred_at, &mut json);
    fields.finish(&it.name)?;
    Ok(EventBody { event_type: it.name.clone(), occurred_at, task_id: task_id.map(Arc::from), json: json.into() })
}

fn read_own(
    event_type: EventType,
    mut fields: Fields<'_>,
    now: Timestamp,
    types: &dyn EventTypes,
) -> Result<EventBody, MemberFault> {
    let mut json = begin(&event_type);
    let occurred_at = fields.timestamp("timestamp")?.unwrap_or(now).whole_seconds();
    let reference = types.reference(&event_type).map_or(Reference::DEFAULT, Reference::as_str);
    let task_id = fields.reference(reference);
    fields.write_all(&mut json)?;
    write_timestamp(occurred_at, &mut json);
    types.check(&event_type, &json)?;
    Ok(EventBody { event_type, occurred_at, task_id, json: json.into() })
}

fn begin(event_type: &EventType) -> String {
    let mut json = String::with_capacity(256);
    json.push_str("{\"event\":\"");
    json.push_str(event_type.as_str());
    json.push('"');
    json
}

#[cfg(test)]
pub(super) mod tests {
    use std::sync::LazyLock;

    use super::*;

    /// A catalogue without types.
    pub(in crate::event) struct NoOwnTypes;

    impl EventTypes for NoOwnTypes {
        fn find(&self, name: &str) -> Result<EventType, String> {
            Err(format!("is not an event type: {name}"))
        }

        fn check(&self, _: &EventType, _: &str) -> Result<(), MemberFault> {
            Ok(())
        }

        fn reference(&self, _: &EventType) -> Option<&Reference> {
            None
        }
    }

    /// A catalogue that has each type, of which the refunds have a reference of their own, and
    /// refuses bodies with a member `bad`.
    struct AnyType;

    impl EventTypes for AnyType {
        fn find(&self, name: &str) -> Result<EventType, String> {
            name.parse().map_err(|error: crate::event::InvalidEventType| error.to_string())
        }

        fn check(&self, _: &EventType, body: &str) -> Result<(), MemberFault> {
            if body.contains("\"bad\":") { Err(MemberFault::new("bad", "is bad")) } else { Ok(()) }
        }

        fn reference(&self, event_type: &EventType) -> Option<&Reference> {
            static ORDER: LazyLock<Reference> = LazyLock::new(|| "orderId".parse().expect("a name"));
            (event_type.as_str() == "order.refunded").then_some(&*ORDER)
        }
    }

    const NOW: Timestamp = Timestamp::from_unix_seconds(1_774_699_200);

    fn refused(text: &str) -> String {
        Submission::parse(text, NOW, &NoOwnTypes).expect_err("not a valid event").pointer
    }

    #[test]
    fn a_number_may_be_sent_as_a_string_only_where_a_string_is_taken() {
        for (text, advice) in [
            (r#"{"event":"task.completed","solution":{"n":9007199254740993}}"#, "; send it as a string"),
            (r#"{"event":"task.failed","errorId":9007199254740993}"#, "; round it to 15 digits"),
            (r#"{"event":"order.paid","cents":9007199254740993}"#, "; send it as a string"),
        ] {
            let fault = Submission::parse(text, NOW, &NoOwnTypes).expect_err("refused");
            assert!(fault.message.ends_with(advice), "{fault}");
        }
    }

    #[test]
    fn members_come_out_in_the_order_of_the_contract() {
        let submitted = Submission::parse(
            r#"{"timestamp":"2026-03-28T14:00:00+02:00","solution":{"b":1.0,"2":"é"},"account":"acme","taskId":"t1","event":"task.completed"}"#,
            NOW,
            &NoOwnTypes,
        )
        .expect("a valid event");
        assert_eq!(submitted.account.as_deref(), Some("acme"));
        assert_eq!(
            &*submitted.body.json,
            r#"{"event":"task.completed","taskId":"t1","status":"ready","solution":{"2":"é","b":1},"timestamp":"2026-03-28T12:00:00Z"}"#
        );
        assert_eq!(submitted.body.task_id.as_deref(), Some("t1"));
    }

    #[test]
    fn a_timestamp_left_out_is_the_time_of_acceptance() {
        let text = r#"{"event":"task.failed","taskId":"t","errorId":10.0,"errorCode":"E"}"#;
        assert_eq!(
            &*Submission::parse(text, NOW, &NoOwnTypes).expect("a valid event").body.json,
            r#"{"event":"task.failed","taskId":"t","status":"failed","errorId":10,"errorCode":"E","timestamp":"2026-03-28T12:00:00Z"}"#
        );
    }

    #[test]
    fn every_wrong_member_is_named() {
        for (text, pointer) in [
            ("[]", ""),
            ("{}", "/event"),
            (r#"{"event":"task.deleted"}"#, "/event"),
            (r#"{"event":"task.completed"}"#, "/taskId"),
            (r#"{"event":"task.completed","taskId":""}"#, "/taskId"),
            (&format!(r#"{{"event":"task.completed","taskId":"{}"}}"#, "x".repeat(256)), "/taskId"),
            (r#"{"event":"task.completed","taskId":"t","status":"failed"}"#, "/status"),
            (r#"{"event":"task.completed","taskId":"t","solution":"x"}"#, "/solution"),
            (r#"{"event":"task.completed","taskId":"t","solution":{"a":[1e400]}}"#, "/solution/a/0"),
            (r#"{"event":"task.completed","taskId":"t","solution":{},"x/y":1}"#, "/x~1y"),
            (r#"{"event":"task.failed","taskId":"t","errorId":"10","errorCode":"E"}"#, "/errorId"),
            (r#"{"event":"task.failed","taskId":"t","errorId":1.5,"errorCode":"E"}"#, "/errorId"),
            (r#"{"event":"task.failed","taskId":"t","errorId":10}"#, "/errorCode"),
            (r#"{"event":"balance.low","balance":45,"threshold":50}"#, "/event"),
            (r#"{"event":"task.failed","taskId":"t","errorId":10,"errorCode":"E","timestamp":"now"}"#, "/timestamp"),
            (
                r#"{"event":"task.failed","taskId":"t","errorId":10,"errorCode":"E","timestamp":"9999-12-31T23:59:59-01:00"}"#,
                "/timestamp",
            ),
            (
                r#"{"event":"task.failed","taskId":"t","errorId":10,"errorCode":"E","timestamp":"0000-01-01T00:00:00+01:00"}"#,
                "/timestamp",
            ),
            (
                r#"{"event":"task.failed","taskId":"t","errorId":10,"errorCode":"E","idempotencyKey":"k"}"#,
                "/idempotencyKey",
            ),
            (r#"{"event":"task.failed","taskId":"t","errorId":10,"errorCode":"E","account":7}"#, "/account"),
        ] {
            assert_eq!(refused(text), pointer, "{text}");
        }
    }

    #[test]
    fn an_entry_of_a_batch_may_have_an_idempotency_key() {
        let entry =
            payload::parse(r#"{"event":"task.failed","taskId":"t","errorId":10,"errorCode":"E","idempotencyKey":"k"}"#);
        let submitted = Submission::from_batch_entry(entry.expect("JSON"), NOW, &NoOwnTypes).expect("a valid entry");
        assert_eq!(submitted.idempotency_key.as_deref(), Some("k"));
    }

    #[test]
    fn an_event_of_an_own_type_has_its_members_as_they_came_between_event_and_timestamp() {
        let text = r#"{"timestamp":"2026-03-28T14:00:00+02:00","b":1.0,"event":"order.paid","account":"acme","a":{"2":[],"1":"é"}}"#;
        let submitted = Submission::parse(text, NOW, &AnyType).expect("a valid event");
        assert_eq!(
            &*submitted.body.json,
            r#"{"event":"order.paid","b":1,"a":{"1":"é","2":[]},"timestamp":"2026-03-28T12:00:00Z"}"#
        );
        assert_eq!((submitted.account.as_deref(), submitted.body.task_id), (Some("acme"), None));
        let printed = payload::parse(&submitted.body.json).expect("JSON");
        let mut again = String::new();
        printed.write(&mut again);
        assert_eq!(again, *submitted.body.json, "it is a fixed point");
        let empty = Submission::parse(r#"{"event":"ping"}"#, NOW, &AnyType).expect("a valid event");
        assert_eq!(&*empty.body.json, r#"{"event":"ping","timestamp":"2026-03-28T12:00:00Z"}"#);
    }

    #[test]
    fn a_task_id_of_an_own_type_is_kept_if_it_is_short_enough() {
        let task_id = |value: &str| {
            let text = format!(r#"{{"event":"order.paid","taskId":{value}}}"#);
            Submission::parse(&text, NOW, &AnyType).expect("a valid event").body.task_id
        };
        assert_eq!(task_id(r#""t""#).as_deref(), Some("t"));
        assert_eq!(task_id("7").as_deref(), Some("7"), "people search for numbers too");
        for other in ["7.5", "true", "null", "{}", r#""""#, &format!("\"{}\"", "x".repeat(256))] {
            assert_eq!(task_id(other), None, "{other}");
        }
    }

    #[test]
    fn a_type_can_name_another_member_as_its_reference() {
        let reference = |members: &str| {
            let text = format!(r#"{{"event":"order.refunded",{members}}}"#);
            Submission::parse(&text, NOW, &AnyType).expect("a valid event").body.task_id
        };
        assert_eq!(reference(r#""taskId":"t","orderId":"o_1""#).as_deref(), Some("o_1"));
        assert_eq!(reference(r#""orderId":10045"#).as_deref(), Some("10045"));
        assert_eq!(reference(r#""taskId":"t""#), None);
    }

    #[test]
    fn a_wrong_member_of_an_own_type_is_named() {
        for (text, pointer) in [
            (r#"{"event":"Order"}"#, "/event"),
            (r#"{"event":"order.paid","7":1}"#, "/7"),
            (r#"{"event":"order.paid","bad":1}"#, "/bad"),
            (r#"{"event":"order.paid","timestamp":1}"#, "/timestamp"),
            (r#"{"event":"order.paid","n":[1e400]}"#, "/n/0"),
            (r#"{"event":"order.paid","idempotencyKey":"k"}"#, "/idempotencyKey"),
        ] {
            assert_eq!(Submission::parse(text, NOW, &AnyType).expect_err("refused").pointer, pointer, "{text}");
        }
    }

    #[test]
    fn an_edited_body_may_leave_out_what_is_known_and_is_of_its_type() {
        let edited = |text: &str| EventBody::parse(&EventType::TASK_FAILED, text, NOW, &NoOwnTypes);
        let members = r#""taskId":"t","errorId":10,"errorCode":"E""#;
        let whole = edited(&format!(r#"{{"event":"task.failed",{members},"timestamp":"2026-03-28T12:00:00Z"}}"#));
        assert_eq!(edited(&format!("{{{members}}}")), whole);
        assert!(whole.is_ok());
        let other = edited(&format!(r#"{{"event":"task.completed",{members}}}"#));
        assert_eq!(other.expect_err("another type").pointer, "/event");
        let envelope = edited(&format!(r#"{{{members},"account":"acme"}}"#));
        assert_eq!(envelope.expect_err("no member").pointer, "/account");
    }
}

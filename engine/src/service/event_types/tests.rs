//! The catalogue on both databases.

use signet_model::event::{EventTypes as _, Submission};

use super::*;
use crate::{
    Engine,
    actor::Operator,
    testing::{TestDatabase, account, on_each_database, resting_engine},
};

const SCHEMA: &str = r#"{"required":["orderId"],"properties":{"orderId":{"type":"string"}}}"#;

fn content(schema: Option<&str>, sample: Option<&str>) -> EventTypeContent {
    let own = |text: &str| text.to_owned();
    EventTypeContent { schema: schema.map(own), sample: sample.map(own), ..EventTypeContent::default() }
}

fn draft(name: &str, schema: Option<&str>, sample: Option<&str>) -> EventTypeDraft {
    EventTypeDraft { name: name.parse().expect("a name"), content: content(schema, sample) }
}

async fn create(engine: &Engine, name: &str) -> Arc<Entry> {
    engine.event_types().create(&Operator::signet(), draft(name, None, None)).await.expect("a new type")
}

/// The pointer of the fault for which the content is refused.
fn refused<T: std::fmt::Debug>(saved: Result<T, SaveTypeError>) -> String {
    match saved {
        Err(SaveTypeError::Invalid(fault)) => fault.pointer,
        other => panic!("{other:?}"),
    }
}

on_each_database!(a_type_is_made_changed_archived_and_restored);
async fn a_type_is_made_changed_archived_and_restored(database: TestDatabase) {
    let (engine, _) = resting_engine(&database);
    let types = engine.event_types();
    let made = types
        .create(&Operator::signet(), draft("order.paid", Some(SCHEMA), Some(r#"{"orderId":"o_1"}"#)))
        .await
        .expect("made");
    assert_eq!((made.schema.as_deref(), made.origin), (Some(SCHEMA), Origin::Person));
    assert!(matches!(
        types.create(&Operator::signet(), draft("order.paid", None, None)).await,
        Err(SaveTypeError::Exists)
    ));

    let changed =
        types.change(&Operator::signet(), &made.name, content(None, None), Some(made.revision)).await.expect("changed");
    assert!(changed.schema.is_none() && changed.revision > made.revision);
    let late = types.change(&Operator::signet(), &made.name, content(None, None), Some(made.revision)).await;
    assert!(matches!(late, Err(SaveTypeError::Changed)), "{late:?}");

    let archived = types.archive(&Operator::signet(), &made.name, None).await.expect("archived");
    assert!(archived.archived_at.is_some());
    let catalogue = types.current().await.expect("a catalogue");
    assert!(catalogue.find("order.paid").expect_err("no new events").contains("archived"));
    assert!(!catalogue.active().any(|entry| entry.name == made.name) && catalogue.get("order.paid").is_some());
    types.restore(&Operator::signet(), &made.name, None).await.expect("restored");
    assert!(types.current().await.expect("a catalogue").find("order.paid").is_ok());
    let unknown = types.archive(&Operator::signet(), &"order.lost".parse().expect("a name"), None).await;
    assert!(matches!(unknown, Err(SaveTypeError::NotFound)), "{unknown:?}");
}

on_each_database!(a_type_names_the_member_by_which_its_events_are_found);
async fn a_type_names_the_member_by_which_its_events_are_found(database: TestDatabase) {
    let (engine, _) = resting_engine(&database);
    let account = account(&engine, "acme").await;
    let types = engine.event_types();
    let entry = create(&engine, "order.paid").await;
    let accept = async |body: &str| {
        let catalogue = types.current().await.expect("a catalogue");
        let body = Submission::parse(body, engine.0.clock.now(), &*catalogue).expect("an event").body;
        let event = crate::deliver::ingest::NewEvent { account, body, idempotency: None, trace: None };
        crate::testing::Hands(&engine).ingest(event).await.0.expect("accepted");
    };
    let found = async |text: &str| {
        let filter = crate::service::events::EventFilter { task: Some(text.to_owned()), ..Default::default() };
        engine.as_operator_in(account).events(&filter, None, 10).await.expect("events").events.len()
    };
    accept(r#"{"event":"order.paid","orderId":"o_1","taskId":"t_1"}"#).await;
    let with = |reference: Option<&str>| EventTypeContent {
        reference: reference.map(|it| it.parse().expect("a name")),
        ..EventTypeContent::default()
    };
    let changed = types.change(&Operator::signet(), &entry.name, with(Some("orderId")), None).await.expect("changed");
    assert_eq!(changed.reference.as_ref().map(Reference::as_str), Some("orderId"));
    accept(r#"{"event":"order.paid","orderId":"o_2","taskId":"t_2"}"#).await;
    accept(r#"{"event":"order.paid","orderId":3}"#).await;
    assert_eq!((found("t_1").await, found("o_1").await), (1, 0), "it came in with another reference");
    assert_eq!((found("t_2").await, found("o_2").await, found("3").await), (0, 1, 1));
    types.change(&Operator::signet(), &entry.name, with(None), None).await.expect("changed");
    accept(r#"{"event":"order.paid","taskId":"t_4"}"#).await;
    assert_eq!(found("t_4").await, 1);
}

on_each_database!(types_that_are_built_in_cannot_be_made_or_changed);
async fn types_that_are_built_in_cannot_be_made_or_changed(database: TestDatabase) {
    let (engine, _) = resting_engine(&database);
    for name in ["task.completed", "balance.low", "signet.endpoint.disabled"] {
        let made = engine.event_types().create(&Operator::signet(), draft(name, None, None)).await;
        assert!(matches!(made, Err(SaveTypeError::BuiltIn)), "{name}");
        let archived = engine.event_types().archive(&Operator::signet(), &name.parse().expect("a name"), None).await;
        assert!(matches!(archived, Err(SaveTypeError::BuiltIn)), "{name}");
    }
}

on_each_database!(a_schema_and_a_sample_that_are_not_valid_are_refused_with_their_place);
async fn a_schema_and_a_sample_that_are_not_valid_are_refused_with_their_place(database: TestDatabase) {
    let (engine, _) = resting_engine(&database);
    for (schema, sample, pointer) in [
        (Some("{"), None, "/schema"),
        (Some(r#"{"properties":{"a":{"type":"text"}}}"#), None, "/schema/properties/a/type"),
        (None, Some("[]"), "/sample"),
        (None, Some(r#"{"1":2}"#), "/sample/1"),
        (None, Some(r#"{"event":"order.lost"}"#), "/sample/event"),
        (Some(SCHEMA), Some(r#"{"orderId":7}"#), "/sample/orderId"),
        (Some(SCHEMA), Some("{}"), "/sample/orderId"),
    ] {
        let made = engine.event_types().create(&Operator::signet(), draft("order.paid", schema, sample)).await;
        assert_eq!(refused(made), pointer, "{schema:?} {sample:?}");
    }
    let long = format!(r#"{{"description":"{}"}}"#, "x".repeat(schema::MAX_LEN));
    assert_eq!(
        refused(engine.event_types().create(&Operator::signet(), draft("order.paid", Some(&long), None)).await),
        "/schema"
    );
    assert_eq!(engine.event_types().current().await.expect("a catalogue").all().count(), 3, "none was stored");
}

on_each_database!(an_event_is_checked_against_the_schema_of_its_type);
async fn an_event_is_checked_against_the_schema_of_its_type(database: TestDatabase) {
    let (engine, clock) = resting_engine(&database);
    engine.event_types().create(&Operator::signet(), draft("order.paid", Some(SCHEMA), None)).await.expect("made");
    let catalogue = engine.event_types().current().await.expect("a catalogue");
    let read = |text: &str| Submission::parse(text, signet_model::time::Clock::now(&clock), &*catalogue);
    let taken = read(r#"{"event":"order.paid","total":1.0,"orderId":"o_1"}"#).expect("taken");
    assert!(taken.body.json.starts_with(r#"{"event":"order.paid","total":1,"orderId":"o_1","#), "{}", taken.body.json);
    assert_eq!(read(r#"{"event":"order.paid","orderId":1}"#).expect_err("refused").pointer, "/orderId");
    assert_eq!(read(r#"{"event":"order.paid"}"#).expect_err("refused").pointer, "/orderId");
}

on_each_database!(an_unknown_type_is_answered_with_the_nearest_ones);
async fn an_unknown_type_is_answered_with_the_nearest_ones(database: TestDatabase) {
    let (engine, _) = resting_engine(&database);
    for name in ["order.paid", "order.placed", "shipment.sent"] {
        create(&engine, name).await;
    }
    let catalogue = engine.event_types().current().await.expect("a catalogue");
    let message = catalogue.find("order.padi").expect_err("unknown");
    assert!(message.starts_with("is not an event type: the nearest are order.paid, order.placed and "), "{message}");
    assert!(!catalogue.find("balance.lo").expect_err("unknown").contains("balance.low"), "nobody can send it");
    assert!(catalogue.find("\u{1f980}").is_err() && catalogue.find("").is_err());
}

on_each_database!(a_type_of_another_process_is_known_where_it_is_asked_for);
async fn a_type_of_another_process_is_known_where_it_is_asked_for(database: TestDatabase) {
    let ((here, _), (there, _)) = (resting_engine(&database), resting_engine(&database));
    let known = here.event_types().current().await.expect("a catalogue");
    assert!(here.event_types().newer_than(&known).await.expect("an answer").is_none());
    create(&there, "order.paid").await;
    let newer = here.event_types().newer_than(&known).await.expect("an answer").expect("a newer one");
    assert!(newer.find("order.paid").is_ok() && newer.find("task.failed").is_ok());
}

on_each_database!(the_same_file_twice_changes_nothing_and_what_it_no_longer_names_is_archived);
async fn the_same_file_twice_changes_nothing_and_what_it_no_longer_names_is_archived(database: TestDatabase) {
    let (engine, _) = resting_engine(&database);
    let types = engine.event_types();
    create(&engine, "made.here").await;
    let file = || set(vec![draft("order.paid", Some(SCHEMA), None), draft("order.sent", None, None)]);
    let first = types.import(&Operator::signet(), file()).await.expect("imported");
    assert_eq!(first, Imported { created: 2, ..Imported::default() });
    let before = types.current().await.expect("a catalogue").revision;
    let again = types.import(&Operator::signet(), file()).await.expect("imported");
    assert_eq!(again, Imported { unchanged: 2, ..Imported::default() });
    assert_eq!(types.current().await.expect("a catalogue").revision, before);

    let second =
        types.import(&Operator::signet(), set(vec![draft("order.sent", Some(SCHEMA), None)])).await.expect("imported");
    assert_eq!(second, Imported { changed: 1, archived: 1, ..Imported::default() });
    let catalogue = types.current().await.expect("a catalogue");
    assert!(catalogue.get("order.paid").is_some_and(|entry| entry.archived_at.is_some()));
    assert!(catalogue.find("made.here").is_ok(), "a file archives its own types alone");

    let back = types.import(&Operator::signet(), file()).await.expect("imported");
    assert_eq!(back, Imported { changed: 2, ..Imported::default() });
    assert!(types.current().await.expect("a catalogue").find("order.paid").is_ok());
}

#[test]
fn a_file_with_a_type_that_cannot_be_saved_is_refused_whole() {
    let [fine, again] = [draft("a.b", None, None), draft("a.b", None, None)];
    for wrong in ["[]", "{"] {
        let refused = EventTypeSet::try_from(vec![fine.clone(), draft("c.d", Some(wrong), None)]);
        assert!(matches!(refused, Err(ImportError::Type { name, .. }) if name == *"c.d"));
    }
    assert!(matches!(EventTypeSet::try_from(vec![fine, again]), Err(ImportError::Twice(_))));
    assert!(EventTypeSet::try_from(vec![draft("task.failed", None, None)]).is_err(), "it is built in");
}

fn set(drafts: Vec<EventTypeDraft>) -> EventTypeSet {
    EventTypeSet::try_from(drafts).expect("types that can be saved")
}

on_each_database!(a_type_that_cannot_be_read_stops_only_itself);
async fn a_type_that_cannot_be_read_stops_only_itself(database: TestDatabase) {
    let (engine, _) = resting_engine(&database);
    for name in ["order.paid", "order.sent", "order.lost"] {
        create(&engine, name).await;
    }
    database.run("UPDATE event_types SET schema = '{', revision = 100 WHERE name = 'order.paid'").await;
    database.run("UPDATE event_types SET name = 'Order Sent', revision = 100 WHERE name = 'order.sent'").await;
    database.run("UPDATE catalogue SET revision = 100").await;
    let (other, _) = resting_engine(&database);
    let catalogue = other.event_types().current().await.expect("a catalogue");
    assert!(catalogue.get("order.paid").is_some_and(|entry| entry.unusable.is_some()));
    assert!(catalogue.find("order.paid").expect_err("refused").contains("cannot be read"));
    assert_eq!(catalogue.unreadable(), 1);
    assert!(catalogue.find("order.lost").is_ok() && catalogue.find("task.failed").is_ok());
    let ledger = other.check().await.expect("a ledger");
    let [finding] = &ledger.findings[..] else { panic!("{ledger:?}") };
    let told = finding.examples.join("\n");
    assert!(finding.count == 2 && told.contains("\"Order Sent\"") && told.contains("\"order.paid\""), "{told}");
}

//! Signet's own form of a catalogue:
//!
//! ```yaml
//! eventTypes:
//!   order.paid:
//!     description: A customer has paid an order.
//!     schema: { type: object, required: [orderId], properties: { orderId: { type: string } } }
//!     sample: { orderId: order_1 }
//!     reference: orderId
//! ```

use signet_engine::service::event_types::EventTypeDraft;

use super::{Fault, Tree, draft};

/// The types of a document.
pub(super) fn drafts(document: &Tree) -> Result<Vec<EventTypeDraft>, Fault> {
    refuse_others(document, "", &["eventTypes"])?;
    let types = document.get("eventTypes").ok_or_else(|| {
        let message = "must have a member eventTypes, or be an OpenAPI 3.1 document with a member openapi";
        Fault::new("", message)
    })?;
    let Tree::Map(types) = types else {
        return Err(Fault::new("/eventTypes", "must be an object with the names of event types as members"));
    };
    types.iter().map(|(name, content)| read(name, content).map_err(|fault| fault.of(name))).collect()
}

fn read(name: &str, content: &Tree) -> Result<EventTypeDraft, Fault> {
    let pointer = format!("/eventTypes/{}", name.replace('~', "~0").replace('/', "~1"));
    // A name alone is a type without a description, whose events may have any members.
    if *content != Tree::Null && !matches!(content, Tree::Map(_)) {
        return Err(Fault::new(
            pointer,
            "must be an object with the members description, schema, sample and reference",
        ));
    }
    refuse_others(content, &pointer, &["description", "schema", "sample", "reference"])?;
    let description = match content.get("description") {
        None => None,
        Some(Tree::Text(text)) => Some(&**text),
        Some(_) => return Err(Fault::new(format!("{pointer}/description"), "must be a text")),
    };
    draft(name, &pointer, description, content.get("schema"), content.get("sample"), content.get("reference"))
}

fn refuse_others(object: &Tree, pointer: &str, known: &[&str]) -> Result<(), Fault> {
    let other = object.members().iter().find(|(name, _)| !known.contains(&&**name));
    other.map_or(Ok(()), |(name, _)| {
        Err(Fault::new(format!("{pointer}/{name}"), format!("is not known here: use {}", known.join(", "))))
    })
}

#[cfg(test)]
mod tests {
    use signet_model::event::Reference;

    use super::*;

    fn read(yaml: &str) -> Result<Vec<EventTypeDraft>, String> {
        drafts(&serde_saphyr::from_str(yaml).expect("YAML")).map_err(|fault| fault.to_string())
    }

    #[test]
    fn types_are_read_with_their_members_in_order() {
        let yaml = "eventTypes:
  order.paid:
    description: A customer has paid.
    schema: { type: object, required: [total] }
    sample: { total: 9.5, currency: EUR }
    reference: orderId
  order.sent:
";
        let drafts = read(yaml).expect("types");
        let [paid, sent] = &drafts[..] else { panic!("{drafts:?}") };
        assert_eq!((paid.name.as_str(), &*paid.content.description), ("order.paid", "A customer has paid."));
        assert_eq!(paid.content.schema.as_deref(), Some(r#"{"type":"object","required":["total"]}"#));
        assert_eq!(paid.content.sample.as_deref(), Some(r#"{"total":9.5,"currency":"EUR"}"#));
        assert_eq!(paid.content.reference.as_ref().map(Reference::as_str), Some("orderId"));
        assert_eq!((sent.name.as_str(), &sent.content.schema), ("order.sent", &None));
    }

    #[test]
    fn a_fault_names_the_type_and_the_member() {
        for (yaml, words) in [
            ("types: {}", "/types is not known here"),
            ("{}", "the document must have a member eventTypes"),
            ("eventTypes: []", "/eventTypes must be an object"),
            ("eventTypes: { Order: {} }", "Order: /eventTypes/Order is not the name of an event type"),
            ("eventTypes: { a.b: 7 }", "a.b: /eventTypes/a.b must be an object"),
            ("eventTypes: { a.b: { shema: {} } }", "a.b: /eventTypes/a.b/shema is not known here"),
            ("eventTypes: { a.b: { reference: [] } }", "a.b: /eventTypes/a.b/reference is not the name of a member"),
            ("eventTypes: { a.b: { description: 7 } }", "a.b: /eventTypes/a.b/description must be a text"),
        ] {
            let fault = read(yaml).expect_err(yaml);
            assert!(fault.starts_with(words), "{fault}");
        }
    }
}

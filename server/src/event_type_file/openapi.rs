//! The `webhooks` of an OpenAPI 3.1 document: the name of a webhook is that of an event type,
//! the body of its POST the schema, and the example of that body the sample.

use signet_engine::service::event_types::EventTypeDraft;

use super::{Fault, Tree, bundle::bundle, draft};

/// The dialects of JSON Schema that a document may declare: that of OpenAPI is 2020-12 with
/// members that only describe.
const DIALECTS: [&str; 2] =
    ["https://json-schema.org/draft/2020-12/schema", "https://spec.openapis.org/oas/3.1/dialect/base"];
/// The longest description that is kept, in characters.
const DESCRIPTION: usize = 200;
/// References that lead to further references.
const MAX_HOPS: usize = 16;

/// The types of a document.
pub(super) fn drafts(document: &Tree) -> Result<Vec<EventTypeDraft>, Fault> {
    let version = document.get("openapi").and_then(Tree::text).unwrap_or_default();
    if !version.starts_with("3.1.") {
        return Err(Fault::new("/openapi", "must be a version 3.1: earlier ones have no webhooks"));
    }
    if let Some(dialect) = document.get("jsonSchemaDialect")
        && !dialect.text().is_some_and(|it| DIALECTS.contains(&it))
    {
        return Err(Fault::new("/jsonSchemaDialect", format!("must be {}, or be left out", DIALECTS.join(" or "))));
    }
    let webhooks = document.get("webhooks").ok_or_else(|| Fault::new("", "has no member webhooks"))?;
    let Tree::Map(webhooks) = webhooks else { return Err(Fault::new("/webhooks", "must be an object")) };
    webhooks.iter().map(|(name, item)| read(document, name, item).map_err(|fault| fault.of(name))).collect()
}

fn read(document: &Tree, name: &str, item: &Tree) -> Result<EventTypeDraft, Fault> {
    let pointer = format!("/webhooks/{}", name.replace('~', "~0").replace('/', "~1"));
    let item = resolve(document, item, &pointer)?;
    let operation = item.get("post").ok_or_else(|| Fault::new(&*pointer, "has no member post"))?;
    let words = [operation, item].into_iter().flat_map(|it| [it.get("summary"), it.get("description")]);
    let description = words.flatten().filter_map(Tree::text).map(sentence).find(|text| !text.is_empty());
    let pointer = format!("{pointer}/post/requestBody");
    let content = match operation.get("requestBody") {
        Some(body) => media_type(resolve(document, body, &pointer)?),
        None => None,
    };
    let schema = content.and_then(|content| content.get("schema"));
    let bundled = schema.map(|schema| bundle(document, schema)).transpose();
    let bundled =
        bundled.map_err(|message| Fault::new(format!("{pointer}/content/application~1json/schema"), message))?;
    let sample = match content {
        Some(content) => example(document, content, schema, &pointer)?,
        None => None,
    };
    // OpenAPI has no word for it: members that begin with x- are for programs such as this one.
    let reference = operation.get("x-reference");
    draft(name, &pointer, description.as_deref(), bundled.as_ref(), sample.as_ref(), reference)
}

/// The description of the body as JSON.
fn media_type(body: &Tree) -> Option<&Tree> {
    let is_json = |name: &str| {
        let essence = name.split(';').next().unwrap_or_default().trim();
        essence == "application/json" || essence.ends_with("+json")
    };
    body.get("content")?.members().iter().find(|(name, _)| is_json(name)).map(|(_, content)| content)
}

/// The first example, without the members that every body has.
fn example(document: &Tree, content: &Tree, schema: Option<&Tree>, pointer: &str) -> Result<Option<Tree>, Fault> {
    let named = match content.get("examples").and_then(|examples| examples.members().first()) {
        Some((_, example)) => resolve(document, example, pointer)?.get("value"),
        None => None,
    };
    let schema = schema.map(|schema| resolve(document, schema, pointer)).transpose()?;
    let of_schema = schema.and_then(|schema| schema.get("example").or_else(|| schema.at("/examples/0")));
    let example = content.get("example").or(named).or(of_schema);
    Ok(example.map(|example| match example {
        Tree::Map(members) => {
            let own = members.iter().filter(|(name, _)| name != "event" && name != "timestamp");
            Tree::Map(own.cloned().collect())
        }
        other => other.clone(),
    }))
}

/// The part of the document that a part stands for, which may be a reference.
fn resolve<'t>(document: &'t Tree, mut part: &'t Tree, pointer: &str) -> Result<&'t Tree, Fault> {
    for _ in 0..MAX_HOPS {
        let Some(reference) = part.get("$ref").and_then(Tree::text) else { return Ok(part) };
        let target = reference.strip_prefix('#').and_then(|target| document.at(target));
        part = target.ok_or_else(|| {
            Fault::new(format!("{pointer}/$ref"), format!("leads to {reference:?}, which is not in this document"))
        })?;
    }
    Err(Fault::new(format!("{pointer}/$ref"), "leads to itself"))
}

/// The first line of a text, without control characters, cut to the length of a description.
fn sentence(text: &str) -> String {
    let line = text.trim().lines().next().unwrap_or_default();
    let clean: String = line.chars().filter(|letter| !letter.is_control()).collect();
    if clean.chars().count() <= DESCRIPTION {
        return clean;
    }
    clean.chars().take(DESCRIPTION - 1).chain(['…']).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHOP: &str = "openapi: 3.1.0
info: { title: Shop, version: '1' }
webhooks:
  order.paid:
    post:
      summary: A customer has paid an order.
      x-reference: orderId
      requestBody:
        content:
          application/json:
            schema: { $ref: '#/components/schemas/OrderPaid' }
            example: { event: order.paid, orderId: o1, total: 9.5, timestamp: '2026-03-28T12:00:00Z' }
      responses: { '200': { description: Thanks } }
  order.sent: { $ref: '#/components/pathItems/OrderSent' }
components:
  pathItems:
    OrderSent:
      post:
        description: |
          An order is on its way.
          More about it.
        requestBody: { $ref: '#/components/requestBodies/Order' }
  requestBodies:
    Order:
      content:
        application/json:
          examples:
            usual: { value: { orderId: o2 } }
  schemas:
    OrderPaid:
      type: object
      properties:
        orderId: { type: string }
        lines: { type: array, items: { $ref: '#/components/schemas/Line' } }
    Line: { type: object, properties: { parent: { $ref: '#/components/schemas/Line' } } }
";

    fn read(yaml: &str) -> Result<Vec<EventTypeDraft>, String> {
        drafts(&serde_saphyr::from_str(yaml).expect("YAML")).map_err(|fault| fault.to_string())
    }

    #[test]
    fn webhooks_are_event_types() {
        let drafts = read(SHOP).expect("types");
        let [paid, sent] = &drafts[..] else { panic!("{drafts:?}") };
        assert_eq!((paid.name.as_str(), &*paid.content.description), ("order.paid", "A customer has paid an order."));
        assert_eq!(
            paid.content.schema.as_deref(),
            Some(
                r##"{"type":"object","properties":{"orderId":{"type":"string"},"lines":{"type":"array","items":{"$ref":"#/$defs/Line"}}},"$defs":{"Line":{"type":"object","properties":{"parent":{"$ref":"#/$defs/Line"}}}}}"##
            )
        );
        assert_eq!(paid.content.sample.as_deref(), Some(r#"{"orderId":"o1","total":9.5}"#));
        assert_eq!((sent.name.as_str(), &*sent.content.description), ("order.sent", "An order is on its way."));
        assert_eq!((&sent.content.schema, sent.content.sample.as_deref()), (&None, Some(r#"{"orderId":"o2"}"#)));
    }

    #[test]
    fn a_fault_names_the_type_and_the_member() {
        for (from, to, words) in [
            ("3.1.0", "3.0.3", "/openapi must be a version 3.1"),
            ("webhooks:", "hooks:", "the document has no member webhooks"),
            ("  order.paid:\n    post", "  Order:\n    post", "Order: /webhooks/Order"),
            ("#/components/pathItems/OrderSent", "other.yaml#/a", "order.sent: /webhooks/order.sent/$ref leads to"),
            (
                "#/components/schemas/Line' } }\n",
                "#/components/schemas/No' } }\n",
                "order.paid: /webhooks/order.paid/post",
            ),
            (
                "    post:\n      summary",
                "    get:\n      summary",
                "order.paid: /webhooks/order.paid has no member post",
            ),
        ] {
            let fault = read(&SHOP.replace(from, to)).expect_err(to);
            assert!(fault.starts_with(words), "{fault}");
        }
    }
}

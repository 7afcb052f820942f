//! The members of a schema, as a list.

use serde_json::Value;

use super::html::{Page, text_of};

/// Schemas are followed so far: a type can have itself as a member.
const DEPTH_MAX: usize = 4;

/// The part of an exchange that a schema is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Use {
    /// Members can be left out.
    Request,
    /// All members are there, `null` perhaps.
    Answer,
}

/// Writes the members of an object, those of the entries of an array, and those of their own.
pub fn members(page: &mut Page, document: &Value, schema: &Value, usage: Use) {
    page.open("dl class=\"reference-members\"");
    write(page, document, schema, usage, 0);
    page.close("dl");
}

fn write(page: &mut Page, document: &Value, schema: &Value, usage: Use, depth: usize) {
    if depth > DEPTH_MAX {
        return;
    }
    let schema = resolve(document, schema);
    for part in parts(schema) {
        write(page, document, part, usage, depth);
    }
    if !schema["items"].is_null() {
        write(page, document, &schema["items"], usage, depth);
    }
    let required: Vec<_> = schema["required"].as_array().into_iter().flatten().map(text_of).collect();
    for (name, member) in schema["properties"].as_object().into_iter().flatten() {
        let is_needed = usage == Use::Answer || required.contains(&&**name);
        let need = if is_needed { "" } else { ", optional" };
        let followed = resolve(document, member);
        let meaning = [member, followed].map(|one| text_of(&one["description"]));
        let meaning = meaning.into_iter().find(|text| !text.is_empty()).unwrap_or_default();
        page.member(name, &format!("{}{need}", kind(document, member)), meaning, depth);
        write(page, document, member, usage, depth + 1);
    }
}

/// The schemas that a schema is put together from, or one of which it is.
fn parts(schema: &Value) -> impl Iterator<Item = &Value> {
    ["allOf", "oneOf", "anyOf"].into_iter().flat_map(|name| schema[name].as_array().into_iter().flatten())
}

fn resolve<'d>(document: &'d Value, schema: &'d Value) -> &'d Value {
    let name = schema["$ref"].as_str().and_then(|path| path.strip_prefix("#/components/schemas/"));
    name.map_or(schema, |name| &document["components"]["schemas"][name])
}

/// The type in a word or two.
pub fn kind(document: &Value, schema: &Value) -> String {
    let schema = resolve(document, schema);
    if !schema["const"].is_null() {
        return schema["const"].to_string();
    }
    if let Some(values) = schema["enum"].as_array() {
        return values.iter().map(text_of).collect::<Vec<_>>().join(" | ");
    }
    let in_words = |name: &str| match name {
        "array" => format!("list of {}", kind(document, &schema["items"])),
        name => name.to_owned(),
    };
    match &schema["type"] {
        Value::String(name) if schema["format"] == "date-time" => format!("{name}, an instant"),
        Value::String(name) => in_words(name),
        Value::Array(names) => names.iter().map(|name| in_words(text_of(name))).collect::<Vec<_>>().join(" or "),
        _ => {
            let kinds: Vec<_> = parts(schema).map(|part| kind(document, part)).collect();
            if kinds.is_empty() { "any".to_owned() } else { kinds.join(" or ") }
        }
    }
}

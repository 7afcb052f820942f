//! The work that a schema can cause, known before a body is checked against it.
//!
//! A schema of a few lines can go round for ever, check one value a million times, or need more
//! stack than a thread has; the library that checks has no limits for that. These are bounds from
//! above, by the number of levels between the root of a body and a value: of the checks that are
//! made of one such value, and of the nesting of these checks. One that is too costly is refused
//! with its event, and so costs nobody else any time.

use std::{collections::HashMap, ptr};

use serde_json::{Map, Value};
use signet_model::{event::MemberFault, payload::push_pointer};

use super::schema::at;

/// The levels of a body. Deeper ones are refused when they are read.
const LEVELS: usize = 128;
/// The checks of one value, where a schema is taken at all: compiling it can take as many steps.
const AT_ONCE_MAX: u64 = 10_000;
/// The checks that one body may need: a tenth of a second, more or less.
const CHECKS_MAX: u64 = 2_000_000;
/// The bytes that patterns may look at in one body.
const MATCHED_MAX: u64 = 16 * 1024 * 1024;
/// The nesting of checks. A thread has 2 MiB of stack, and each takes a kilobyte at most.
const NESTING_MAX: u64 = 1_000;
/// The patterns of one schema, each of which takes memory.
const PATTERNS_MAX: usize = 100;

/// Members with schemas for the same value: one, a list, or one for each name.
const HERE: [&[&str]; 3] =
    [&["not", "if", "then", "else"], &["allOf", "anyOf", "oneOf"], &["dependentSchemas", "dependencies"]];
/// Members with schemas for members or entries of the value, of which one applies to each.
const ONE_BELOW: [&[&str]; 3] = [
    &["additionalProperties", "unevaluatedProperties", "items", "unevaluatedItems"],
    &["prefixItems"],
    &["properties"],
];
/// The same, where all can apply to each.
const EACH_BELOW: [&[&str]; 3] = [&["contains", "propertyNames"], &[], &["patternProperties"]];
/// Members with values in which nothing is a schema.
const DATA: [&str; 4] = ["const", "enum", "default", "examples"];

/// Bounds on the work of one schema, for bodies with so many levels below their root.
#[derive(Debug)]
pub(super) struct Effort {
    /// The checks of one value.
    checks: Vec<u64>,
    /// The patterns among them.
    patterns: Vec<u64>,
    /// The nesting of checks.
    nesting: Vec<u64>,
}

impl Effort {
    /// Bounds the work of a schema.
    ///
    /// # Errors
    /// The schema goes round without going into a member, has too many patterns, or refers to
    /// what it has no part for. The pointer leads into the schema.
    pub(super) fn of(schema: &Value) -> Result<Self, MemberFault> {
        let mut survey = Survey::new(schema)?;
        survey.run()?;
        let Survey { parts, .. } = survey;
        let order = inside_out(&parts)?;
        check_at_once(&parts, &order)?;
        let checks = by_level(&parts, &order, |part| part.weight);
        let patterns = by_level(&parts, &order, |part| part.patterns);
        Ok(Self { checks, patterns, nesting: nesting(&parts, &order) })
    }

    /// Refuses a body (`len` bytes as a text) that would take too long.
    pub(super) fn check(&self, body: &Value, len: usize) -> Result<(), MemberFault> {
        let len = u64::try_from(len).unwrap_or(u64::MAX);
        // Most bodies are small beside any bound.
        if self.is_small(len, len, LEVELS) {
            return Ok(());
        }
        let Size { values, levels } = Size::of(body);
        if self.is_small(values, len, levels) {
            return Ok(());
        }
        let message = "is too large, or too deep, to be checked by the schema of its type: send less in one event, or simplify the schema";
        Err(at(String::new(), message))
    }

    fn is_small(&self, values: u64, len: u64, levels: usize) -> bool {
        let at_level = |bounds: &[u64]| bounds.get(levels).or(bounds.last()).copied().unwrap_or_default();
        at_level(&self.checks).saturating_mul(values) <= CHECKS_MAX
            && at_level(&self.patterns).saturating_mul(len) <= MATCHED_MAX
            && at_level(&self.nesting) <= NESTING_MAX
    }
}

/// The size of a body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Size {
    /// All values in it.
    values: u64,
    /// The levels below its root.
    levels: usize,
}

impl Size {
    fn of(value: &Value) -> Self {
        let with = |sum: Self, below: Self| Self {
            values: sum.values + below.values,
            levels: sum.levels.max(below.levels + 1),
        };
        let alone = Self { values: 1, levels: 0 };
        match value {
            Value::Array(entries) => entries.iter().map(Self::of).fold(alone, with),
            Value::Object(members) => members.values().map(Self::of).fold(alone, with),
            _ => alone,
        }
    }
}

/// A schema inside of a schema. The numbers are those of other parts.
#[derive(Debug, Default)]
struct Part {
    /// For the same value.
    here: Vec<usize>,
    /// For what is in the value: one of them.
    one_below: Vec<usize>,
    /// For what is in the value: all of them.
    each_below: Vec<usize>,
    /// Its own checks.
    weight: u64,
    /// Its own patterns.
    patterns: u64,
}

impl Part {
    fn below(&self) -> impl Iterator<Item = &usize> {
        self.one_below.iter().chain(&self.each_below)
    }
}

/// Finds the parts of a schema, from its root on.
struct Survey<'s> {
    root: &'s Value,
    /// The schema's own address.
    address: &'s str,
    anchors: HashMap<&'s str, Vec<&'s Value>>,
    numbers: HashMap<*const Value, usize>,
    parts: Vec<Part>,
    /// Parts that are still to be read, with their places.
    wanted: Vec<(&'s Value, String)>,
}

impl<'s> Survey<'s> {
    fn new(root: &'s Value) -> Result<Self, MemberFault> {
        let mut anchors = HashMap::new();
        let patterns = look_through(root, &mut String::new(), &mut anchors)?;
        if patterns > PATTERNS_MAX {
            return Err(at(String::new(), &format!("has {patterns} patterns, and may have {PATTERNS_MAX}")));
        }
        let address = root.get("$id").and_then(Value::as_str).unwrap_or_default().trim_end_matches('#');
        let mut survey =
            Self { root, address, anchors, numbers: HashMap::new(), parts: Vec::new(), wanted: Vec::new() };
        survey.number(root, String::new());
        Ok(survey)
    }

    fn run(&mut self) -> Result<(), MemberFault> {
        // Parts are read in the order of their numbers.
        let mut next = 0;
        while let Some((schema, place)) = self.wanted.get(next).cloned() {
            let part = match schema {
                Value::Object(members) => self.read(members, &place)?,
                _ => Part { weight: 1, ..Part::default() },
            };
            self.parts.push(part);
            next += 1;
        }
        Ok(())
    }

    fn read(&mut self, members: &'s Map<String, Value>, place: &str) -> Result<Part, MemberFault> {
        let mut here = self.schemas(members, place, HERE);
        for name in ["$ref", "$dynamicRef"] {
            if let Some(reference) = members.get(name).and_then(Value::as_str) {
                let targets = self.targets(reference).ok_or_else(|| refused(place, name, reference))?;
                let place = reference.trim_start_matches(|it| it != '/');
                here.extend(targets.into_iter().map(|target| self.number(target, place.to_owned())));
            }
        }
        // What is evaluated already is found by checking once more.
        if members.contains_key("unevaluatedProperties") || members.contains_key("unevaluatedItems") {
            here.extend(here.clone());
        }
        let len = |name: &str| {
            members.get(name).map_or(0, |it| match it {
                Value::Array(values) => values.len() as u64,
                Value::Object(values) => values.len() as u64,
                _ => 1,
            })
        };
        let patterns = len("pattern") + len("patternProperties");
        Ok(Part {
            here,
            one_below: self.schemas(members, place, ONE_BELOW),
            each_below: self.schemas(members, place, EACH_BELOW),
            weight: 1 + len("enum") / 16 + patterns,
            patterns,
        })
    }

    /// The schemas in some members: one, a list, or one for each name.
    fn schemas(&mut self, members: &'s Map<String, Value>, place: &str, names: [&[&str]; 3]) -> Vec<usize> {
        let mut found = Vec::new();
        for name in names.concat() {
            let Some(value) = members.get(name) else { continue };
            let place = below(place, name);
            match value {
                Value::Array(schemas) => {
                    let placed = schemas.iter().enumerate();
                    found.extend(placed.map(|(step, it)| self.number(it, below(&place, &step.to_string()))));
                }
                Value::Object(schemas) if names[2].contains(&name) => {
                    // An array among dependencies names members.
                    let placed = schemas.iter().filter(|(_, it)| !it.is_array());
                    found.extend(placed.map(|(step, it)| self.number(it, below(&place, step))));
                }
                schema => found.push(self.number(schema, place)),
            }
        }
        found
    }

    /// The schemas that a reference can mean; `None` if that is none of this document.
    fn targets(&self, reference: &str) -> Option<Vec<&'s Value>> {
        let own = reference.strip_prefix(self.address).filter(|rest| rest.is_empty() || rest.starts_with('#'));
        let fragment = own.unwrap_or(reference);
        let name = if fragment.is_empty() { "" } else { fragment.strip_prefix('#')? };
        let name = percent_encoding::percent_decode_str(name).decode_utf8().ok()?;
        if name.is_empty() || name.starts_with('/') {
            return self.root.pointer(&name).map(|target| vec![target]);
        }
        self.anchors.get(&*name).cloned()
    }

    fn number(&mut self, schema: &'s Value, place: String) -> usize {
        let next = self.wanted.len();
        let number = *self.numbers.entry(ptr::from_ref(schema)).or_insert(next);
        if number == next {
            self.wanted.push((schema, place));
        }
        number
    }
}

fn below(place: &str, step: &str) -> String {
    let mut place = place.to_owned();
    push_pointer(&mut place, step);
    place
}

fn refused(place: &str, name: &str, reference: &str) -> MemberFault {
    at(below(place, name), &format!("refers to {reference:?}, which is no part of this schema: put it among its $defs"))
}

/// Counts the patterns of a schema, and finds the names of its parts.
fn look_through<'s>(
    value: &'s Value,
    place: &mut String,
    anchors: &mut HashMap<&'s str, Vec<&'s Value>>,
) -> Result<usize, MemberFault> {
    let mut patterns = 0;
    let within: Vec<(String, &Value)> = match value {
        Value::Array(values) => values.iter().enumerate().map(|(place, it)| (place.to_string(), it)).collect(),
        Value::Object(members) => {
            for name in ["$anchor", "$dynamicAnchor"] {
                if let Some(name) = members.get(name).and_then(Value::as_str) {
                    anchors.entry(name).or_default().push(value);
                }
            }
            if !place.is_empty() && members.get("$id").is_some_and(Value::is_string) {
                push_pointer(place, "$id");
                return Err(at(place.clone(), "may stand at the root of a schema alone"));
            }
            patterns += usize::from(members.get("pattern").is_some_and(Value::is_string));
            patterns += members.get("patternProperties").and_then(Value::as_object).map_or(0, Map::len);
            let schemas = members.iter().filter(|(name, _)| !DATA.contains(&&***name));
            schemas.map(|(name, it)| (name.clone(), it)).collect()
        }
        _ => return Ok(0),
    };
    for (name, value) in within {
        let end = place.len();
        push_pointer(place, &name);
        patterns += look_through(value, place, anchors)?;
        place.truncate(end);
    }
    Ok(patterns)
}

/// The parts in an order in which those for the same value come before the part that has them.
fn inside_out(parts: &[Part]) -> Result<Vec<usize>, MemberFault> {
    let mut users = vec![0_usize; parts.len()];
    for &used in parts.iter().flat_map(|part| &part.here) {
        users[used] += 1;
    }
    let mut order: Vec<usize> = (0..parts.len()).filter(|&number| users[number] == 0).collect();
    let mut next = 0;
    while let Some(&number) = order.get(next) {
        for &used in &parts[number].here {
            users[used] -= 1;
            if users[used] == 0 {
                order.push(used);
            }
        }
        next += 1;
    }
    if order.len() < parts.len() {
        return Err(at(String::new(), "refers to itself before it goes into a member, and would never end"));
    }
    order.reverse();
    Ok(order)
}

/// Refuses a schema of which a part checks one value too often.
fn check_at_once(parts: &[Part], order: &[usize]) -> Result<(), MemberFault> {
    let mut checks = vec![0_u64; parts.len()];
    for &number in order {
        let here = parts[number].here.iter().fold(0_u64, |sum, &it| sum.saturating_add(checks[it]));
        checks[number] = here.saturating_add(parts[number].weight);
        if checks[number] > AT_ONCE_MAX {
            let message = format!("checks one value more than {AT_ONCE_MAX} times: do not name the same part so often");
            return Err(at(String::new(), &message));
        }
    }
    Ok(())
}

/// Bounds on the weights of all parts that are applied to one value, by its level: the greatest up
/// to each level.
fn by_level(parts: &[Part], order: &[usize], weight: impl Fn(&Part) -> u64) -> Vec<u64> {
    let add = |values: &[u64], numbers: &[usize]| numbers.iter().fold(0_u64, |sum, &it| sum.saturating_add(values[it]));
    let (mut above, mut bounds) = (vec![0_u64; parts.len()], Vec::new());
    for level in 0..=LEVELS {
        let mut now = vec![0_u64; parts.len()];
        for &number in order {
            let part = &parts[number];
            let own = if level == 0 {
                weight(part)
            } else {
                let one = part.one_below.iter().map(|&it| above[it]).max().unwrap_or_default();
                one.saturating_add(add(&above, &part.each_below))
            };
            now[number] = own.saturating_add(add(&now, &part.here));
        }
        let most: u64 = bounds.last().copied().unwrap_or_default();
        // The root is the first part.
        bounds.push(most.max(now[0]));
        if now.iter().all(|&it| it == 0) {
            break;
        }
        above = now;
    }
    bounds
}

/// Bounds on the nesting of checks, by the levels of a body.
fn nesting(parts: &[Part], order: &[usize]) -> Vec<u64> {
    let (mut above, mut bounds) = (vec![0_u64; parts.len()], Vec::new());
    for _ in 0..=LEVELS {
        let mut now = vec![0_u64; parts.len()];
        for &number in order {
            let part = &parts[number];
            let here = part.here.iter().map(|&it| now[it]);
            let below = part.below().map(|&it| above[it]);
            now[number] = 1 + here.chain(below).max().unwrap_or_default();
        }
        bounds.push(now[0]);
        if now == above {
            break;
        }
        above = now;
    }
    bounds
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn effort(schema: &Value) -> Effort {
        Effort::of(schema).unwrap_or_else(|fault| panic!("{schema}: {fault}"))
    }

    fn is_taken(schema: &Value, body: &Value) -> bool {
        effort(schema).check(body, body.to_string().len()).is_ok()
    }

    fn nested(levels: usize) -> Value {
        (0..levels).fold(json!(1), |inner, _| json!({ "a": inner }))
    }

    /// Definitions of which each refers to the next one, so many times.
    fn chain(length: usize, times: usize, end: &Value) -> Value {
        let link =
            |number: usize| json!({ "allOf": vec![json!({ "$ref": format!("#/$defs/{}", number + 1) }); times] });
        let mut definitions: Map<String, Value> =
            (0..length).map(|number| (number.to_string(), link(number))).collect();
        definitions.insert(length.to_string(), end.clone());
        json!({ "$defs": definitions, "$ref": "#/$defs/0" })
    }

    #[test]
    fn a_plain_schema_costs_one_check_a_value_whatever_the_body() {
        let line = json!({ "type": "object", "properties": { "sku": { "type": "string", "pattern": "^[a-z]+$" } } });
        let schema = json!({
            "type": "object",
            "properties": { "lines": { "type": "array", "items": line }, "total": { "$ref": "#/$defs/money" } },
            "$defs": { "money": { "type": "number", "minimum": 0 } },
            "additionalProperties": false,
        });
        let Effort { checks, patterns, .. } = effort(&schema);
        assert_eq!((checks.last(), patterns.last()), (Some(&2), Some(&1)));
        assert!(is_taken(&schema, &json!({ "lines": vec![json!({ "sku": "a" }); 50_000] })));
    }

    #[test]
    fn a_tree_may_be_as_deep_as_a_body_can_be() {
        let tree = json!({ "properties": { "a": { "$ref": "#" }, "b": { "$ref": "#" } } });
        assert!(is_taken(&tree, &nested(100)));
        let named = json!({ "$id": "https://example.com/tree", "$anchor": "tree",
            "properties": { "a": { "$ref": "#tree" }, "b": { "$ref": "https://example.com/tree" }, "c": { "$dynamicRef": "#tree" } } });
        assert!(is_taken(&named, &nested(100)));
    }

    #[test]
    fn a_body_that_would_be_checked_for_ever_is_refused() {
        let two_ways =
            json!({ "properties": { "a": { "$ref": "#" } }, "patternProperties": { "^a": { "$ref": "#" } } });
        assert!(is_taken(&two_ways, &nested(8)));
        assert!(!is_taken(&two_ways, &nested(40)));
        let doubled = chain(11, 2, &json!({ "type": "integer" }));
        assert!(is_taken(&doubled, &json!({})));
        assert!(!is_taken(&doubled, &json!({ "list": vec![1; 1_000] })));
        let wide: Vec<_> = (0..1_500).map(|number| json!({ "not": { "const": number } })).collect();
        let wide = json!({ "properties": { "list": { "items": { "allOf": wide } } } });
        assert!(is_taken(&wide, &json!({ "list": vec![1; 100] })));
        assert!(!is_taken(&wide, &json!({ "list": vec![1; 20_000] })));
        let matched: Vec<_> = (0..90).map(|_| json!({ "pattern": "a{9}" })).collect();
        let matched = json!({ "properties": { "text": { "allOf": matched } } });
        assert!(is_taken(&matched, &json!({ "text": "a".repeat(10_000) })));
        assert!(!is_taken(&matched, &json!({ "text": "a".repeat(500_000) })));
    }

    #[test]
    fn a_body_that_needs_more_stack_than_there_is_is_refused() {
        let link = chain(20, 1, &json!({ "properties": { "a": { "$ref": "#/$defs/0" } } }));
        assert!(is_taken(&link, &nested(10)));
        assert!(!is_taken(&link, &nested(100)));
    }

    #[test]
    fn a_schema_that_never_ends_is_refused() {
        let clique = |number: usize| {
            let others: Vec<_> = (0..9).filter(|&it| it != number).collect();
            json!({ "anyOf": others.iter().map(|it| json!({ "$ref": format!("#/$defs/{it}") })).collect::<Vec<_>>() })
        };
        let definitions: Map<String, Value> = (0..9).map(|number| (number.to_string(), clique(number))).collect();
        for endless in [
            json!({ "$ref": "#" }),
            json!({ "not": { "$ref": "" } }),
            json!({ "properties": { "a": { "if": { "$ref": "#/properties/a" } } } }),
            json!({ "$defs": definitions, "$ref": "#/$defs/0" }),
        ] {
            let fault = Effort::of(&endless).expect_err("refused");
            assert!(fault.message.contains("refers to itself"), "{fault}");
        }
    }

    #[test]
    fn a_schema_that_checks_one_value_again_and_again_is_refused() {
        let fault = Effort::of(&chain(30, 2, &json!({ "type": "integer" }))).expect_err("refused");
        assert!(fault.message.contains("more than 10000 times"), "{fault}");
    }

    #[test]
    fn a_part_that_cannot_be_found_or_is_one_too_many_is_named() {
        for (schema, pointer) in [
            (json!({ "properties": { "a": { "$ref": "https://example.com/a" } } }), "/properties/a/$ref"),
            (json!({ "$defs": { "b": { "items": { "$ref": "#c" } } }, "$ref": "#/$defs/b" }), "/$defs/b/items/$ref"),
            (json!({ "items": { "$id": "https://example.com/item" } }), "/items/$id"),
            (json!({ "properties": vec![json!({ "pattern": "a" }); PATTERNS_MAX + 1] }), ""),
        ] {
            assert_eq!(Effort::of(&schema).expect_err("refused").pointer, pointer, "{schema}");
        }
        let with_spaces = json!({ "$defs": { "a b/c": {} }, "$ref": "#/$defs/a%20b~1c", "const": { "$ref": "#/no" } });
        assert!(Effort::of(&with_spaces).is_ok());
    }
}

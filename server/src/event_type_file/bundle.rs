//! A schema with all that it refers to in its document, so that it stands alone.

use std::collections::BTreeMap;

use super::Tree;

/// Members whose values are data, in which `$ref` is no reference.
const DATA: [&str; 5] = ["const", "enum", "default", "example", "examples"];
/// The member that holds the definitions of a schema.
const DEFINITIONS: &str = "$defs";
/// References that lead to further references, before a schema begins.
const MAX_HOPS: usize = 16;

/// The schema, with each part of the document that it refers to among its `$defs`.
///
/// # Errors
/// A reference leads nowhere, or to another document. The text says where.
pub fn bundle(document: &Tree, schema: &Tree) -> Result<Tree, String> {
    let mut bundle = Bundle { document, names: BTreeMap::new(), wanted: Vec::new() };
    // A schema that is a reference alone is taken for the one that it names: what is said of a
    // body's members is then said at its root.
    let mut root = schema;
    for _ in 0..MAX_HOPS {
        match root.members() {
            [(name, Tree::Text(reference))] if name == "$ref" => root = bundle.target(reference)?,
            _ => break,
        }
    }
    let mut root = bundle.rewrite(root)?;
    let mut definitions = Vec::new();
    while let Some((name, target)) = bundle.wanted.pop() {
        definitions.push((name, bundle.rewrite(target)?));
    }
    if let (Tree::Map(members), false) = (&mut root, definitions.is_empty()) {
        match members.iter_mut().find(|(name, _)| name == DEFINITIONS) {
            Some((_, Tree::Map(own))) => own.extend(definitions),
            _ => members.push((DEFINITIONS.to_owned(), Tree::Map(definitions))),
        }
    }
    Ok(root)
}

struct Bundle<'t> {
    document: &'t Tree,
    /// The name of the definition for each pointer.
    names: BTreeMap<String, String>,
    /// The definitions that are still to be made.
    wanted: Vec<(String, &'t Tree)>,
}

impl<'t> Bundle<'t> {
    fn target(&self, reference: &str) -> Result<&'t Tree, String> {
        let pointer = reference.strip_prefix('#').filter(|pointer| pointer.starts_with('/'));
        let target = pointer.and_then(|pointer| self.document.at(pointer));
        target.ok_or_else(|| format!("refers to {reference:?}, which is not in this document"))
    }

    fn rewrite(&mut self, part: &Tree) -> Result<Tree, String> {
        Ok(match part {
            Tree::List(values) => Tree::List(values.iter().map(|value| self.rewrite(value)).collect::<Result<_, _>>()?),
            Tree::Map(members) => {
                Tree::Map(members.iter().map(|member| self.member(member)).collect::<Result<_, _>>()?)
            }
            other => other.clone(),
        })
    }

    fn member(&mut self, (name, value): &(String, Tree)) -> Result<(String, Tree), String> {
        let value = match value {
            Tree::Text(reference) if name == "$ref" => Tree::Text(self.definition(reference)?),
            value if DATA.contains(&&**name) => value.clone(),
            value => self.rewrite(value)?,
        };
        Ok((name.clone(), value))
    }

    /// The reference to the definition that stands for this one.
    fn definition(&mut self, reference: &str) -> Result<String, String> {
        let target = self.target(reference)?;
        if let Some(name) = self.names.get(reference) {
            return Ok(format!("#/{DEFINITIONS}/{name}"));
        }
        let last = reference.rsplit('/').next().unwrap_or_default();
        let letters = |it: char| if it.is_ascii_alphanumeric() || matches!(it, '_' | '-' | '.') { it } else { '_' };
        let mut name: String = last.chars().map(letters).collect();
        while self.names.values().any(|taken| *taken == name) {
            name.push('_');
        }
        self.names.insert(reference.to_owned(), name.clone());
        self.wanted.push((name.clone(), target));
        Ok(format!("#/{DEFINITIONS}/{name}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bundled(schema: &str) -> Result<String, String> {
        let document = r##"{"components":{"schemas":{
            "A":{"properties":{"b":{"$ref":"#/components/schemas/B"}},"const":{"$ref":"#/no"}},
            "B":{"items":{"$ref":"#/components/schemas/A"}},
            "C":{"$ref":"#/components/schemas/B"}
        },"responses":{"A":{"type":"string"}}}}"##;
        let read = |text: &str| serde_json::from_str::<Tree>(text).expect("JSON");
        bundle(&read(document), &read(schema)).map(|tree| tree.to_json())
    }

    #[test]
    fn what_a_schema_refers_to_comes_with_it_once() {
        assert_eq!(
            bundled(r##"{"anyOf":[{"$ref":"#/components/schemas/A"},{"$ref":"#/components/schemas/A"}]}"##).as_deref(),
            Ok(
                r##"{"anyOf":[{"$ref":"#/$defs/A"},{"$ref":"#/$defs/A"}],"$defs":{"A":{"properties":{"b":{"$ref":"#/$defs/B"}},"const":{"$ref":"#/no"}},"B":{"items":{"$ref":"#/$defs/A"}}}}"##
            )
        );
        assert_eq!(bundled(r#"{"type":"object"}"#).as_deref(), Ok(r#"{"type":"object"}"#));
    }

    #[test]
    fn a_reference_alone_is_what_it_names() {
        let c = bundled(r##"{"$ref":"#/components/schemas/C"}"##).expect("a schema");
        assert!(c.starts_with(r##"{"items":{"$ref":"#/$defs/A"}"##), "{c}");
    }

    #[test]
    fn two_parts_with_one_name_stay_apart() {
        let both = bundled(r##"[{"$ref":"#/components/schemas/A"},{"$ref":"#/components/responses/A"}]"##);
        assert!(both.expect("a schema").contains("#/$defs/A_"));
    }

    #[test]
    fn a_reference_that_leads_nowhere_is_named() {
        for reference in ["#/components/schemas/No", "other.json#/A", "#", "#name"] {
            let error = bundled(&format!(r#"{{"not":{{"$ref":"{reference}"}}}}"#)).expect_err(reference);
            assert!(error.contains(reference), "{error}");
        }
    }
}

//! A document in the order in which it was written: the members of a sample are sent in it.

use std::fmt;

use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{Error, MapAccess, SeqAccess, Visitor},
    ser::SerializeMap,
};

/// A value of JSON, whose members keep their order.
#[derive(Debug, Clone, PartialEq)]
pub enum Tree {
    /// `null`
    Null,
    /// `true` or `false`
    Bool(bool),
    /// A whole number.
    Integer(i64),
    /// A whole number that is larger.
    Unsigned(u64),
    /// Another number.
    Float(f64),
    /// A text.
    Text(String),
    /// An array.
    List(Vec<Self>),
    /// An object; no name is there twice.
    Map(Vec<(String, Self)>),
}

impl Tree {
    /// A member of an object.
    pub fn get(&self, name: &str) -> Option<&Self> {
        self.members().iter().find(|(key, _)| key == name).map(|(_, value)| value)
    }

    /// The members of an object; none of any other value.
    pub fn members(&self) -> &[(String, Self)] {
        if let Self::Map(members) = self { members } else { &[] }
    }

    /// The text of a string.
    pub fn text(&self) -> Option<&str> {
        if let Self::Text(text) = self { Some(text) } else { None }
    }

    /// The value at a JSON pointer (RFC 6901).
    pub fn at(&self, pointer: &str) -> Option<&Self> {
        pointer.split('/').skip(1).try_fold(self, |value, part| {
            let part = part.replace("~1", "/").replace("~0", "~");
            match value {
                Self::List(values) => values.get(part.parse::<usize>().ok()?),
                _ => value.get(&part),
            }
        })
    }

    /// The value as compact JSON.
    pub fn to_json(&self) -> String {
        // Numbers that are none in JSON are written as null, and every name is a text.
        serde_json::to_string(self).unwrap_or_default()
    }
}

impl Serialize for Tree {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Null => serializer.serialize_unit(),
            Self::Bool(it) => serializer.serialize_bool(*it),
            Self::Integer(it) => serializer.serialize_i64(*it),
            Self::Unsigned(it) => serializer.serialize_u64(*it),
            Self::Float(it) => serializer.serialize_f64(*it),
            Self::Text(it) => serializer.serialize_str(it),
            Self::List(it) => it.serialize(serializer),
            Self::Map(members) => {
                let mut map = serializer.serialize_map(Some(members.len()))?;
                for (name, value) in members {
                    map.serialize_entry(name, value)?;
                }
                map.end()
            }
        }
    }
}

impl<'de> Deserialize<'de> for Tree {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(TreeVisitor)
    }
}

struct TreeVisitor;

impl<'de> Visitor<'de> for TreeVisitor {
    type Value = Tree;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value of JSON")
    }

    fn visit_unit<E>(self) -> Result<Tree, E> {
        Ok(Tree::Null)
    }

    fn visit_none<E>(self) -> Result<Tree, E> {
        Ok(Tree::Null)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Tree, D::Error> {
        Tree::deserialize(deserializer)
    }

    fn visit_bool<E>(self, it: bool) -> Result<Tree, E> {
        Ok(Tree::Bool(it))
    }

    fn visit_i64<E>(self, it: i64) -> Result<Tree, E> {
        Ok(Tree::Integer(it))
    }

    fn visit_u64<E>(self, it: u64) -> Result<Tree, E> {
        Ok(i64::try_from(it).map_or(Tree::Unsigned(it), Tree::Integer))
    }

    fn visit_f64<E: Error>(self, it: f64) -> Result<Tree, E> {
        if it.is_finite() { Ok(Tree::Float(it)) } else { Err(E::custom("JSON has no such number")) }
    }

    fn visit_str<E>(self, it: &str) -> Result<Tree, E> {
        Ok(Tree::Text(it.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut values: A) -> Result<Tree, A::Error> {
        let mut list = Vec::new();
        while let Some(value) = values.next_element()? {
            list.push(value);
        }
        Ok(Tree::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Tree, A::Error> {
        let mut map: Vec<(String, Tree)> = Vec::new();
        let mut names = std::collections::HashSet::new();
        while let Some((name, value)) = members.next_entry::<String, Tree>()? {
            if !names.insert(name.clone()) {
                return Err(A::Error::custom(format!("the member {name:?} is there twice")));
            }
            map.push((name, value));
        }
        Ok(Tree::Map(map))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_keep_their_order_and_numbers_their_value() {
        let yaml = "z: 1\na: [1.5, -2, true, null, 'x', 18446744073709551615]\n\"10\": {}\n";
        let tree: Tree = serde_saphyr::from_str(yaml).expect("YAML");
        let json = r#"{"z":1,"a":[1.5,-2,true,null,"x",18446744073709551615],"10":{}}"#;
        assert_eq!(tree.to_json(), json);
        assert_eq!(serde_json::from_str::<Tree>(json).expect("JSON"), tree);
    }

    #[test]
    fn a_pointer_leads_to_a_value() {
        let tree: Tree = serde_json::from_str(r#"{"a/b":[{"c~d":7}]}"#).expect("JSON");
        assert_eq!(tree.at("/a~1b/0/c~0d"), Some(&Tree::Integer(7)));
        assert_eq!((tree.at(""), tree.at("/a~1b/1")), (Some(&tree), None));
    }

    #[test]
    fn a_name_that_is_there_twice_is_refused() {
        assert!(serde_json::from_str::<Tree>(r#"{"a":1,"a":2}"#).is_err());
        assert!(serde_saphyr::from_str::<Tree>("a: 1\na: 2\n").is_err());
    }
}

//! Reading JSON (RFC 8259) into ECMAScript's shape.

use std::{borrow::Cow, collections::HashMap};

use super::{Members, Value, number, push_pointer};

/// The deepest nesting of arrays and objects.
const MAX_DEPTH: usize = 128;

/// Objects up to this size look for equal keys one by one; larger ones through a
/// map, so that a hostile document costs no square of its size.
const FEW_MEMBERS: usize = 16;

/// The reason why a document is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// Not JSON; the number is the byte at which it stops being JSON.
    #[error("is not JSON: unexpected text at byte {0}")]
    Syntax(usize),
    /// The document ends too early.
    #[error("is not JSON: it ends too early")]
    Incomplete,
    /// A number that a 64-bit float does not hold.
    #[error("is a number that a 64-bit float cannot hold without changing it")]
    Number,
    /// Half of a surrogate pair.
    #[error("has a lone surrogate (half of a \\u pair), which is no text")]
    LoneSurrogate,
    /// Nested too deeply.
    #[error("is nested more than 128 levels deep")]
    TooDeep,
}

/// A problem and where it is.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{pointer:?} {problem}")]
pub struct Fault {
    /// JSON pointer (RFC 6901) of the member at fault.
    pub pointer: String,
    /// The fault of that member.
    pub problem: Problem,
}

/// Reads one document, which must be UTF-8 JSON without further text.
pub fn parse(text: &str) -> Result<Value<'_>, Fault> {
    let mut parser = Parser { text, at: 0, path: Vec::new() };
    let value = parser.document();
    value.map_err(|problem| Fault { pointer: parser.pointer(), problem })
}

enum Step<'a> {
    Key(Cow<'a, str>),
    Item(usize),
}

struct Parser<'a> {
    text: &'a str,
    at: usize,
    /// The place of the parser in the document, for the pointer of a fault.
    path: Vec<Step<'a>>,
}

impl<'a> Parser<'a> {
    fn pointer(&self) -> String {
        let mut pointer = String::new();
        for step in &self.path {
            match step {
                Step::Key(key) => push_pointer(&mut pointer, key),
                Step::Item(place) => push_pointer(&mut pointer, &place.to_string()),
            }
        }
        pointer
    }

    fn document(&mut self) -> Result<Value<'a>, Problem> {
        let value = self.value()?;
        self.skip_space();
        if self.at == self.text.len() { Ok(value) } else { Err(Problem::Syntax(self.at)) }
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn unexpected(&self) -> Problem {
        if self.at >= self.text.len() { Problem::Incomplete } else { Problem::Syntax(self.at) }
    }

    fn skip_space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    fn eat(&mut self, byte: u8) -> Result<(), Problem> {
        if self.peek() == Some(byte) {
            self.at += 1;
            Ok(())
        } else {
            Err(self.unexpected())
        }
    }

    fn word(&mut self, word: &str, value: Value<'a>) -> Result<Value<'a>, Problem> {
        word.bytes().try_for_each(|byte| self.eat(byte))?;
        Ok(value)
    }

    fn value(&mut self) -> Result<Value<'a>, Problem> {
        self.skip_space();
        match self.peek() {
            Some(b'{') => self.object(),
            Some(b'[') => self.array(),
            Some(b'"') => self.string().map(Value::String),
            Some(b'-' | b'0'..=b'9') => self.number(),
            Some(b't') => self.word("true", Value::Bool(true)),
            Some(b'f') => self.word("false", Value::Bool(false)),
            Some(b'n') => self.word("null", Value::Null),
            _ => Err(self.unexpected()),
        }
    }

    fn enter(&mut self, step: Step<'a>) -> Result<(), Problem> {
        if self.path.len() == MAX_DEPTH {
            return Err(Problem::TooDeep);
        }
        self.path.push(step);
        Ok(())
    }

    fn array(&mut self) -> Result<Value<'a>, Problem> {
        self.at += 1;
        let mut items = Vec::new();
        self.skip_space();
        if self.peek() == Some(b']') {
            self.at += 1;
            return Ok(Value::Array(items));
        }
        loop {
            self.enter(Step::Item(items.len()))?;
            items.push(self.value()?);
            self.path.pop();
            self.skip_space();
            if self.peek() == Some(b']') {
                self.at += 1;
                return Ok(Value::Array(items));
            }
            self.eat(b',')?;
        }
    }

    fn object(&mut self) -> Result<Value<'a>, Problem> {
        self.at += 1;
        let mut collected = Collector::default();
        self.skip_space();
        if self.peek() == Some(b'}') {
            self.at += 1;
            return Ok(Value::Object(collected.finish()));
        }
        loop {
            self.skip_space();
            let key = self.string()?;
            self.skip_space();
            self.eat(b':')?;
            self.enter(Step::Key(key))?;
            let value = self.value()?;
            if let Some(Step::Key(key)) = self.path.pop() {
                collected.insert(key, value);
            }
            self.skip_space();
            if self.peek() == Some(b'}') {
                self.at += 1;
                return Ok(Value::Object(collected.finish()));
            }
            self.eat(b',')?;
        }
    }

    fn digits(&mut self) -> Result<(), Problem> {
        let start = self.at;
        while matches!(self.peek(), Some(b'0'..=b'9')) {
            self.at += 1;
        }
        if self.at == start { Err(self.unexpected()) } else { Ok(()) }
    }

    fn number(&mut self) -> Result<Value<'a>, Problem> {
        let start = self.at;
        if self.peek() == Some(b'-') {
            self.at += 1;
        }
        if self.peek() == Some(b'0') {
            self.at += 1;
        } else {
            self.digits()?;
        }
        if self.peek() == Some(b'.') {
            self.at += 1;
            self.digits()?;
        }
        if matches!(self.peek(), Some(b'e' | b'E')) {
            self.at += 1;
            if matches!(self.peek(), Some(b'+' | b'-')) {
                self.at += 1;
            }
            self.digits()?;
        }
        number::read(&self.text[start..self.at]).map(Value::Number).ok_or(Problem::Number)
    }

    fn string(&mut self) -> Result<Cow<'a, str>, Problem> {
        self.eat(b'"')?;
        let mut text = Cow::Borrowed("");
        loop {
            let start = self.at;
            while matches!(self.peek(), Some(byte) if byte >= 0x20 && byte != b'"' && byte != b'\\') {
                self.at += 1;
            }
            let plain = &self.text[start..self.at];
            if text.is_empty() {
                text = Cow::Borrowed(plain);
            } else {
                text.to_mut().push_str(plain);
            }
            match self.peek() {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(text);
                }
                Some(b'\\') => {
                    let letter = self.escape()?;
                    text.to_mut().push(letter);
                }
                _ => return Err(self.unexpected()),
            }
        }
    }

    fn escape(&mut self) -> Result<char, Problem> {
        self.at += 1;
        let letter = match self.peek().ok_or(Problem::Incomplete)? {
            b'"' => '"',
            b'\\' => '\\',
            b'/' => '/',
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            b'u' => {
                self.at += 1;
                return self.unicode_escape();
            }
            _ => return Err(Problem::Syntax(self.at)),
        };
        self.at += 1;
        Ok(letter)
    }

    fn unicode_escape(&mut self) -> Result<char, Problem> {
        let first = self.hex4()?;
        let code = match first {
            0xd800..=0xdbff => {
                if !self.text[self.at..].starts_with("\\u") {
                    return Err(Problem::LoneSurrogate);
                }
                self.at += 2;
                let second = self.hex4()?;
                if !(0xdc00..=0xdfff).contains(&second) {
                    return Err(Problem::LoneSurrogate);
                }
                0x1_0000 + ((first - 0xd800) << 10) + (second - 0xdc00)
            }
            other => other,
        };
        char::from_u32(code).ok_or(Problem::LoneSurrogate)
    }

    fn hex4(&mut self) -> Result<u32, Problem> {
        let mut code = 0;
        for _ in 0..4 {
            let digit = self.peek().ok_or(Problem::Incomplete)?;
            let digit = char::from(digit).to_digit(16).ok_or(Problem::Syntax(self.at))?;
            code = code << 4 | digit;
            self.at += 1;
        }
        Ok(code)
    }
}

/// Gathers the members of one object.
#[derive(Default)]
struct Collector<'a> {
    members: Vec<(Cow<'a, str>, Value<'a>)>,
    /// The place of each key, once there are more than a few.
    places: HashMap<Cow<'a, str>, usize>,
}

impl<'a> Collector<'a> {
    fn insert(&mut self, key: Cow<'a, str>, value: Value<'a>) {
        if let Some(place) = self.find(&key) {
            self.members[place].1 = value;
            return;
        }
        if !self.places.is_empty() {
            self.places.insert(key.clone(), self.members.len());
        }
        self.members.push((key, value));
        if self.members.len() == FEW_MEMBERS {
            self.places = self.members.iter().enumerate().map(|(place, (key, _))| (key.clone(), place)).collect();
        }
    }

    fn find(&self, key: &str) -> Option<usize> {
        if self.places.is_empty() {
            self.members.iter().position(|(name, _)| name == key)
        } else {
            self.places.get(key).copied()
        }
    }

    fn finish(mut self) -> Members<'a> {
        if self.members.iter().any(|(key, _)| array_index(key).is_some()) {
            // The sort is stable: keys that are no index keep their order.
            self.members.sort_by_key(|(key, _)| array_index(key).unwrap_or(u32::MAX));
        }
        Members(self.members)
    }
}

/// The value of a key that is an array index (ECMA-262, section 6.1.7): the
/// canonical text of an integer below 2^32 - 1.
fn array_index(key: &str) -> Option<u32> {
    let canonical = key == "0" || (!key.starts_with('0') && key.bytes().all(|byte| byte.is_ascii_digit()));
    if !canonical || key.is_empty() {
        return None;
    }
    key.parse().ok().filter(|&index| index != u32::MAX)
}

/// Tells whether ECMAScript puts a member with this name before those with other names.
pub(crate) fn is_array_index(key: &str) -> bool {
    array_index(key).is_some()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn printed(text: &str) -> String {
        let mut out = String::new();
        parse(text).expect("JSON").write(&mut out);
        out
    }

    fn fault(text: &str) -> (String, Problem) {
        let fault = parse(text).expect_err("not acceptable");
        (fault.pointer, fault.problem)
    }

    #[test]
    fn numbers_print_as_number_to_string_does() {
        for (text, expected) in [
            ("50.0", "50"),
            ("-0", "0"),
            ("-0.0e5", "0"),
            ("1e21", "1e+21"),
            ("1E20", "100000000000000000000"),
            ("0.000001", "0.000001"),
            ("1e-7", "1e-7"),
            ("9007199254740992", "9007199254740992"),
            ("5e-324", "5e-324"),
            ("0.30000000000000004", "0.30000000000000004"),
            ("1.7976931348623157e308", "1.7976931348623157e+308"),
            ("45.549999999999997", "45.55"),
            ("4.9406564584124654e-324", "5e-324"),
        ] {
            assert_eq!(printed(text), expected, "{text}");
        }
    }

    #[test]
    fn numbers_that_a_float_alters_are_refused_by_path() {
        for text in [
            "9007199254740993",
            "12345678901234567",
            "45.5499999999999971",
            "1e400",
            "0.1000000000000000055",
            "1e-400",
            "1e99999999999999999999",
        ] {
            let document = format!(r#"{{"a":[1,{{"b/c":{text}}}]}}"#);
            assert_eq!(fault(&document), ("/a/1/b~1c".into(), Problem::Number), "{text}");
        }
    }

    #[test]
    fn integer_keys_come_first_and_the_last_duplicate_wins_in_the_first_place() {
        assert_eq!(
            printed(r#"{"b":1,"10":2,"a":3,"2":4,"b":5,"01":6,"4294967295":7,"4294967294":8,"-1":9}"#),
            r#"{"2":4,"10":2,"4294967294":8,"b":5,"a":3,"01":6,"4294967295":7,"-1":9}"#
        );
    }

    #[test]
    fn large_objects_keep_the_same_rules() {
        let members: Vec<String> = (0..40).map(|n| format!("\"k{}\":{n}", n % 30)).collect();
        let expected: Vec<String> = (0..30).map(|n| format!("\"k{n}\":{}", if n < 10 { n + 30 } else { n })).collect();
        assert_eq!(printed(&format!("{{{}}}", members.join(","))), format!("{{{}}}", expected.join(",")));
    }

    #[test]
    fn only_characters_that_must_be_escaped_are() {
        let text = "\"\\u0008\\f\\n\\r\\t\\u001F\\u007f\\/\\u2028é\\ud83d\\ude00\\\\\\\"\"";
        assert_eq!(printed(text), "\"\\b\\f\\n\\r\\t\\u001f\u{7f}/\u{2028}é😀\\\\\\\"\"");
    }

    #[test]
    fn lone_surrogates_are_refused_by_path() {
        for text in ["\\ud800", "\\udc00", "\\ud800x", "\\ud800\\ud800", "\\ud800\\n"] {
            assert_eq!(fault(&format!(r#"{{"s":"{text}"}}"#)), ("/s".into(), Problem::LoneSurrogate), "{text}");
        }
    }

    #[test]
    fn a_text_that_is_not_json_is_refused() {
        for text in [
            "",
            "{",
            "[1,]",
            "{\"a\" 1}",
            "01",
            "1.",
            ".5",
            "+1",
            "nul",
            "\"\t\"",
            "1 2",
            "{'a':1}",
            "\"\\x\"",
            "\u{feff}1",
        ] {
            assert!(matches!(fault(text).1, Problem::Syntax(_) | Problem::Incomplete), "{text}");
        }
        assert_eq!(fault(&"[".repeat(200)).1, Problem::TooDeep);
    }

    proptest! {
        #[test]
        fn printing_is_a_fixed_point(text in "[\\[\\]{}\",:0-9a-e.\\\\u+-]{0,40}") {
            if let Ok(value) = parse(&text) {
                let mut once = String::new();
                value.write(&mut once);
                prop_assert_eq!(printed(&once), once);
            }
        }

        #[test]
        fn every_float_survives(number in proptest::num::f64::NORMAL | proptest::num::f64::SUBNORMAL) {
            let mut text = String::new();
            Value::Number(number).write(&mut text);
            prop_assert_eq!(parse(&text), Ok(Value::Number(number)));
        }

        #[test]
        fn a_string_that_serde_json_accepts_is_read_alike(text in ".{0,30}") {
            let quoted = serde_json::to_string(&text).expect("a string");
            prop_assert_eq!(parse(&quoted), Ok(Value::String(text.into())));
        }
    }
}

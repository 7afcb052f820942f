//! The fixed-point rule, proved against a real Node.js: it prints
//! `JSON.stringify(JSON.parse(body))` exactly as Signet sends the body.
//!
//! Documents are generated as text, in every spelling that JSON allows, from a
//! fixed seed. A Node.js process gets all documents of a test at once.

use std::{
    io::Write,
    process::{Command, Stdio},
    thread,
};

use proptest::{
    prelude::*,
    sample::select,
    strategy::ValueTree,
    test_runner::{Config, RngAlgorithm, TestRng, TestRunner},
};
use serde::Deserialize;
use signet_model::{
    Timestamp,
    event::{EventType, EventTypes, InvalidEventType, MemberFault, Reference, Submission},
    payload::{self, Problem},
};

/// Node.js's answer for a document.
#[derive(Deserialize)]
struct Verdict {
    /// `JSON.stringify(JSON.parse(document))`; `None` if the document is not JSON.
    printed: Option<String>,
    /// For a document that is one number or one string: `true` if its value changed.
    altered: Option<bool>,
}

/// Returns the verdicts in the order of the documents.
fn ask_node(documents: &[String]) -> Vec<Verdict> {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/node/stringify.js");
    let mut node = Command::new("node")
        .arg(script)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("Node.js 20 or later must be installed: payloads are compared with its output");
    let mut input = node.stdin.take().expect("a pipe");
    let output = thread::scope(|scope| {
        scope.spawn(move || {
            for document in documents {
                writeln!(input, "{}", serde_json::to_string(document).expect("a string")).expect("Node.js reads");
            }
        });
        node.wait_with_output().expect("Node.js answers")
    });
    assert!(output.status.success(), "Node.js failed");
    let verdicts: Vec<Verdict> = String::from_utf8(output.stdout)
        .expect("UTF-8")
        .lines()
        .map(|line| serde_json::from_str(line).expect("a verdict"))
        .collect();
    assert_eq!(verdicts.len(), documents.len(), "one verdict for each document");
    verdicts
}

fn generate(count: usize, strategy: impl Strategy<Value = String>) -> Vec<String> {
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &[42; 32]);
    let mut runner = TestRunner::new_with_rng(Config::default(), rng);
    (0..count).map(|_| strategy.new_tree(&mut runner).expect("a document").current()).collect()
}

fn print(document: &str) -> Result<String, Problem> {
    let mut printed = String::new();
    payload::parse(document).map_err(|fault| fault.problem)?.write(&mut printed);
    Ok(printed)
}

/// Any number that JSON can spell; floats can hold few of them.
fn any_number() -> impl Strategy<Value = String> {
    let parts = "-?(0|[1-9][0-9]{0,25})(\\.[0-9]{1,25})?([eE][+-]?[0-9]{1,3})?";
    prop_oneof![
        4 => parts,
        2 => "-?(0|[1-9][0-9]{0,8})(\\.[0-9]{1,8}0{0,9})?([eE][+-]?[0-9]{1,2})?",
        2 => surviving_number(),
        1 => select(vec![
            "-0", "0", "-0.0e5", "0e999999999999999999999", "50", "50.0", "1e21", "1E21", "1e+21", "100e19",
            "123456789012345680000", "1e20", "999999999999999999999", "1e-6", "1e-7", "0.000001", "0.0000001",
            "9007199254740991", "9007199254740992", "9007199254740993", "9223372036854775807", "18446744073709551615",
            "5e-324", "4.9e-324", "2e-324", "1e-400", "1.7976931348623157e308", "1.7976931348623159e308", "1e309",
            "1e99999999999999999999", "1e-99999999999999999999", "0.1", "0.30000000000000004", "0.3000000000000000444",
            "2.5e0", "25e-1", "1.10", "4.35", "0.10000000000000001",
        ])
        .prop_map(str::to_owned),
    ]
}

/// Numbers that survive a 64-bit float, in several spellings.
fn surviving_number() -> impl Strategy<Value = String> {
    let float = prop_oneof![
        any::<i32>().prop_map(f64::from),
        any::<f64>().prop_filter("JSON has finite numbers", |number| number.is_finite()),
        (any::<i32>(), 0..6).prop_map(|(digits, places)| f64::from(digits) / 10_f64.powi(places)),
    ];
    (float, 0..4).prop_map(|(number, spelling)| {
        // Rust prints other digits: 692250080347616.25 lies halfway, and Rust's
        // shortest form of it ends in .3, ECMAScript's in .2.
        let mut text = String::new();
        payload::Value::Number(number).write(&mut text);
        match (spelling, text.split_once('e')) {
            (0, _) => text,
            (1, Some((digits, exponent))) => format!("{digits}E{exponent}"),
            (1, None) => text + "e0",
            (_, Some((digits, exponent))) if digits.contains('.') => format!("{digits}00e{exponent}"),
            (_, Some((digits, exponent))) => format!("{digits}.0e{exponent}"),
            (2, None) if text.contains('.') => text + "0",
            (2, None) => text + ".000",
            (_, None) if text.contains('.') => text,
            (_, None) if text != "0" => text + "0e-1",
            (_, None) => format!("-{text}"),
        }
    })
}

/// One letter, or an escape for it, as it stands between the quotes.
fn letter() -> impl Strategy<Value = String> {
    let escape = |code: u16| format!("\\u{code:04x}");
    prop_oneof![
        6 => "[a-zA-Z0-9 /]",
        2 => any::<char>()
            .prop_filter("must be escaped", |&it| it >= ' ' && it != '"' && it != '\\')
            .prop_map(String::from),
        2 => select(vec!["\\\"", "\\\\", "\\/", "\\b", "\\f", "\\n", "\\r", "\\t"]).prop_map(str::to_owned),
        1 => select(vec!["\u{2028}", "\u{2029}", "\u{7f}", "\u{feff}", "é", "日本", "😀", "e\u{301}", "\u{fffe}"])
            .prop_map(str::to_owned),
        1 => (0_u16..0x20).prop_map(escape),
        1 => (0_u16..0xd800).prop_map(move |code| escape(code).replace('a', "A")),
        1 => any::<char>().prop_map(move |it| it.encode_utf16(&mut [0; 2]).iter().map(|&half| escape(half)).collect()),
    ]
}

fn string() -> impl Strategy<Value = String> {
    prop::collection::vec(letter(), 0..12).prop_map(|letters| format!("\"{}\"", letters.concat()))
}

/// Keys that are special in ECMAScript, or equal in other spellings, and others.
fn key() -> impl Strategy<Value = String> {
    prop_oneof![
        3 => select(vec![
            "10", "2", "0", "00", "01", "-1", "-0", "1.5", "1e3", "\\u0031", "4294967294", "4294967295", "4294967296",
            "9007199254740991", "9007199254740993", "__proto__", "constructor", "toString", "length", "hasOwnProperty",
            "toJSON", "a", "\\u0061", "b", "", " ", "é", "e\u{301}", "NaN", "Infinity",
        ])
        .prop_map(|key| format!("\"{key}\"")),
        1 => any::<u32>().prop_map(|index| format!("\"{index}\"")),
        2 => string(),
    ]
}

fn space() -> impl Strategy<Value = String> {
    prop_oneof![6 => Just(String::new()), 1 => "[ \t\r\n]{1,3}"]
}

fn scalar(number: impl Strategy<Value = String>) -> impl Strategy<Value = String> {
    prop_oneof![select(vec!["null", "true", "false"]).prop_map(str::to_owned), number, string()]
}

fn object(value: impl Strategy<Value = String>) -> impl Strategy<Value = String> {
    let member = (space(), key(), space(), space(), value, space())
        .prop_map(|(a, key, b, c, value, d)| a + &key + &b + ":" + &c + &value + &d);
    prop::collection::vec(member, 0..10).prop_map(|members| format!("{{{}}}", members.join(",")))
}

fn document() -> impl Strategy<Value = String> {
    let nested =
        scalar(surviving_number()).prop_recursive(5, 24, 6, |inner| {
            let item = (space(), inner.clone(), space()).prop_map(|(before, item, after)| before + &item + &after);
            prop_oneof![
                prop::collection::vec(item, 0..6).prop_map(|items| format!("[{}]", items.join(","))),
                object(inner),
            ]
        });
    (space(), nested, space()).prop_map(|(before, document, after)| before + &document + &after)
}

/// Asserts that Signet prints each document as Node.js does, and that Node.js does not
/// change the result.
fn assert_fixed_points(documents: &[String]) {
    let bodies: Vec<String> = documents.iter().map(|it| print(it).expect("a document that survives")).collect();
    for ((document, body), verdict) in documents.iter().zip(&bodies).zip(ask_node(documents)) {
        assert_eq!(Some(body), verdict.printed.as_ref(), "printed for {document}");
    }
    for (body, verdict) in bodies.iter().zip(ask_node(&bodies)) {
        assert_eq!(Some(body), verdict.printed.as_ref(), "a fixed point");
    }
}

/// A catalogue that has each type, without a schema.
struct AnyType;

impl EventTypes for AnyType {
    fn find(&self, name: &str) -> Result<EventType, String> {
        name.parse().map_err(|error: InvalidEventType| error.to_string())
    }

    fn check(&self, _: &EventType, _: &str) -> Result<(), MemberFault> {
        Ok(())
    }

    fn reference(&self, _: &EventType) -> Option<&Reference> {
        None
    }
}

#[test]
fn documents_are_printed_as_node_prints_them() {
    assert_fixed_points(&generate(5_000, document()));
}

#[test]
fn events_are_delivered_as_node_prints_them() {
    let now = Timestamp::from_unix_seconds(1_774_699_200);
    let built_in = (string(), object(document())).prop_map(|(task, solution)| {
        format!(r#"{{"solution":{solution},"taskId":"t{}","event":"task.completed"}}"#, &task[1..task.len() - 1])
    });
    let own = (string(), document(), document()).prop_map(|(name, first, second)| {
        format!(r#"{{"a{}":{first},"event":"order.paid","b":{second}}}"#, &name[1..name.len() - 1])
    });
    let bodies: Vec<String> = [generate(1_000, built_in), generate(1_000, own)]
        .concat()
        .iter()
        .map(|event| Submission::parse(event, now, &AnyType).expect("a valid event").body.json.to_string())
        .collect();
    for (body, verdict) in bodies.iter().zip(ask_node(&bodies)) {
        assert_eq!(Some(body), verdict.printed.as_ref());
    }
}

#[test]
fn deep_and_large_documents_are_printed_as_node_prints_them() {
    let deep = format!("{}1.0{}", r#"{"10":1,"2":["#.repeat(64), "]}".repeat(64));
    let numbers: Vec<String> = (0..20_000).map(|n| format!("{}.50", n * 7_919 % 10_007)).collect();
    let members: Vec<String> =
        (0..5_000).map(|n| format!("\"{}{}\":{n}", if n % 3 == 0 { "k" } else { "" }, n * 7_919 % 4_001)).collect();
    let text = "\\u00e9\u{2028}😀\\/".repeat(20_000);
    assert_fixed_points(&[
        deep,
        format!("[{}]", numbers.join(", ")),
        format!("{{{}}}", members.join(",")),
        format!("\"{text}\""),
    ]);
}

#[test]
fn a_number_is_refused_exactly_when_node_would_alter_it() {
    let numbers = generate(8_000, any_number());
    let mut refused = 0;
    for (number, verdict) in numbers.iter().zip(ask_node(&numbers)) {
        match print(number) {
            Ok(printed) => {
                assert_eq!(verdict.altered, Some(false), "{number} is altered, but was accepted");
                assert_eq!(Some(printed), verdict.printed, "{number}");
            }
            Err(problem) => {
                refused += 1;
                assert_eq!(problem, Problem::Number, "{number}");
                assert_eq!(verdict.altered, Some(true), "{number} survives, but was refused");
            }
        }
    }
    assert!((1_000..7_000).contains(&refused), "both sides are tried: {refused} refused");
}

#[test]
fn a_string_is_refused_exactly_when_it_has_a_lone_surrogate() {
    let half = select(vec!["\\ud800", "\\uDBFF", "\\udc00", "\\uDFFF", "\\ud83d\\ude00"]).prop_map(str::to_owned);
    let letters = prop::collection::vec(prop_oneof![3 => letter(), 1 => half], 0..6);
    let strings = generate(4_000, letters.prop_map(|letters| format!("\"{}\"", letters.concat())));
    let mut refused = 0;
    for (string, verdict) in strings.iter().zip(ask_node(&strings)) {
        let lone = print(string) == Err(Problem::LoneSurrogate);
        assert_eq!(Some(lone), verdict.altered, "{string}");
        refused += usize::from(lone);
    }
    assert!((500..3_500).contains(&refused), "both sides are tried: {refused} refused");
}

#[test]
fn a_document_is_refused_exactly_when_node_does_not_read_it() {
    let stray =
        prop_oneof![select(vec!["\"", "\\", "{", "}", "[", "]", ",", ":", "0", "-", ".", "e", "\u{a0}", "\u{0}", "t"])];
    let broken = (document(), any::<prop::sample::Index>(), stray, any::<bool>()).prop_map(
        |(document, index, stray, replace)| {
            let letters: Vec<char> = document.chars().collect();
            let index = index.index(letters.len());
            let rest = &letters[index + usize::from(replace)..];
            letters[..index].iter().copied().chain(stray.chars()).chain(rest.iter().copied()).collect()
        },
    );
    let documents = generate(4_000, broken);
    let mut refused = 0;
    for (document, verdict) in documents.iter().zip(ask_node(&documents)) {
        match print(document) {
            Ok(printed) => assert_eq!(Some(printed), verdict.printed, "{document:?}"),
            Err(Problem::Syntax(_) | Problem::Incomplete) => {
                refused += 1;
                assert_eq!(verdict.printed, None, "{document:?} is JSON, but was refused");
            }
            Err(Problem::Number | Problem::LoneSurrogate) => {}
            Err(Problem::TooDeep) => panic!("generated documents are not deep: {document:?}"),
        }
    }
    assert!((1_000..3_900).contains(&refused), "both sides are tried: {refused} refused");
}

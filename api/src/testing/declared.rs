//! The problems that an operation declares in the header of its file, beside those that its
//! tests provoke.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex},
};

use axum::http::Method;
use serde_json::Value;

/// The problem documents that were answered so far, with their codes. Clones share them.
#[derive(Debug, Clone, Default)]
pub struct Provoked(Arc<Mutex<BTreeSet<(String, String)>>>);

impl Provoked {
    /// Notes the problems in an answer, each of which the operation must declare.
    pub fn note(&self, method: &Method, path: &str, answer: &Value) {
        let entries = answer["results"].as_array().into_iter().flatten().map(|entry| &entry["error"]);
        for problem in entries.chain([answer]) {
            let Some(code) = problem["code"].as_str() else { continue };
            assert!(declared(source(method, path)).contains(code), "{method} {path} does not declare {code}");
            self.0.lock().expect("no panic").insert((code.to_owned(), problem.to_string()));
        }
    }

    /// The documents, one a line. Fails unless every problem that the header of this source
    /// declares was answered.
    pub fn documents(&self, source: &str) -> String {
        let provoked = self.0.lock().expect("no panic");
        assert_eq!(provoked.iter().map(|(code, _)| code.clone()).collect::<BTreeSet<_>>(), declared(source));
        provoked.iter().map(|(_, document)| document.as_str()).collect::<Vec<_>>().join("\n")
    }
}

/// The codes behind `Problems:` in the header of a source, up to the full stop.
fn declared(source: &str) -> BTreeSet<String> {
    let header: String = source.lines().map_while(|line| line.strip_prefix("//!")).collect();
    let list = header.split_once("Problems:").and_then(|(_, rest)| rest.split_once('.')).expect("a list of problems").0;
    list.split(',').map(|code| code.trim().trim_matches('`').to_owned()).collect()
}

/// The source of the operation that answers here.
fn source(method: &Method, path: &str) -> &'static str {
    match (method.as_str(), path) {
        ("POST", "/v1/events") => include_str!("../create_event.rs"),
        ("POST", "/v1/events/batch") => include_str!("../create_batch.rs"),
        ("PUT", path) if path.starts_with("/v1/accounts/") => include_str!("../set_balance.rs"),
        ("GET", "/healthz" | "/readyz") => include_str!("../health.rs"),
        _ => include_str!("../lib.rs"),
    }
}

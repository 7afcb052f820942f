//! The problems that an operation declares, beside those that its tests provoke.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex},
};

use serde_json::Value;

use super::{Described, Operation};

/// The codes that a test over all operations provokes: see `crate::tests`.
pub const COMMON: [&str; 16] = [
    "unauthenticated",
    "missing_scope",
    "operator_only",
    "try_again",
    "too_many_requests",
    "no_such_account",
    "not_json",
    "compressed",
    "too_large",
    "incomplete",
    "invalid_member",
    "invalid_parameter",
    "bad_idempotency_key",
    "key_reused",
    "answer_unknown",
    "too_many_idempotency_keys",
];

/// The problem documents that were answered so far: the operation, the code and the document.
/// Clones share them.
#[derive(Debug, Clone)]
pub struct Provoked {
    described: Arc<Described>,
    documents: Arc<Mutex<BTreeSet<(String, String, String)>>>,
}

impl Provoked {
    pub fn new(described: Arc<Described>) -> Self {
        Self { described, documents: Arc::default() }
    }

    /// Notes the problems in an answer, each of which the operation must declare.
    pub fn note(&self, method: &str, path: &str, answer: &Value) {
        let operation = self.described.find(method, path);
        let entries = answer["results"].as_array().into_iter().flatten().map(|entry| &entry["error"]);
        for problem in entries.chain([answer]) {
            let Some(code) = problem["code"].as_str() else { continue };
            if let Some(operation) = operation {
                assert!(operation.codes().contains(code), "{method} {path} does not declare {code}");
            }
            let mut problem = problem.clone();
            // It has the number of the problem, which depends on the other tests.
            problem.as_object_mut().map(|members| members.remove("instance"));
            let name = operation.map_or_else(String::new, Operation::name);
            self.documents.lock().expect("no panic").insert((name, code.to_owned(), problem.to_string()));
        }
    }

    /// The documents of an operation, one a line. Fails unless every problem that the
    /// operation declares was answered, except for the one that needs another key and the limit
    /// of requests, which have tests of their own. An operation without a name is one that there
    /// is not.
    pub fn documents(&self, operation: &str) -> String {
        if !operation.is_empty() {
            let mut declared = self.declared(operation);
            declared.remove("missing_scope");
            declared.remove("too_many_requests");
            assert_eq!(self.codes(operation), declared);
        }
        let documents = self.documents.lock().expect("no panic");
        let own = documents.iter().filter(|(name, ..)| name == operation);
        own.map(|(_, _, document)| document.as_str()).collect::<Vec<_>>().join("\n")
    }

    /// Fails unless the operation declares, beside common problems, those that were answered.
    pub fn assert_own(&self, operation: &str) {
        let own = |codes: BTreeSet<String>| -> BTreeSet<String> {
            codes.into_iter().filter(|code| !COMMON.contains(&&**code)).collect()
        };
        assert_eq!(own(self.codes(operation)), own(self.declared(operation)), "{operation}: provoked, declared");
    }

    fn codes(&self, operation: &str) -> BTreeSet<String> {
        let documents = self.documents.lock().expect("no panic");
        documents.iter().filter(|(name, ..)| name == operation).map(|(_, code, _)| code.clone()).collect()
    }

    fn declared(&self, operation: &str) -> BTreeSet<String> {
        let named = self.described.operations().iter().find(|it| it.name() == operation);
        named.unwrap_or_else(|| panic!("there is no operation {operation}")).codes()
    }
}

//! Every answer of a test is compared with the description of its operation.

use std::{
    collections::{BTreeSet, HashMap},
    sync::{Arc, Mutex},
};

use axum::http::{HeaderMap, StatusCode, header};
use jsonschema::Validator;
use serde_json::{Value, json};

use crate::document;

/// One operation of the document.
#[derive(Debug, Clone)]
pub struct Operation {
    /// In upper case.
    pub method: String,
    /// The path with its parameters in braces.
    pub path: String,
    /// As the document describes it.
    pub described: Value,
}

impl Operation {
    /// The method and the path, as tests name an operation.
    pub fn name(&self) -> String {
        format!("{} {}", self.method, self.path)
    }

    /// The codes that the operation declares.
    pub fn codes(&self) -> BTreeSet<String> {
        document::codes(&self.described).into_iter().map(str::to_owned).collect()
    }

    /// The scope that the operation asks for, if it asks for a key.
    pub fn scope(&self) -> Option<&str> {
        self.described["security"][0]["key"][0].as_str()
    }

    /// The example of its body.
    pub fn example(&self) -> Option<&Value> {
        self.described["requestBody"]["content"].as_object()?.values().next()?.get("example")
    }

    fn is_at(&self, method: &str, path: &str) -> bool {
        let path = path.split('?').next().unwrap_or_default();
        let (own, asked): (Vec<_>, Vec<_>) = (self.path.split('/').collect(), path.split('/').collect());
        let fits = |(own, asked): (&&str, &&str)| own == asked || own.starts_with('{');
        self.method == method && own.len() == asked.len() && own.iter().zip(&asked).all(fits)
    }
}

/// The operations that the document describes.
#[derive(Debug)]
pub struct Described {
    document: Value,
    operations: Vec<Operation>,
    validators: Mutex<HashMap<String, Arc<Validator>>>,
}

impl Described {
    pub fn new(document: &Value) -> Self {
        let paths = document["paths"].as_object().expect("paths");
        let of_path = |(path, item): (&String, &Value)| -> Vec<Operation> {
            let item = item.as_object().expect("operations").clone();
            let operation = |(method, described): (String, Value)| Operation {
                method: method.to_uppercase(),
                path: path.clone(),
                described,
            };
            item.into_iter().map(operation).collect()
        };
        let operations = paths.iter().flat_map(of_path).collect();
        Self { document: document.clone(), operations, validators: Mutex::default() }
    }

    /// All operations.
    pub fn operations(&self) -> &[Operation] {
        &self.operations
    }

    /// The operation at this method and path; a path without parameters goes before.
    pub fn find(&self, method: &str, path: &str) -> Option<&Operation> {
        let at = self.operations.iter().filter(|operation| operation.is_at(method, path));
        at.min_by_key(|operation| operation.path.matches('{').count())
    }

    /// Fails if an answer is outside the document.
    pub fn check(&self, method: &str, path: &str, status: StatusCode, headers: &HeaderMap, body: &Value) {
        let Some(operation) = self.find(method, path) else { return };
        let name = operation.name();
        let described = &operation.described["responses"][status.as_str()];
        assert!(described.is_object(), "{name} is not described with the status {status}: {body}");
        let Some(content) = described["content"].as_object() else {
            assert_eq!(body, &Value::Null, "{name} is described without a body");
            return;
        };
        let kind = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let kind = kind.split(';').next().unwrap_or_default();
        let schema = content.get(kind).unwrap_or_else(|| panic!("{name} is not described with {kind}"));
        if kind.starts_with("text/") {
            return;
        }
        let faults = self.faults(&schema["schema"], body);
        assert!(faults.is_empty(), "{name} answers {status} with {body}: {faults:?}");
    }

    /// The faults of a value by a schema of the document.
    pub fn faults(&self, schema: &Value, value: &Value) -> Vec<String> {
        let validator = self.validator(schema);
        validator.iter_errors(value).map(|error| format!("{} {error}", error.instance_path())).collect()
    }

    fn validator(&self, schema: &Value) -> Arc<Validator> {
        let mut validators = self.validators.lock().expect("no panic");
        let make = || {
            let whole = json!({"allOf": [schema], "components": self.document["components"]});
            Arc::new(jsonschema::draft202012::new(&whole).expect("a schema"))
        };
        Arc::clone(validators.entry(schema.to_string()).or_insert_with(make))
    }
}

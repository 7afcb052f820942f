//! The catalogue of event types in a file: one of Signet's own form, in YAML or JSON, or an
//! OpenAPI 3.1 document, whose `webhooks` are read.
//!
//! This module turns a file into drafts. The engine has the rules for them, and takes them all
//! or none.

mod bundle;
mod openapi;
mod own_form;
mod tree;

use std::{fmt, io::Read, path::Path};

use anyhow::{Context, ensure};
use signet_engine::service::event_types::{EventTypeContent, EventTypeDraft, EventTypeSet};

use tree::Tree;

/// The largest file, in bytes.
const MAX_LEN: u64 = 16 * 1024 * 1024;

/// A member of the file is not valid.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Fault {
    /// The event type; `None` for the file as a whole.
    event_type: Option<String>,
    /// JSON pointer to the member.
    pointer: String,
    message: String,
}

impl Fault {
    fn new(pointer: impl Into<String>, message: impl Into<String>) -> Self {
        Self { event_type: None, pointer: pointer.into(), message: message.into() }
    }

    /// The same fault, at an event type.
    fn of(mut self, event_type: &str) -> Self {
        self.event_type = Some(event_type.to_owned());
        self
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(event_type) = &self.event_type {
            write!(f, "{event_type}: ")?;
        }
        let subject = if self.pointer.is_empty() { "the document" } else { &self.pointer };
        write!(f, "{subject} {}", self.message)
    }
}

impl std::error::Error for Fault {}

/// The types of a file.
///
/// # Errors
/// The file cannot be read, or one of its types is not valid.
pub fn open(path: &Path) -> anyhow::Result<EventTypeSet> {
    let at = || path.display().to_string();
    EventTypeSet::try_from(drafts(&read(path)?).with_context(at)?).with_context(at)
}

fn read(path: &Path) -> anyhow::Result<Tree> {
    let mut text = String::new();
    let read = std::fs::File::open(path).and_then(|file| file.take(MAX_LEN + 1).read_to_string(&mut text));
    read.with_context(|| format!("the event types {} cannot be read", path.display()))?;
    ensure!(text.len() as u64 <= MAX_LEN, "{} is too large: it may have {MAX_LEN} bytes", path.display());
    parse(&text, path.extension().is_some_and(|it| it == "json")).with_context(|| path.display().to_string())
}

fn parse(text: &str, is_json: bool) -> anyhow::Result<Tree> {
    if is_json {
        return serde_json::from_str(text).context("is not JSON");
    }
    serde_saphyr::from_str(text).map_err(|error| anyhow::anyhow!("is not YAML: {}", error.without_snippet()))
}

fn drafts(document: &Tree) -> Result<Vec<EventTypeDraft>, Fault> {
    if document.get("openapi").is_some() { openapi::drafts(document) } else { own_form::drafts(document) }
}

/// A type of this name with these parts.
fn draft(
    name: &str,
    pointer: &str,
    description: Option<&str>,
    schema: Option<&Tree>,
    sample: Option<&Tree>,
    reference: Option<&Tree>,
) -> Result<EventTypeDraft, Fault> {
    let name = name.parse().map_err(|error| Fault::new(pointer, format!("{error}")))?;
    let description = description.unwrap_or_default().parse();
    let description = description.map_err(|error| Fault::new(format!("{pointer}/description"), format!("{error}")))?;
    let reference = match reference.map(|it| it.text().unwrap_or_default().parse()) {
        Some(Ok(reference)) => Some(reference),
        Some(Err(error)) => return Err(Fault::new(format!("{pointer}/reference"), format!("{error}"))),
        None => None,
    };
    let (schema, sample) = (schema.map(Tree::to_json), sample.map(Tree::to_json));
    let content = EventTypeContent { description, schema, sample, reference };
    Ok(EventTypeDraft { name, content })
}

//! The dumps of earlier versions, and the facts about them.

use std::{collections::BTreeMap, fs, path::Path};

use serde::{Deserialize, Deserializer, de::Error};
use signet_model::Timestamp;
use uuid::Uuid;

/// A database of an earlier version.
pub struct Stored {
    /// The statements that make it.
    pub dump: String,
    pub facts: Facts,
}

/// All that are stored for one kind of database, oldest first.
pub fn all(database: &str) -> Vec<Stored> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/engine/versions");
    let mut versions: Vec<_> = fs::read_dir(folder).expect("a folder").flatten().map(|it| it.path()).collect();
    versions.retain(|path| path.is_dir());
    versions.sort();
    assert!(!versions.is_empty(), "no version is stored");
    versions.iter().map(|version| load(version, database)).collect()
}

fn load(version: &Path, database: &str) -> Stored {
    let read = |extension: &str| {
        let path = version.join(database).with_extension(extension);
        fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    };
    Stored { dump: read("sql"), facts: serde_json::from_str(&read("json")).expect("facts") }
}

/// What is in a dump.
#[derive(Debug, Deserialize)]
pub struct Facts {
    /// Base64 of the key that sealed the secrets.
    pub sealing_key: String,
    /// Microseconds since 1970.
    made_at: i64,
    /// The number of rows of each table.
    pub rows: BTreeMap<String, i64>,
    pub email: String,
    pub password: String,
    /// The tokens of the sessions of the owners of the first account and of the shop.
    pub sessions: Vec<String>,
    pub keys: Keys,
    pub webhooks: Vec<Webhook>,
    /// Deliveries that are pending or held.
    pub open: Vec<Open>,
    /// Answers to requests with an idempotency key.
    pub answers: Vec<Answer>,
    /// The ids of the rows that the version itself could not use.
    pub broken: Vec<String>,
}

impl Facts {
    pub const fn made_at(&self) -> Timestamp {
        Timestamp::from_unix_micros(self.made_at)
    }
}

/// The texts of API keys.
#[derive(Debug, Deserialize)]
pub struct Keys {
    pub account: String,
    pub shop: String,
    pub operator: String,
    pub revoked: String,
}

#[derive(Debug, Deserialize)]
pub struct Webhook {
    #[serde(deserialize_with = "uuid")]
    pub id: Uuid,
    #[serde(deserialize_with = "uuid")]
    pub account: Uuid,
    /// The path of its URL, which names it.
    pub path: String,
    pub secret: String,
    /// The names of event types.
    pub wanted: Vec<String>,
    pub disabled: Option<String>,
    pub deleted: bool,
}

impl Webhook {
    /// True if its row, or that of its delivery, cannot be used.
    pub fn is_broken(&self) -> bool {
        self.path.starts_with("broken-")
    }
}

#[derive(Debug, Deserialize)]
pub struct Open {
    #[serde(deserialize_with = "uuid")]
    pub id: Uuid,
    #[serde(deserialize_with = "uuid")]
    pub endpoint: Uuid,
    pub state: String,
    /// The name of its event type.
    pub event: String,
    pub attempts: u32,
    pub body: String,
}

#[derive(Debug, Deserialize)]
pub struct Answer {
    #[serde(deserialize_with = "uuid")]
    pub account: Uuid,
    pub key: String,
    /// Hex of the request's SHA-256.
    pub request: String,
    #[serde(deserialize_with = "uuid")]
    pub event: Uuid,
}

/// With or without hyphens, as the databases print it.
fn uuid<'de, D: Deserializer<'de>>(text: D) -> Result<Uuid, D::Error> {
    String::deserialize(text)?.parse().map_err(Error::custom)
}

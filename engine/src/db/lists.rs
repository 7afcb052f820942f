//! Lists as one parameter: an array on PostgreSQL (`= ANY($1)`), and its JSON on SQLite
//! (`IN (SELECT value FROM json_each($1))`).

use signet_model::Timestamp;
use uuid::Uuid;

use super::query::Query;

impl Query<'_> {
    /// Binds ids; on SQLite in hexadecimal, for `unhex(value)`.
    pub(crate) fn bind_ids<I: Copy>(self, ids: &[I]) -> Self
    where
        Uuid: From<I>,
    {
        self.bind_either(|| hex_list(ids), || ids.iter().map(|&id| Uuid::from(id)).collect::<Vec<_>>())
    }

    /// Binds texts.
    pub(crate) fn bind_texts(self, texts: &[&str]) -> Self {
        self.bind_either(|| serde_json::json!(texts).to_string(), || texts)
    }

    /// Binds instants.
    pub(crate) fn bind_instants(self, instants: &[Timestamp]) -> Self {
        let micros = || instants.iter().map(|instant| instant.unix_micros()).collect::<Vec<_>>();
        self.bind_either(|| serde_json::json!(micros()).to_string(), || instants)
    }
}

/// JSON, an array of ids in hexadecimal.
fn hex_list<I: Copy>(ids: &[I]) -> String
where
    Uuid: From<I>,
{
    let quoted: Vec<_> = ids.iter().map(|&id| format!("\"{}\"", Uuid::from(id).simple())).collect();
    format!("[{}]", quoted.join(","))
}

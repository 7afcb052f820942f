//! The names that a list of deliveries shows: those of the receivers, and of the tasks.

use std::collections::HashMap;

use signet_model::{EndpointId, EventId, endpoint::EndpointUrl, sql::Lossy};

use crate::{
    db::{Pool, Sql},
    service::{AccountHandle, Result},
};

/// The receivers that are named: all that there are, and then the deleted ones that are newest.
const MOST: i64 = 1_000;

/// Endpoints of an account (`$1`), at most `$2`.
pub(crate) const RECEIVERS: &str = "SELECT id, url, description, deleted_at IS NOT NULL AS is_deleted FROM endpoints
     WHERE account_id = $1 ORDER BY is_deleted, id DESC LIMIT $2";

/// The tasks of events (`$2`) of an account (`$1`).
pub(crate) const TASKS: Sql = Sql {
    // The signs keep SQLite from reading all tasks of the account.
    sqlite: "SELECT id, task_id FROM events WHERE +account_id = $1 AND id IN (SELECT unhex(value) FROM json_each($2))
                AND +task_id IS NOT NULL",
    postgres: "SELECT id, task_id FROM events WHERE account_id = $1 AND id = ANY($2) AND task_id IS NOT NULL",
};

/// An endpoint by its name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Receiver {
    /// Its id.
    pub id: EndpointId,
    /// Its URL, as it is stored.
    pub url: String,
    /// The words of a person about it.
    pub description: String,
    /// It was deleted; its deliveries are kept for a while.
    pub is_deleted: bool,
}

impl Receiver {
    /// The host of its URL, or the whole text if that is no URL.
    pub fn host(&self) -> String {
        EndpointUrl::from_stored(&self.url).map_or_else(|_| self.url.clone(), |url| url.host().to_owned())
    }
}

#[derive(sqlx_macros::FromRow)]
struct Row {
    id: EndpointId,
    url: Lossy,
    description: Lossy,
    is_deleted: bool,
}

impl From<Row> for Receiver {
    fn from(row: Row) -> Self {
        Self { id: row.id, url: row.url.into(), description: row.description.into(), is_deleted: row.is_deleted }
    }
}

impl AccountHandle<'_> {
    /// The account's endpoints by their names, the newest first, and then deleted ones.
    pub async fn receivers(self) -> Result<Vec<Receiver>> {
        let mut conn = self.service.db.read(Pool::Planned).await?;
        let rows: Vec<Row> = conn.query(RECEIVERS).bind(self.id).bind(MOST).fetch_all().await?;
        Ok(rows.into_iter().map(Receiver::from).collect())
    }

    /// The ids of the tasks that these events are about.
    pub async fn tasks_of(self, events: &[EventId]) -> Result<HashMap<EventId, String>> {
        let mut conn = self.service.db.read(Pool::Planned).await?;
        let rows: Vec<(EventId, Lossy)> = conn.query(TASKS).bind(self.id).bind_ids(events).fetch_all().await?;
        Ok(rows.into_iter().map(|(event, task)| (event, task.into())).collect())
    }
}

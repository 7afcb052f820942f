//! Reading the audit log.

use std::sync::Arc;

use signet_model::AccountId;
use uuid::Uuid;

use super::{AccountHandle, Result, Service};
use crate::{
    actor::Permission,
    audit::{self, Entry, Filter},
    db::Pool,
};

/// The entries that one page looks at, so that a filter which nothing matches ends.
const LOOKED_AT: i64 = 5_000;
/// The entries that one statement with a filter reads.
const BATCH: usize = 500;

/// A page of the log.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Page {
    /// The entries, newest first.
    pub entries: Vec<Entry>,
    /// The number before which the next page begins; `None` at the end of the log. There can be
    /// one although no entry was found: a page looks at a bounded part of the log.
    pub next: Option<i64>,
}

/// The audit log of an account, or of the installation.
#[derive(Debug, Clone)]
pub struct AuditLog {
    service: Arc<Service>,
    chain: AccountId,
}

impl AccountHandle<'_> {
    /// The audit log of the account.
    ///
    /// # Errors
    /// The actor may not read it.
    pub fn audit_log(self) -> Result<AuditLog> {
        self.actor.check(Permission::ReadAudit)?;
        Ok(AuditLog { service: Arc::clone(self.service), chain: self.id })
    }
}

impl AuditLog {
    pub(crate) fn of_installation(service: &Arc<Service>) -> Self {
        Self { service: Arc::clone(service), chain: AccountId::from_uuid(Uuid::nil()) }
    }

    /// Lists up to `limit` entries that a filter selects, newest first, before a number.
    pub async fn page(&self, filter: &Filter, before: Option<i64>, limit: usize) -> Result<Page> {
        let mut conn = self.service.db.read(Pool::Pages).await?;
        // Without a filter each row is an entry of the page.
        let batch = if *filter == Filter::default() { limit } else { BATCH };
        let (mut page, mut at, mut looked_at) = (Page::default(), before.unwrap_or(i64::MAX), 0);
        while looked_at < LOOKED_AT {
            let query = conn.query(audit::PAGE).bind(self.chain).bind(at);
            let rows: Vec<audit::Row> = query.bind(i64::try_from(batch).unwrap_or(i64::MAX)).fetch_all().await?;
            let is_last = rows.len() < batch;
            for entry in rows.into_iter().map(Entry::from) {
                (at, looked_at) = (entry.number, looked_at + 1);
                if filter.since.is_some_and(|since| entry.at < since) {
                    return Ok(page);
                }
                if filter.selects(&entry) {
                    page.entries.push(entry);
                }
                if page.entries.len() == limit {
                    page.next = (at > 1).then_some(at);
                    return Ok(page);
                }
            }
            if is_last {
                return Ok(page);
            }
        }
        page.next = Some(at);
        Ok(page)
    }
}

#[cfg(test)]
mod tests;

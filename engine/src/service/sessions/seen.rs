//! Noting that a session was used, behind the request that used it.

use std::{sync::Arc, time::Duration};

use signet_model::Timestamp;
use tokio::sync::Semaphore;

use super::Session;
use crate::{db, service::Service};

/// The use of a session is noted once in this time at most.
const RESOLUTION: Duration = Duration::from_mins(1);
/// The notes that are written at the same time. One that finds no room is left out: the next
/// request makes it.
const AT_ONCE: usize = 4;

/// The notes that are being written.
#[derive(Debug)]
pub(crate) struct SeenNotes(Arc<Semaphore>);

impl Default for SeenNotes {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(AT_ONCE)))
    }
}

impl SeenNotes {
    /// Notes the use of a session if the last note is old. No request waits for it.
    pub(super) fn note(&self, service: &Arc<Service>, session: &Session, used_at: Timestamp, now: Timestamp) {
        if now.since(used_at) < RESOLUTION {
            return;
        }
        let Ok(permit) = Arc::clone(&self.0).try_acquire_owned() else { return };
        let (service, session) = (Arc::clone(service), session.clone());
        tokio::spawn(async move {
            if let Err(error) = store(&service, &session, now).await {
                tracing::debug!(error = &error as &dyn std::error::Error, "the use of a session was not noted");
            }
            drop(permit);
        });
    }
}

async fn store(service: &Service, session: &Session, now: Timestamp) -> db::Result<()> {
    const SESSION: &str = "UPDATE sessions SET used_at = $2 WHERE id = $1 AND used_at <= $3";
    const MEMBERSHIP: &str = "UPDATE memberships SET seen_at = $3 WHERE account_id = $1 AND user_id = $2";
    let mut tx = service.db.begin().await?;
    let noted = tx.query(SESSION).bind(session.id).bind(now).bind(now - RESOLUTION).execute().await?;
    if let (1.., Some(account), Some(user)) = (noted, session.account_id(), session.person()) {
        tx.query(MEMBERSHIP).bind(account).bind(user).bind(now).execute().await?;
    }
    tx.commit().await
}

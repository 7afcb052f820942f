//! Statistics that are kept no longer: some rows of one account at a time.

use signet_model::{AccountId, Timestamp};
use uuid::Uuid;

use super::{BATCH, PAUSE, count};
use crate::{
    db::{Pool, Result},
    service::Service,
};

/// The number of accounts that one statement looks at.
const ACCOUNTS: usize = 1_000;

/// Some accounts (`$2`) after one (`$1`), each with the answer to whether it has statistics of
/// before an hour (`$3`).
pub(crate) const HAVE_OLD: &str = "SELECT page.id, EXISTS
       (SELECT 1 FROM statistics WHERE statistics.account_id = page.id AND statistics.hour < $3) AS has_old
     FROM (SELECT id FROM accounts WHERE id > $1 ORDER BY id LIMIT $2) AS page ORDER BY page.id";

/// Removes some (`$3`) of the statistics of an account (`$1`) of before an hour (`$2`).
pub(crate) const REMOVE: &str = "DELETE FROM statistics WHERE account_id = $1 AND (hour, endpoint_id, event_type) IN
     (SELECT hour, endpoint_id, event_type FROM statistics WHERE account_id = $1 AND hour < $2 ORDER BY hour LIMIT $3)";

/// Removes the statistics of all hours before an instant.
pub(super) async fn remove_old(service: &Service, before: Timestamp) -> Result<()> {
    let mut after = AccountId::from_uuid(Uuid::nil());
    loop {
        let mut conn = service.db.read(Pool::Pages).await?;
        let query = conn.query(HAVE_OLD).bind(after).bind(count(ACCOUNTS)).bind(before);
        let accounts: Vec<(AccountId, bool)> = query.fetch_all().await?;
        drop(conn);
        for &(account, _) in accounts.iter().filter(|&&(_, has_old)| has_old) {
            while remove_some(service, account, before).await? == BATCH as u64 {
                tokio::time::sleep(PAUSE).await;
            }
        }
        match accounts.last() {
            Some(&(last, _)) if accounts.len() == ACCOUNTS => after = last,
            _ => return Ok(()),
        }
    }
}

async fn remove_some(service: &Service, account: AccountId, before: Timestamp) -> Result<u64> {
    let mut tx = service.db.begin().await?;
    let removed = tx.query(REMOVE).bind(account).bind(before).bind(count(BATCH)).execute().await?;
    tx.commit().await?;
    Ok(removed)
}

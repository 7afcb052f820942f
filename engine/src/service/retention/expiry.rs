//! Sessions, links and resends that have ended, and idempotency keys that are not honoured
//! any more.

use signet_model::Timestamp;

use super::{BATCH, KEEP_KEYS, PAUSE, count, limit_of};
use crate::{db::Result, service::Service};

/// Each statement removes some (`$2`) of the rows that had ended by an instant (`$1`).
pub(crate) const SESSIONS: &str = "DELETE FROM sessions WHERE token_hash IN
     (SELECT token_hash FROM sessions WHERE expires_at <= $1 ORDER BY expires_at LIMIT $2)";
pub(crate) const PENDING: &str = "DELETE FROM pending_sign_ins WHERE token_hash IN
     (SELECT token_hash FROM pending_sign_ins WHERE expires_at <= $1 ORDER BY expires_at LIMIT $2)";
pub(crate) const CHALLENGES: &str = "DELETE FROM used_challenges WHERE challenge_hash IN
     (SELECT challenge_hash FROM used_challenges WHERE expires_at <= $1 ORDER BY expires_at LIMIT $2)";
pub(crate) const PORTAL_LINKS: &str = "DELETE FROM portal_links WHERE token_hash IN
     (SELECT token_hash FROM portal_links WHERE expires_at <= $1 ORDER BY expires_at LIMIT $2)";
pub(crate) const INVITATIONS: &str = "DELETE FROM invitations WHERE token_hash IN
     (SELECT token_hash FROM invitations WHERE expires_at <= $1 ORDER BY expires_at LIMIT $2)";
pub(crate) const RESETS: &str = "DELETE FROM password_resets WHERE token_hash IN
     (SELECT token_hash FROM password_resets WHERE expires_at <= $1 ORDER BY expires_at LIMIT $2)";
pub(crate) const KEYS: &str = "DELETE FROM idempotency_keys WHERE (account_id, key) IN
     (SELECT account_id, key FROM idempotency_keys WHERE created_at < $1 ORDER BY created_at LIMIT $2)";
pub(crate) const ANSWERS: &str = "DELETE FROM stored_answers WHERE (account_id, sender_id, key) IN
     (SELECT account_id, sender_id, key FROM stored_answers WHERE created_at < $1 ORDER BY created_at LIMIT $2)";
pub(crate) const RESENDS: &str = "DELETE FROM resends WHERE id IN
     (SELECT id FROM resends WHERE ended_at < $1 ORDER BY ended_at LIMIT $2)";

/// Statistics of balances are kept as long as others.
pub(crate) const BALANCES: &str = "DELETE FROM balance_history WHERE (account_id, hour) IN
     (SELECT account_id, hour FROM balance_history WHERE hour < $1 ORDER BY hour LIMIT $2)";

pub(super) async fn remove_expired(service: &Service, now: Timestamp) -> Result<()> {
    let day_ago = limit_of(KEEP_KEYS, now);
    let kept = limit_of(service.settings.keep_deliveries, now);
    let at_once = [SESSIONS, PENDING, CHALLENGES, INVITATIONS, RESETS, PORTAL_LINKS].map(|sql| (sql, now));
    let counted = limit_of(service.settings.keep_statistics, now);
    let later = [(KEYS, day_ago), (ANSWERS, day_ago), (RESENDS, kept), (BALANCES, counted)];
    for (sql, ended) in at_once.into_iter().chain(later) {
        while remove_some(service, sql, ended).await? == BATCH as u64 {
            tokio::time::sleep(PAUSE).await;
        }
    }
    Ok(())
}

async fn remove_some(service: &Service, sql: &'static str, ended: Timestamp) -> Result<u64> {
    let mut tx = service.db.begin().await?;
    let removed = tx.query(sql).bind(ended).bind(count(BATCH)).execute().await?;
    tx.commit().await?;
    Ok(removed)
}

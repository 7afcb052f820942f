//! Suspending an account: it takes no events, and none of its deliveries is sent. Deliveries stay
//! as they are, so that resuming sends on what has waited. Claims put the queues of a suspended
//! account off (`crate::deliver::claim`), and resuming makes them due.

use super::{AccountHandle, Result, change::Record, endpoints::change};
use crate::audit::Action;

impl AccountHandle<'_> {
    /// Suspends the account, unless it is suspended.
    pub async fn suspend(self) -> Result<()> {
        const SQL: &str = "UPDATE accounts SET suspended_at = COALESCE(suspended_at, $2) WHERE id = $1";
        let mut change = self.begin_change(Action::AccountSuspended).await?;
        let tx = &mut change.tx;
        tx.query(SQL).bind(self.id).bind(self.service.clock.now()).execute().await?;
        tx.revise(self.id).await?;
        change::commit(self.service, self.id, change, Record::of("account", self.id)).await
    }

    /// Ends the suspension. What has waited meanwhile is due, and goes out as the lanes have room.
    pub async fn resume(self) -> Result<()> {
        const RESUME: &str = "UPDATE accounts SET suspended_at = NULL WHERE id = $1";
        // An account has a bounded number of endpoints, and a queue for each.
        const MAKE_DUE: &str = "UPDATE endpoint_queues SET next_due_at = $2 WHERE account_id = $1 AND next_due_at > $2";
        let mut change = self.begin_change(Action::AccountResumed).await?;
        let tx = &mut change.tx;
        tx.query(RESUME).bind(self.id).execute().await?;
        tx.query(MAKE_DUE).bind(self.id).bind(self.service.clock.now()).execute().await?;
        tx.revise(self.id).await?;
        tx.notify().await?;
        change::commit(self.service, self.id, change, Record::of("account", self.id)).await
    }
}

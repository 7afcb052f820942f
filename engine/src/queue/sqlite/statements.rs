//! The statements of a batch: one for each kind of row, which runs once for each row. The
//! thread of the hot path and the ordinary connection run the same ones.

use std::sync::LazyLock;

use crate::queue::{
    record::Record,
    records::{DeliveryRow, EventRow, HealthRow, KeyRow, NewAttempt, QueueEntry, StatisticsRow},
};

/// Answers with a row if an account (`?1`) has this revision (`?2`).
pub(super) const HAS_REVISION: &str = "SELECT 1 FROM accounts WHERE id = ?1 AND revision = ?2";

/// The text of each statement.
pub(super) static WRITE: LazyLock<Write<String>> = LazyLock::new(|| Write {
    insert_key: insert::<KeyRow>("ON CONFLICT DO NOTHING"),
    // The columns of `OutcomeRow`.
    finish:
        "UPDATE deliveries SET state = ?4, due_at = ?5, lease = NULL, attempts = ?6, failures = ?7, completed_at = ?8
     WHERE account_id = ?1 AND id = ?2 AND lease = ?3"
            .to_owned(),
    insert_attempt: insert::<NewAttempt>(""),
    update_health: insert::<HealthRow>(&HealthRow::on_conflict("5000000")),
    add_statistics: insert::<StatisticsRow>(StatisticsRow::on_conflict()),
    insert_event: insert::<EventRow>(""),
    insert_delivery: insert::<DeliveryRow>(""),
    pull_forward: insert::<QueueEntry>(QueueEntry::ON_CONFLICT),
});

/// A value for each statement of a batch.
#[derive(Debug)]
pub(super) struct Write<T> {
    pub(super) insert_key: T,
    pub(super) finish: T,
    pub(super) insert_attempt: T,
    pub(super) update_health: T,
    pub(super) add_statistics: T,
    pub(super) insert_event: T,
    pub(super) insert_delivery: T,
    pub(super) pull_forward: T,
}

impl<T> Write<T> {
    /// Makes another value of each.
    pub(super) fn try_map<'w, U, E>(&'w self, mut make: impl FnMut(&'w T) -> Result<U, E>) -> Result<Write<U>, E> {
        Ok(Write {
            insert_key: make(&self.insert_key)?,
            finish: make(&self.finish)?,
            insert_attempt: make(&self.insert_attempt)?,
            update_health: make(&self.update_health)?,
            add_statistics: make(&self.add_statistics)?,
            insert_event: make(&self.insert_event)?,
            insert_delivery: make(&self.insert_delivery)?,
            pull_forward: make(&self.pull_forward)?,
        })
    }
}

fn insert<R: Record>(on_conflict: &str) -> String {
    let parameters = vec!["?"; R::COLUMNS.len()].join(", ");
    format!("INSERT INTO {} ({}) VALUES ({parameters}) {on_conflict}", R::TABLE, R::names()).trim_end().to_owned()
}

/// Reads the due deliveries (by `?3`) of an endpoint (`?1`, `?2`), up to `?4`, the earliest
/// first.
pub(in crate::queue) const READ_DUE: &str =
    "SELECT deliveries.id, deliveries.event_type, deliveries.is_test, attempts, failures, body, trace_context
     FROM deliveries LEFT JOIN events ON events.account_id = ?1 AND events.id = deliveries.event_id
     WHERE deliveries.account_id = ?1 AND endpoint_id = ?2 AND state = 'pending' AND due_at <= ?3
     ORDER BY due_at LIMIT ?4";

/// Claims a delivery (`?1`), until the lease (`?3`) ends (`?2`).
pub(in crate::queue) const LEASE: &str = "UPDATE deliveries SET due_at = ?2, lease = ?3 WHERE id = ?1";

/// Reads the next regular start at a throttled endpoint (`?1`, `?2`).
pub(in crate::queue) const NEXT_START: &str = "SELECT throttled_until FROM endpoints WHERE account_id = ?1 AND id = ?2";

/// Stores it (`?3`).
pub(in crate::queue) const SET_NEXT_START: &str =
    "UPDATE endpoints SET throttled_until = ?3 WHERE account_id = ?1 AND id = ?2";

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use super::*;

    #[test]
    fn the_statements_that_run_are_in_the_repository() {
        let mut all = Vec::new();
        let Ok(_) = WRITE.try_map(|sql| {
            all.push(sql.as_str());
            Ok::<_, Infallible>(())
        });
        insta::with_settings!({ snapshot_path => ".", prepend_module_to_snapshot => false, omit_expression => true }, {
            insta::assert_snapshot!("write", all.join(";\n\n"));
        });
    }
}

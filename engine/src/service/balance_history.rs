//! The history of an account's balance, by the hour, and where a threshold would have been
//! crossed.

#[cfg(test)]
mod tests;

use signet_model::{Amount, Timestamp, amount::crosses};

use super::{AccountHandle, Result};
use crate::db::Pool;

/// The hours that one answer has: those of 400 days.
const HOURS_MAX: i64 = 9_600;

/// The hours of an account (`$1`) from one on (`$2`), at most `$3`.
pub(crate) const HOURS: &str = "SELECT hour, last, lowest, highest FROM balance_history
     WHERE account_id = $1 AND hour >= $2 ORDER BY hour LIMIT $3";

/// The last hour of an account (`$1`) before one (`$2`).
pub(crate) const BEFORE: &str = "SELECT hour, last, lowest, highest FROM balance_history
     WHERE account_id = $1 AND hour < $2 ORDER BY hour DESC LIMIT 1";

/// The balances that were reported in one hour.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct BalanceHour {
    /// The beginning of the hour.
    pub hour: Timestamp,
    /// The last one.
    pub last: Amount,
    /// The lowest one.
    pub lowest: Amount,
    /// The highest one.
    pub highest: Amount,
}

/// The balances of a time.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct BalanceHistory {
    /// The last hour before.
    pub before: Option<BalanceHour>,
    /// The hours in which balances were reported, in order.
    pub hours: Vec<BalanceHour>,
}

impl BalanceHistory {
    /// The hours in which `balance.low` would have been sent with this threshold. Of an hour in
    /// which the balance went down and up more than once it is known that it was sent, and not
    /// how often.
    pub fn crossings(&self, threshold: Amount) -> impl Iterator<Item = BalanceHour> {
        let mut last = self.before.map(|hour| hour.last);
        self.hours.iter().copied().filter(move |hour| {
            let before = last.replace(hour.last);
            let falls =
                |from: Option<Amount>, to: Amount| crosses((from, Some(threshold)), (Some(to), Some(threshold)));
            let was_below = before.is_some_and(|it| it < threshold);
            falls(before, hour.lowest) || (was_below && falls(Some(hour.highest), hour.last))
        })
    }
}

#[derive(sqlx_macros::FromRow)]
struct Row {
    hour: Timestamp,
    last: f64,
    lowest: f64,
    highest: f64,
}

impl Row {
    /// The hour, unless a number in it is none.
    fn read(self) -> Option<BalanceHour> {
        let amount = |value: f64| Amount::try_from(value).ok();
        let (last, lowest, highest) = (amount(self.last)?, amount(self.lowest)?, amount(self.highest)?);
        Some(BalanceHour { hour: self.hour, last, lowest, highest })
    }
}

impl AccountHandle<'_> {
    /// Reads the history of the balance from an instant on.
    pub async fn balance_history(self, from: Timestamp) -> Result<BalanceHistory> {
        let from = from.beginning(crate::queue::HOUR);
        let mut conn = self.service.db.read(Pool::Pages).await?;
        let before: Option<Row> = conn.query(BEFORE).bind(self.id).bind(from).fetch_optional().await?;
        let hours: Vec<Row> = conn.query(HOURS).bind(self.id).bind(from).bind(HOURS_MAX).fetch_all().await?;
        Ok(BalanceHistory {
            before: before.and_then(Row::read),
            hours: hours.into_iter().filter_map(Row::read).collect(),
        })
    }
}

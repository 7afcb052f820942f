//! Balances and thresholds. One commit reads and writes all of its updates together, and each
//! crossing of a threshold makes a `balance.low` event.

use std::collections::{BTreeMap, HashMap};

use serde_json::json;
use signet_model::{AccountId, Amount, Timestamp, amount::crosses, event::balance_low};

use super::{
    distinct,
    ingest::{Audience, Incoming, IngestError, NewEvent},
    reply::Answer,
};
use crate::{
    actor::By,
    audit::{self, Action, Draft, Target},
    db::{Result, Tx},
    queue::{BalanceRow, HOUR, ReportedRow},
};

/// A change of an account's balance or threshold.
#[derive(Debug, Clone)]
pub(crate) struct BalanceUpdate {
    pub(crate) account: AccountId,
    pub(crate) change: BalanceChange,
    /// The one who sets it. A balance that a producer reports leaves no entry in the audit log.
    pub(crate) by: Option<By>,
}

/// The new balance, or the new threshold.
#[derive(Debug, Clone, Copy)]
pub(crate) enum BalanceChange {
    Balance(Amount),
    Threshold(Option<Amount>),
}

/// The result of the updates of a commit.
#[derive(Default)]
pub(super) struct AppliedUpdates {
    /// An answer for each update, in order.
    pub(super) answers: Vec<Answer<()>>,
    /// A `balance.low` for each crossing, in order.
    pub(super) crossings: Vec<Incoming>,
    /// The balances of each account that has some, for the history.
    reported: BTreeMap<AccountId, ReportedRow>,
}

/// Writes the balances of accounts that this transaction has locked.
pub(super) async fn write_balances(
    tx: &mut Tx<'_>,
    updates: &[BalanceUpdate],
    now: Timestamp,
) -> Result<AppliedUpdates> {
    if updates.is_empty() {
        return Ok(AppliedUpdates::default());
    }
    let accounts = distinct(updates.iter().map(|update| update.account));
    let mut balances = tx.balances(&accounts).await?.into_iter().map(|row| (row.account, row)).collect();
    log_settings(tx, updates, &balances, now).await?;
    let applied = apply(updates, &mut balances, now);
    tx.set_balances(&balances.into_values().collect::<Vec<_>>()).await?;
    if !applied.reported.is_empty() {
        let reported: Vec<_> = applied.reported.values().copied().collect();
        tx.add_to_balance_history(&reported, now.beginning(HOUR)).await?;
    }
    Ok(applied)
}

/// Writes the entries of thresholds and balances that people set.
async fn log_settings(
    tx: &mut Tx<'_>,
    updates: &[BalanceUpdate],
    balances: &HashMap<AccountId, BalanceRow>,
    now: Timestamp,
) -> Result<()> {
    let mut before: HashMap<_, _> =
        balances.iter().map(|(account, row)| (*account, (row.balance, row.threshold))).collect();
    for BalanceUpdate { account, change, by } in updates {
        let (Some(by), Some((balance, threshold))) = (by, before.get_mut(account)) else { continue };
        let (action, member, before, after) = match *change {
            BalanceChange::Balance(after) => (Action::BalanceSet, "balance", balance, Some(after)),
            BalanceChange::Threshold(after) => (Action::ThresholdSet, "threshold", threshold, after),
        };
        let amount = |amount: Option<Amount>| Some(json!({ member: amount.map(Amount::get) }));
        let draft = Draft {
            account: Some(*account),
            by: by.clone(),
            action,
            target: Some(Target::new("account", account)),
            before: amount(std::mem::replace(before, after)),
            after: amount(after),
        };
        audit::append(tx, &draft, now).await?;
    }
    Ok(())
}

/// Applies updates one after the other.
fn apply(updates: &[BalanceUpdate], balances: &mut HashMap<AccountId, BalanceRow>, now: Timestamp) -> AppliedUpdates {
    let mut applied = AppliedUpdates::default();
    for update in updates {
        let answer = match balances.get_mut(&update.account) {
            Some(row) => {
                applied.crossings.extend(change(row, update.change, now));
                if let BalanceChange::Balance(balance) = update.change {
                    let reported = applied.reported.entry(update.account);
                    reported.or_insert_with(|| ReportedRow::of(update.account, balance)).add(balance);
                }
                Ok(())
            }
            None => Err(IngestError::UnknownAccount),
        };
        applied.answers.push(answer);
    }
    applied
}

/// Applies one change; returns the event if that is a crossing.
fn change(row: &mut BalanceRow, change: BalanceChange, now: Timestamp) -> Option<Incoming> {
    let before = (row.balance, row.threshold);
    match change {
        BalanceChange::Balance(balance) => row.balance = Some(balance),
        BalanceChange::Threshold(threshold) => row.threshold = threshold,
    }
    let (balance, threshold) = (row.balance?, row.threshold?);
    crosses(before, (row.balance, row.threshold)).then(|| {
        let body = balance_low(balance, threshold, now);
        let event = NewEvent { account: row.account, body, idempotency: None, trace: None };
        Incoming::new(event, Audience::SubscribersOfOwn)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn amount(text: &str) -> Amount {
        text.parse().expect("an amount")
    }

    #[test]
    fn each_crossing_of_a_batch_makes_its_event_in_order() {
        let now = Timestamp::from_unix_seconds(1_774_699_200);
        let [account, unknown] = [1, 2].map(|number| AccountId::new(now, [number; 10]));
        let row = BalanceRow { account, balance: None, threshold: Some(amount("50")) };
        let mut balances = HashMap::from([(account, row)]);
        let balance = |text| BalanceUpdate { account, change: BalanceChange::Balance(amount(text)), by: None };
        let updates = [
            balance("60"),
            balance("45.5"),
            balance("40"),
            BalanceUpdate { account: unknown, change: BalanceChange::Threshold(None), by: None },
            balance("50"),
            BalanceUpdate { account, change: BalanceChange::Threshold(Some(amount("50.5"))), by: None },
        ];
        let applied = apply(&updates, &mut balances, now);
        assert_eq!(applied.answers.iter().filter(|answer| answer.is_ok()).count(), 5);
        assert_eq!(applied.answers[3], Err(IngestError::UnknownAccount));
        let bodies: Vec<_> = applied.crossings.iter().map(|incoming| &*incoming.event.body.json).collect();
        assert_eq!(bodies.len(), 2, "{bodies:?}");
        assert!(bodies[0].contains(r#""balance":45.5,"threshold":50,"#), "{}", bodies[0]);
        assert!(bodies[1].contains(r#""balance":50,"threshold":50.5,"#), "{}", bodies[1]);
        assert_eq!(balances[&account].balance, Some(amount("50")));
        let reported = ReportedRow { account, last: amount("50"), lowest: amount("40"), highest: amount("60") };
        assert_eq!(applied.reported.into_values().collect::<Vec<_>>(), [reported]);
    }
}

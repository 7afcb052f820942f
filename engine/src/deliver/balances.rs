//! Balances and thresholds: reports of one commit are read and written together, and each
//! crossing among them makes its `balance.low`.

use std::collections::HashMap;

use signet_model::{AccountId, Amount, Timestamp, amount::crosses, event::balance_low};

use super::{
    distinct,
    ingest::{Audience, Incoming, IngestError, NewEvent},
    reply::Answer,
};
use crate::{
    queue::{LevelsRow, Tx},
    store::Result,
};

/// What changes for an account.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Report {
    pub(crate) account: AccountId,
    pub(crate) level: Level,
}

/// Which of an account's two levels, and what it becomes.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Level {
    Balance(Amount),
    Threshold(Option<Amount>),
}

/// What came of the reports of a commit.
#[derive(Default)]
pub(super) struct Reported {
    /// For each report, in order.
    pub(super) answers: Vec<Answer<()>>,
    /// A `balance.low` for each crossing, in order.
    pub(super) crossings: Vec<Incoming>,
}

/// Writes reports on accounts that this transaction has locked.
pub(super) async fn write_levels(tx: &mut Tx<'_>, reports: &[Report], now: Timestamp) -> Result<Reported> {
    if reports.is_empty() {
        return Ok(Reported::default());
    }
    let accounts = distinct(reports.iter().map(|report| report.account));
    let mut levels = tx.levels(&accounts).await?.into_iter().map(|row| (row.account, row)).collect();
    let reported = apply(reports, &mut levels, now);
    tx.set_levels(&levels.into_values().collect::<Vec<_>>()).await?;
    Ok(reported)
}

/// Applies reports one after the other.
fn apply(reports: &[Report], levels: &mut HashMap<AccountId, LevelsRow>, now: Timestamp) -> Reported {
    let mut reported = Reported::default();
    for report in reports {
        let answer = match levels.get_mut(&report.account) {
            Some(row) => {
                reported.crossings.extend(change(row, report.level, now));
                Ok(())
            }
            None => Err(IngestError::UnknownAccount),
        };
        reported.answers.push(answer);
    }
    reported
}

/// Changes a level; returns the event if that is a crossing.
fn change(row: &mut LevelsRow, level: Level, now: Timestamp) -> Option<Incoming> {
    let before = (row.balance, row.threshold);
    match level {
        Level::Balance(balance) => row.balance = Some(balance),
        Level::Threshold(threshold) => row.threshold = threshold,
    }
    let (balance, threshold) = (row.balance?, row.threshold?);
    crosses(before, (row.balance, row.threshold)).then(|| {
        let body = balance_low(balance, threshold, now);
        let event = NewEvent { account: row.account, body, idempotency: None };
        Incoming { event, audience: Audience::Subscribers }
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
        let row = LevelsRow { account, balance: None, threshold: Some(amount("50")) };
        let mut levels = HashMap::from([(account, row)]);
        let balance = |text| Report { account, level: Level::Balance(amount(text)) };
        let reports = [
            balance("60"),
            balance("45.5"),
            balance("40"),
            Report { account: unknown, level: Level::Threshold(None) },
            balance("50"),
            Report { account, level: Level::Threshold(Some(amount("50.5"))) },
        ];
        let reported = apply(&reports, &mut levels, now);
        assert_eq!(reported.answers.iter().filter(|answer| answer.is_ok()).count(), 5);
        assert_eq!(reported.answers[3], Err(IngestError::UnknownAccount));
        let bodies: Vec<_> = reported.crossings.iter().map(|incoming| &*incoming.event.body.json).collect();
        assert_eq!(bodies.len(), 2, "{bodies:?}");
        assert!(bodies[0].contains(r#""balance":45.5,"threshold":50,"#), "{}", bodies[0]);
        assert!(bodies[1].contains(r#""balance":50,"threshold":50.5,"#), "{}", bodies[1]);
        assert_eq!(levels[&account].balance, Some(amount("50")));
    }
}

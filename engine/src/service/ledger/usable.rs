//! Rows that are stored but cannot be used, found by reading them as the engine does.

use std::fmt::Display;

use signet_model::{
    AccountId, DeliveryId, EndpointId, Throttle,
    delivery::State,
    sql::{Lossy, Stored},
};
use uuid::Uuid;

use super::{
    EXAMPLES, Finding, Rule, counted,
    slice::{Slice, Snapshot},
};
use crate::{
    Unusable,
    db::Result,
    seal::Sealer,
    service::{Service, endpoints::TargetColumns, event_types},
};

/// The number of endpoints that one statement reads.
const PAGE: i64 = 1_000;

/// The next endpoints (`$2`) after one (`$1`), deleted ones left out.
const ENDPOINTS: &str = "SELECT id, url, secret, next_secret, headers, throttle, filter FROM endpoints
     WHERE deleted_at IS NULL AND id > $1 ORDER BY id LIMIT $2";

/// Accounts with an amount that is none.
const ACCOUNTS: &str = "SELECT count(*) OVER () AS found, id, 'its balance or its threshold is no amount' AS reason
     FROM accounts WHERE NOT (COALESCE(balance, 0) = 0 OR abs(balance) BETWEEN 1e-300 AND 1e308)
                      OR NOT (COALESCE(balance_threshold, 0) = 0 OR abs(balance_threshold) BETWEEN 1e-300 AND 1e308)
     ORDER BY id LIMIT 5";

/// Deliveries with a value that this version does not know.
fn deliveries() -> String {
    let states: Vec<_> = State::ALL.iter().map(|state| state.as_str()).collect();
    format!(
        "SELECT count(*) OVER () AS found, id, reason FROM
           (SELECT id, CASE WHEN event_type = '' OR ltrim(event_type, 'abcdefghijklmnopqrstuvwxyz0123456789_.') <> ''
                              THEN 'its event type is no name'
                            WHEN state NOT IN ('{}') THEN 'this version does not know its state'
                            WHEN attempts > {max} OR failures > {max} THEN 'it counts more attempts than there can be'
                       END AS reason FROM deliveries) AS broken
          WHERE reason IS NOT NULL ORDER BY id LIMIT 5",
        states.join("', '"),
        max = i32::MAX,
    )
}

/// A row of [`ENDPOINTS`].
#[derive(Debug, sqlx_macros::FromRow)]
struct EndpointRow {
    id: Stored<EndpointId>,
    url: Lossy,
    secret: Vec<u8>,
    next_secret: Option<Vec<u8>>,
    headers: Option<Vec<u8>>,
    throttle: Option<Stored<Throttle>>,
    filter: Option<Stored<String>>,
}

/// The number of rows of which this is one, its id, and the reason for which it cannot be used.
type Found = (i64, Stored<Uuid>, Lossy);

/// Reads the rows as the engine does; secrets only with a sealer that has the key. Returns
/// the broken rule, if a row cannot be used.
pub(super) async fn check(service: &Service, slices: &[Slice], sealer: Option<&Sealer>) -> Result<Option<Finding>> {
    let mut tally = Tally::default();
    let Snapshot { mut tx, .. } = Snapshot::take(service).await?;
    let mut after = Some(Uuid::nil());
    while let Some(last) = after {
        let endpoints: Vec<EndpointRow> = tx.query(ENDPOINTS).bind(last).bind(PAGE).fetch_all().await?;
        tally.endpoints(&endpoints, sealer);
        after = EndpointRow::last(&endpoints);
    }
    let accounts: Vec<Found> = tx.query(ACCOUNTS).fetch_all().await?;
    tally.found(&accounts, |id| AccountId::from_uuid(id).to_string());
    for (name, reason) in event_types::unusable(&mut tx).await? {
        tally.add(1, format!("the event type {name:?}"), &reason);
    }
    drop(tx);
    let sql = deliveries();
    for slice in slices {
        let mut snapshot = Snapshot::take(service).await?;
        let found: Vec<Found> = slice.bind(snapshot.tx.query(slice.of(&sql, 0))).fetch_all().await?;
        tally.found(&found, |id| DeliveryId::from_uuid(id).to_string());
    }
    Ok(tally.finding())
}

/// The rows that were found.
#[derive(Debug, Default)]
struct Tally {
    count: u64,
    examples: Vec<String>,
}

impl Tally {
    /// Looks at some endpoints.
    fn endpoints(&mut self, rows: &[EndpointRow], sealer: Option<&Sealer>) {
        for row in rows {
            match &row.id.0 {
                Ok(id) => {
                    if let Some(reason) = row.unusable(*id, sealer) {
                        self.add(1, id, &reason);
                    }
                }
                Err(reason) => self.add(1, "an endpoint", &format!("its id cannot be read: {reason}")),
            }
        }
    }

    fn found(&mut self, found: &[Found], name: impl Fn(Uuid) -> String) {
        self.count += found.first().map_or(0, |(count, ..)| counted(*count));
        for (_, id, reason) in found {
            let id = id.clone().ok().map_or_else(|| "an id that cannot be read".to_owned(), &name);
            self.add(0, id, reason);
        }
    }

    fn add(&mut self, count: u64, id: impl Display, reason: &impl Display) {
        self.count += count;
        if self.examples.len() < EXAMPLES {
            self.examples.push(format!("{id}: {reason}"));
        }
    }

    /// The broken rule, if any row was found.
    fn finding(self) -> Option<Finding> {
        let Self { count, examples } = self;
        (count > 0).then_some(Finding { rule: Rule::Usable, count, examples })
    }
}

impl EndpointRow {
    fn unusable(&self, id: EndpointId, sealer: Option<&Sealer>) -> Option<Unusable> {
        let columns = TargetColumns {
            url: &self.url.0,
            secrets: [Some(&self.secret), self.next_secret.as_ref()],
            headers: self.headers.as_ref(),
            throttle: self.throttle.as_ref(),
            filter: self.filter.as_ref(),
        };
        columns.unusable(id, sealer)
    }

    /// After which endpoint the next page begins; `None` if this is the last page.
    fn last(rows: &[Self]) -> Option<Uuid> {
        let full = rows.len() == usize::try_from(PAGE).unwrap_or(usize::MAX);
        rows.iter().rev().find_map(|row| row.id.clone().ok()).filter(|_| full).map(EndpointId::uuid)
    }
}

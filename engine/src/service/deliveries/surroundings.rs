//! What a delivery is looked at beside: its neighbours in the log of its endpoint, the last one that worked,
//! and the retries that are left.

use std::time::Duration;

use signet_model::DeliveryId;

use super::{Delivery, DeliveryHandle};
use crate::{
    db::Pool,
    service::{Error, Result},
};

/// The deliveries before this one that are searched for one that worked.
const SEARCHED: i64 = 1_000;

/// The delivery before an event (`$3`), and the one after it.
pub(in crate::service) const OLDER: &str = "SELECT id FROM deliveries
     WHERE account_id = $1 AND endpoint_id = $2 AND event_id < $3 ORDER BY event_id DESC LIMIT 1";
pub(in crate::service) const NEWER: &str = "SELECT id FROM deliveries
     WHERE account_id = $1 AND endpoint_id = $2 AND event_id > $3 ORDER BY event_id LIMIT 1";
/// The last delivery of a type (`$4`) before an event (`$3`) that arrived, among `$6`.
pub(in crate::service) const WORKED: &str = "SELECT x.id FROM
       (SELECT id, event_id, event_type, state, is_test FROM deliveries
         WHERE account_id = $1 AND endpoint_id = $2 AND event_id < $3 ORDER BY event_id DESC LIMIT $6) AS x
     WHERE x.state = 'delivered' AND x.event_type = $4 AND x.is_test = $5 ORDER BY x.event_id DESC LIMIT 1";

/// What stands around a delivery.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Surroundings {
    /// The delivery before it in the log of its endpoint.
    pub older: Option<DeliveryId>,
    /// The one after it.
    pub newer: Option<DeliveryId>,
    /// The last one before it of its type that arrived; a test only beside a test.
    pub worked: Option<DeliveryId>,
    /// The attempts that have failed since it was last sent anew.
    pub failures: u32,
    /// The waits that are left, should the next attempts fail too; after the last the endpoint is
    /// disabled.
    pub retries_left: Vec<Duration>,
    /// The attempts of a round, in all.
    pub attempts_of_round: u32,
}

impl DeliveryHandle<'_> {
    /// What stands around the delivery.
    pub async fn surroundings(self, delivery: &Delivery) -> Result<Surroundings> {
        const FAILURES: &str = "SELECT failures FROM deliveries WHERE account_id = $1 AND id = $2";
        let mut conn = self.service.db.read(Pool::Pages).await?;
        let failures: Option<i32> =
            conn.query(FAILURES).bind(self.account).bind(self.id).fetch_optional_value().await?;
        let failures = failures.ok_or(Error::DeliveryNotFound)?.unsigned_abs();
        let mut found: [Option<DeliveryId>; 2] = [None; 2];
        for (found, sql) in found.iter_mut().zip([OLDER, NEWER]) {
            let query = conn.query(sql).bind(self.account).bind(delivery.endpoint).bind(delivery.event);
            *found = query.fetch_optional_value().await?;
        }
        let query = conn.query(WORKED).bind(self.account).bind(delivery.endpoint).bind(delivery.event);
        let query = query.bind(delivery.event_type.as_str()).bind(delivery.is_test).bind(SEARCHED);
        let worked = query.fetch_optional_value().await?;
        let delays = self.service.settings.schedule.delays();
        let left = delays.get(usize::try_from(failures).unwrap_or(usize::MAX)..).unwrap_or_default();
        let [older, newer] = found;
        Ok(Surroundings {
            older,
            newer,
            worked,
            failures,
            retries_left: if delivery.is_test { Vec::new() } else { left.to_vec() },
            attempts_of_round: if delivery.is_test { 1 } else { u32::try_from(delays.len() + 1).unwrap_or(u32::MAX) },
        })
    }
}

//! All that the list of webhooks shows, in few statements, each of which is planned once
//! ([`Pool::Planned`]); those about endpoints and those about statistics run at the same time.

use std::collections::HashMap;

use const_format::formatcp;
use signet_model::EndpointId;
use uuid::Uuid;

use super::{Attention, ENDPOINTS, Endpoint, Endpoints, ListFilter, Listed, Row, StatusCounts, states::Asked};
use crate::{
    db::{Pool, Sql},
    service::{
        AccountHandle, Result,
        statistics::{DayTotals, Recent},
    },
};

/// What the list shows.
#[derive(Debug)]
pub struct ListPage {
    /// The number of all endpoints, by status.
    pub counts: StatusCounts,
    /// The endpoints of the page.
    pub listed: Listed,
    /// Their last 24 hours.
    pub recent: Recent,
    /// What the attempts at all endpoints came to in the last 24 hours.
    pub totals: DayTotals,
    /// Those that need a person: those that failures have disabled, and then those that fail.
    pub troubles: Vec<Attention>,
}

/// Some endpoints (`$2`) of an account (`$1`).
pub(crate) const SOME: Sql = Sql {
    sqlite: formatcp!("{ENDPOINTS} AND e.id IN (SELECT unhex(value) FROM json_each($2))"),
    postgres: formatcp!("{ENDPOINTS} AND e.id = ANY($2)"),
};

impl Endpoints<'_> {
    /// Reads a page of the list: the endpoints that a filter selects, newest first, at most `limit`,
    /// older than one; and at most `troubles` of all that need a person.
    pub async fn list_page(
        self,
        filter: &ListFilter,
        before: Option<EndpointId>,
        limit: u32,
        troubles: u32,
    ) -> Result<ListPage> {
        let before = before.unwrap_or(EndpointId::from_uuid(Uuid::max()));
        let account = AccountHandle::new(self.service, self.actor);
        let asked = Asked { troubles, filter, before, page: limit + 1 };
        // Each reads over a connection of its own, and holds none while it waits for another.
        let (totals, (counts, listed, recent, troubles)) = tokio::try_join!(account.day_totals(), async {
            let states = self.states(asked).await?;
            let (shown, more) = states.page.split_at(states.page.len().min(limit as usize));
            let ((endpoints, troubles), recent) =
                tokio::try_join!(self.shown(shown, &states.troubles), account.recent_of(shown))?;
            let next = shown.last().filter(|_| !more.is_empty()).copied();
            Ok((states.counts, Listed { endpoints, next }, recent, troubles))
        })?;
        Ok(ListPage { counts, listed, recent, totals, troubles })
    }

    /// Reads the endpoints of a page, and those that need a person.
    async fn shown(self, shown: &[EndpointId], troubles: &[EndpointId]) -> Result<(Vec<Endpoint>, Vec<Attention>)> {
        let ids = [shown, troubles].concat();
        let (some, told) = tokio::try_join!(self.some(&ids), self.told(troubles))?;
        let of = |ids: &[EndpointId]| ids.iter().filter_map(|id| some.get(id).cloned()).collect::<Vec<_>>();
        Ok((of(shown), self.attention(of(troubles), told).await?))
    }

    /// Some endpoints, by their ids.
    async fn some(self, ids: &[EndpointId]) -> Result<HashMap<EndpointId, Endpoint>> {
        if ids.is_empty() {
            return Ok(HashMap::new());
        }
        let mut conn = self.service.db.read(Pool::Planned).await?;
        let rows: Vec<Row> = conn.query(SOME).bind(self.account).bind_ids(ids).fetch_all().await?;
        let read = rows.into_iter().filter_map(|row| row.read(&self.service.sealer));
        Ok(read.map(|endpoint| (endpoint.id, endpoint)).collect())
    }
}

//! All that the list of webhooks shows, in few statements on one connection: each is planned once
//! ([`Pool::Planned`]).

use std::collections::HashMap;

use const_format::formatcp;
use signet_model::EndpointId;
use uuid::Uuid;

use super::{Attention, ENDPOINTS, Endpoint, Endpoints, ListFilter, Listed, Row, StatusCounts, states::Asked};
use crate::{
    db::{self, Conn, Pool, Sql},
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
        let mut conn = self.service.db.read(Pool::Planned).await?;
        let states = self.states(&mut conn, Asked { troubles, filter, before, page: limit + 1 }).await?;
        let (shown, more) = states.page.split_at(states.page.len().min(limit as usize));
        let some = self.some(&mut conn, &[shown, &states.troubles].concat()).await?;
        let of = |ids: &[EndpointId]| ids.iter().filter_map(|id| some.get(id).cloned()).collect::<Vec<_>>();
        let listed = Listed { endpoints: of(shown), next: shown.last().filter(|_| !more.is_empty()).copied() };
        let troubles = self.attention(&mut conn, of(&states.troubles)).await?;
        let account = AccountHandle::new(self.service, self.actor);
        let recent = account.recent_of(&mut conn, shown).await?;
        let totals = account.day_totals(&mut conn).await?;
        Ok(ListPage { counts: states.counts, listed, recent, totals, troubles })
    }

    /// Some endpoints, by their ids.
    async fn some(self, conn: &mut Conn, ids: &[EndpointId]) -> db::Result<HashMap<EndpointId, Endpoint>> {
        if ids.is_empty() {
            return Ok(HashMap::new());
        }
        let rows: Vec<Row> = conn.query(SOME).bind(self.account).bind_ids(ids).fetch_all().await?;
        let read = rows.into_iter().filter_map(|row| row.read(&self.service.sealer));
        Ok(read.map(|endpoint| (endpoint.id, endpoint)).collect())
    }
}

//! Looking through events in the order of time, along an index.

use std::{collections::VecDeque, ops::Range};

use signet_model::{AccountId, EventId, Timestamp, sql::Stored};
use uuid::Uuid;

use super::{ANNOUNCED, BATCH, Depth, FIRST, PAUSE, Swept, count, sweep_clock::Turn, sweep_events};
use crate::{
    db::{Pool, Result},
    service::{Service, removal::Leaving},
};

/// The number of accounts that one statement lists.
const ACCOUNTS: usize = 1_000;
/// The number of events that one statement looks at for bodies: most of them have none any more.
pub(super) const LOOKED_AT: usize = 1_000;
/// The number of deliveries that change in one transaction, give or take those of one event.
const DELIVERIES: i64 = 500;

/// The way through the events of one account, in the order of time.
#[derive(Debug, Clone, Copy)]
pub(super) struct Walk(AccountId);

/// The ways through all accounts, one after the other; the accounts are listed some at a time.
#[derive(Debug, Default)]
pub(super) struct Walks {
    listed: VecDeque<Walk>,
    last: Option<AccountId>,
    all_listed: bool,
}

impl Walks {
    pub(super) async fn next(&mut self, service: &Service) -> Result<Option<Walk>> {
        if self.listed.is_empty() && !self.all_listed {
            self.list(service).await?;
        }
        Ok(self.listed.pop_front())
    }

    async fn list(&mut self, service: &Service) -> Result<()> {
        const SQL: &str = "SELECT id FROM accounts WHERE id > $1 ORDER BY id LIMIT $2";
        let after = self.last.unwrap_or(AccountId::from_uuid(Uuid::nil()));
        let mut conn = service.db.read(Pool::Pages).await?;
        let accounts: Vec<AccountId> = conn.query(SQL).bind(after).bind(count(ACCOUNTS)).fetch_values().await?;
        self.last = accounts.last().copied();
        self.all_listed = accounts.len() < ACCOUNTS;
        self.listed = accounts.into_iter().map(Walk).collect();
        Ok(())
    }
}

/// An event that was looked at.
#[derive(sqlx_macros::FromRow)]
pub(super) struct Old {
    pub(super) id: EventId,
    fanout: Stored<i32>,
    has_body: bool,
}

/// Some events that were looked at.
pub(super) struct Page {
    /// The last of them.
    pub(super) last: EventId,
    /// Those to be swept, as many as make up a transaction.
    pub(super) old: Vec<Old>,
}

impl Walk {
    /// Sweeps the events between two ids.
    pub(super) async fn through(
        self,
        service: &Service,
        turn: &mut Turn,
        between: Range<EventId>,
        depth: Depth<'_>,
    ) -> Result<Swept> {
        let (mut swept, Range { start: mut after, end: before }) = (Swept::default(), between);
        loop {
            turn.keep().await?;
            let Some(Page { last, old }) = self.page(service, after, before, depth).await? else { return Ok(swept) };
            after = last;
            let events: Vec<EventId> = old.into_iter().map(|one| one.id).collect();
            if !events.is_empty() {
                swept += sweep_events(service, self.0, events, depth).await?;
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// Counts the events before one, as far as is worth it.
    pub(super) async fn count(self, service: &Service, before: EventId) -> Result<usize> {
        let (mut events, mut after, leaving) = (0, FIRST, Leaving::default());
        while let Some(Page { last, old }) = self.page(service, after, before, Depth::Rows(&leaving)).await? {
            (after, events) = (last, events + old.len());
            if events >= ANNOUNCED {
                break;
            }
        }
        Ok(events)
    }

    /// The instant at which the newest event was accepted.
    pub(super) async fn newest(self, service: &Service) -> Result<Option<Timestamp>> {
        const SQL: &str = "SELECT accepted_at FROM events WHERE account_id = $1 ORDER BY id DESC LIMIT 1";
        let mut conn = service.db.read(Pool::Pages).await?;
        conn.query(SQL).bind(self.0).fetch_optional_value().await
    }

    /// The next events. The statement bounds how many it looks at, and not how many it
    /// finds: it would look for the next body through all events that have lost theirs.
    pub(super) async fn page(
        self,
        service: &Service,
        after: EventId,
        before: EventId,
        depth: Depth<'_>,
    ) -> Result<Option<Page>> {
        const SQL: &str = "SELECT id, fanout, body IS NOT NULL AS has_body FROM events
             WHERE account_id = $4 AND id > $1 AND id < $2 ORDER BY id LIMIT $3";
        let most = count(match depth {
            Depth::Rows(_) => BATCH,
            Depth::Bodies => LOOKED_AT,
        });
        let mut conn = service.db.read(Pool::Pages).await?;
        let query = conn.query(SQL).bind(after).bind(before).bind(most).bind(self.0);
        Ok(Page::of(query.fetch_all().await?, depth))
    }
}

impl Page {
    /// As many of the events that were looked at as fit into a transaction; `None` if there
    /// are none.
    fn of(looked_at: Vec<Old>, depth: Depth<'_>) -> Option<Self> {
        let mut page = Self { last: looked_at.first()?.id, old: Vec::new() };
        let mut deliveries = 0;
        for one in looked_at {
            let goes = matches!(depth, Depth::Rows(_)) || one.has_body;
            if goes && (page.old.len() == BATCH || deliveries >= DELIVERIES) {
                break;
            }
            page.last = one.id;
            if goes {
                deliveries += one.fanout.clone().ok().map_or(DELIVERIES, i64::from);
                page.old.push(one);
            }
        }
        Some(page)
    }
}

//! The number of deliveries in each state that a filter selects, up to a bound.
//!
//! What an index serves is counted along it. The rest is looked at, newest first, and what was
//! found by then is told as the least number.

use signet_model::{EventId, delivery::State};

use super::{Filter, Order, Part, Position, Search, Span, Values, Walk};
use crate::{
    db::{Pool, Tx},
    service::{AccountHandle, EFFECTIVE_STATE, Result},
};

/// The number up to which deliveries of one state are counted.
const COUNTED: u32 = 1_000;
/// The deliveries of one state that are looked at if no index counts them.
const LOOKED_AT: u32 = 500;
/// The same if each is far from the next, or its last attempt has to be read.
const FAR_LOOKED_AT: u32 = 100;

/// A number of deliveries, or the least that it can be.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct AtLeast {
    /// Those that were counted.
    pub counted: u32,
    /// There can be more.
    pub more: bool,
}

impl AtLeast {
    /// Tells that there is certainly none.
    pub const fn is_none(self) -> bool {
        self.counted == 0 && !self.more
    }

    const fn and(self, other: Self) -> Self {
        Self { counted: self.counted.saturating_add(other.counted), more: self.more || other.more }
    }

    const fn capped(self) -> Self {
        if self.counted > COUNTED { Self { counted: COUNTED, more: true } } else { self }
    }
}

/// The number of deliveries in each state.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StateCounts(Vec<(State, AtLeast)>);

impl StateCounts {
    /// Those in one state.
    pub fn of(&self, state: State) -> AtLeast {
        self.0.iter().find(|(own, _)| *own == state).map(|(_, count)| *count).unwrap_or_default()
    }

    /// Those in any state.
    pub fn all(&self) -> AtLeast {
        self.0.iter().fold(AtLeast::default(), |sum, (_, count)| sum.and(*count)).capped()
    }

    /// Those that a resend would send: what is pending waits already.
    pub fn sendable(&self, only: Option<State>) -> AtLeast {
        let counts = self.0.iter().filter(|(state, _)| *state != State::Pending && only.is_none_or(|it| it == *state));
        counts.fold(AtLeast::default(), |sum, (_, count)| sum.and(*count)).capped()
    }
}

impl AccountHandle<'_> {
    /// Counts the deliveries that a filter selects by their states, whatever state it names.
    ///
    /// # Errors
    /// The filter names an endpoint that the account does not have.
    pub async fn count_deliveries(self, filter: &Filter) -> Result<StateCounts> {
        let mut tx = self.service.db.snapshot(Pool::Pages).await?;
        let known = self.known_endpoints(&mut tx, filter.endpoint).await?;
        let events = self.events_about(&mut tx, filter).await?;
        let any = Filter { state: None, ..filter.clone() };
        let search = any.search(self.id, &known, events.clone(), Order::NewestFirst);
        if search.parts.iter().all(|part| part.walk.is_short()) && search.pending.is_empty() {
            let counts = search.count_all_states(&mut tx, any.span()).await?;
            tx.commit().await?;
            return Ok(counts);
        }
        let mut counts = Vec::with_capacity(State::ALL.len());
        for &state in State::ALL {
            let filter = Filter { state: Some(state), ..filter.clone() };
            let mut search = filter.search(self.id, &known, events.clone(), Order::NewestFirst);
            search.pending_in_all = FAR_LOOKED_AT;
            counts.push((state, search.count_matching(&mut tx, filter.span()).await?));
        }
        tx.commit().await?;
        Ok(StateCounts(counts))
    }
}

/// What a part of the log has.
type Looked = (i64, i64);

/// The deliveries in each state, in the order of [`State::ALL`].
type OfStates = (i64, i64, i64, i64, i64);

impl Search<'_> {
    /// The deliveries of a part that are looked at.
    const fn looked_at(&self, walk: Walk) -> u32 {
        let is_far = self.filter.reads_attempts() || matches!(walk, Walk::Aside(..));
        if is_far { FAR_LOOKED_AT } else { LOOKED_AT }
    }

    /// Counts all states at once, on ways that are short.
    async fn count_all_states(&self, tx: &mut Tx<'_>, span: Span) -> Result<StateCounts> {
        let more = self.rest(tx).await?.is_some();
        let mut counts = [0; State::ALL.len()];
        for part in &self.parts {
            let values = Values { endpoints: &part.endpoints, span, most: 0 };
            let row: OfStates = self.query(tx, &self.count_states(part.walk), &values).fetch_one().await?;
            for (sum, count) in counts.iter_mut().zip([row.0, row.1, row.2, row.3, row.4]) {
                *sum += counted(count);
            }
        }
        let of = |(&state, counted)| (state, AtLeast { counted, more }.capped());
        Ok(StateCounts(State::ALL.iter().zip(counts).map(of).collect()))
    }

    async fn count_matching(&self, tx: &mut Tx<'_>, span: Span) -> Result<AtLeast> {
        let mut sum = AtLeast::default();
        for part in &self.parts {
            let by_index = !self.is_residual && matches!(part.walk, Walk::All | Walk::Aside(..));
            let count = if by_index { self.along(tx, part, span).await? } else { self.among(tx, part, span).await? };
            sum = sum.and(count);
        }
        if !self.pending.is_empty() {
            let values = Values { endpoints: &self.pending, span, most: 0 };
            let (_, matching): Looked = self.query(tx, &self.count_pending(), &values).fetch_one().await?;
            sum = sum.and(AtLeast { counted: counted(matching), more: false });
        }
        let more = self.rest(tx).await?.is_some();
        Ok(sum.and(AtLeast { counted: 0, more }).capped())
    }

    /// Counts along an index.
    async fn along(&self, tx: &mut Tx<'_>, part: &Part, span: Span) -> Result<AtLeast> {
        let span = Span { each: COUNTED + 1, ..span };
        let values = Values { endpoints: &part.endpoints, span, most: COUNTED + 1 };
        let count: i64 = self.query(tx, &part.walk.count_some(self.order), &values).fetch_value().await?;
        Ok(AtLeast { counted: counted(count), more: false }.capped())
    }

    /// Looks at the newest deliveries in rounds.
    async fn among(&self, tx: &mut Tx<'_>, part: &Part, mut span: Span) -> Result<AtLeast> {
        let sources = u32::try_from(part.endpoints.len()).unwrap_or(u32::MAX).max(1);
        let most = self.looked_at(part.walk);
        let (mut each, mut looked_at) = ((most / sources).max(1), 0);
        let mut sum = AtLeast::default();
        loop {
            let edge = match part.walk.edge(self.order) {
                Some(sql) => {
                    let values = Values { endpoints: &part.endpoints, span, most: each };
                    self.query(tx, &sql, &values).fetch_optional_value::<EventId>().await?
                }
                None => None,
            };
            let round = Span { first: edge.unwrap_or(span.first), each, ..span };
            let values = Values { endpoints: &part.endpoints, span: round, most: 0 };
            let (looked, matching): Looked = self.query(tx, &self.count_among(part.walk), &values).fetch_one().await?;
            sum.counted += counted(matching);
            looked_at += counted(looked);
            let Some(edge) = edge else { return Ok(sum) };
            if looked_at >= most {
                return Ok(AtLeast { more: true, ..sum });
            }
            span.before = Position::before(edge);
            // Endpoints that have few deliveries there leave the others more.
            let growth = (most - looked_at) / counted(looked).max(1);
            each = each.saturating_mul(growth.clamp(1, 16));
        }
    }

    /// The statement that counts the deliveries of a part, and those of them that match.
    pub(super) fn count_among(&self, walk: Walk) -> String {
        let candidates = walk.candidates(self.order);
        format!("{} WHERE d.account_id = $1 AND d.id {{among}}SELECT x.id {candidates}{{end}}", self.counting())
    }

    /// The statement that counts the deliveries of a part that match by their states, in one row.
    pub(super) fn count_states(&self, walk: Walk) -> String {
        let count = |state: &State| format!("count(CASE WHEN {EFFECTIVE_STATE} = '{}' THEN 1 END)", state.as_str());
        format!(
            "SELECT {} {} WHERE d.account_id = $1 AND d.id {{among}}SELECT x.id {}{{end}}{}",
            State::ALL.iter().map(count).collect::<Vec<_>>().join(", "),
            self.deliveries(),
            walk.candidates(self.order),
            self.residual()
        )
    }

    /// The same of pending deliveries.
    pub(super) fn count_pending(&self) -> String {
        let range = super::RANGE.replace("{x}", "d");
        format!("{} WHERE d.account_id = $1 AND d.id {{among}}{{pending}}{{end}} AND {range}", self.counting())
    }

    fn counting(&self) -> String {
        format!("SELECT count(*), count(CASE WHEN TRUE{} THEN 1 END) {}", self.residual(), self.deliveries())
    }

    /// Deliveries `d` with what the filter is about.
    fn deliveries(&self) -> String {
        let attempts = if self.filter.reads_attempts() {
            " LEFT JOIN attempts a ON a.account_id = d.account_id AND a.delivery_id = d.id AND a.number = d.attempts"
        } else {
            ""
        };
        format!(
            "FROM deliveries d LEFT JOIN endpoints e ON e.account_id = d.account_id AND e.id = d.endpoint_id{attempts}"
        )
    }
}

impl Walk {
    /// The statement that counts the deliveries of a part, at most `$6`.
    pub(super) fn count_some(self, order: Order) -> String {
        format!("SELECT count(*) FROM (SELECT x.event_id {} LIMIT $6) AS counted", self.entries(order))
    }
}

fn counted(count: i64) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

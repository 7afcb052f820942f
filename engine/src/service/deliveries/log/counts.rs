//! The number of deliveries in each state that a filter selects, up to a bound.
//!
//! What an index serves is counted along it. The rest is looked at, newest first, and what was
//! found by then is told as the least number.

use signet_model::delivery::State;

use super::{Filter, Order, Part, Position, Rest, Search, Span, Values, Walk, grown, nearly};
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
pub struct StateCounts([AtLeast; State::ALL.len()]);

impl StateCounts {
    /// Those in one state.
    pub fn of(&self, state: State) -> AtLeast {
        Self::states().position(|own| own == state).map(|place| self.0[place]).unwrap_or_default()
    }

    /// Those in any state.
    pub fn all(&self) -> AtLeast {
        self.0.iter().fold(AtLeast::default(), |sum, count| sum.and(*count)).capped()
    }

    /// Those that a resend would send: what is pending waits already.
    pub fn sendable(&self, only: Option<State>) -> AtLeast {
        let counts = Self::states().zip(self.0);
        let counts = counts.filter(|(state, _)| *state != State::Pending && only.is_none_or(|it| it == *state));
        counts.fold(AtLeast::default(), |sum, (_, count)| sum.and(count)).capped()
    }

    fn states() -> impl Iterator<Item = State> {
        State::ALL.iter().copied()
    }

    fn add(&mut self, state: State, more: AtLeast) {
        for (sum, _) in self.0.iter_mut().zip(Self::states()).filter(|(_, own)| *own == state) {
            *sum = sum.and(more);
        }
    }

    fn add_all(&mut self, more: &Self) {
        for (state, count) in Self::states().zip(more.0) {
            self.add(state, count);
        }
    }

    /// Tells that there can be more in some states.
    fn add_unknown(&mut self, states: &[State]) {
        for &state in states {
            self.add(state, AtLeast { counted: 0, more: true });
        }
    }
}

impl AccountHandle<'_> {
    /// Counts the deliveries that a filter selects by their states, whatever state it names.
    ///
    /// # Errors
    /// The filter names an endpoint that the account does not have.
    pub async fn count_deliveries(self, filter: &Filter) -> Result<StateCounts> {
        let mut tx = self.service.db.snapshot(Pool::Planned).await?;
        let known = self.known_endpoints(&mut tx, filter.endpoint).await?;
        let events = self.events_about(&mut tx, filter).await?;
        let of = |state| Filter { state, ..filter.clone() };
        // Where no index serves a state, all are looked at on one way.
        let all = of(None);
        let each: Vec<_> = State::ALL.iter().map(|&state| of(Some(state))).collect();
        let filters = if filter.is_served_by_state() { each } else { vec![all] };
        let mut counts = StateCounts::default();
        for filter in &filters {
            let mut search = filter.search(self.id, &known, events.clone(), Order::NewestFirst);
            search.pending_in_all = FAR_LOOKED_AT;
            counts.add_all(&search.count_matching(&mut tx, filter.span()).await?);
        }
        tx.commit().await?;
        counts.0 = counts.0.map(AtLeast::capped);
        Ok(counts)
    }
}

impl Filter {
    /// Tells if an index serves some states of it.
    const fn is_served_by_state(&self) -> bool {
        !self.reads_attempts() && self.id.is_none() && self.task.is_none()
    }
}

impl Part {
    /// The states that its deliveries can have.
    const fn states(&self) -> &'static [State] {
        match self.walk {
            // What is held at a deleted endpoint is told to be discarded.
            Walk::Aside(..) => &[State::Failed, State::Held, State::Discarded],
            Walk::All | Walk::Events | Walk::One => State::ALL,
        }
    }
}

/// The states that a delivery can have that is stored as pending.
const OF_PENDING: &[State] = &[State::Pending, State::Held, State::Discarded];

/// How many deliveries were looked at, and how many of them match in each state, in the order of
/// [`State::ALL`].
type Looked = (i64, i64, i64, i64, i64, i64);

fn matching((_, pending, delivered, failed, held, discarded): Looked) -> StateCounts {
    StateCounts(
        [pending, delivered, failed, held, discarded].map(|count| AtLeast { counted: counted(count), more: false }),
    )
}

impl Search<'_> {
    /// The deliveries of a part that are looked at.
    const fn looked_at(&self, walk: Walk) -> u32 {
        let is_far = self.filter.reads_attempts() || matches!(walk, Walk::Aside(..));
        if is_far { FAR_LOOKED_AT } else { LOOKED_AT }
    }

    async fn count_matching(&self, tx: &mut Tx<'_>, span: Span) -> Result<StateCounts> {
        let mut sum = StateCounts::default();
        for part in &self.parts {
            match self.filter.state.filter(|_| !self.is_residual && !part.walk.is_short()) {
                Some(state) => sum.add(state, self.along(tx, part, span).await?),
                None => sum.add_all(&self.among(tx, part, span).await?),
            }
        }
        if !self.pending.is_empty() {
            let values = Values { endpoints: &self.pending, span, most: 0 };
            sum.add_all(&matching(self.query(tx, &self.count_pending(), &values).fetch_one().await?));
        }
        match self.rest(tx).await? {
            Some(Rest::Pending) => sum.add_unknown(self.only(OF_PENDING)),
            Some(Rest::Task | Rest::Searched(_)) => sum.add_unknown(self.only(State::ALL)),
            None => {}
        }
        Ok(sum)
    }

    /// Of some states the one that the filter names, or all.
    fn only<'s>(&'s self, states: &'s [State]) -> &'s [State] {
        self.filter.state.as_ref().map_or(states, std::slice::from_ref)
    }

    /// Counts along an index.
    async fn along(&self, tx: &mut Tx<'_>, part: &Part, span: Span) -> Result<AtLeast> {
        let span = Span { each: COUNTED + 1, ..span };
        let values = Values { endpoints: &part.endpoints, span, most: COUNTED + 1 };
        let count: i64 = self.query(tx, &part.walk.count_some(self.order), &values).fetch_value().await?;
        Ok(AtLeast { counted: counted(count), more: false }.capped())
    }

    /// Looks at the newest deliveries in rounds.
    async fn among(&self, tx: &mut Tx<'_>, part: &Part, mut span: Span) -> Result<StateCounts> {
        let sources = u32::try_from(part.endpoints.len()).unwrap_or(u32::MAX).max(1);
        let most = self.looked_at(part.walk);
        let (mut each, mut looked_at) = ((most / sources).max(1), 0);
        let mut sum = StateCounts::default();
        loop {
            let edge = match part.walk.edge(self.order) {
                Some(sql) => {
                    let values = Values { endpoints: &part.endpoints, span, most: each };
                    self.edge_by(tx, &sql, &values).await?
                }
                None => None,
            };
            let round = Span { first: edge.unwrap_or(span.first), each, ..span };
            let values = Values { endpoints: &part.endpoints, span: round, most: 0 };
            let looked: Looked = self.query(tx, &self.count_among(part.walk), &values).fetch_one().await?;
            sum.add_all(&matching(looked));
            let Some(edge) = edge else { return Ok(sum) };
            looked_at += counted(looked.0);
            if looked_at >= nearly(most) {
                sum.add_unknown(self.only(part.states()));
                return Ok(sum);
            }
            span.before = Position::before(edge);
            each = grown(each, most.saturating_sub(looked_at), counted(looked.0), sources);
        }
    }

    /// The statement that counts the deliveries of a part, and those of them that match by their
    /// states, in one row.
    pub(super) fn count_among(&self, walk: Walk) -> String {
        let candidates = walk.candidates(self.order);
        self.counting(&format!("d.id {{among}}SELECT x.id {candidates}{{end}}"))
    }

    /// The same of pending deliveries.
    pub(super) fn count_pending(&self) -> String {
        let range = super::RANGE.replace("{x}", "d");
        self.counting(&format!("d.id {{among}}{{pending}}{{end}} AND {range}"))
    }

    fn counting(&self, among: &str) -> String {
        let count = |state: &State| format!(", count(CASE WHEN state = '{}' THEN 1 END)", state.as_str());
        format!(
            "SELECT count(*){} FROM
               (SELECT CASE WHEN TRUE{} THEN {EFFECTIVE_STATE} END AS state {} WHERE d.account_id = $1 AND {among}) AS looked_at",
            State::ALL.iter().map(count).collect::<String>(),
            self.residual(),
            self.deliveries(),
        )
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

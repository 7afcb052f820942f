//! The attempts at one endpoint as bars, of which a chart has 30 at most.

use std::{str::FromStr, time::Duration};

use signet_model::{Timestamp, event::EventType};

use super::{ADDED_UP, DAY, Figures, HOURS, Range, StatisticsFilter, Step};
use crate::{
    db::Pool,
    queue::HOUR,
    service::{AccountHandle, EndpointHandle, Result},
};

/// The longest range: 30 days of a time zone can have an hour more, and the present day.
const LONGEST: Duration = Duration::from_hours(31 * 24);

/// The range of a chart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Window {
    /// 24 hours by the hour.
    #[default]
    Day,
    /// 7 days by 6 hours.
    Week,
    /// 30 days by the day.
    Month,
}

/// The text names no range.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("is none of 24h, 7d, 30d")]
pub struct UnknownWindow;

impl Window {
    /// All of them, the shortest first.
    pub const ALL: [Self; 3] = [Self::Day, Self::Week, Self::Month];

    /// The text in addresses.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Day => "24h",
            Self::Week => "7d",
            Self::Month => "30d",
        }
    }

    /// The span of one bar. Bars begin at whole spans of UTC.
    pub const fn step(self) -> Duration {
        match self {
            Self::Day => HOUR,
            Self::Week => Duration::from_hours(6),
            Self::Month => DAY,
        }
    }

    /// The number of bars; the present one is the last.
    pub const fn bars(self) -> u32 {
        match self {
            Self::Day => HOURS,
            Self::Week => 28,
            Self::Month => 30,
        }
    }

    /// The beginnings of the bars in UTC, oldest first.
    pub fn starts(self, now: Timestamp) -> Vec<Timestamp> {
        let since = self.since(now);
        (0..self.bars()).map(|number| since + number * self.step()).collect()
    }

    /// The beginning of the first bar.
    pub fn since(self, now: Timestamp) -> Timestamp {
        now.beginning(self.step()) - (self.bars() - 1) * self.step()
    }
}

impl FromStr for Window {
    type Err = UnknownWindow;

    fn from_str(text: &str) -> Result<Self, UnknownWindow> {
        Self::ALL.into_iter().find(|window| window.as_str() == text).ok_or(UnknownWindow)
    }
}

/// The attempts at an endpoint over a range.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bars {
    /// Each bar with its beginning, oldest first, also where there were no attempts.
    pub bars: Vec<(Timestamp, Figures)>,
    /// All of them together.
    pub total: Figures,
    /// The attempts from this instant on were not added up: there are too many event types.
    pub rest: Option<Timestamp>,
}

impl EndpointHandle<'_> {
    /// Reads the attempts, with events of one type or of all, by bars that begin at these instants,
    /// oldest first, and end with the present hour: hours and days of a time zone, say. An hour of UTC belongs to the bar in
    /// which it begins. What is older than a chart can be is left out.
    pub async fn bars_from(self, starts: &[Timestamp], event_type: Option<EventType>) -> Result<Bars> {
        self.bars_of(starts, event_type, ADDED_UP).await
    }

    /// Adds at most `most` rows up.
    pub(super) async fn bars_of(self, starts: &[Timestamp], event_type: Option<EventType>, most: u32) -> Result<Bars> {
        let now = self.service.clock.now();
        let until = now.beginning(HOUR) + HOUR;
        let first = starts.first().copied().unwrap_or(now).max(now - LONGEST);
        let mut range = Range { from: next_hour(first).min(until), until };
        let account = AccountHandle::new(self.service, self.actor);
        let mut conn = self.service.db.read(Pool::Pages).await?;
        let beyond = account.beyond(&mut conn, range, Some(self.id), most).await?;
        let bar_of = |hour: Timestamp| starts.partition_point(|start| *start <= hour).checked_sub(1);
        let rest = beyond.map(|hour| bar_of(hour).map_or(hour, |bar| starts[bar]));
        range.until = rest.map_or(range.until, |rest| next_hour(rest).max(range.from));
        let filter = StatisticsFilter {
            from: range.from,
            until: range.until,
            step: Step::Hour,
            endpoint: Some(self.id),
            event_type,
            by_endpoint: false,
            by_event_type: false,
        };
        let points = account.add_up(&mut conn, range, HOUR, &filter).await?;
        let mut bars: Vec<_> = starts.iter().map(|start| (*start, Figures::default())).collect();
        let mut total = Figures::default();
        for point in &points {
            total += point.figures;
            if let Some(bar) = bar_of(point.start) {
                bars[bar].1 += point.figures;
            }
        }
        Ok(Bars { bars, total, rest })
    }
}

/// The first hour of UTC that begins at an instant or later.
fn next_hour(at: Timestamp) -> Timestamp {
    let hour = at.beginning(HOUR);
    if hour == at { hour } else { hour + HOUR }
}

//! The last hours of something, as small as a word.

use std::{
    fmt::{self, Write},
    ops::Sub,
};

use leptos::prelude::*;

const HEIGHT: Tenths = Tenths(240);
/// The least height of a count that is there, however small.
const LEAST: Tenths = Tenths(20);
/// The height of the line that stands for an hour without any.
const NONE: Tenths = Tenths(10);
/// From one bar to the next.
const STEP: usize = 4;

/// The counts of one hour.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct SparkPoint {
    /// What went well.
    pub(crate) good: u64,
    /// What did not.
    pub(crate) bad: u64,
}

/// A distance in tenths of a pixel. A list has a thousand of them, and writing that many decimal
/// fractions of two takes longer than all the rest of its charts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Tenths(u64);

impl fmt::Display for Tenths {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.0 / 10, self.0 % 10) {
            (whole, 0) => write!(f, "{whole}"),
            (whole, tenths) => write!(f, "{whole}.{tenths}"),
        }
    }
}

impl Sub for Tenths {
    type Output = Self;

    fn sub(self, less: Self) -> Self {
        Self(self.0.saturating_sub(less.0))
    }
}

/// Small bars, oldest first, with what went wrong on top. They say nothing by their colour
/// alone: the label has the same in words.
#[component]
pub(crate) fn Sparkline(
    /// The hours.
    points: Vec<SparkPoint>,
    /// What they show: "120 delivered, 3 failed in 24 hours".
    #[prop(into)]
    label: String,
) -> impl IntoView {
    let width = points.len() * STEP;
    view! {
        <svg
            class="sparkline"
            role="img"
            aria-label=label
            width=width.to_string()
            height=HEIGHT.0 / 10
            viewBox=format!("0 0 {width} {}", HEIGHT.0 / 10)
            inner_html=drawing(&points)
        />
    }
}

/// The bars of each colour are one path: a list has a thousand of them.
fn drawing(points: &[SparkPoint]) -> String {
    let top = points.iter().map(|point| point.good + point.bad).max().unwrap_or_default();
    let (mut good, mut bad, mut none) = (String::new(), String::new(), String::new());
    for (place, point) in points.iter().enumerate() {
        let x = place * STEP;
        let bad_height = height(point.bad, top);
        let good_height = height(point.good, top).min(HEIGHT - bad_height);
        if point.good + point.bad == 0 {
            bar(&mut none, x, HEIGHT - NONE, NONE);
        }
        bar(&mut good, x, HEIGHT - good_height, good_height);
        bar(&mut bad, x, HEIGHT - good_height - bad_height, bad_height);
    }
    let path = |class: &str, bars: String| {
        if bars.is_empty() { bars } else { format!("<path class='{class}' d='{bars}'/>") }
    };
    path("ink-none", none) + &path("ink-good", good) + &path("ink-bad", bad)
}

/// Adds a bar to a path, unless it has no height.
fn bar(path: &mut String, x: usize, y: Tenths, height: Tenths) {
    if height > Tenths(0) {
        let _ = write!(path, "M{x} {y}h3v{height}h-3z");
    }
}

/// The height of a count, to the nearest tenth.
fn height(count: u64, top: u64) -> Tenths {
    if count == 0 {
        return Tenths(0);
    }
    let whole = u128::from(top.max(1));
    let tenths = (u128::from(HEIGHT.0) * u128::from(count) + whole / 2) / whole;
    Tenths(u64::try_from(tenths).unwrap_or(HEIGHT.0)).clamp(LEAST, HEIGHT)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_failure_among_many_deliveries_is_seen_and_nothing_stands_out_above() {
        let points = [SparkPoint { good: 9_999, bad: 1 }, SparkPoint::default(), SparkPoint { good: 0, bad: 5_000 }];
        assert_eq!(
            drawing(&points),
            "<path class='ink-none' d='M4 23h3v1h-3z'/>\
             <path class='ink-good' d='M0 2h3v22h-3z'/>\
             <path class='ink-bad' d='M0 0h3v2h-3zM8 12h3v12h-3z'/>"
        );
    }
}

//! The last hours of something, as small as a word.

use std::fmt::{self, Write};

use leptos::prelude::*;

const HEIGHT: Tenths = Tenths(240);
/// The least height of a count that is there, however small.
const LEAST: Tenths = Tenths(20);
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
        write!(f, "{}.{}", self.0 / 10, self.0 % 10)
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

fn drawing(points: &[SparkPoint]) -> String {
    let top = points.iter().map(|point| point.good + point.bad).max().unwrap_or_default();
    let mut svg = String::new();
    for (place, point) in points.iter().enumerate() {
        let x = place * STEP;
        let bad = height(point.bad, top);
        let good = height(point.good, top).min(Tenths(HEIGHT.0 - bad.0));
        if point.good + point.bad == 0 {
            let _ = write!(svg, "<rect class='ink-none' x='{x}' y='{}' width='3' height='1'/>", HEIGHT.0 / 10 - 1);
        }
        if point.good > 0 {
            let y = Tenths(HEIGHT.0 - good.0);
            let _ = write!(svg, "<rect class='ink-good' x='{x}' y='{y}' width='3' height='{good}'/>");
        }
        if point.bad > 0 {
            let y = Tenths(HEIGHT.0 - good.0 - bad.0);
            let _ = write!(svg, "<rect class='ink-bad' x='{x}' y='{y}' width='3' height='{bad}'/>");
        }
    }
    svg
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
            "<rect class='ink-good' x='0' y='2.0' width='3' height='22.0'/>\
             <rect class='ink-bad' x='0' y='0.0' width='3' height='2.0'/>\
             <rect class='ink-none' x='4' y='23' width='3' height='1'/>\
             <rect class='ink-bad' x='8' y='12.0' width='3' height='12.0'/>"
        );
    }
}

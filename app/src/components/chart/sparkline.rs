//! The last hours of something, as small as a word.

use std::fmt::Write;

use leptos::prelude::*;

use super::share;

const HEIGHT: f64 = 24.0;
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
            height=HEIGHT
            viewBox=format!("0 0 {width} {HEIGHT}")
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
        let good = height(point.good, top).min(HEIGHT - bad);
        if point.good + point.bad == 0 {
            let _ = write!(svg, "<rect class='ink-none' x='{x}' y='{}' width='3' height='1'/>", HEIGHT - 1.0);
        }
        if point.good > 0 {
            let y = HEIGHT - good;
            let _ = write!(svg, "<rect class='ink-good' x='{x}' y='{y:.1}' width='3' height='{good:.1}'/>");
        }
        if point.bad > 0 {
            let y = HEIGHT - good - bad;
            let _ = write!(svg, "<rect class='ink-bad' x='{x}' y='{y:.1}' width='3' height='{bad:.1}'/>");
        }
    }
    svg
}

/// A count that is there is seen, however small.
fn height(count: u64, top: u64) -> f64 {
    if count == 0 { 0.0 } else { (HEIGHT * share(count, top)).max(2.0) }
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

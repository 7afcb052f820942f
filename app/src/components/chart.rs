//! Charts, drawn on the server as SVG. Distances across are in percent, so that a chart fills
//! its place without a script, and its letters keep their size.

mod bars;
mod dots;
mod duration_bar;
mod sparkline;

pub(crate) use bars::{Bar, Bars, Series};
pub(crate) use dots::Dots;
pub(crate) use duration_bar::DurationBar;
pub(crate) use sparkline::{SparkPoint, Sparkline};

use super::Tone;

/// The class that fills a shape in the colour of a meaning.
const fn ink(tone: Tone) -> &'static str {
    match tone {
        Tone::Good => "ink-good",
        Tone::Warning => "ink-warning",
        Tone::Bad => "ink-bad",
        Tone::Waiting => "ink-waiting",
        Tone::Paused => "ink-paused",
        Tone::Idle => "ink-idle",
    }
}

/// A text inside an SVG that is written as a string.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// A share of a whole, for a coordinate. Counts in a chart are far below the 52 bits of this.
#[expect(clippy::cast_precision_loss, reason = "a pixel needs no more than three digits")]
fn share(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_of_nothing_is_nothing() {
        assert!(share(3, 0).abs() < f64::EPSILON);
        assert!((share(1, 4) - 0.25).abs() < f64::EPSILON);
    }
}

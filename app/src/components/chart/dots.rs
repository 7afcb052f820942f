//! The attempts of a delivery, one dot each.

use std::fmt::Write;

use leptos::prelude::*;

use super::ink;
use crate::components::Tone;

/// More dots than this say nothing more.
const MOST: usize = 12;

/// Dots: one for each attempt in the colour of its outcome, and an empty one for each that may
/// still come.
#[component]
pub(crate) fn Dots(
    /// The outcomes, first attempt first.
    outcomes: Vec<Tone>,
    /// The attempts that may still come.
    #[prop(default = 0)]
    left: usize,
    /// The same in words: "3 of 6 attempts failed".
    #[prop(into)]
    label: String,
) -> impl IntoView {
    let count = (outcomes.len() + left).min(MOST);
    let width = (count * 10).to_string();
    view! { <svg class="dots" role="img" aria-label=label width=width height="10" inner_html=drawing(&outcomes, left) /> }
}

fn drawing(outcomes: &[Tone], left: usize) -> String {
    let later = std::iter::repeat_n(None, left);
    let mut svg = String::new();
    for (place, outcome) in outcomes.iter().copied().map(Some).chain(later).take(MOST).enumerate() {
        let x = place * 10 + 5;
        let _ = match outcome {
            // A failure is a ring with a point: seen without its colour.
            Some(tone @ Tone::Bad) => {
                let ink = ink(tone);
                write!(
                    svg,
                    "<circle class='{ink} ring' cx='{x}' cy='5' r='3'/><circle class='{ink}' cx='{x}' cy='5' r='1.25'/>"
                )
            }
            Some(tone) => write!(svg, "<circle class='{}' cx='{x}' cy='5' r='3.75'/>", ink(tone)),
            None => write!(svg, "<circle class='later' cx='{x}' cy='5' r='3'/>"),
        };
    }
    svg
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_attempt_is_a_dot_and_many_are_cut_short() {
        assert_eq!(drawing(&[Tone::Good], 2).matches("<circle").count(), 3);
        assert_eq!(drawing(&[Tone::Idle; 40], 5).matches("<circle").count(), MOST);
        assert!(drawing(&[Tone::Bad], 0).contains("ring"));
    }
}

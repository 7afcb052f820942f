//! Counts over time, stacked by outcome, with a table of the same beside them.

use std::fmt::Write;

use leptos::prelude::*;

use super::{escaped, ink, share};
use crate::components::Tone;
use crate::words::number;

mod text {
    pub(super) const AS_TABLE: &str = "Show as a table";
}

/// The height of the bars, in pixels.
const HEIGHT: f64 = 160.0;
/// The room above the highest bar, for the upper half of its number.
const ABOVE: f64 = 8.0;
/// The room below, for the instants.
const BELOW: f64 = 22.0;
/// A part that is there is seen, however small.
const LEAST: f64 = 2.0;

/// What one part of each bar counts.
pub(crate) struct Series {
    /// Its words: "Delivered".
    pub(crate) name: &'static str,
    /// Its colour.
    pub(crate) tone: Tone,
}

/// The counts of one span of time.
pub(crate) struct Bar {
    /// The span in words, for the table and on hovering: "26 Nov, 14:00".
    pub(crate) label: String,
    /// The words below the bar. Most bars have none, so that the words do not touch.
    pub(crate) tick: Option<String>,
    /// The counts, in the order of the series, from the ground up.
    pub(crate) counts: Vec<u64>,
}

impl Bar {
    fn total(&self) -> u64 {
        self.counts.iter().sum()
    }
}

/// The chart.
#[component]
pub(crate) fn Bars(
    /// Its title.
    #[prop(into)]
    title: String,
    /// What it shows, in a sentence for those who do not see it.
    #[prop(into)]
    summary: String,
    /// The name of the spans, above the first column of the table: "Hour".
    span: &'static str,
    /// What the parts of a bar count.
    series: Vec<Series>,
    /// The bars, oldest first.
    bars: Vec<Bar>,
) -> impl IntoView {
    let top = ceiling(bars.iter().map(Bar::total).max().unwrap_or_default());
    let height = HEIGHT + ABOVE + BELOW;
    view! {
        <figure class="chart">
            <figcaption class="chart-head">
                <span class="chart-title">{title.clone()}</span>
                <span class="legend">{series.iter().map(legend).collect_view()}</span>
            </figcaption>
            <div class="chart-plot">
                <svg class="chart-scale" height=height aria-hidden="true" inner_html=scale(top) />
                <svg class="chart-bars" height=height role="img" aria-label=summary inner_html=drawing(&series, &bars, top) />
            </div>
            <details class="fold">
                <summary>{text::AS_TABLE}</summary>
                {table(&title, span, &series, &bars)}
            </details>
        </figure>
    }
}

fn legend(series: &Series) -> impl IntoView + use<> {
    let class = format!("swatch {}", ink(series.tone));
    view! {
        <span>
            <svg class=class width="10" height="10" aria-hidden="true" inner_html="<rect width='10' height='10' rx='2'/>" />
            {series.name}
        </span>
    }
}

fn table(title: &str, span: &'static str, series: &[Series], bars: &[Bar]) -> impl IntoView + use<> {
    let title = title.to_owned();
    view! {
        <div class="table-scroll" tabindex="0" role="region" aria-label=title>
            <table class="table small">
                <thead>
                    <tr>
                        <th scope="col">{span}</th>
                        {series.iter().map(|it| view! { <th class="number" scope="col">{it.name}</th> }).collect_view()}
                    </tr>
                </thead>
                <tbody>{bars.iter().map(|bar| row(series, bar)).collect_view()}</tbody>
            </table>
        </div>
    }
}

fn row(series: &[Series], bar: &Bar) -> impl IntoView + use<> {
    let cells = series.iter().zip(&bar.counts);
    view! {
        <tr>
            <th scope="row">{bar.label.clone()}</th>
            {cells
                .map(|(series, count)| {
                    view! { <td class="number" data-label=series.name>{number(*count)}</td> }
                })
                .collect_view()}
        </tr>
    }
}

/// The lines that counts are read from: none, half, all.
fn lines(top: u64) -> Vec<u64> {
    if top == 1 { vec![0, 1] } else { vec![0, top / 2, top] }
}

fn y(count: u64, top: u64) -> f64 {
    ABOVE + HEIGHT * (1.0 - share(count, top))
}

fn scale(top: u64) -> String {
    lines(top).into_iter().fold(String::new(), |mut svg, count| {
        // Writing to a string cannot fail.
        let _ = write!(svg, "<text x='100%' y='{:.0}' dy='4'>{}</text>", y(count, top), number(count));
        svg
    })
}

fn drawing(series: &[Series], bars: &[Bar], top: u64) -> String {
    let mut svg = String::new();
    for count in lines(top) {
        let y = y(count, top);
        let _ = write!(svg, "<line class='grid' x1='0' x2='100%' y1='{y:.0}' y2='{y:.0}'/>");
    }
    let slot = share(100, bars.len() as u64);
    let mut left = 0.0;
    for bar in bars {
        draw(&mut svg, series, bar, (left, slot), top);
        left += slot;
    }
    svg
}

/// Draws one bar at a place with a width, both in percent.
fn draw(svg: &mut String, series: &[Series], bar: &Bar, (left, slot): (f64, f64), top: u64) {
    let names = series.iter().zip(&bar.counts);
    let counts: Vec<_> = names.map(|(series, count)| format!("{}: {}", series.name, number(*count))).collect();
    let _ = write!(svg, "<g><title>{}\n{}</title>", escaped(&bar.label), counts.join("\n"));
    let _ = write!(svg, "<rect class='slot' x='{left:.2}%' y='{ABOVE:.0}' width='{slot:.2}%' height='{HEIGHT:.0}'/>");
    let mut ground = ABOVE + HEIGHT;
    let (x, width) = (left + slot * 0.14, slot * 0.72);
    for (series, &count) in series.iter().zip(&bar.counts).filter(|(_, count)| **count > 0) {
        let high = (HEIGHT * share(count, top)).max(LEAST);
        ground -= high;
        let ink = ink(series.tone);
        let _ = write!(
            svg,
            "<rect class='{ink}' x='{x:.2}%' y='{ground:.1}' width='{width:.2}%' height='{high:.1}' rx='1.5'/>"
        );
    }
    svg.push_str("</g>");
    if let Some(tick) = &bar.tick {
        let (x, y) = (left + slot / 2.0, ABOVE + HEIGHT + 16.0);
        let _ = write!(svg, "<text x='{x:.2}%' y='{y:.0}'>{}</text>", escaped(tick));
    }
}

/// The least round number that is not below a count: 1, 2, 5, 10, 20, 50 and so on.
fn ceiling(count: u64) -> u64 {
    let mut step = 1_u64;
    loop {
        for top in [1, 2, 5].map(|times| step.saturating_mul(times)) {
            if top >= count {
                return top;
            }
        }
        step = step.saturating_mul(10);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chart(counts: [u64; 2]) -> String {
        let series =
            || vec![Series { name: "Delivered", tone: Tone::Good }, Series { name: "Failed", tone: Tone::Bad }];
        let bars = vec![
            Bar { label: "14:00".to_owned(), tick: Some("14:00".to_owned()), counts: counts.to_vec() },
            Bar { label: "<15:00>".to_owned(), tick: None, counts: vec![0, 0] },
        ];
        view! { <Bars title="Deliveries" summary="One failed." span="Hour" series=series() bars=bars /> }.to_html()
    }

    #[test]
    fn a_scale_ends_at_a_round_number() {
        for (count, top) in [(0, 1), (1, 1), (3, 5), (10, 10), (11, 20), (4_321, 5_000), (u64::MAX, u64::MAX)] {
            assert_eq!(ceiling(count), top, "{count}");
        }
    }

    #[test]
    fn each_count_is_drawn_and_stands_in_the_table() {
        let html = chart([1_200, 1]);
        assert!(html.contains(r#"aria-label="One failed.""#), "{html}");
        assert_eq!(html.matches("class='ink-good'").count(), 1, "{html}");
        assert_eq!(html.matches("height='2.0'").count(), 1, "one failure among many is seen: {html}");
        assert!(html.contains("1,200</td>") && html.contains("&lt;15:00&gt;"), "{html}");
        assert!(!html.contains(" style="), "{html}");
    }

    #[test]
    fn a_chart_of_nothing_has_its_grid_and_no_bar() {
        let html = chart([0, 0]);
        assert!(html.contains("class='grid'") && !html.contains("class='ink-"), "{html}");
    }
}

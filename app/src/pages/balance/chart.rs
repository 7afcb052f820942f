//! The history as a step chart, drawn on the server: the balance stays as it is until the next
//! report.

use std::fmt::Write;

use leptos::prelude::*;
use signet_engine::service::balance_history::BalanceHour;
use signet_model::{Amount, Timestamp};

use super::{Data, text};

/// The size of the drawing, in its own units. It is stretched into its place.
const WIDTH: f64 = 1_000.0;
const HEIGHT: f64 = 200.0;
/// The room above and below the curve.
const MARGIN: f64 = 8.0;
/// The most steps of a curve: a page has a size.
const STEPS: u32 = 300;

/// A chart before it is drawn.
pub(super) struct Chart {
    from: Timestamp,
    until: Timestamp,
    days: u64,
    /// The steps, in order; the first one may have begun before.
    steps: Vec<BalanceHour>,
    threshold: Option<Amount>,
    tried: Option<Amount>,
    lowest: Amount,
    highest: Amount,
}

impl Chart {
    /// The chart of a history; `None` if that is empty.
    pub(super) fn of(data: &Data) -> Option<Self> {
        let (from, until) = (data.from, data.until);
        let length = until.since(from) / STEPS;
        let mut steps: Vec<BalanceHour> = Vec::new();
        let before =
            data.history.before.map(|hour| BalanceHour { hour: from, lowest: hour.last, highest: hour.last, ..hour });
        for hour in before.into_iter().chain(data.history.hours.iter().copied()) {
            match steps.last_mut().filter(|step| hour.hour.since(step.hour) < length) {
                Some(step) => {
                    step.last = hour.last;
                    step.lowest = lower(step.lowest, hour.lowest);
                    step.highest = higher(step.highest, hour.highest);
                }
                None => steps.push(hour),
            }
        }
        let (threshold, tried) = (data.account.balance_threshold, data.tried);
        let lines = threshold.into_iter().chain(tried);
        let all = || lines.clone().chain(steps.iter().flat_map(|step| [step.lowest, step.last]));
        let first = steps.first()?.last;
        let (lowest, highest) = all().fold((first, first), |(low, high), it| (lower(low, it), higher(high, it)));
        Some(Self { from, until, days: data.days, steps, threshold, tried, lowest, highest })
    }

    /// The place of an instant across.
    fn x(&self, at: Timestamp) -> f64 {
        let whole = self.until.since(self.from).as_secs_f64().max(1.0);
        let at = if at < self.from { self.from } else { at };
        (at.since(self.from).as_secs_f64() / whole).clamp(0.0, 1.0) * WIDTH
    }

    /// The place of an amount, from the top. Halves, so that no difference is too large.
    fn y(&self, amount: Amount) -> f64 {
        let (low, high, it) = (self.lowest.get() / 2.0, self.highest.get() / 2.0, amount.get() / 2.0);
        let share = if high > low { (it - low) / (high - low) } else { 0.5 };
        (1.0 - share.clamp(0.0, 1.0)) * (HEIGHT - 2.0 * MARGIN) + MARGIN
    }

    /// The curve of one value of each step.
    fn curve(&self, value: fn(&BalanceHour) -> Amount) -> String {
        let mut path = String::new();
        for (place, step) in self.steps.iter().enumerate() {
            let (x, y) = (self.x(step.hour), self.y(value(step)));
            // Writing into a text cannot fail.
            let _ = if place == 0 { write!(path, "M{x:.1} {y:.1}") } else { write!(path, "H{x:.1}V{y:.1}") };
        }
        let _ = write!(path, "H{WIDTH}");
        path
    }

    fn line(&self, amount: Amount) -> String {
        format!("M0 {:.1}H{WIDTH}", self.y(amount))
    }
}

fn lower(one: Amount, other: Amount) -> Amount {
    if other < one { other } else { one }
}

fn higher(one: Amount, other: Amount) -> Amount {
    if other > one { other } else { one }
}

/// Draws a chart, with its scale and its legend.
pub(super) fn step_chart(chart: &Chart) -> impl IntoView + use<> {
    let label = text::chart(chart.days, chart.lowest, chart.highest);
    let tried = chart.tried.filter(|tried| Some(*tried) != chart.threshold);
    let path =
        |class: &'static str, line: String| view! { <path class=class d=line vector-effect="non-scaling-stroke" /> };
    let key = |class: &'static str, words: String| {
        view! {
            <li>
                <svg class="step-key" viewBox="0 0 24 8" aria-hidden="true">
                    <path class=class d="M0 4H24" />
                </svg>
                {words}
            </li>
        }
    };
    view! {
        <figure class="step-chart">
            <div class="step-plot">
                <div class="step-scale" aria-hidden="true">
                    <span>{chart.highest.to_string()}</span>
                    <span>{chart.lowest.to_string()}</span>
                </div>
                <svg viewBox=format!("0 0 {WIDTH} {HEIGHT}") preserveAspectRatio="none" role="img" aria-label=label>
                    {path("step-lowest", chart.curve(|step| step.lowest))}
                    {path("step-last", chart.curve(|step| step.last))}
                    {chart.threshold.map(|it| path("step-threshold", chart.line(it)))}
                    {tried.map(|it| path("step-tried", chart.line(it)))}
                </svg>
            </div>
            <div class="step-span" aria-hidden="true">
                <span>{text::day(chart.from)}</span>
                <span>{text::day(chart.until)}</span>
            </div>
            <figcaption>
                <ul class="step-keys">
                    {key("step-last", text::LEGEND_LAST.to_owned())}
                    {key("step-lowest", text::LEGEND_LOWEST.to_owned())}
                    {chart.threshold.map(|it| key("step-threshold", text::legend_threshold(it)))}
                    {tried.map(|it| key("step-tried", text::legend_tried(it)))}
                </ul>
            </figcaption>
        </figure>
    }
}

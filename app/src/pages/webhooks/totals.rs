//! How all webhooks of the account did in the last 24 hours, in four figures.

use leptos::prelude::*;
use signet_engine::service::statistics::DayTotals;

use super::text;
use crate::{
    components::{Figure, Figures, Tone},
    pages::deliveries::PATH as LOG,
    present::percent,
    words::{number, span},
};

/// The percentile that is shown.
const PERCENTILE: u32 = 95;

pub(super) fn figures(totals: &DayTotals) -> impl IntoView + use<> {
    let all = &totals.figures;
    let in_a_day = if totals.is_partial { text::PARTIAL } else { text::IN_A_DAY };
    let failed = Figure::new(text::FAILED, number(all.failed_deliveries)).hint(text::FOR_GOOD);
    let failed =
        if all.failed_deliveries > 0 { failed.tone(Tone::Bad).linked(format!("{LOG}?state=failed")) } else { failed };
    let rate = all.attempts().success_per_mille().map_or_else(|| text::NO_ATTEMPTS.to_owned(), percent);
    let latency = all.latencies.percentile(PERCENTILE).map_or_else(|| text::NO_ATTEMPTS.to_owned(), span);
    let figures = vec![
        Figure::new(text::DELIVERED, number(all.delivered())).hint(in_a_day),
        failed,
        Figure::new(text::SUCCESS, rate).hint(text::OF_ATTEMPTS),
        Figure::new(text::LATENCY, latency).hint(text::LATENCY_HINT),
    ];
    view! { <Figures figures=figures /> }
}

//! Figures and charts.

use leptos::prelude::*;

use super::part;
use crate::components::{Bar, Bars, Dots, DurationBar, Figure, Figures, Series, SparkPoint, Sparkline, Tone};

pub(super) fn figures() -> impl IntoView {
    let figures = vec![
        Figure::new("Delivered in 24 h", "12,408").hint("11,960 the day before"),
        Figure::new("Failed", "37").tone(Tone::Bad).linked("#figures"),
        Figure::new("Success rate", "99.7 %").tone(Tone::Good),
        Figure::new("Receiver’s p95", "480 ms").tone(Tone::Warning).hint("Half within 90 ms"),
    ];
    part(
        "Figures",
        "The few numbers that a page is about. They are the one large thing on it.",
        view! { <Figures figures=figures /> },
    )
}

pub(super) fn bars() -> impl IntoView {
    let series = vec![
        Series { name: "Delivered", tone: Tone::Good },
        Series { name: "Waiting", tone: Tone::Waiting },
        Series { name: "Failed", tone: Tone::Bad },
    ];
    let bars = (0..24_u64).map(|hour| Bar {
        label: format!("{hour:02}:00"),
        tick: hour.is_multiple_of(6).then(|| format!("{hour:02}:00")),
        counts: vec![300 + hour * 37 % 200, hour % 3, if hour == 14 { 90 } else { hour % 5 }],
    });
    let chart = view! {
        <Bars
            title="Deliveries by outcome"
            summary="Between 300 and 500 deliveries an hour; 90 failed at 14:00."
            span="Hour"
            series=series
            bars=bars.collect()
        />
    };
    let none = vec![Series { name: "Delivered", tone: Tone::Good }];
    let empty = view! { <Bars title="Nothing yet" summary="No deliveries." span="Hour" series=none bars=Vec::new() /> };
    part(
        "Bars",
        "Counts over time. The sentence and the table are for those who do not see them.",
        view! { {chart} {empty} },
    )
}

pub(super) fn small() -> impl IntoView {
    let hours = (0..24_u64).map(|hour| SparkPoint { good: hour * 7 % 11, bad: u64::from(hour == 9) * 4 });
    let content = view! {
        <dl class="facts">
            <div>
                <dt>"Sparkline"</dt>
                <dd><Sparkline points=hours.collect() label="119 delivered, 4 failed in 24 hours" /></dd>
            </div>
            <div>
                <dt>"Sparkline of nothing"</dt>
                <dd><Sparkline points=vec![SparkPoint::default(); 24] label="No deliveries in 24 hours" /></dd>
            </div>
            <div>
                <dt>"Attempts"</dt>
                <dd><Dots outcomes=vec![Tone::Bad, Tone::Bad, Tone::Good] label="Delivered at the third attempt" /></dd>
            </div>
            <div>
                <dt>"Attempts to come"</dt>
                <dd><Dots outcomes=vec![Tone::Bad] left=5 label="1 of 6 attempts failed" /></dd>
            </div>
            <div>
                <dt>"Durations"</dt>
                <dd>
                    <DurationBar millis=84 most=10_000 words="84 ms" tone=Tone::Good />
                    " "
                    <DurationBar millis=4_200 most=10_000 words="4.20 s" />
                    " "
                    <DurationBar millis=12_000 most=10_000 words="10.00 s" tone=Tone::Bad />
                </dd>
            </div>
        </dl>
    };
    part("Small charts", "As large as a word, in a row of a table.", content)
}

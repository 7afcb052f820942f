//! How the deliveries went: the choice of the range, the figures, and the chart.

use form_urlencoded::Serializer;
use leptos::prelude::*;
use signet_engine::service::statistics::{Bars as Counted, Figures as Counts, Window};
use signet_model::{EndpointId, Timestamp, event::EventType};

use super::{PageData, Query, RANGE, TYPE, text};
use crate::{
    components::{Bar, Bars, Figure, Figures, Series, TabLink, Tabs, Tone, When, with_element},
    pages::deliveries::PATH as LOG,
    present::{endpoint_path, percent},
    words::{moment, number, span},
    zone::Zone,
};

/// The most types to choose from: a page has a size.
const MAX_TYPES: usize = 200;

pub(super) fn section(data: &PageData) -> impl IntoView + use<> {
    let window = data.query.window;
    let rest = data.bars.rest.map(|rest| {
        let until = view! { <When at=moment(rest, rest) in_full=true /> };
        view! { <p class="hint">{with_element(text::REST, until)}</p> }
    });
    view! {
        <section class="card outcomes" aria-labelledby="outcomes-title">
            <h2 class="visually-hidden" id="outcomes-title">{text::DELIVERIES}</h2>
            <div class="list-head">
                {ranges(data.endpoint.id, &data.query)}
                {types(data)}
            </div>
            {figures(data.endpoint.id, &data.bars.total)}
            {rest}
            <Bars
                title=text::chart(window, Zone::here().name())
                summary=summary(window, &data.bars.total)
                span=text::span(window)
                series=series()
                bars=bars(window, &data.bars)
            />
        </section>
    }
}

fn ranges(id: EndpointId, query: &Query) -> impl IntoView + use<> {
    let tabs = Window::ALL.map(|window| {
        let mut pairs = Serializer::new(String::new());
        pairs.append_pair(RANGE.name, window.as_str());
        if let Some(event_type) = &query.event_type {
            pairs.append_pair(TYPE.name, event_type.as_str());
        }
        let href = format!("{}?{}", endpoint_path(id), pairs.finish());
        TabLink::new(text::range(window), href, window == query.window)
    });
    view! { <Tabs label=text::RANGE tabs=tabs.into() /> }
}

/// The choice of one event type; `None` for a webhook that gets no more than one.
fn types(data: &PageData) -> Option<impl IntoView + use<>> {
    let PageData { endpoint, query, catalogue, .. } = data;
    let wanted = catalogue.active().filter(|entry| endpoint.event_types.contains(&entry.name));
    let mut types: Vec<EventType> = wanted.take(MAX_TYPES).map(|entry| entry.name.clone()).collect();
    types.extend(query.event_type.clone().filter(|kind| !types.contains(kind)));
    if types.len() < 2 {
        return None;
    }
    let options = types.into_iter().map(|kind| {
        let selected = query.event_type.as_ref() == Some(&kind);
        view! { <option value=kind.to_string() selected=selected>{kind.to_string()}</option> }
    });
    Some(view! {
        <form class="search" method="get" action=endpoint_path(endpoint.id)>
            <input type="hidden" name=RANGE.name value=query.window.as_str() />
            <label class="visually-hidden" for=TYPE.name>{TYPE.label}</label>
            <select class="input" id=TYPE.name name=TYPE.name>
                <option value="">{text::ALL_TYPES}</option>
                {options.collect_view()}
            </select>
            <button class="button" type="submit">{text::SHOW}</button>
        </form>
    })
}

fn figures(id: EndpointId, total: &Counts) -> impl IntoView + use<> {
    let rate = total.attempts().success_per_mille().map_or_else(|| text::NO_ATTEMPTS.to_owned(), percent);
    let within = |percentile| total.latencies.percentile(percentile).map_or_else(|| text::NO_ATTEMPTS.to_owned(), span);
    let failed = Figure::new(text::FAILED, number(total.failed_deliveries)).hint(text::AFTER_RETRIES);
    let failed = if total.failed_deliveries > 0 {
        failed.tone(Tone::Bad).linked(format!("{LOG}?webhook={id}&state=failed"))
    } else {
        failed
    };
    let delivered = Figure::new(text::DELIVERED, number(total.delivered()));
    let figures = vec![
        delivered.linked(format!("{LOG}?webhook={id}&state=delivered")),
        failed,
        Figure::new(text::SUCCESS, rate).hint(text::OF_ATTEMPTS),
        Figure::new(text::MEDIAN, within(50)).hint(text::MEDIAN_HINT),
        Figure::new(text::SLOW, within(95)).hint(text::SLOW_HINT),
    ];
    view! { <Figures figures=figures /> }
}

/// The attempts that failed and did not end their deliveries.
fn retried(counts: &Counts) -> u64 {
    counts.failed_attempts.saturating_sub(counts.failed_deliveries)
}

fn summary(window: Window, total: &Counts) -> String {
    text::summary(window, total.delivered(), retried(total), total.failed_deliveries)
}

fn series() -> Vec<Series> {
    vec![
        Series { name: text::DELIVERED, tone: Tone::Good },
        Series { name: text::RETRIED, tone: Tone::Warning },
        Series { name: text::FAILED, tone: Tone::Bad },
    ]
}

fn bars(window: Window, counted: &Counted) -> Vec<Bar> {
    let zone = Zone::here();
    let bar = |(place, (start, counts)): (usize, &(Timestamp, Counts))| Bar {
        label: label(&zone, window, *start),
        tick: tick(&zone, window, place, *start),
        counts: vec![counts.delivered(), retried(counts), counts.failed_deliveries],
    };
    counted.bars.iter().enumerate().map(bar).collect()
}

/// The beginnings of the bars: hours, and the hours and days of the reader's zone.
pub(super) fn starts(window: Window, now: Timestamp) -> Vec<Timestamp> {
    let hours = match window {
        Window::Day => return window.starts(now),
        Window::Week => 6,
        Window::Month => 24,
    };
    Zone::here().spans(now, hours, window.bars() as usize)
}

/// `28 Mar, 14:00`, with UTC beside it where that is another, or `28 Mar` for a day.
fn label(zone: &Zone, window: Window, start: Timestamp) -> String {
    let day_and_hour = |zone: &Zone| format!("{}, {}", day(zone, start), hour(zone, start));
    match window {
        Window::Month => day(zone, start),
        _ if zone.is_utc() => day_and_hour(zone),
        _ => format!("{} ({} UTC)", day_and_hour(zone), day_and_hour(&Zone::UTC)),
    }
}

/// The words below every fourth hour, at each midnight, or below every fifth day.
fn tick(zone: &Zone, window: Window, place: usize, start: Timestamp) -> Option<String> {
    let hour = hour(zone, start);
    let is_at: u8 = hour.get(..2).and_then(|digits| digits.parse().ok()).unwrap_or_default();
    match window {
        Window::Day => is_at.is_multiple_of(4).then_some(hour),
        Window::Week => (is_at == 0).then(|| day(zone, start)),
        Window::Month => (place % 5 == 4).then(|| day(zone, start)),
    }
}

/// `28 Mar`
fn day(zone: &Zone, at: Timestamp) -> String {
    let date = zone.local(at).date;
    date.rsplit_once(' ').map_or(date.clone(), |(day, _)| day.to_owned())
}

/// `14:00`
fn hour(zone: &Zone, at: Timestamp) -> String {
    zone.local(at).time.chars().take("14:00".len()).collect()
}

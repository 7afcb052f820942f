//! Settings > Balance: its history with the threshold drawn, and when another threshold would
//! have sent `balance.low`.

mod chart;
mod text;

use std::time::Duration;

use axum::{Router, response::Response};
use leptos::prelude::*;
use signet_engine::{
    actor::Permission,
    service::{
        accounts::Account,
        balance_history::{BalanceHistory, BalanceHour},
    },
};
use signet_model::{Amount, Timestamp};

use self::chart::{Chart, step_chart};
use crate::{
    components::{Breadcrumbs, Figure, Figures, When, error_summary, hidden_input, text_input, with_element},
    error::PageResult,
    form::{Field, Form},
    frame::Member,
    html::IntoHtml,
    methods::get,
    pages::account::{self, THRESHOLD},
    state::AppState,
    words::moment,
    zone::Zone,
};

pub(crate) const PATH: &str = "/settings/balance";
pub(crate) use text::TITLE;

/// The threshold to try, in the address.
pub(crate) const TRIED: Field = Field {
    hint: text::TRIED_HINT,
    inputmode: "decimal",
    placeholder: "50",
    optional: true,
    ..Field::text("try", text::TRIED)
};
const DAYS: Field = Field::named("days");

/// The spans to choose from, in days.
const SPANS: [u64; 4] = [7, 30, 90, 400];
/// The span that is shown at first.
const FIRST_SPAN: u64 = 30;
/// The days in the table beside the chart, and the instants that are named.
const ROWS: usize = 60;
const NAMED: usize = 20;

const DAY: Duration = Duration::from_hours(24);

pub(crate) fn routes() -> Router<AppState> {
    Router::new().route("/", get(show))
}

async fn show(member: Member, mut form: Form) -> PageResult {
    let tried = form.parse_optional::<Amount>(&TRIED, account::text::invalid).ok().flatten();
    let days = form.get(&DAYS).parse().ok().filter(|days| SPANS.contains(days)).unwrap_or(FIRST_SPAN);
    let now = member.frame.now;
    let from = now - DAY * u32::try_from(days).unwrap_or(1);
    let account = member.account().get().await?;
    let history = member.account().balance_history(from).await?;
    Ok(render(&member, &Data { account, history, days, from, until: now, tried }, &form))
}

/// What the page shows.
struct Data {
    account: Account,
    history: BalanceHistory,
    days: u64,
    from: Timestamp,
    until: Timestamp,
    /// The threshold that the reader tries.
    tried: Option<Amount>,
}

impl Data {
    /// The threshold that decides here: the one that is tried, or else that of the account.
    fn threshold(&self) -> Option<Amount> {
        self.tried.or(self.account.balance_threshold)
    }
}

fn render(member: &Member, data: &Data, form: &Form) -> Response {
    member.frame.render_form(form, text::TITLE, || {
        view! {
            <Breadcrumbs here=text::TITLE />
            <header class="page-head">
                <div>
                    <h1>{text::TITLE}</h1>
                    <p class="lead">{text::LEAD}</p>
                </div>
            </header>
            {error_summary(form)}
            {present(data)}
            <section class="card" id="history">
                <h2>{text::HISTORY}</h2>
                {spans(data)}
                {match Chart::of(data) {
                    None => view! { <p class="hint">{text::NO_HISTORY}</p> }.html(),
                    Some(chart) => {
                        view! {
                            {step_chart(&chart)}
                            {table(data)}
                        }
                            .html()
                    }
                }}
            </section>
            {trial(member, data, form)}
        }
    })
}

fn present(data: &Data) -> impl IntoView + use<> {
    let shown =
        |amount: Option<Amount>, none: &'static str| amount.map_or_else(|| none.to_owned(), |it| it.to_string());
    let reported = data.history.hours.last().or(data.history.before.as_ref());
    let reported = reported.map_or_else(|| text::NEVER.to_owned(), |it| moment(it.hour, data.until).relative);
    let figures = vec![
        Figure::new(text::BALANCE, shown(data.account.balance, text::NOT_REPORTED)),
        Figure::new(text::THRESHOLD, shown(data.account.balance_threshold, text::NO_THRESHOLD))
            .hint(text::CHANGE)
            .linked(account::PATH),
        Figure::new(text::REPORTED, reported),
    ];
    view! { <Figures figures=figures /> }
}

/// The links to other spans.
fn spans(data: &Data) -> impl IntoView + use<> {
    let tried = data.tried.map(|tried| tried.to_string());
    let here = data.days;
    let links = SPANS.map(|days| {
        let days_text = days.to_string();
        let mut query = form_urlencoded::Serializer::new(String::new());
        query.append_pair(DAYS.name, &days_text);
        if let Some(tried) = &tried {
            query.append_pair(TRIED.name, tried);
        }
        let href = format!("{PATH}?{}", query.finish());
        view! {
            <li>
                <a class="button" href=href aria-current=(days == here).then_some("true")>
                    {text::days(days)}
                </a>
            </li>
        }
    });
    view! { <ul class="tags" aria-label=text::SPAN>{links.collect_view()}</ul> }
}

/// The last and the lowest balance of each day of a zone, the newest first.
fn days(hours: &[BalanceHour], zone: &Zone) -> Vec<BalanceHour> {
    let mut days: Vec<BalanceHour> = Vec::new();
    for hour in hours {
        let day = zone.day(hour.hour);
        match days.last_mut().filter(|it| it.hour == day) {
            Some(it) => {
                it.last = hour.last;
                if hour.lowest < it.lowest {
                    it.lowest = hour.lowest;
                }
            }
            None => days.push(BalanceHour { hour: day, ..*hour }),
        }
    }
    days.reverse();
    days
}

fn table(data: &Data) -> impl IntoView + use<> {
    let days = days(&data.history.hours, &Zone::here());
    let more = days.len().saturating_sub(ROWS);
    let rows = days.into_iter().take(ROWS).map(|day| {
        view! {
            <tr>
                <td class="main-cell">{text::day(day.hour)}</td>
                <td data-label=text::LAST>{day.last.to_string()}</td>
                <td data-label=text::LOWEST>{day.lowest.to_string()}</td>
            </tr>
        }
    });
    view! {
        <details class="fold">
            <summary>{text::AS_TABLE}</summary>
            <table class="table">
                <thead>
                    <tr>
                        <th scope="col">{text::DAY}</th>
                        <th scope="col">{text::LAST}</th>
                        <th scope="col">{text::LOWEST}</th>
                    </tr>
                </thead>
                <tbody>{rows.collect_view()}</tbody>
            </table>
            {(more > 0).then(|| view! { <p class="hint">{text::more_days(more)}</p> })}
        </details>
    }
}

/// The form that tries a threshold, and what it would have sent.
fn trial(member: &Member, data: &Data, form: &Form) -> impl IntoView + use<> {
    let saves = data
        .tried
        .filter(|tried| member.may(Permission::SetThreshold) && data.account.balance_threshold != Some(*tried));
    let save = saves.map(|tried| {
        view! {
            <form method="post" action=format!("{}/threshold", account::PATH) class="form-actions">
                {hidden_input(&THRESHOLD, &tried.to_string())}
                <button class="button" type="submit">{text::save(tried)}</button>
            </form>
        }
    });
    view! {
        <section class="card" id="trial">
            <h2>{text::TRIAL}</h2>
            <form method="get" action=PATH class="form" novalidate>
                {hidden_input(&DAYS, &data.days.to_string())}
                {text_input(&TRIED, form)}
                <div class="form-actions">
                    <button class="button primary" type="submit">{text::TRY}</button>
                </div>
            </form>
            {sent(data)}
            {save}
        </section>
    }
}

/// The instants at which `balance.low` would have been sent.
fn sent(data: &Data) -> impl IntoView + use<> {
    let Some(threshold) = data.threshold() else {
        return view! { <p class="hint">{text::NO_THRESHOLD_ADVICE}</p> }.html();
    };
    let crossings: Vec<_> = data.history.crossings(threshold).collect();
    let more = crossings.len().saturating_sub(NAMED);
    let named = crossings.iter().rev().take(NAMED).map(|hour| {
        let at = view! { <When at=moment(hour.hour, data.until) in_full=true /> };
        view! { <li>{with_element(text::IN_HOUR, at)} " " {text::fell_to(hour.lowest)}</li> }
    });
    let named = named.collect_view();
    view! {
        <p>{text::sent(threshold, crossings.len(), data.days)}</p>
        <ul>{named}</ul>
        {(more > 0).then(|| view! { <p class="hint">{text::more_times(more)}</p> })}
    }
    .html()
}

#[cfg(test)]
mod tests;

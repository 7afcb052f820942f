//! Settings > Go to: finds an id, a URL, a page, or something to do. The command palette of the
//! page's script shows the hits of this page.

mod hits;
pub(crate) mod text;

use axum::{Router, response::Response};
use leptos::prelude::*;

use self::hits::Hit;
use crate::{
    components::Breadcrumbs,
    error::PageResult,
    form::{Field, Form},
    frame::{Frame, Member},
    html::IntoHtml,
    methods::{get, post},
    preferences::Preferences,
    redirect::{HOME, local_path, see_other, with_cookie},
    state::AppState,
};

pub(crate) const PATH: &str = "/settings/go";
pub(crate) const TIMES_PATH: &str = "/settings/go/times";
const KEYS_PATH: &str = "/settings/go/keys";

const QUERY: Field = Field::text("q", text::QUERY);
/// The page to which the switch of times leads back.
pub(crate) const BACK: Field = Field::named("back");
/// Times are to be shown in full.
pub(crate) const EXACT: Field = Field::named("exact");
const ON: Field = Field::named("on");

pub(super) fn routes() -> Router<AppState> {
    Router::new().route(PATH, get(show)).route(TIMES_PATH, post(set_times)).route(KEYS_PATH, post(set_keys))
}

async fn show(member: Member, form: Form) -> PageResult {
    let query = form.get(&QUERY).trim().to_owned();
    let hits = hits::find(&member, &query).await?;
    Ok(render(&member, &query, &hits))
}

/// Keeps the form of times, and goes back.
async fn set_times(_: Frame, form: Form) -> Response {
    let back = local_path(form.get(&BACK)).unwrap_or(HOME);
    with_cookie(Preferences::keep_times(!form.get(&EXACT).is_empty()), see_other(back))
}

/// Keeps whether single keys act.
async fn set_keys(_: Frame, form: Form) -> Response {
    with_cookie(Preferences::keep_shortcuts(!form.get(&ON).is_empty()), see_other(PATH))
}

fn render(member: &Member, query: &str, hits: &[Hit]) -> Response {
    let off = member.frame.preferences.no_shortcuts;
    let (state, switch, value) =
        if off { (text::KEYS_OFF, text::SWITCH_ON, "1") } else { (text::KEYS_ON, text::SWITCH_OFF, "") };
    member.frame.render(text::TITLE, || {
        view! {
            <Breadcrumbs here=text::TITLE />
            <header class="page-head">
                <div>
                    <h1>{text::TITLE}</h1>
                    <p class="lead">{text::LEAD}</p>
                </div>
            </header>
            <section class="card">
                <form class="form" method="get" action=PATH role="search">
                    <div class="field">
                        <label for=QUERY.name>{QUERY.label}</label>
                        <input
                            class="input"
                            type="search"
                            id=QUERY.name
                            name=QUERY.name
                            value=query.to_owned()
                            autocomplete="off"
                            data-key="search"
                        />
                    </div>
                    <div class="form-actions">
                        <button class="button primary" type="submit">{text::FIND}</button>
                    </div>
                </form>
                <div id="go-results">{list(hits)}</div>
            </section>
            <section class="card" id="keys">
                <h2>{text::KEYS}</h2>
                <p>{state}</p>
                <dl class="keys-list">
                    {text::SHORTCUTS
                        .into_iter()
                        .map(|(key, meaning)| view! { <div><dt><kbd>{key}</kbd></dt><dd>{meaning}</dd></div> })
                        .collect_view()}
                </dl>
                <form method="post" action=KEYS_PATH class="form-actions">
                    <input type="hidden" name=ON.name value=value />
                    <button class="button" type="submit">{switch}</button>
                </form>
            </section>
        }
    })
}

fn list(hits: &[Hit]) -> impl IntoView + use<> {
    if hits.is_empty() {
        return view! { <p class="hint">{text::NOTHING}</p> }.html();
    }
    let hits = hits.iter().map(|hit| {
        let Hit { label, detail, href } = hit.clone();
        view! {
            <li>
                <a href=href>
                    <span>{label}</span>
                    {(!detail.is_empty()).then(|| view! { <span class="muted mono">{detail}</span> })}
                </a>
            </li>
        }
    });
    view! { <ul class="hits">{hits.collect_view()}</ul> }.html()
}

#[cfg(test)]
mod tests;

//! Settings > Audit log: the changes and reveals of the account, with filters and as a file.

mod export;
pub(crate) mod text;

use axum::{Router, response::Response};
use leptos::prelude::*;
use signet_engine::{
    audit::{Entry, Filter},
    service::audit_log::{AuditLog, Page},
};
use signet_model::Timestamp;

use crate::{
    components::{Breadcrumbs, PageLink, SETTINGS, When, error_summary, page_links},
    error::{PageError, PageResult},
    form::{Field, Form, Invalid},
    frame::{Frame, Member},
    html::IntoHtml,
    methods::get,
    pages::operator,
    state::AppState,
    words::moment,
};

pub(crate) const PATH: &str = "/settings/audit";

/// The entries of a page.
const PAGE: usize = 50;
/// The characters of a filter that are read.
const FILTER_MAX: usize = 300;

const ACTION: Field = Field::text("about", text::ACTION);
const ACTOR: Field = Field { placeholder: text::ACTOR_PLACEHOLDER, optional: true, ..Field::text("by", text::ACTOR) };
const TARGET: Field =
    Field { placeholder: text::TARGET_PLACEHOLDER, optional: true, ..Field::text("id", text::TARGET) };
const SINCE: Field = Field { kind: "date", optional: true, ..Field::text("since", text::SINCE) };
const UNTIL: Field = Field { kind: "date", optional: true, ..Field::text("until", text::UNTIL) };
const BEFORE: Field = Field::named("before");
const FORMAT: Field = Field::named("format");

pub(crate) fn routes() -> Router<AppState> {
    Router::new().route("/", get(show)).route("/export", get(export_file))
}

async fn show(member: Member, form: Form) -> PageResult {
    page(&member.frame, PATH, &member.account().audit_log()?, form).await
}

async fn export_file(member: Member, form: Form) -> PageResult {
    file(member.account().audit_log()?, form)
}

/// The page of a log at this path.
pub(crate) async fn page(frame: &Frame, path: &'static str, log: &AuditLog, mut form: Form) -> PageResult {
    let filter = read(&mut form);
    let before = form.get(&BEFORE).parse().ok();
    let page = match filter {
        Some(filter) => log.page(&filter, before, PAGE).await?,
        None => Page::default(),
    };
    Ok(view(frame, path, &page, &form))
}

/// The file of a log.
pub(crate) fn file(log: AuditLog, mut form: Form) -> PageResult {
    let format = export::Format::find(form.get(&FORMAT)).ok_or(PageError::NotFound)?;
    let filter = read(&mut form).ok_or(PageError::Unreadable)?;
    Ok(export::file(log, filter, format))
}

/// Reads the filter; `None` if a day is none.
fn read(form: &mut Form) -> Option<Filter> {
    let text = |field: &Field| form.get(field).trim().chars().take(FILTER_MAX).collect::<String>();
    let (action, actor, target) = (text(&ACTION), text(&ACTOR), text(&TARGET));
    let since = day(form, &SINCE, "00:00:00");
    let until = day(form, &UNTIL, "23:59:59.999999");
    Some(Filter { action, actor, target, since: since.ok()?, until: until.ok()? })
}

/// An instant of a day, UTC; `None` if the field is empty.
fn day(form: &mut Form, field: &Field, time: &str) -> Result<Option<Timestamp>, Invalid> {
    let typed = form.get(field).trim().to_owned();
    if typed.is_empty() {
        return Ok(None);
    }
    let at = Timestamp::parse_rfc3339(&format!("{typed}T{time}Z"));
    form.check(field, at, |_| text::DAY.to_owned()).map(Some)
}

fn view(frame: &Frame, path: &'static str, page: &Page, form: &Form) -> Response {
    frame.render_form(form, text::TITLE, || {
        view! {
            <Breadcrumbs root=root(path) here=text::TITLE />
            <header class="page-head">
                <div>
                    <h1>{text::TITLE}</h1>
                    <p class="lead">{text::LEAD}</p>
                </div>
            </header>
            {error_summary(form)}
            <section class="card flush">
                {filters(path, form)}
                {table(&page.entries, frame.now)}
                {pages(path, form, page.next)}
            </section>
            <p class="form-actions">
                <a class="button" href=address(&format!("{path}/export"), form, &[(&FORMAT, "csv")])>{text::CSV}</a>
                <a class="button" href=address(&format!("{path}/export"), form, &[(&FORMAT, "ndjson")])>
                    {text::NDJSON}
                </a>
            </p>
        }
    })
}

/// The part of the site with the log at this path.
fn root(path: &str) -> &'static str {
    if path == PATH { SETTINGS } else { operator::ROOT }
}

fn filters(path: &'static str, form: &Form) -> impl IntoView + use<> {
    let chosen = form.get(&ACTION).to_owned();
    let options = text::NOUNS.map(|(noun, label)| {
        let selected = noun == chosen;
        view! { <option value=noun selected=selected>{label}</option> }
    });
    let inputs = [ACTOR, TARGET, SINCE, UNTIL].map(|field| input(&field, form)).collect_view();
    view! {
        <form class="filters" method="get" action=path>
            <div>
                <label for=ACTION.name>{ACTION.label}</label>
                <select class="input" id=ACTION.name name=ACTION.name>
                    <option value="">{text::ALL}</option>
                    {options.collect_view()}
                </select>
            </div>
            {inputs}
            <button class="button" type="submit">{text::FILTER}</button>
            {(!form.is_blank()).then(|| view! { <a class="button quiet" href=path>{text::CLEAR}</a> })}
        </form>
    }
}

fn input(field: &Field, form: &Form) -> impl IntoView + use<> {
    let Field { name, label, kind, placeholder, .. } = *field;
    let (value, error) = (form.get(field).to_owned(), form.error(field).map(ToOwned::to_owned));
    view! {
        <div>
            <label for=name>{label}</label>
            <input
                class="input"
                id=name
                name=name
                type=kind
                value=value
                placeholder=placeholder
                aria-invalid=error.as_ref().map(|_| "true")
            />
            {error.map(|error| view! { <p class="field-error">{error}</p> })}
        </div>
    }
}

fn table(entries: &[Entry], now: Timestamp) -> impl IntoView + use<> {
    if entries.is_empty() {
        return view! { <p class="table-empty">{text::NO_MATCH}</p> }.html();
    }
    view! {
        <table class="table">
            <thead>
                <tr>
                    <th scope="col">{text::WHEN}</th>
                    <th scope="col">{text::WHAT}</th>
                    <th scope="col">{text::WHO}</th>
                    <th scope="col">{text::ON}</th>
                    <th scope="col">{text::CHANGE}</th>
                </tr>
            </thead>
            <tbody>{entries.iter().map(|entry| row(entry, now)).collect_view()}</tbody>
        </table>
    }
    .html()
}

fn row(entry: &Entry, now: Timestamp) -> impl IntoView + use<> {
    let address = entry.address.clone();
    view! {
        <tr>
            <td data-label=text::WHEN>
                <When at=moment(entry.at, now) />
                <span class="hint block">{format!("{} {}", text::NUMBER, entry.number)}</span>
            </td>
            <td class="main-cell">{text::action(&entry.action)}</td>
            <td data-label=text::WHO>
                <span class="wrap">{text::actor(entry)}</span>
                {address.map(|address| view! { <span class="hint block mono">{address}</span> })}
            </td>
            <td data-label=text::ON><span class="mono wrap">{entry.target_id.clone()}</span></td>
            <td data-label=text::CHANGE>{change(entry)}</td>
        </tr>
    }
}

fn change(entry: &Entry) -> Option<impl IntoView + use<>> {
    let side = |label: &'static str, json: &Option<String>| {
        let json = json.clone()?;
        Some(view! {
            <dt>{label}</dt>
            <dd class="mono wrap">{json}</dd>
        })
    };
    let (before, after) = (side(text::BEFORE, &entry.before), side(text::AFTER, &entry.after));
    (before.is_some() || after.is_some()).then(|| {
        view! {
            <details class="fold">
                <summary>{text::CHANGE}</summary>
                <dl>{before}{after}</dl>
            </details>
        }
    })
}

fn pages(path: &'static str, form: &Form, next: Option<i64>) -> Option<impl IntoView + use<>> {
    let newest = (!form.get(&BEFORE).is_empty()).then(|| PageLink::newest(address(path, form, &[])));
    page_links(newest, next.map(|next| PageLink::older(address(path, form, &[(&BEFORE, &next.to_string())]))))
}

/// An address with the filter, and more.
fn address(path: &str, form: &Form, more: &[(&Field, &str)]) -> String {
    let kept = [ACTION, ACTOR, TARGET, SINCE, UNTIL];
    let kept = kept.iter().map(|field| (field.name, form.get(field))).filter(|(_, value)| !value.is_empty());
    let pairs = kept.chain(more.iter().map(|(field, value)| (field.name, *value)));
    let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish();
    if query.is_empty() { path.to_owned() } else { format!("{path}?{query}") }
}

#[cfg(test)]
mod tests;

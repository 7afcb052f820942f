//! Settings > Webhooks: how all of the account's webhooks are doing, and the list of them.

mod first_run;
mod query;
mod rows;
pub(crate) mod text;
mod totals;
mod trouble;

use axum::{Router, response::Response};
use leptos::prelude::*;
use signet_engine::{
    actor::Permission,
    service::endpoints::{ListPage, ListedStatus, StatusCounts},
};

use self::{first_run::FirstRun, query::Query};
use crate::{
    components::{Breadcrumbs, EmptyState, Icon, PageLink, TabLink, Tabs, page_links},
    error::PageResult,
    form::Form,
    frame::Member,
    html::IntoHtml,
    methods::get,
    pages::{webhook, webhook_form},
    state::AppState,
};

pub(crate) const PATH: &str = "/settings/webhooks";
/// The webhooks on one page.
const PAGE: u32 = 25;
/// The webhooks that are said to need attention.
const TROUBLES: u32 = 5;

/// The list, and all pages of webhooks below it.
pub(crate) fn routes() -> Router<AppState> {
    Router::new().route("/", get(show)).merge(webhook_form::routes()).nest("/{id}", webhook::routes())
}

struct PageData {
    query: Query,
    list: ListPage,
    first_run: Option<FirstRun>,
}

async fn show(member: Member, form: Form) -> PageResult {
    let query = Query::new(&form);
    let troubles = if query.is_plain() { TROUBLES } else { 0 };
    let list = member.account().endpoints().list_page(&query.filter, query.before, PAGE, troubles).await?;
    let first_run = if query.is_plain() { first_run::read(&member, &list.listed).await? } else { None };
    Ok(page(&member, &PageData { query, list, first_run }))
}

fn page(member: &Member, data: &PageData) -> Response {
    let changes = member.may(Permission::ChangeWebhooks);
    let has_any = data.list.counts.all > 0;
    member.frame.render(text::TITLE, || {
        view! {
            <Breadcrumbs here=text::TITLE />
            <header class="page-head">
                <div>
                    <h1>{text::TITLE}</h1>
                    <p class="lead">{text::LEAD}</p>
                </div>
                {(changes && has_any).then(add)}
            </header>
            {has_any.then(|| totals::figures(&data.list.totals))}
            {trouble::panel(&data.list, member.frame.now)}
            {if has_any { list(member, data).html() } else { empty(changes).html() }}
            {data.first_run.as_ref().map(|facts| first_run::checklist(facts, changes))}
        }
    })
}

fn add() -> impl IntoView {
    view! {
        <a class="button primary" href=webhook_form::NEW_PATH>
            <Icon name="plus" />
            {text::ADD}
        </a>
    }
}

fn empty(changes: bool) -> impl IntoView {
    view! {
        <EmptyState icon="webhook" title=text::NO_WEBHOOKS advice=text::NO_WEBHOOKS_ADVICE>
            {changes.then(add)}
        </EmptyState>
    }
}

fn list(member: &Member, data: &PageData) -> impl IntoView + use<> {
    let (query, shown) = (&data.query, &data.list);
    let rows = if shown.listed.endpoints.is_empty() {
        view! { <p class="table-empty">{text::no_match(query.filter.status, &query.filter.text)}</p> }.html()
    } else {
        rows::table(member, &shown.listed.endpoints, &shown.recent).html()
    };
    let newest = query.before.map(|_| PageLink::newest(query.first_page()));
    let older = shown.listed.next.map(|id| PageLink::older(query.page_after(id)));
    view! {
        <section class="card flush" aria-label=text::TITLE>
            <div class="list-head">
                {tabs(query, shown.counts)}
                {search(query)}
            </div>
            {rows}
            {page_links(newest, older)}
        </section>
    }
}

/// The webhooks by status; one of them leads to all.
fn tabs(query: &Query, counts: StatusCounts) -> impl IntoView + use<> {
    let statuses = [None].into_iter().chain(ListedStatus::ALL.map(Some));
    let tabs = statuses.map(|status| {
        let is_here = query.filter.status == status;
        TabLink::new(text::status(status), query.with_status(status), is_here).counted(counts.of(status))
    });
    view! { <Tabs label=text::BY_STATUS tabs=tabs.collect() /> }
}

fn search(query: &Query) -> impl IntoView + use<> {
    let status = query.filter.status.map(|status| {
        view! { <input type="hidden" name=query::STATUS.name value=status.as_str() /> }
    });
    let clear = (!query.filter.text.is_empty())
        .then(|| view! { <a class="button quiet" href=query.without_text()>{text::CLEAR}</a> });
    view! {
        <form class="search" role="search" method="get" action=PATH>
            {status}
            <label class="visually-hidden" for=query::TEXT.name>{text::SEARCH_LABEL}</label>
            <input
                class="input"
                type="search"
                id=query::TEXT.name
                name=query::TEXT.name
                value=query.filter.text.clone()
                placeholder=text::SEARCH_LABEL
                maxlength="200"
            />
            <button class="button" type="submit">{text::SEARCH}</button>
            {clear}
        </form>
    }
}

#[cfg(test)]
mod tests;

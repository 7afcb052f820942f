//! Operator > Accounts: all accounts, a page after another or by the beginning of their name
//! or id; and the form that creates one.

use axum::{Router, response::Response};
use leptos::prelude::*;

use signet_engine::service::accounts::{Account, NameError};
use signet_model::{AccountId, Timestamp, text::AccountName};

use super::{ROOT, account};
use crate::{
    components::{
        Breadcrumbs, Icon, PageLink, Status, StatusMark, Tone, When, error_summary, form_id_input, page_links,
        text_input,
    },
    error::PageResult,
    form::{Field, Form},
    frame::Frame,
    html::IntoHtml,
    methods::{AndPost, get},
    operating::Operating,
    state::AppState,
    words::{self, moment},
};

pub(crate) const PATH: &str = "/operator/accounts";
const NEW_PATH: &str = "/operator/accounts/new";

/// The accounts on one page.
const PAGE: u32 = 50;

const SEARCH: Field = Field { maxlength: Some(255), ..Field::text("search", text::SEARCH) };
const BEFORE: Field = Field::named("before");
pub(super) const NAME: Field = Field { hint: text::NAME_HINT, maxlength: Some(255), ..Field::text("name", text::NAME) };

pub(crate) mod text {
    pub(crate) const TITLE: &str = "Accounts";
    pub(super) const LEAD: &str = "The customers of your service. Each has webhooks, keys and people of its own.";
    pub(super) const SEARCH: &str = "Beginning of a name or an id";
    pub(super) const FIND: &str = "Search";
    pub(super) const CLEAR: &str = "Clear";
    pub(super) const ADD: &str = "Create account";
    pub(super) const NAME: &str = "Name";
    pub(super) const NAME_HINT: &str = "The name by which your backend calls the account. It can be changed later; requests with the old name go on working.";
    pub(crate) const NAME_TAKEN: &str = "Another account has this name, or had it before. Choose a different one.";
    pub(crate) const CREATED: &str = "Account created.";
    pub(super) const CANCEL: &str = "Cancel";
    pub(super) const NONE: &str = "No accounts";
    pub(super) const NONE_FOUND: &str = "No account begins like that. Check the spelling, or clear the search.";
    pub(super) const NONE_YET: &str = "Create an account for the first customer of your service.";
    pub(super) const ID: &str = "Id";
    pub(super) const STATUS: &str = "Status";
    pub(super) const BALANCE: &str = "Balance";
    pub(super) const MADE: &str = "Created";
    pub(super) const NO_BALANCE: &str = "Not reported";

    pub(super) fn more(listed: u32) -> String {
        format!("These are the first {listed}. Type more letters to see others.")
    }
}

pub(super) fn routes() -> Router<AppState> {
    Router::new().route("/", get(show).and_post(create)).route("/new", get(show_new)).nest("/{id}", account::routes())
}

/// One page of accounts.
struct List {
    accounts: Vec<Account>,
    /// The text that they begin with, if it was asked for.
    search: String,
    /// The page does not begin with the newest.
    is_later: bool,
    has_more: bool,
}

impl List {
    async fn read(operating: &Operating, form: &Form) -> PageResultOf<Self> {
        let search = form.get(&SEARCH).trim().to_owned();
        let before = form.get(&BEFORE).parse::<AccountId>().ok();
        let accounts = operating.engine().accounts();
        let mut accounts = match &*search {
            "" => accounts.newest(before, PAGE + 1).await?,
            beginning => accounts.search(beginning, PAGE + 1).await?,
        };
        let has_more = accounts.len() > PAGE as usize;
        accounts.truncate(PAGE as usize);
        Ok(Self { accounts, search, is_later: before.is_some(), has_more })
    }
}

type PageResultOf<T> = Result<T, crate::error::PageError>;

async fn show(operating: Operating, form: Form) -> PageResult {
    let list = List::read(&operating, &form).await?;
    Ok(page(&operating.frame, &list))
}

async fn show_new(operating: Operating) -> Response {
    new_page(&operating.frame, &Form::blank().focused(&NAME))
}

async fn create(operating: Operating, mut form: Form) -> PageResult {
    let Ok(name) = form.parse::<AccountName>(&NAME, words::invalid_text) else {
        return Ok(new_page(&operating.frame, &form));
    };
    match operating.engine().accounts().create(&operating.operator, &name).await {
        Ok(account) => account::make_link(&operating, account.id, text::CREATED).await,
        Err(error) => Ok(new_page(&operating.frame, &taken(form, error)?)),
    }
}

/// The form of a name that was refused.
pub(super) fn taken(form: Form, error: NameError) -> PageResultOf<Form> {
    match error {
        NameError::Taken => Ok(form.invalid(&NAME, text::NAME_TAKEN)),
        NameError::Store(error) => Err(error.into()),
    }
}

fn new_page(frame: &Frame, form: &Form) -> Response {
    frame.render_form(form, text::ADD, || {
        view! {
            <Breadcrumbs root=ROOT above=vec![(PATH.to_owned(), text::TITLE.to_owned())] here=text::ADD />
            <header class="page-head"><h1>{text::ADD}</h1></header>
            {error_summary(form)}
            <form method="post" action=PATH class="form card" novalidate>
                {form_id_input(form, frame)}
                {text_input(&NAME, form)}
                <footer class="form-actions">
                    <button class="button primary" type="submit">{text::ADD}</button>
                    <a class="button quiet" href=PATH>{text::CANCEL}</a>
                </footer>
            </form>
        }
    })
}

fn page(frame: &Frame, list: &List) -> Response {
    frame.render(text::TITLE, || {
        view! {
            <Breadcrumbs root=ROOT here=text::TITLE />
            <header class="page-head">
                <div>
                    <h1>{text::TITLE}</h1>
                    <p class="lead">{text::LEAD}</p>
                </div>
                <a class="button primary" href=NEW_PATH>
                    <Icon name="plus" />
                    {text::ADD}
                </a>
            </header>
            {search_form(&list.search)}
            {if list.accounts.is_empty() { empty(list).html() } else { table(list, frame.now).html() }}
            {pages(list)}
        }
    })
}

fn search_form(search: &str) -> impl IntoView + use<> {
    let form = Form::blank().with(&SEARCH, search);
    let clear = (!search.is_empty()).then(|| view! { <a class="button quiet" href=PATH>{text::CLEAR}</a> });
    view! {
        <form class="filters" method="get" action=PATH role="search">
            {text_input(&SEARCH, &form)} <button class="button" type="submit">{text::FIND}</button> {clear}
        </form>
    }
}

fn empty(list: &List) -> impl IntoView + use<> {
    let advice = if list.search.is_empty() { text::NONE_YET } else { text::NONE_FOUND };
    view! {
        <section class="card empty">
            <Icon name="account" />
            <h2>{text::NONE}</h2>
            <p>{advice}</p>
        </section>
    }
}

fn table(list: &List, now: Timestamp) -> impl IntoView + use<> {
    view! {
        <section class="card flush">
            <table class="table">
                <thead>
                    <tr>
                        <th scope="col">{text::NAME}</th>
                        <th scope="col">{text::ID}</th>
                        <th scope="col">{text::STATUS}</th>
                        <th scope="col">{text::BALANCE}</th>
                        <th scope="col">{text::MADE}</th>
                    </tr>
                </thead>
                <tbody>{list.accounts.iter().map(|account| row(account, now)).collect_view()}</tbody>
            </table>
        </section>
    }
}

fn row(account: &Account, now: Timestamp) -> impl IntoView + use<> {
    let balance = account.balance.map_or_else(|| text::NO_BALANCE.to_owned(), |it| it.to_string());
    view! {
        <tr>
            <td class="main-cell">
                <a class="row-link" href=account::path(account.id)>{account.name.clone()}</a>
            </td>
            <td data-label=text::ID><span class="mono wrap">{account.id.to_string()}</span></td>
            <td data-label=text::STATUS><StatusMark status=status(account) /></td>
            <td data-label=text::BALANCE>{balance}</td>
            <td data-label=text::MADE><When at=moment(account.created_at, now) /></td>
        </tr>
    }
}

/// The state of an account in a word.
pub(super) fn status(account: &Account) -> Status {
    match (account.erased_at, account.suspended_at) {
        (Some(_), _) => Status::new(Tone::Bad, "Being erased"),
        (None, Some(_)) => Status::new(Tone::Paused, "Suspended"),
        (None, None) => Status::new(Tone::Good, "Active"),
    }
}

fn pages(list: &List) -> impl IntoView + use<> {
    let end = list.accounts.last().filter(|_| list.has_more);
    if !list.search.is_empty() {
        return end.map(|_| view! { <p class="hint">{text::more(PAGE)}</p> }.html());
    }
    let newest = list.is_later.then(|| PageLink::newest(PATH));
    let older = end.map(|account| PageLink::older(format!("{PATH}?{}={}", BEFORE.name, account.id)));
    page_links(newest, older).map(IntoHtml::html)
}

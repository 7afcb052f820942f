//! Operator > API keys: the keys of the operator's own backend, which may name any account.

use axum::{Router, http::HeaderMap, response::Response, routing::get};
use leptos::prelude::*;
use signet_engine::service::api_keys::{ApiKey, ApiKeyDraft, CreateKeyError};
use signet_model::{ApiKeyId, Scopes, Timestamp, text::KeyName};

use super::{ROOT, shown_once};
use crate::{
    components::{
        Breadcrumbs, Confirm, Icon, StatusMark, When, error_summary, link_panel, scopes_input, text_input, with_element,
    },
    error::{PageError, PageResult},
    form::{Field, Form, Invalid},
    frame::{Frame, Ids},
    operating::Operating,
    pages::api_keys::expiry,
    redirect::done,
    state::AppState,
    words::{self, moment},
};

pub(crate) const PATH: &str = "/operator/api-keys";

/// The keys on one page.
const PAGE: u32 = 50;

pub(super) const NAME: Field = Field { hint: text::NAME_HINT, maxlength: Some(100), ..Field::text("name", text::NAME) };
pub(super) const SCOPES: Field = Field { hint: text::SCOPES_HINT, ..Field::text("scope", text::SCOPES) };
const BEFORE: Field = Field::named("before");

pub(crate) mod text {
    pub(crate) const TITLE: &str = "API keys";
    pub(crate) const LEAD: &str =
        "Keys of your own backend. They may name any account; keys of one account are made in that account.";
    pub(crate) const CREATE_HEADING: &str = "Create a key";
    pub(crate) const CREATE: &str = "Create API key";
    pub(crate) const NAME: &str = "Name";
    pub(crate) const NAME_HINT: &str = "Where the key is used, such as the name of a service.";
    pub(crate) const SCOPES: &str = "Scopes";
    pub(crate) const SCOPES_HINT: &str =
        "The requests that the key allows, in all accounts. Tick no more than its holder needs.";
    pub(crate) const NO_SCOPE: &str = "Tick one scope or more: without any, the key would allow nothing.";
    pub(crate) const MADE: &str = "API key";
    pub(crate) const COPY_NOW: &str = "Copy it now. It is not stored, and cannot be shown again.";
    pub(crate) const CREATED: &str = "API key created.";
    pub(crate) const NO_KEYS: &str = "No API keys yet";
    pub(crate) const NO_KEYS_ADVICE: &str = "Create a key above, and give it to the service that sends events.";
    pub(crate) const KEY: &str = "Key";
    pub(crate) const STATUS: &str = "Status";
    pub(crate) const CREATED_AT: &str = "Created";
    pub(crate) const LAST_USED: &str = "Last used";
    pub(crate) const NEVER: &str = "Never";
    pub(crate) const ACTIONS: &str = "Actions";
    pub(crate) const REVOKE: &str = "Revoke";
    pub(crate) const REVOKE_KEY: &str = "Revoke API key";
    pub(crate) const QUESTION: &str = "Revoke this API key?";
    pub(crate) const CONSEQUENCES: &str = "Requests with the key “{}” are refused from now on. This cannot be undone.";
    pub(crate) const CANCEL: &str = "Cancel";
    pub(crate) const REVOKED: &str = "API key revoked.";
    pub(crate) const PAGES: &str = "Pages";
    pub(crate) const NEWEST: &str = "Newest";
    pub(crate) const OLDER: &str = "Older";
}

pub(super) fn routes() -> Router<AppState> {
    Router::new().route("/", get(show).post(create)).route("/{id}/revoke", get(ask_to_revoke).post(revoke))
}

pub(super) fn revoke_path(id: ApiKeyId) -> String {
    format!("{PATH}/{id}/revoke")
}

/// One page of keys, newest first.
struct List {
    keys: Vec<ApiKey>,
    is_later: bool,
    has_more: bool,
}

impl List {
    async fn read(operating: &Operating, before: Option<ApiKeyId>) -> Result<Self, PageError> {
        let mut keys = operating.engine().operator_keys().page(before, PAGE + 1).await?;
        let has_more = keys.len() > PAGE as usize;
        keys.truncate(PAGE as usize);
        Ok(Self { keys, is_later: before.is_some(), has_more })
    }
}

/// The page; after a key was made, with it, this once.
async fn show(operating: Operating, headers: HeaderMap, query: Form) -> PageResult {
    let list = List::read(&operating, query.get(&BEFORE).parse().ok()).await?;
    let made = shown_once::carried(&operating, &headers, PATH);
    let form = Scopes::FIRST.iter().fold(Form::blank(), |form, scope| form.with(&SCOPES, scope));
    let page = page(&operating.frame, &list, made.as_deref(), &form);
    Ok(shown_once::forgotten(made.as_ref(), page))
}

/// Reads the name, the scopes that are ticked, of which there must be one, and the end.
fn read(form: &mut Form, now: Timestamp) -> Result<ApiKeyDraft, Invalid> {
    let name = form.parse::<KeyName>(&NAME, words::invalid_text);
    let ticked = Scopes::new(form.all(&SCOPES).filter_map(|scope| scope.parse().ok()));
    let scopes = form.check(&SCOPES, ticked, |_| text::NO_SCOPE.to_owned());
    let expires_at = expiry::read(form, now);
    Ok(ApiKeyDraft { name: name?, scopes: scopes?, expires_at: expires_at? })
}

async fn create(operating: Operating, mut form: Form) -> PageResult {
    let Ok(draft) = read(&mut form, operating.frame.now) else {
        return Ok(page(&operating.frame, &List::read(&operating, None).await?, None, &form));
    };
    let form = match operating.engine().operator_keys().create(&operating.operator, &draft).await {
        Ok(made) => return Ok(shown_once::lead_to(&operating, PATH, text::CREATED, &made.text)),
        Err(CreateKeyError::Store(error)) => return Err(error.into()),
        Err(error) => form.refused(error.to_string()),
    };
    Ok(page(&operating.frame, &List::read(&operating, None).await?, None, &form))
}

/// Shows the question of the dialog, for the address of its form.
async fn ask_to_revoke(operating: Operating, Ids(id): Ids<ApiKeyId>) -> PageResult {
    let key = operating.engine().operator_keys().get(id).await?;
    if key.revoked_at.is_some() {
        return Err(PageError::NotFound);
    }
    Ok(operating.frame.render(text::REVOKE_KEY, || {
        view! {
            <Breadcrumbs root=ROOT above=vec![(PATH.to_owned(), text::TITLE.to_owned())] here=text::REVOKE />
            <section class="card">
                <h1>{text::QUESTION}</h1>
                {consequences(&key.name)}
                <form method="post" action=revoke_path(id) class="form-actions">
                    <button class="button danger" type="submit">{text::REVOKE_KEY}</button>
                    <a class="button quiet" href=PATH>{text::CANCEL}</a>
                </form>
            </section>
        }
    }))
}

async fn revoke(operating: Operating, Ids(id): Ids<ApiKeyId>) -> PageResult {
    operating.engine().operator_keys().revoke(&operating.operator, id).await?;
    Ok(done(text::REVOKED, PATH))
}

fn page(frame: &Frame, list: &List, made: Option<&str>, form: &Form) -> Response {
    frame.render_form(form, text::TITLE, || {
        view! {
            <Breadcrumbs root=ROOT here=text::TITLE />
            <header class="page-head">
                <div>
                    <h1>{text::TITLE}</h1>
                    <p class="lead">{text::LEAD}</p>
                </div>
            </header>
            {made.map(|key| link_panel(text::MADE, text::COPY_NOW, text::MADE, key))}
            <section class="card">
                <h2>{text::CREATE_HEADING}</h2>
                {error_summary(form)}
                <form method="post" action=PATH class="form" novalidate>
                    {text_input(&NAME, form)}
                    {scopes_input(&SCOPES, form)}
                    {expiry::input(form)}
                    <div class="form-actions">
                        <button class="button primary" type="submit">{text::CREATE}</button>
                    </div>
                </form>
            </section>
            {if list.keys.is_empty() { empty().into_any() } else { table(list, frame.now).into_any() }}
            {pages(list)}
        }
    })
}

fn empty() -> impl IntoView {
    view! {
        <section class="card empty">
            <Icon name="key" />
            <h2>{text::NO_KEYS}</h2>
            <p>{text::NO_KEYS_ADVICE}</p>
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
                        <th scope="col">{text::KEY}</th>
                        <th scope="col">{text::SCOPES}</th>
                        <th scope="col">{text::STATUS}</th>
                        <th scope="col">{text::CREATED_AT}</th>
                        <th scope="col">{text::LAST_USED}</th>
                        <th scope="col">{expiry::text::EXPIRES}</th>
                        <th scope="col"><span class="visually-hidden">{text::ACTIONS}</span></th>
                    </tr>
                </thead>
                <tbody>{list.keys.iter().map(|key| row(key, now)).collect_view()}</tbody>
            </table>
        </section>
    }
}

fn row(key: &ApiKey, now: Timestamp) -> impl IntoView + use<> {
    let status = expiry::status(key, now);
    let name = key.name.clone();
    let revoke = expiry::works(key, now).then(|| {
        view! {
            <Confirm
                id=format!("revoke-{}", key.id)
                action=revoke_path(key.id)
                open=text::REVOKE
                question=text::QUESTION
                verb=text::REVOKE_KEY
            >
                {consequences(&name)}
            </Confirm>
        }
    });
    view! {
        <tr>
            <td class="main-cell">{key.name.clone()}</td>
            <td data-label=text::KEY><span class="mono">{format!("…{}", key.hint)}</span></td>
            <td data-label=text::SCOPES><span class="mono">{key.scopes.to_string()}</span></td>
            <td data-label=text::STATUS><StatusMark status=status /></td>
            <td data-label=text::CREATED_AT><When at=moment(key.created_at, now) /></td>
            <td data-label=text::LAST_USED>
                {match key.last_used_at {
                    Some(at) => view! { <When at=moment(at, now) /> }.into_any(),
                    None => view! { <span class="muted">{text::NEVER}</span> }.into_any(),
                }}
            </td>
            <td data-label=expiry::text::EXPIRES>{expiry::cell(key, now)}</td>
            <td class="row-actions">{revoke}</td>
        </tr>
    }
}

fn consequences(name: &str) -> impl IntoView + use<> {
    view! { <p>{with_element(text::CONSEQUENCES, name.to_owned())}</p> }
}

fn pages(list: &List) -> impl IntoView + use<> {
    let end = list.keys.last().filter(|_| list.has_more).map(|key| key.id);
    let newest = list.is_later.then(|| view! { <a class="button" href=PATH>{text::NEWEST}</a> });
    let older = end.map(|id| {
        view! {
            <a class="button" rel="next" href=format!("{PATH}?{}={id}", BEFORE.name)>
                {text::OLDER} <Icon name="next" />
            </a>
        }
    });
    (newest.is_some() || older.is_some())
        .then(|| view! { <nav class="pages" aria-label=text::PAGES>{newest} {older}</nav> })
}

//! Operator > API keys: the keys of the operator's own backend, which may name any account.

use axum::{Router, http::HeaderMap, response::Response};
use leptos::prelude::*;
use signet_engine::service::api_keys::{ApiKey, ApiKeyDraft, CreateKeyError};
use signet_model::{ApiKeyId, Scopes, Timestamp, text::KeyName};

use super::{ROOT, shown_once};
use crate::{
    components::{
        Breadcrumbs, PageLink, error_summary, form_id_input, link_panel, page_links, scopes_input, text_input,
    },
    error::{PageError, PageResult},
    form::{Field, Form, Invalid},
    frame::{Frame, Ids},
    methods::{AndPost, get},
    operating::Operating,
    pages::api_keys::{expiry, first_form, table},
    redirect::done,
    state::AppState,
    words,
};

pub(crate) const PATH: &str = "/operator/api-keys";

/// The keys on one page.
const PAGE: u32 = 50;

pub(super) const NAME: Field = Field { hint: text::NAME_HINT, maxlength: Some(100), ..Field::text("name", text::NAME) };
pub(super) const SCOPES: Field = Field { hint: text::SCOPES_HINT, ..Field::text("scope", text::SCOPES) };
const BEFORE: Field = Field::named("before");

pub(super) mod text {
    pub(crate) use crate::pages::api_keys::text::{
        COPY_NOW, CREATE, CREATE_HEADING, KEY_LABEL, NAME, NAME_HINT, NO_SCOPE, REVOKE, REVOKE_KEY, REVOKED, SCOPES,
        TITLE,
    };

    pub(super) const LEAD: &str =
        "Keys of your own backend. They may name any account; keys of one account are made in that account.";
    pub(super) const SCOPES_HINT: &str =
        "The requests that the key allows, in all accounts. Tick no more than its holder needs.";
    pub(super) const CREATED: &str = "API key created.";
}

pub(super) fn routes() -> Router<AppState> {
    Router::new().route("/", get(show).and_post(create)).route("/{id}/revoke", get(ask_to_revoke).and_post(revoke))
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
    let page = page(&operating.frame, &list, made.as_deref(), &first_form());
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
            {table::question(&key, revoke_path(id), PATH)}
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
            {made.map(|key| link_panel(text::KEY_LABEL, text::COPY_NOW, text::KEY_LABEL, key))}
            <section class="card">
                <h2>{text::CREATE_HEADING}</h2>
                {error_summary(form)}
                <form method="post" action=PATH class="form" novalidate>
                    {form_id_input(form, frame)}
                    {text_input(&NAME, form)}
                    {scopes_input(&SCOPES, form)}
                    {expiry::input(form)}
                    <div class="form-actions">
                        <button class="button primary" type="submit">{text::CREATE}</button>
                    </div>
                </form>
            </section>
            {table::list(&list.keys, frame.now, revoke_path)}
            {pages(list)}
        }
    })
}

fn pages(list: &List) -> Option<impl IntoView + use<>> {
    let newest = list.is_later.then(|| PageLink::newest(PATH));
    let end = list.keys.last().filter(|_| list.has_more);
    page_links(newest, end.map(|key| PageLink::older(format!("{PATH}?{}={}", BEFORE.name, key.id))))
}

//! Settings > API keys: the keys with which a backend sends events.

use axum::{Router, http::HeaderMap, response::Response};
use leptos::prelude::*;
use signet_engine::{
    actor::Permission,
    service::api_keys::{ApiKey, ApiKeyDraft, CreateKeyError, NewApiKey},
};
use signet_model::{ApiKeyId, Scopes, Timestamp, text::KeyName};

use crate::{
    components::{Breadcrumbs, CopyButton, Icon, error_summary, form_id_input, scopes_input, text_input},
    error::{PageError, PageResult},
    form::{Field, Form, Invalid},
    frame::{Frame, Ids, Member},
    methods::{AndPost, get},
    redirect::done,
    state::AppState,
};

pub(crate) mod expiry;
mod shown_once;
pub(crate) mod table;
pub(crate) mod text;

pub(crate) const PATH: &str = "/settings/api-keys";

pub(crate) const NAME: Field = Field { hint: text::NAME_HINT, maxlength: Some(100), ..Field::text("name", text::NAME) };

pub(crate) const SCOPES: Field = Field { hint: text::SCOPES_HINT, ..Field::text("scope", text::SCOPES) };

pub(crate) fn routes() -> Router<AppState> {
    Router::new().route("/", get(show).and_post(create)).route("/{id}/revoke", get(ask_to_revoke).and_post(revoke))
}

fn revoke_path(id: ApiKeyId) -> String {
    format!("{PATH}/{id}/revoke")
}

/// The page; after a key was created, with its text, this once.
async fn show(member: Member, headers: HeaderMap) -> PageResult {
    member.check(Permission::ManageKeys)?;
    let keys = member.account().api_keys().list().await?;
    Ok(match shown_once::carried(member.account().api_keys(), &headers) {
        Some(created) => shown_once::forgotten(page(&member.frame, &keys, Some(&created), &first_form())),
        None => page(&member.frame, &keys, None, &first_form()),
    })
}

/// The form with the scopes that most backends need.
pub(crate) fn first_form() -> Form {
    Scopes::FIRST.iter().fold(Form::blank(), |form, scope| form.with(&SCOPES, scope))
}

/// Reads the name, the scopes that are ticked, of which there must be one, and the time.
fn read(form: &mut Form, now: Timestamp) -> Result<ApiKeyDraft, Invalid> {
    let name = form.parse::<KeyName>(&NAME, text::invalid);
    let ticked = Scopes::new(form.all(&SCOPES).filter_map(|scope| scope.parse().ok()));
    let scopes = form.check(&SCOPES, ticked, |_| text::NO_SCOPE.to_owned());
    let expires_at = expiry::read(form, now);
    Ok(ApiKeyDraft { name: name?, scopes: scopes?, expires_at: expires_at? })
}

/// Creates a key, and has the page show it once.
async fn create(member: Member, mut form: Form) -> PageResult {
    member.check(Permission::ManageKeys)?;
    let keys = member.account().api_keys();
    let Ok(draft) = read(&mut form, member.frame.now) else {
        return Ok(page(&member.frame, &keys.list().await?, None, &form));
    };
    let form = match keys.create(&draft).await {
        Ok(NewApiKey { text, .. }) => return Ok(shown_once::show_at(keys, &text, PATH)),
        Err(CreateKeyError::TooMany(limit)) => form.refused(text::too_many(limit)),
        Err(CreateKeyError::Expired) => form.invalid(&expiry::EXPIRES, expiry::text::NO_TIME),
        Err(CreateKeyError::Store(error)) => return Err(error.into()),
    };
    Ok(page(&member.frame, &keys.list().await?, None, &form))
}

/// Shows the question of the dialog, for the address of its form.
async fn ask_to_revoke(member: Member, Ids(id): Ids<ApiKeyId>) -> PageResult {
    member.check(Permission::ManageKeys)?;
    let keys = member.account().api_keys().list().await?;
    let key = keys.iter().find(|key| key.id == id && key.revoked_at.is_none()).ok_or(PageError::NotFound)?;
    Ok(member.frame.render(text::REVOKE_KEY, || {
        view! {
            <Breadcrumbs above=vec![(PATH.to_owned(), text::TITLE.to_owned())] here=text::REVOKE />
            {table::question(key, revoke_path(id), PATH)}
        }
    }))
}

async fn revoke(member: Member, Ids(id): Ids<ApiKeyId>) -> PageResult {
    member.account().api_keys().revoke(id).await?;
    Ok(done(text::REVOKED, PATH))
}

/// The page, with the key that was just created.
fn page(frame: &Frame, keys: &[ApiKey], created: Option<&str>, form: &Form) -> Response {
    frame.render_form(form, text::TITLE, || {
        view! {
            <Breadcrumbs here=text::TITLE />
            <header class="page-head">
                <div>
                    <h1>{text::TITLE}</h1>
                    <p class="lead">{text::LEAD}</p>
                </div>
            </header>
            {created.map(|key| created_key(frame, key))}
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
            {table::list(keys, frame.now, revoke_path)}
        }
    })
}

fn created_key(frame: &Frame, key: &str) -> impl IntoView + use<> {
    crate::compressible::shows_secret();
    view! {
        <section class="card panel good" role="status" aria-labelledby="created-title">
            <h2 id="created-title">
                <Icon name="check" />
                {text::CREATED}
            </h2>
            <p>{text::COPY_NOW}</p>
            <div class="secret">
                <output class="secret-text mono" aria-label=text::KEY_LABEL>{key.to_owned()}</output>
                <CopyButton text=key.to_owned() />
            </div>
            <details class="fold">
                <summary>{text::CURL}</summary>
                <pre class="code" tabindex="0">{text::curl(&frame.origin(), key)}</pre>
            </details>
        </section>
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use axum::http::StatusCode;
    use signet_engine::{
        Settings,
        testing::{account, api_key, sqlite},
    };

    use super::*;
    use crate::testing::{Visitor, encode};

    #[tokio::test]
    async fn the_page_lists_keys_and_creates_them() {
        let owner = Visitor::owner().await;
        insta::assert_snapshot!("empty", owner.get(PATH).await.content());
        insta::assert_snapshot!(
            "refused",
            owner.post(PATH, &encode(&[(&NAME, ""), (&SCOPES, "endpoints:read")])).await.content()
        );
        let made = owner.post(PATH, &encode(&[(&NAME, "backend"), (&SCOPES, "events:write")])).await;
        insta::assert_snapshot!("created", owner.get_with_cookie(PATH, made.cookie()).await.content());
        let id = owner.account().api_keys().list().await.expect("the keys")[0].id;
        insta::assert_snapshot!("revoke", owner.get(&revoke_path(id)).await.content());
        owner.post(&revoke_path(id), "").await;
        insta::assert_snapshot!("revoked", owner.get(PATH).await.content());
    }

    #[tokio::test]
    async fn a_key_is_shown_once_after_a_redirect() {
        let owner = Visitor::owner().await;
        let made = owner.post(PATH, &encode(&[(&NAME, "backend"), (&SCOPES, "events:write")])).await;
        assert_eq!((made.status, made.location()), (StatusCode::SEE_OTHER, PATH));
        assert!(!made.cookie().contains("signet_sk_") && !made.html.contains("signet_sk_"), "{}", made.cookie());
        let shown = owner.get_with_cookie(PATH, made.cookie()).await;
        assert!(shown.html.contains("signet_sk_") && shown.html.contains(text::COPY_NOW));
        assert!(shown.cookie().ends_with('='), "the cookie is forgotten: {}", shown.cookie());
        assert!(!owner.get(PATH).await.html.contains("signet_sk_"), "a reload shows it no more");
        let mut stranger = Visitor::owner().await;
        let other = account(&stranger.engine, "other").await;
        stranger.sign_up(other, "other@example.com").await;
        assert!(!stranger.get_with_cookie(PATH, made.cookie()).await.html.contains("signet_sk_"));
    }

    #[tokio::test]
    async fn a_key_can_be_revoked() {
        let owner = Visitor::owner().await;
        owner.post(PATH, &encode(&[(&NAME, "backend"), (&SCOPES, "events:write")])).await;
        let [key] = &owner.account().api_keys().list().await.expect("the keys")[..] else { panic!("one key") };
        assert_eq!(key.scopes.to_string(), "events:write");
        assert!(owner.get(&revoke_path(key.id)).await.html.contains(text::REVOKE_QUESTION));
        let revoked = owner.post(&revoke_path(key.id), "").await;
        assert_eq!((revoked.location(), revoked.flash()), (PATH, text::REVOKED.to_owned()));
        assert_eq!(owner.get(&revoke_path(key.id)).await.status, StatusCode::NOT_FOUND);
    }

    #[tokio::test]
    async fn a_key_has_the_time_that_was_chosen_and_no_other() {
        let owner = Visitor::owner().await;
        let form = |days| encode(&[(&NAME, "backend"), (&SCOPES, "events:write"), (&expiry::EXPIRES, days)]);
        let refused = owner.post(PATH, &form("8")).await;
        assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
        assert!(refused.html.contains(expiry::text::NO_TIME) && refused.html.contains(r#"value="backend""#));
        owner.post(PATH, &form("")).await;
        owner.clock.advance(Duration::from_millis(2));
        owner.post(PATH, &form("7")).await;
        let keys = owner.account().api_keys().list().await.expect("the keys");
        let lifetimes: Vec<_> = keys.iter().map(|key| Some(key.expires_at?.since(key.created_at))).collect();
        assert_eq!(lifetimes, [Some(Duration::from_hours(7 * 24)), None]);
        let html = owner.get(PATH).await.html;
        assert!(
            html.contains(expiry::text::STATUS_EXPIRES_SOON) && html.contains(expiry::text::STATUS_ACTIVE),
            "{html}"
        );
    }

    #[tokio::test]
    async fn a_key_needs_a_scope_and_has_those_that_are_ticked() {
        let owner = Visitor::owner().await;
        let refused = owner.post(PATH, &encode(&[(&NAME, "backend"), (&SCOPES, "everything")])).await;
        assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
        assert!(refused.html.contains(text::NO_SCOPE), "{}", refused.html);
        owner.post(PATH, &encode(&[(&NAME, "a"), (&SCOPES, "endpoints:read"), (&SCOPES, "deliveries:read")])).await;
        let keys = owner.account().api_keys().list().await.expect("the keys");
        assert_eq!(
            keys.iter().map(|key| key.scopes.to_string()).collect::<Vec<_>>(),
            ["endpoints:read deliveries:read"]
        );
    }

    #[tokio::test]
    async fn a_key_beyond_the_limit_is_refused_and_its_name_is_kept() {
        let settings = Settings { max_api_keys_per_account: 1, ..Settings::default() };
        let owner = Visitor::owner_at(sqlite().await, settings).await;
        api_key(&owner.engine, Some(owner.account), "backend").await;
        let refused = owner.post(PATH, &encode(&[(&NAME, "billing"), (&SCOPES, "events:write")])).await;
        assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
        assert!(refused.html.contains(&text::too_many(1)) && refused.html.contains(r#"value="billing""#));
    }
}

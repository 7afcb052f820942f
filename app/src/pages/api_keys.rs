//! Settings > API keys: with which a backend sends events in.

use axum::response::Response;
use leptos::prelude::*;
use signet_engine::store::api_keys::ApiKey;
use signet_model::{ApiKeyId, Timestamp};

use crate::{
    components::{Breadcrumbs, Confirm, ErrorSummary, Icon, Status, StatusMark, TextField, Tone, When},
    error::PageError,
    form::Errors,
    frame::{Frame, Ids, Member},
    islands::CopyButton,
    words::moment,
};

/// The address of the page.
pub(crate) const PATH: &str = "/settings/api-keys";

/// What the page shows above the list.
#[derive(Default)]
pub(crate) struct Shown {
    /// The key that was just made.
    pub(crate) created: Option<String>,
    /// What was entered as a name.
    pub(crate) name: String,
    /// What is wrong with it.
    pub(crate) errors: Errors,
}

/// Lists them.
pub(crate) async fn get(member: Member) -> Result<Response, PageError> {
    page(&member, Shown::default()).await
}

/// The page, with a new key or with what is wrong with its name.
pub(crate) async fn page(member: &Member, shown: Shown) -> Result<Response, PageError> {
    let keys = member.engine().api_keys(member.account).await?;
    let frame = &member.frame;
    Ok(frame.render("API keys", || {
        view! {
            <Breadcrumbs here="API keys" />
            <header class="page-head">
                <div>
                    <h1>"API keys"</h1>
                    <p class="lead">"Your backend uses a key to send events to Signet."</p>
                </div>
            </header>
            {shown.created.as_deref().map(|key| created(frame, key))}
            <section class="card">
                <h2>"Create a key"</h2>
                <ErrorSummary errors=shown.errors.clone() />
                <form method="post" action=PATH class="form" novalidate>
                    <TextField
                        name="name"
                        label="Name"
                        value=shown.name.clone()
                        errors=shown.errors.clone()
                        hint="Where the key is used, such as the name of a service."
                        maxlength=100
                    />
                    <div class="form-actions">
                        <button class="button primary" type="submit">"Create API key"</button>
                    </div>
                </form>
            </section>
            {list(&keys, frame.now)}
        }
    }))
}

fn created(frame: &Frame, key: &str) -> impl IntoView + use<> {
    let example = format!(
        "curl {}/v1/events \\\n  -H 'Authorization: Bearer {key}' \\\n  -H 'Content-Type: application/json' \\\n  -d '{}'",
        frame.origin(),
        r#"{"event":"task.completed","taskId":"task_abc123","status":"ready","solution":{"token":"0.mF7gg2"}}"#
    );
    view! {
        <section class="card panel good" role="status" aria-labelledby="created-title">
            <h2 id="created-title">
                <Icon name="check" />
                "API key created"
            </h2>
            <p>"Copy it now. It is not stored, and cannot be shown again."</p>
            <div class="secret">
                <output class="secret-text mono" aria-label="API key">{key.to_owned()}</output>
                <CopyButton text=key.to_owned() />
            </div>
            <details class="fold">
                <summary>"Send an event with curl"</summary>
                <pre class="code" tabindex="0">{example}</pre>
            </details>
        </section>
    }
}

fn list(keys: &[ApiKey], now: Timestamp) -> impl IntoView + use<> {
    if keys.is_empty() {
        return view! {
            <section class="card empty">
                <Icon name="key" />
                <h2>"No API keys yet"</h2>
                <p>"Create a key above, and give it to the service that sends events."</p>
            </section>
        }
        .into_any();
    }
    view! {
        <section class="card flush">
            <table class="table">
                <thead>
                    <tr>
                        <th scope="col">"Name"</th>
                        <th scope="col">"Key"</th>
                        <th scope="col">"Status"</th>
                        <th scope="col">"Created"</th>
                        <th scope="col">"Last used"</th>
                        <th scope="col"><span class="visually-hidden">"Actions"</span></th>
                    </tr>
                </thead>
                <tbody>{keys.iter().map(|key| row(key, now)).collect_view()}</tbody>
            </table>
        </section>
    }
    .into_any()
}

fn row(key: &ApiKey, now: Timestamp) -> impl IntoView + use<> {
    let status = match key.revoked_at {
        Some(_) => Status::new(Tone::Idle, "Revoked"),
        None => Status::new(Tone::Good, "Active"),
    };
    let name = key.name.clone();
    let path = format!("{PATH}/{}/revoke", key.id);
    let revoke = key.revoked_at.is_none().then(|| {
        view! {
            <Confirm
                id=format!("revoke-{}", key.id)
                action=path
                open="Revoke"
                question="Revoke this API key?"
                verb="Revoke API key"
            >
                {consequences(&name)}
            </Confirm>
        }
    });
    view! {
        <tr>
            <td class="main-cell">{key.name.clone()}</td>
            <td data-label="Key"><span class="mono">{format!("sk_…{}", key.hint)}</span></td>
            <td data-label="Status"><StatusMark status=status /></td>
            <td data-label="Created"><When at=moment(key.created_at, now) /></td>
            <td data-label="Last used">
                {match key.last_used_at {
                    Some(at) => view! { <When at=moment(at, now) /> }.into_any(),
                    None => view! { <span class="muted">"Never"</span> }.into_any(),
                }}
            </td>
            <td class="row-actions">{revoke}</td>
        </tr>
    }
}

fn consequences(name: &str) -> impl IntoView + use<> {
    view! { <p>"Requests with the key “" {name.to_owned()} "” are refused from now on. This cannot be undone."</p> }
}

/// Are you sure? Asks what the dialog asks, where the address of its form is opened by itself.
pub(crate) async fn get_revoke(member: Member, Ids(id): Ids<ApiKeyId>) -> Result<Response, PageError> {
    let keys = member.engine().api_keys(member.account).await?;
    let key = keys.iter().find(|key| key.id == id && key.revoked_at.is_none()).ok_or(PageError::NotFound)?;
    Ok(member.frame.render("Revoke API key", || {
        view! {
            <Breadcrumbs above=vec![(PATH.to_owned(), "API keys".to_owned())] here="Revoke" />
            <section class="card">
                <h1>"Revoke this API key?"</h1>
                {consequences(&key.name)}
                <form method="post" action=format!("{PATH}/{id}/revoke") class="form-actions">
                    <button class="button danger" type="submit">"Revoke API key"</button>
                    <a class="button quiet" href=PATH>"Cancel"</a>
                </form>
            </section>
        }
    }))
}

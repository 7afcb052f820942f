//! Adding and editing a webhook.

use axum::{Router, routing::get};
use leptos::prelude::*;
use signet_engine::actor::Permission;
use signet_engine::service::{
    endpoints::{Endpoint, EndpointDraft, FilterPreview, SaveError},
    event_types::Catalogue,
};
use signet_model::{EndpointId, signature::Secret, subscriptions::Selector, text::Description};

use crate::{
    components::{Breadcrumbs, CopyButton, Icon, error_summary, event_types_input, hidden_input, text_input},
    error::{PageError, PageResult},
    form::{Field, Form, Invalid},
    frame::{Frame, Ids, Member},
    pages::{
        webhook::{
            self,
            secret::{secret_card, verification_hint},
        },
        webhooks,
    },
    present::endpoint_path,
    redirect::done,
    state::AppState,
    words,
};

pub(crate) mod filter;
pub(crate) mod options;
pub(crate) mod text;

pub(crate) const NEW_PATH: &str = "/settings/webhooks/new";

pub(crate) const URL: Field = Field {
    hint: text::URL_HINT,
    kind: "url",
    inputmode: "url",
    placeholder: "https://example.com/webhooks",
    mono: true,
    ..Field::text("url", text::URL)
};
pub(crate) const DESCRIPTION: Field =
    Field { hint: text::DESCRIPTION_HINT, optional: true, ..Field::text("description", text::DESCRIPTION) };
pub(crate) const EVENTS: Field = Field { hint: text::EVENTS_HINT, ..Field::text("event", text::EVENTS) };
pub(crate) const SECRET: Field = Field::named("secret");

/// The new webhook, or the existing one, that the form is for.
enum FormTarget {
    /// The webhook will sign with this secret.
    New(Secret),
    Existing(Box<Endpoint>),
}

/// The form for a new webhook, below the list.
pub(super) fn routes() -> Router<AppState> {
    Router::new().route("/new", get(show_new).post(create))
}

/// The form for a webhook, below its page.
pub(super) fn edit_routes() -> Router<AppState> {
    Router::new().route("/edit", get(show_existing).post(update))
}

/// Shows the form with a new secret, so that the receiver can be set up first.
async fn show_new(member: Member) -> PageResult {
    member.check(Permission::ChangeWebhooks)?;
    let secret = member.engine().new_secret();
    let catalogue = member.catalogue().await?;
    let wanted = catalogue.active().filter(|entry| entry.is_default).map(|entry| Selector::Type(entry.name.clone()));
    let form = Form::blank().with_selectors(&EVENTS, wanted).focused(&URL);
    page(&member, &FormTarget::New(secret), &form, None).await
}

async fn show_existing(member: Member, Ids(id): Ids<EndpointId>) -> PageResult {
    let endpoint = member.account().endpoint(id).get().await?;
    member.check(Permission::ChangeWebhooks)?;
    let form = Form::blank()
        .with(&URL, &endpoint.url)
        .with(&DESCRIPTION, &endpoint.description)
        .with_selectors(&EVENTS, endpoint.event_types.iter());
    let form = options::fill(form, &endpoint);
    page(&member, &FormTarget::Existing(Box::new(endpoint)), &form, None).await
}

/// Creates a webhook that signs with the secret that the form showed. A form that is
/// sent twice leads to the one webhook that it made.
async fn create(member: Member, mut form: Form) -> PageResult {
    member.check(Permission::ChangeWebhooks)?;
    let secret: Secret = form.get(&SECRET).parse().map_err(|_| PageError::Unreadable)?;
    if asks_for_preview(&form) {
        return preview(&member, &FormTarget::New(secret), form).await;
    }
    if let Ok(draft) = draft(&mut form) {
        match member.account().endpoints().create(draft.clone(), &secret).await {
            Ok(endpoint) => {
                let said = if endpoint.is_as(&draft) { text::CREATED } else { text::CREATED_BEFORE };
                return Ok(done(said, &endpoint_path(endpoint.id)));
            }
            Err(error) => form = refused(form, error)?,
        }
    }
    page(&member, &FormTarget::New(secret), &form, None).await
}

async fn update(member: Member, Ids(id): Ids<EndpointId>, mut form: Form) -> PageResult {
    let endpoint = member.account().endpoint(id).get().await?;
    member.check(Permission::ChangeWebhooks)?;
    if asks_for_preview(&form) {
        return preview(&member, &FormTarget::Existing(Box::new(endpoint)), form).await;
    }
    if let Ok(draft) = draft(&mut form) {
        match member.account().endpoint(id).update(draft).await {
            Ok(_) => return Ok(done(text::SAVED, &endpoint_path(id))),
            Err(error) => form = refused(form, error)?,
        }
    }
    page(&member, &FormTarget::Existing(Box::new(endpoint)), &form, None).await
}

fn asks_for_preview(form: &Form) -> bool {
    !form.get(&filter::PREVIEW).is_empty()
}

/// Shows the form again, with the judgement of its filter on the latest events of its types.
async fn preview(member: &Member, target: &FormTarget, mut form: Form) -> PageResult {
    let (filter, types) = (filter::read(&mut form), form.subscriptions(&EVENTS));
    let judged = match (filter, types) {
        (Ok(Some(filter)), Ok(types)) => Some(member.account().endpoints().preview_filter(&filter, &types).await?),
        (Ok(None), _) => {
            form = form.invalid(&filter::FILTER, text::NO_CONDITION);
            None
        }
        (Err(Invalid), _) | (_, Err(Invalid)) => None,
    };
    page(member, target, &form, judged.as_ref()).await
}

/// The draft; or else the form has the errors of all fields.
fn draft(form: &mut Form) -> Result<EndpointDraft, Invalid> {
    let url = form.parse(&URL, text::invalid_url);
    let description = form.parse::<Description>(&DESCRIPTION, words::invalid_text);
    let event_types = form.subscriptions(&EVENTS);
    let options = options::read(form);
    Ok(EndpointDraft { url: url?, description: description?, event_types: event_types?, options: options? })
}

fn refused(form: Form, error: SaveError) -> Result<Form, PageError> {
    match error {
        SaveError::Address(refused) => Ok(form.invalid(&URL, refused.to_string())),
        SaveError::TooFast => Ok(form.refused(error.to_string())),
        SaveError::TooMany(limit) => Ok(form.refused(text::too_many(limit))),
        SaveError::UnknownType(_) => Ok(form.invalid(&EVENTS, error.to_string())),
        SaveError::NoHeaderValue(_) | SaveError::Headers(_) => Ok(form.invalid(&options::HEADERS, error.to_string())),
        SaveError::Store(error) => Err(error.into()),
    }
}

async fn page(member: &Member, target: &FormTarget, form: &Form, preview: Option<&FilterPreview>) -> PageResult {
    let catalogue = member.catalogue().await?;
    let frame = &member.frame;
    Ok(match target {
        FormTarget::New(secret) => {
            let above = vec![(webhooks::PATH.to_owned(), webhooks::text::TITLE.to_owned())];
            frame.render_form(form, text::ADD_TITLE, || {
                view! {
                    <Breadcrumbs above=above here=text::ADD />
                    {heading(text::ADD_TITLE)}
                    {error_summary(form)}
                    {fields(frame, &catalogue, (form, preview), NEW_PATH.to_owned(), webhooks::PATH.to_owned(), Some(secret))}
                }
            })
        }
        FormTarget::Existing(endpoint) => {
            let path = endpoint_path(endpoint.id);
            frame.render_form(form, text::EDIT_TITLE, || {
                view! {
                    <Breadcrumbs above=webhook::breadcrumbs(endpoint) here=text::EDIT />
                    {heading(text::EDIT_TITLE)}
                    {error_summary(form)}
                    {fields(frame, &catalogue, (form, preview), format!("{path}/edit"), path, None)}
                    {secret_card(endpoint.id, None)}
                }
            })
        }
    })
}

fn heading(title: &'static str) -> impl IntoView {
    view! {
        <header class="page-head">
            <h1>{title}</h1>
        </header>
    }
}

fn fields(
    frame: &Frame,
    catalogue: &Catalogue,
    (form, preview): (&Form, Option<&FilterPreview>),
    action: String,
    back: String,
    secret: Option<&Secret>,
) -> impl IntoView + use<> {
    view! {
        <form method="post" action=action class="form card" novalidate>
            // The Enter key presses the first button of a form, which is to save.
            <button class="visually-hidden" type="submit" tabindex="-1" aria-hidden="true">
                {text::SAVE}
            </button>
            {text_input(&URL, form)}
            {text_input(&DESCRIPTION, form)}
            {event_types_input(&EVENTS, form, catalogue, Some(frame.now))}
            {options::fields(form, preview, frame.now)}
            {secret.map(new_secret)}
            <footer class="form-actions">
                <button class="button primary" type="submit">
                    {text::SAVE}
                </button>
                <a class="button quiet" href=back>
                    {text::CANCEL}
                </a>
            </footer>
        </form>
    }
}

fn new_secret(secret: &Secret) -> impl IntoView + use<> {
    view! {
        <section class="field">
            <h2 class="label">{text::SECRET}</h2>
            <p class="hint">{text::SECRET_HINT}</p>
            {hidden_input(&SECRET, secret.reveal())}
            <div class="secret">
                <details class="secret-reveal">
                    <summary>
                        <span class="secret-masked mono">{secret.masked()}</span>
                        <span class="button">
                            <Icon name="eye" />
                            <span class="when-closed">{text::REVEAL}</span>
                            <span class="when-open">{text::HIDE}</span>
                        </span>
                    </summary>
                    <code class="secret-text mono">{secret.reveal().to_owned()}</code>
                </details>
                <CopyButton text=secret.reveal().to_owned() />
            </div>
            {verification_hint()}
        </section>
    }
}

#[cfg(test)]
mod tests;

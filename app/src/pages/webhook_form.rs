//! Adding and editing a webhook.

use axum::Router;
use leptos::prelude::*;
use signet_engine::actor::Permission;
use signet_engine::service::{
    self,
    endpoints::{Endpoint, EndpointDraft, FilterPreview, SaveError},
    event_types::Catalogue,
};
use signet_model::{EndpointId, signature::Secret, subscriptions::Selector, text::Description};

use crate::{
    components::{
        AttemptView, Breadcrumbs, CopyButton, Icon, error_summary, event_types_input, form_id_input, hidden_input,
        text_input, version_input,
    },
    error::{PageError, PageResult},
    form::{Conflict, Field, Form, Invalid, Part},
    frame::{Ids, Member},
    html::IntoHtml,
    methods::{AndPost, get},
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

mod beside;
pub(crate) mod draft_test;
pub(crate) mod filter;
pub(crate) mod options;
pub(crate) mod text;
pub(crate) mod url_field;

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
pub(crate) const SECRET: Field = Field::named("secret").secret();

/// What two people can have changed, each for itself.
const PARTS: [Part; 7] = [
    Part { label: text::URL, fields: &[&URL] },
    Part { label: text::DESCRIPTION, fields: &[&DESCRIPTION] },
    Part { label: text::EVENTS, fields: &[&EVENTS] },
    Part { label: text::HEADERS, fields: &[&options::HEADER_NAME, &options::HEADER_VALUE] },
    Part { label: text::THROTTLE, fields: &[&options::THROTTLE] },
    Part { label: text::CLOUD_EVENTS, fields: &[&options::CLOUD_EVENTS] },
    Part { label: text::FILTER, fields: &[&filter::MEMBER, &filter::TEST, &filter::VALUE] },
];

/// The new webhook, or the existing one, that the form is for.
enum FormTarget {
    /// The webhook will sign with this secret.
    New(Secret),
    Existing(Box<Endpoint>),
}

/// The form for a new webhook, below the list.
pub(super) fn routes() -> Router<AppState> {
    Router::new().route("/new", get(show_new).and_post(create))
}

/// The form for a webhook, below its page.
pub(super) fn edit_routes() -> Router<AppState> {
    Router::new().route("/edit", get(show_existing).and_post(update))
}

/// The check of a URL that is being typed.
pub(super) fn check_routes() -> Router<AppState> {
    Router::new().route(url_field::CHECK_PATH, get(url_field::check))
}

/// What the page of the form shows after a button that does not save it.
#[derive(Default)]
struct Asked {
    preview: Option<FilterPreview>,
    tested: Option<AttemptView>,
}

/// Shows the form with a new secret, so that the receiver can be set up first.
async fn show_new(member: Member) -> PageResult {
    member.check(Permission::ChangeWebhooks)?;
    let secret = member.engine().new_secret();
    let catalogue = member.catalogue().await?;
    let wanted = catalogue.active().filter(|entry| entry.is_default).map(|entry| Selector::Type(entry.name.clone()));
    let form = Form::blank().with_selectors(&EVENTS, wanted).focused(&URL);
    page(&member, &FormTarget::New(secret), &form, Asked::default()).await
}

async fn show_existing(member: Member, Ids(id): Ids<EndpointId>) -> PageResult {
    let endpoint = member.account().endpoint(id).get().await?;
    member.check(Permission::ChangeWebhooks)?;
    let form = stored(&endpoint);
    page(&member, &FormTarget::Existing(Box::new(endpoint)), &form, Asked::default()).await
}

/// The form with what is stored.
fn stored(endpoint: &Endpoint) -> Form {
    let form = Form::blank()
        .with(&URL, &endpoint.url)
        .with(&DESCRIPTION, &endpoint.description)
        .with_selectors(&EVENTS, endpoint.event_types.iter())
        .made_from(endpoint.version);
    options::fill(form, endpoint)
}

/// Creates a webhook that signs with the secret that the form showed. A form that is
/// sent twice leads to the one webhook that it made.
async fn create(member: Member, mut form: Form) -> PageResult {
    member.check(Permission::ChangeWebhooks)?;
    let secret: Secret = match form.get(&SECRET).parse() {
        _ if form.is_reviewing() => member.engine().new_secret(),
        read => read.map_err(|_| PageError::Unreadable)?,
    };
    if asks_for_preview(&form) {
        return preview(&member, &FormTarget::New(secret), form).await;
    }
    if draft_test::is_asked_for(&form) {
        return test(&member, &FormTarget::New(secret), form).await;
    }
    if let Ok(draft) = draft(&mut form) {
        match member.account().endpoints().create(draft.clone(), &secret).await {
            Ok(endpoint) => {
                let twin = has_twin(&member, &endpoint).await?;
                let said = match (endpoint.is_as(&draft), twin) {
                    (false, _) => text::CREATED_BEFORE,
                    (true, false) => text::CREATED,
                    (true, true) => text::CREATED_AGAIN,
                };
                return Ok(done(said, &endpoint_path(endpoint.id)));
            }
            Err(error) => form = refused(form, error)?,
        }
    }
    page(&member, &FormTarget::New(secret), &form, Asked::default()).await
}

async fn update(member: Member, Ids(id): Ids<EndpointId>, mut form: Form) -> PageResult {
    let endpoint = member.account().endpoint(id).get().await?;
    member.check(Permission::ChangeWebhooks)?;
    if asks_for_preview(&form) {
        return preview(&member, &FormTarget::Existing(Box::new(endpoint)), form).await;
    }
    if draft_test::is_asked_for(&form) {
        return test(&member, &FormTarget::Existing(Box::new(endpoint)), form).await;
    }
    form.settle(&PARTS);
    if let Ok(draft) = draft(&mut form) {
        match member.account().endpoint(id).if_version(form.version()).update(draft).await {
            Ok(_) => return Ok(done(text::SAVED, &endpoint_path(id))),
            Err(SaveError::Store(service::Error::Changed)) => return changed(&member, id, form).await,
            Err(error) => form = refused(form, error)?,
        }
    }
    page(&member, &FormTarget::Existing(Box::new(endpoint)), &form, Asked::default()).await
}

/// The form of a webhook that was changed meanwhile, with both values of what differs. If
/// nothing does, it is as it was to be.
async fn changed(member: &Member, id: EndpointId, form: Form) -> PageResult {
    let endpoint = member.account().endpoint(id).get().await?;
    let form = form.meet(&stored(&endpoint), &PARTS);
    if form.conflict().is_some_and(Conflict::is_settled) {
        return Ok(done(text::SAVED, &endpoint_path(id)));
    }
    page(member, &FormTarget::Existing(Box::new(endpoint)), &form, Asked::default()).await
}

/// Returns true if the account has another webhook with the same URL. That is allowed, and said.
async fn has_twin(member: &Member, endpoint: &Endpoint) -> Result<bool, PageError> {
    let all = member.account().endpoints().list().await?;
    Ok(all.iter().any(|other| other.id != endpoint.id && other.url == endpoint.url))
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
    page(member, target, &form, Asked { preview: judged, tested: None }).await
}

/// Shows the form again, with the exchange of a test of it as it is.
async fn test(member: &Member, target: &FormTarget, form: Form) -> PageResult {
    let (form, tested) = draft_test::send(member, target, form).await?;
    page(member, target, &form, Asked { tested, preview: None }).await
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

async fn page(member: &Member, target: &FormTarget, form: &Form, asked: Asked) -> PageResult {
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
                    <div class="form-with-aside">
                        {fields(member, &catalogue, (form, asked), (NEW_PATH.to_owned(), webhooks::PATH.to_owned()), Some(secret))}
                        {beside::aside(form, &catalogue, Some(secret), frame.now)}
                    </div>
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
                    <div class="form-with-aside">
                        {fields(member, &catalogue, (form, asked), (format!("{path}/edit"), path), None)}
                        {beside::aside(form, &catalogue, None, frame.now)}
                    </div>
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

/// The form. A new webhook has a secret in it.
fn fields(
    member: &Member,
    catalogue: &Catalogue,
    (form, Asked { preview, tested }): (&Form, Asked),
    (action, back): (String, String),
    secret: Option<&Secret>,
) -> impl IntoView + use<> {
    let frame = &member.frame;
    view! {
        <form method="post" action=action class="form card" novalidate>
            // The Enter key presses the first button of a form, which is to save.
            <button class="visually-hidden" type="submit" tabindex="-1" aria-hidden="true">
                {text::SAVE}
            </button>
            {if secret.is_some() { form_id_input(form, frame).html() } else { version_input(form).html() }}
            {url_field::input(form)}
            {text_input(&DESCRIPTION, form)}
            {event_types_input(&EVENTS, form, catalogue, Some(frame.now))}
            {options::fields(form, preview.as_ref(), frame.now)}
            {secret.map(new_secret)}
            {draft_test::part(member, form, catalogue, tested)}
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

//! Operator > Event types > one of them: the form that makes or changes a type, and its
//! archiving. A change is made for the version that the form showed.

use std::sync::Arc;

use axum::{Router, response::Response};
use leptos::prelude::*;
use signet_engine::service::event_types::{Entry, EventTypeContent, EventTypeDraft, Origin, SaveTypeError};
use signet_model::{
    event::{EventType, MemberFault, Reference},
    text::Description,
};

use super::{ROOT, event_types};
use crate::{
    components::{
        Breadcrumbs, StatusMark, error_summary, form_id_input, hidden_input, text_area, text_input, version_input,
    },
    error::{PageError, PageResult},
    form::{Conflict, Field, Form, Invalid, Part, VERSION},
    frame::{Frame, Ids},
    html::IntoHtml,
    methods::{AndPost, get, post},
    operating::Operating,
    redirect::done,
    state::AppState,
    words,
};

pub(super) const NEW_PATH: &str = "/operator/event-types/new";

/// The lines that a field of JSON shows.
const ROWS: u32 = 12;

pub(super) const NAME: Field =
    Field { hint: text::NAME_HINT, maxlength: Some(128), mono: true, ..Field::text("name", text::NAME) };
pub(super) const DESCRIPTION: Field = Field {
    hint: text::DESCRIPTION_HINT,
    maxlength: Some(200),
    optional: true,
    ..Field::text("description", text::DESCRIPTION)
};
pub(super) const SCHEMA: Field =
    Field { hint: text::SCHEMA_HINT, optional: true, mono: true, ..Field::text("schema", text::SCHEMA) };
pub(super) const SAMPLE: Field =
    Field { hint: text::SAMPLE_HINT, optional: true, mono: true, ..Field::text("sample", text::SAMPLE) };

pub(super) const REFERENCE: Field = Field {
    hint: text::REFERENCE_HINT,
    placeholder: Reference::DEFAULT,
    maxlength: Some(128),
    optional: true,
    mono: true,
    ..Field::text("reference", text::REFERENCE)
};

const PARTS: [Part; 4] = [
    Part { label: text::DESCRIPTION, fields: &[&DESCRIPTION] },
    Part { label: text::SCHEMA, fields: &[&SCHEMA] },
    Part { label: text::SAMPLE, fields: &[&SAMPLE] },
    Part { label: text::REFERENCE, fields: &[&REFERENCE] },
];

pub(crate) mod text {
    pub(crate) const ADD: &str = "Create event type";
    pub(crate) const SAVE: &str = "Save";
    pub(crate) const CANCEL: &str = "Cancel";
    pub(crate) const NAME: &str = "Name";
    pub(crate) const NAME_HINT: &str = "Words with a dot between, such as order.shipped. It cannot be changed later.";
    pub(crate) const NAME_WRONG: &str = "The name";
    pub(crate) const EXISTS: &str =
        "There is an event type with this name already. Choose a different name, or change that one.";
    pub(crate) const RESERVED: &str = "Types that are built in, and names that begin with signet., cannot be made or changed. Choose a different name.";
    pub(crate) const DESCRIPTION: &str = "Description";
    pub(crate) const DESCRIPTION_HINT: &str = "The sentence that people read beside the name, when they choose events.";
    pub(crate) const SCHEMA: &str = "JSON Schema";
    pub(crate) const SCHEMA_HINT: &str =
        "The members that an event of this type has. Without a schema, any members are taken.";
    pub(crate) const SAMPLE: &str = "Sample";
    pub(crate) const SAMPLE_HINT: &str =
        "The members of a test event, as a JSON object. They are checked against the schema.";
    pub(crate) const REFERENCE: &str = "Reference";
    pub(crate) const REFERENCE_HINT: &str = "The member by which people look for an event, such as orderId. Lists show its value, and the search finds it. New events count; without a name it is taskId.";
    pub(crate) const REFERENCE_WRONG: &str = "The reference";
    pub(crate) const CREATED: &str = "Event type created.";
    pub(crate) const SAVED: &str = "Event type saved.";
    pub(crate) const CHANGED: &str =
        "Somebody has changed this event type meanwhile. Open it again, and make your change to what it is now.";
    pub(crate) const BUILT_IN: &str = "This type is built in, and cannot be changed.";
    pub(crate) const FROM_A_FILE: &str = "This type comes from the file of event types. Change it there: the next start of the server takes over the file.";
    pub(crate) const UNUSABLE: &str =
        "The stored schema cannot be read, and events of this type are refused. Save a schema that can.";
    pub(crate) const ARCHIVING: &str = "Archiving";
    pub(crate) const ARCHIVE: &str = "Archive event type";
    pub(crate) const ARCHIVE_MEANING: &str =
        "New events of an archived type are refused. What was sent stays readable, and the type can be restored.";
    pub(crate) const ARCHIVED: &str = "Event type archived.";
    pub(crate) const RESTORE: &str = "Restore event type";
    pub(crate) const RESTORE_MEANING: &str =
        "The type is archived: new events are refused. Restore it to take them again.";
    pub(crate) const RESTORED: &str = "Event type restored.";

    /// The fault of a member behind the place at which it is.
    pub(super) fn fault(pointer: &str, message: &str) -> String {
        if pointer.is_empty() { format!("The text {message}") } else { format!("{pointer} {message}") }
    }
}

/// The address of a type's page. Names are made of letters, digits, dots and lines.
pub(super) fn path(name: &EventType) -> String {
    format!("{}/types/{name}", event_types::PATH)
}

pub(super) fn routes() -> Router<AppState> {
    Router::new()
        .route("/new", get(show_new).and_post(create))
        .route("/types/{name}", get(show).and_post(change))
        .route("/types/{name}/archive", post(archive))
        .route("/types/{name}/restore", post(restore))
}

async fn show_new(operating: Operating) -> Response {
    new_page(&operating.frame, &Form::blank().focused(&NAME))
}

async fn create(operating: Operating, mut form: Form) -> PageResult {
    let name = form.parse::<EventType>(&NAME, |error| format!("{} {error}", text::NAME_WRONG));
    let (Ok(name), Ok(content)) = (name, content(&mut form)) else {
        return Ok(new_page(&operating.frame, &form));
    };
    let draft = EventTypeDraft { name, content };
    match operating.engine().event_types().create(&operating.operator, draft).await {
        Ok(entry) => Ok(done(text::CREATED, &path(&entry.name))),
        Err(error) => Ok(new_page(&operating.frame, &refused(form, error)?)),
    }
}

async fn show(operating: Operating, Ids(name): Ids<String>) -> PageResult {
    let entry = find(&operating, &named(&name)?).await?;
    Ok(page(&operating.frame, &entry, &stored(&entry)))
}

async fn change(operating: Operating, Ids(name): Ids<String>, mut form: Form) -> PageResult {
    let name = named(&name)?;
    let entry = find(&operating, &name).await?;
    form.settle(&PARTS);
    let expected = version(&form)?;
    let Ok(content) = content(&mut form) else { return Ok(page(&operating.frame, &entry, &form)) };
    match operating.engine().event_types().change(&operating.operator, &name, content, Some(expected)).await {
        Ok(_) => Ok(done(text::SAVED, &path(&name))),
        // The catalogue in memory can be as old as the form for a moment.
        Err(SaveTypeError::Changed) if form.is_of_another(entry.revision) => {
            let written = |json: &str| indented(Some(json.trim()).filter(|json| !json.is_empty()));
            let form = form.rewritten(&SCHEMA, written).rewritten(&SAMPLE, written).meet(&stored(&entry), &PARTS);
            let settled = form.conflict().is_some_and(Conflict::is_settled);
            Ok(if settled { done(text::SAVED, &path(&name)) } else { page(&operating.frame, &entry, &form) })
        }
        Err(error) => Ok(page(&operating.frame, &entry, &refused(form, error)?)),
    }
}

async fn archive(operating: Operating, Ids(name): Ids<String>, form: Form) -> PageResult {
    let (name, expected) = (named(&name)?, Some(version(&form)?));
    let archived = operating.engine().event_types().archive(&operating.operator, &name, expected).await;
    set_aside(&operating, &name, archived.map(|_| text::ARCHIVED)).await
}

async fn restore(operating: Operating, Ids(name): Ids<String>, form: Form) -> PageResult {
    let (name, expected) = (named(&name)?, Some(version(&form)?));
    let restored = operating.engine().event_types().restore(&operating.operator, &name, expected).await;
    set_aside(&operating, &name, restored.map(|_| text::RESTORED)).await
}

/// The page after archiving or restoring; if that was refused, as the type is now.
async fn set_aside(
    operating: &Operating,
    name: &EventType,
    outcome: Result<&'static str, SaveTypeError>,
) -> PageResult {
    match outcome {
        Ok(said) => Ok(done(said, &path(name))),
        Err(error) => {
            let entry = find(operating, name).await?;
            Ok(page(&operating.frame, &entry, &refused(stored(&entry), error)?))
        }
    }
}

/// The name in the path. Another text leads to no page.
fn named(text: &str) -> Result<EventType, PageError> {
    text.parse().map_err(|_| PageError::NotFound)
}

async fn find(operating: &Operating, name: &EventType) -> Result<Arc<Entry>, PageError> {
    let catalogue = operating.engine().event_types().present(None).await?;
    catalogue.get(name.as_str()).cloned().ok_or(PageError::NotFound)
}

/// The version that the form was made for.
fn version(form: &Form) -> Result<i64, PageError> {
    form.get(&VERSION).parse().map_err(|_| PageError::Unreadable)
}

/// The form with what is stored.
fn stored(entry: &Entry) -> Form {
    Form::blank()
        .with(&DESCRIPTION, &entry.description)
        .with(&SCHEMA, indented(entry.schema.as_deref()))
        .with(&SAMPLE, indented(entry.sample.as_deref()))
        .with(&REFERENCE, entry.reference.as_ref().map_or("", Reference::as_str))
        .with(&VERSION, entry.revision)
}

/// JSON as people read it.
fn indented(json: Option<&str>) -> String {
    json.map(crate::present::indented).unwrap_or_default()
}

/// The content; or else the form has the errors of all fields.
fn content(form: &mut Form) -> Result<EventTypeContent, Invalid> {
    let description = form.parse::<Description>(&DESCRIPTION, words::invalid_text);
    let reference = form.parse_optional::<Reference>(&REFERENCE, |error| format!("{} {error}", text::REFERENCE_WRONG));
    let typed = |field| Some(form.get(field).trim().to_owned()).filter(|text| !text.is_empty());
    let (schema, sample) = (typed(&SCHEMA), typed(&SAMPLE));
    Ok(EventTypeContent { description: description?, schema, sample, reference: reference? })
}

/// The form with the reason for which the type was not saved.
fn refused(form: Form, error: SaveTypeError) -> Result<Form, PageError> {
    Ok(match error {
        SaveTypeError::Invalid(fault) => faulty(form, &fault),
        SaveTypeError::Exists => form.invalid(&NAME, text::EXISTS),
        SaveTypeError::BuiltIn => form.refused(text::RESERVED),
        SaveTypeError::Changed => form.refused(text::CHANGED),
        SaveTypeError::TooMany => form.refused(error.to_string()),
        SaveTypeError::NotFound => return Err(PageError::NotFound),
        SaveTypeError::Store(error) => return Err(error.into()),
    })
}

/// The form with a fault beside the field that has it.
fn faulty(form: Form, MemberFault { pointer, message }: &MemberFault) -> Form {
    match (pointer.strip_prefix("/schema"), pointer.strip_prefix("/sample")) {
        (Some(rest), _) => form.invalid(&SCHEMA, text::fault(rest, message)),
        (None, Some(rest)) => form.invalid(&SAMPLE, text::fault(rest, message)),
        (None, None) => form.refused(text::fault(pointer, message)),
    }
}

fn above() -> Vec<(String, String)> {
    vec![(event_types::PATH.to_owned(), event_types::text::TITLE.to_owned())]
}

fn new_page(frame: &Frame, form: &Form) -> Response {
    frame.render_form(form, text::ADD, || {
        view! {
            <Breadcrumbs root=ROOT above=above() here=text::ADD />
            <header class="page-head"><h1>{text::ADD}</h1></header>
            {error_summary(form)}
            <form method="post" action=NEW_PATH class="form card" novalidate>
                {form_id_input(form, frame)}
                {text_input(&NAME, form)}
                {fields(form)}
            </form>
        }
    })
}

/// The fields that can be changed.
fn fields(form: &Form) -> impl IntoView + use<> {
    view! {
        {text_input(&DESCRIPTION, form)}
        {text_area(&SCHEMA, ROWS, form)}
        {text_area(&SAMPLE, ROWS, form)}
        {text_input(&REFERENCE, form)}
        <footer class="form-actions">
            <button class="button primary" type="submit">{text::SAVE}</button>
            <a class="button quiet" href=event_types::PATH>{text::CANCEL}</a>
        </footer>
    }
}

fn page(frame: &Frame, entry: &Entry, form: &Form) -> Response {
    let name = entry.name.to_string();
    frame.render_form(form, &name, || {
        view! {
            <Breadcrumbs root=ROOT above=above() here=name.clone() />
            <header class="page-head">
                <h1 class="mono">{name.clone()}</h1>
                <StatusMark status=event_types::status(entry) />
            </header>
            {error_summary(form)}
            {notice(entry).map(|notice| view! { <p class="hint">{notice}</p> })}
            {match entry.origin {
                Origin::BuiltIn => built_in(entry).html(),
                Origin::Person | Origin::File => own(entry, form).html(),
            }}
        }
    })
}

const fn notice(entry: &Entry) -> Option<&'static str> {
    match entry.origin {
        Origin::BuiltIn => Some(text::BUILT_IN),
        _ if entry.unusable.is_some() => Some(text::UNUSABLE),
        Origin::File => Some(text::FROM_A_FILE),
        Origin::Person => None,
    }
}

/// A type that nobody can change.
fn built_in(entry: &Entry) -> impl IntoView + use<> {
    let part = |title: &'static str, json: Option<&str>| {
        json.map(|json| {
            view! {
                <section class="card">
                    <h2>{title}</h2>
                    <pre class="code" tabindex="0">{crate::present::indented(json)}</pre>
                </section>
            }
        })
    };
    view! { {part(text::SCHEMA, entry.schema.as_deref())} {part(text::SAMPLE, entry.sample.as_deref())} }
}

fn own(entry: &Entry, form: &Form) -> impl IntoView + use<> {
    let path = path(&entry.name);
    let (meaning, verb, action) = match entry.archived_at {
        Some(_) => (text::RESTORE_MEANING, text::RESTORE, "restore"),
        None => (text::ARCHIVE_MEANING, text::ARCHIVE, "archive"),
    };
    let version = form.get(&VERSION).to_owned();
    view! {
        <form method="post" action=path.clone() class="form card" novalidate>
            {version_input(form)}
            {fields(form)}
        </form>
        <section class="card">
            <h2>{text::ARCHIVING}</h2>
            <p>{meaning}</p>
            <form method="post" action=format!("{path}/{action}") class="form-actions">
                {hidden_input(&VERSION, &version)}
                <button class="button" type="submit">{verb}</button>
            </form>
        </section>
    }
}

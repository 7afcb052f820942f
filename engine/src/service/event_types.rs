//! The catalogue of event types. It belongs to the installation, not to an account.
//!
//! Each change raises the revision of the catalogue. A process remembers the catalogue at one
//! revision, and asks for the present one at most once a second ([`remembered`]): a type that
//! another process makes is known here a second later, or at once where it is asked for
//! ([`EventTypesHandle::newer_than`]).

mod catalogue;
mod effort;
mod import;
mod nearest;
mod remembered;
mod schema;
mod store;

use std::sync::Arc;

use serde_json::{Value, json};
use signet_model::{
    AccountId, Timestamp,
    event::{BuiltIn, EventType, MemberFault, Reference},
    sql::Unreadable,
    text::Description,
};

pub use catalogue::Catalogue;
pub use import::{EventTypeSet, ImportError, Imported};
pub(crate) use remembered::Remembered;
pub(super) use store::unusable;

use super::{Error, Result, Service, change::Record};
use crate::{actor::Operator, audit::Action, db};
use schema::Schema;

/// The most types, archived ones included: a process remembers all of them.
pub const MAX_TYPES: usize = 5_000;

/// Names that begin so belong to Signet itself.
const RESERVED: &str = "signet.";

/// The way in which a type came into the catalogue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// It is built in, and closed.
    BuiltIn,
    /// A person or a program made it.
    Person,
    /// A file names it, which archives it once it does so no more.
    File,
}

/// An event type.
#[derive(Debug)]
pub struct Entry {
    /// Its name.
    pub name: EventType,
    /// The sentence that describes it to people; may be empty.
    pub description: String,
    /// Its JSON Schema; without one, any members are taken.
    pub schema: Option<String>,
    /// A JSON object with the members of a sample body.
    pub sample: Option<String>,
    /// The member of a body by which its events are looked for; `None` for
    /// [`Reference::DEFAULT`].
    pub reference: Option<Reference>,
    /// The way in which it came in.
    pub origin: Origin,
    /// True if a new webhook wants the type unless a person unticks it.
    pub is_default: bool,
    /// False if Signet alone makes its events.
    pub takes_submissions: bool,
    /// The instant from which on no new events are taken.
    pub archived_at: Option<Timestamp>,
    /// The instant of its creation; `None` for a type that is built in.
    pub created_at: Option<Timestamp>,
    /// The instant of its last change.
    pub updated_at: Option<Timestamp>,
    /// Grows with each change.
    pub revision: i64,
    /// The reason for which its stored schema cannot be used. Its events are refused.
    pub unusable: Option<Unreadable>,
    /// The compiled schema, of types that are not built in.
    validator: Option<Schema>,
}

impl Entry {
    fn built_in(it: &'static BuiltIn) -> Self {
        Self {
            name: it.name.clone(),
            description: it.description.to_owned(),
            schema: Some(it.schema.to_owned()),
            sample: Some(format!("{{{}}}", it.sample_members())),
            reference: None,
            origin: Origin::BuiltIn,
            is_default: it.is_default,
            takes_submissions: it.takes_submissions(),
            archived_at: None,
            created_at: None,
            updated_at: None,
            revision: 0,
            unusable: None,
            validator: None,
        }
    }

    /// The schema of a whole body as a document; `None` if any members are taken.
    pub fn body_schema(&self) -> Option<serde_json::Value> {
        schema::whole(&self.name, self.schema.as_deref()?).ok()
    }
}

/// A type as a person or a program enters it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventTypeDraft {
    /// Its name.
    pub name: EventType,
    /// The rest.
    pub content: EventTypeContent,
}

/// What can be changed of a type.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EventTypeContent {
    /// The sentence that describes it to people; may be empty.
    pub description: Description,
    /// Its JSON Schema, as JSON.
    pub schema: Option<String>,
    /// The members of a sample body, as a JSON object.
    pub sample: Option<String>,
    /// The member of a body by which events are looked for, from the next one on; `None` for
    /// [`Reference::DEFAULT`].
    pub reference: Option<Reference>,
}

impl EventTypeContent {
    /// The members, for the audit log: of a schema and a sample only their lengths, in bytes.
    fn members(&self) -> Value {
        let len = |text: &Option<String>| text.as_ref().map(String::len);
        json!({
            "description": self.description.as_str(),
            "schemaLength": len(&self.schema),
            "sampleLength": len(&self.sample),
            "reference": self.reference.as_ref().map(Reference::as_str),
        })
    }

    /// Checks the schema, and the sample against it, and prints both in the shape in which
    /// they are kept.
    ///
    /// # Errors
    /// One of them is not valid. The pointer begins with `/schema` or `/sample`.
    fn check(self, name: &EventType) -> Result<Self, MemberFault> {
        let within = |place: &'static str| {
            move |mut fault: MemberFault| {
                fault.pointer.insert_str(0, place);
                fault
            }
        };
        let schema = self.schema.map(|text| schema::normal(&text)).transpose().map_err(within("/schema"))?;
        let compiled = schema.as_deref().map(|text| Schema::compile(name, text)).transpose();
        let compiled = compiled.map_err(within("/schema"))?;
        let sample = self.sample.map(|text| schema::normal(&text)).transpose().map_err(within("/sample"))?;
        if let Some(sample) = &sample {
            catalogue::check_sample(name, sample, compiled.as_ref()).map_err(within("/sample"))?;
        }
        Ok(Self { schema, sample, ..self })
    }
}

/// A type was not saved.
#[derive(Debug, thiserror::Error)]
pub enum SaveTypeError {
    /// A member is not valid.
    #[error("{0}")]
    Invalid(MemberFault),
    /// There is such a type, archived or not.
    #[error("There is an event type with this name already.")]
    Exists,
    /// The type is built in, or its name belongs to Signet.
    #[error("Types that are built in, and names that begin with signet., cannot be made or changed.")]
    BuiltIn,
    /// There is no such type.
    #[error("There is no such event type.")]
    NotFound,
    /// The type has been changed since it was read.
    #[error("This event type was changed meanwhile. Read it again.")]
    Changed,
    /// The catalogue is full.
    #[error("The catalogue has {MAX_TYPES} event types, and cannot have more.")]
    TooMany,
    /// The database failed.
    #[error(transparent)]
    Store(#[from] Error),
}

impl From<db::Error> for SaveTypeError {
    fn from(error: db::Error) -> Self {
        Self::Store(error.into())
    }
}

impl From<MemberFault> for SaveTypeError {
    fn from(fault: MemberFault) -> Self {
        Self::Invalid(fault)
    }
}

/// The catalogue of event types.
#[derive(Debug, Clone, Copy)]
pub struct EventTypesHandle<'e>(pub(crate) &'e Arc<Service>);

impl EventTypesHandle<'_> {
    /// The catalogue, as it was at most a second ago, or is. While the database does not
    /// answer, the last one that was read.
    pub async fn current(self) -> Result<Arc<Catalogue>> {
        Ok(self.0.event_types.current(self.0).await?)
    }

    /// The catalogue as an account sees it: the account that hears of operational events
    /// has their types as well.
    pub async fn seen_by(self, account: AccountId) -> Result<Arc<Catalogue>> {
        let catalogue = self.current().await?;
        Ok(if self.hears_operations(account) { Arc::new(catalogue.with_operational()) } else { catalogue })
    }

    /// The catalogue as it is now, for all accounts or as one account sees it.
    pub async fn present(self, account: Option<AccountId>) -> Result<Arc<Catalogue>> {
        let catalogue = self.0.event_types.now(self.0).await?;
        Ok(if account.is_some_and(|it| self.hears_operations(it)) {
            Arc::new(catalogue.with_operational())
        } else {
            catalogue
        })
    }

    /// True if operational events go to the account.
    fn hears_operations(self, account: AccountId) -> bool {
        self.0.delivery.operations.account() == Some(account)
    }

    /// The catalogue as it is now, if that is another one than this.
    pub async fn newer_than(self, known: &Catalogue) -> Result<Option<Arc<Catalogue>>> {
        let now = self.0.event_types.now(self.0).await?;
        Ok((now.revision != known.revision).then_some(now))
    }

    /// Makes a type.
    pub async fn create(self, operator: &Operator, draft: EventTypeDraft) -> Result<Arc<Entry>, SaveTypeError> {
        let EventTypeDraft { name, content } = draft;
        refuse_reserved(&name)?;
        let content = check(&name, content).await?;
        let mut change = store::Change::begin(self.0, operator, Action::EventTypeCreated).await?;
        if change.find(&name).await?.is_some() {
            return Err(SaveTypeError::Exists);
        }
        if change.count().await? >= MAX_TYPES {
            return Err(SaveTypeError::TooMany);
        }
        change.insert(&name, &content, store::Source::Person).await?;
        self.commit(change, &name, content.members()).await
    }

    /// Changes a type to new content, if it still has the expected revision.
    pub async fn change(
        self,
        operator: &Operator,
        name: &EventType,
        content: EventTypeContent,
        expected: Option<i64>,
    ) -> Result<Arc<Entry>, SaveTypeError> {
        refuse_reserved(name)?;
        let content = check(name, content).await?;
        let mut change = store::Change::begin(self.0, operator, Action::EventTypeChanged).await?;
        change.expect(name, expected).await?;
        change.update(name, &content, store::Source::Person).await?;
        self.commit(change, name, content.members()).await
    }

    /// Archives a type: new events are refused, and history stays readable.
    pub async fn archive(
        self,
        operator: &Operator,
        name: &EventType,
        expected: Option<i64>,
    ) -> Result<Arc<Entry>, SaveTypeError> {
        self.set_archived(operator, name, expected, true).await
    }

    /// Takes events of an archived type again.
    pub async fn restore(
        self,
        operator: &Operator,
        name: &EventType,
        expected: Option<i64>,
    ) -> Result<Arc<Entry>, SaveTypeError> {
        self.set_archived(operator, name, expected, false).await
    }

    async fn set_archived(
        self,
        operator: &Operator,
        name: &EventType,
        expected: Option<i64>,
        archived: bool,
    ) -> Result<Arc<Entry>, SaveTypeError> {
        refuse_reserved(name)?;
        let action = if archived { Action::EventTypeArchived } else { Action::EventTypeRestored };
        let mut change = store::Change::begin(self.0, operator, action).await?;
        let stored = change.expect(name, expected).await?;
        if stored.archived_at.is_some() != archived {
            change.set_archived(name, archived).await?;
        }
        self.commit(change, name, json!({ "archived": archived })).await
    }

    async fn commit(
        self,
        change: store::Change<'_>,
        name: &EventType,
        after: Value,
    ) -> Result<Arc<Entry>, SaveTypeError> {
        change.commit(Record::of("event_type", name).after(after)).await?;
        let catalogue = self.0.event_types.now(self.0).await?;
        catalogue.get(name.as_str()).cloned().ok_or(SaveTypeError::NotFound)
    }
}

/// Checks a content in a thread of its own: a large schema takes a while to compile.
async fn check(name: &EventType, content: EventTypeContent) -> Result<EventTypeContent, SaveTypeError> {
    let name = name.clone();
    Ok(aside(move || content.check(&name)).await?)
}

/// Does some work in a thread of its own, so that requests go on meanwhile.
async fn aside<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done,
        Err(ended) => match ended.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            // Work that has begun is never taken back.
            Err(_) => std::future::pending().await,
        },
    }
}

fn refuse_reserved(name: &EventType) -> Result<(), SaveTypeError> {
    let is_reserved = BuiltIn::find(name.as_str()).is_some() || name.as_str().starts_with(RESERVED);
    if is_reserved { Err(SaveTypeError::BuiltIn) } else { Ok(()) }
}

#[cfg(test)]
mod tests;

//! A catalogue that comes from a file: the same file twice changes nothing, and a type that
//! the file no longer names is archived.

use std::collections::{HashMap, HashSet};

use serde_json::json;
use signet_model::event::EventType;

use super::{
    EventTypeDraft, EventTypesHandle, MAX_TYPES, SaveTypeError, refuse_reserved,
    store::{Change, Row, Source},
};
use crate::{actor::Operator, audit::Action, db, service::change::Record};

/// The changes that a file made.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Imported {
    /// New types.
    pub created: usize,
    /// Types that were different, or archived.
    pub changed: usize,
    /// Types that are as the file has them.
    pub unchanged: usize,
    /// Types of an earlier file that this one does not name.
    pub archived: usize,
}

/// The types of a file, each of which can be saved, and is named once.
#[derive(Debug)]
pub struct EventTypeSet(Vec<EventTypeDraft>);

impl TryFrom<Vec<EventTypeDraft>> for EventTypeSet {
    type Error = ImportError;

    fn try_from(drafts: Vec<EventTypeDraft>) -> Result<Self, ImportError> {
        let mut named = HashSet::with_capacity(drafts.len());
        if let Some(twice) = drafts.iter().find(|draft| !named.insert(&draft.name)) {
            return Err(ImportError::Twice(twice.name.clone()));
        }
        Ok(Self(drafts.into_iter().map(checked).collect::<Result<_, _>>()?))
    }
}

/// A file was not taken. No type is changed.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// A type of the file cannot be saved.
    #[error("{name}: {error}")]
    Type {
        /// The name of the type.
        name: EventType,
        /// The reason.
        error: SaveTypeError,
    },
    /// The file names a type twice.
    #[error("{0} is named twice")]
    Twice(EventType),
    /// The database failed, or the catalogue is full.
    #[error(transparent)]
    Save(#[from] SaveTypeError),
}

impl From<db::Error> for ImportError {
    fn from(error: db::Error) -> Self {
        Self::Save(error.into())
    }
}

impl EventTypesHandle<'_> {
    /// Makes the catalogue as a file has it. Types that came in otherwise stay, unless the file
    /// names them.
    ///
    /// # Errors
    /// The catalogue would have too many types, or the database failed; then no type is changed.
    pub async fn import(
        self,
        operator: &Operator,
        EventTypeSet(drafts): EventTypeSet,
    ) -> Result<Imported, ImportError> {
        let begun = Change::begin(self.0, operator, Action::EventTypesImported).await;
        let mut change = begun.map_err(SaveTypeError::from)?;
        let stored = change.all().await?;
        let mut stored: HashMap<EventType, Row> =
            stored.into_iter().filter_map(|row| Some((row.name.clone().ok()?, row))).collect();
        let mut done = Imported::default();
        for EventTypeDraft { name, content } in &drafts {
            match stored.remove(name) {
                None => {
                    change.insert(name, content, Source::File).await?;
                    done.created += 1;
                }
                Some(row) if row.is(content, Source::File) => done.unchanged += 1,
                Some(_) => {
                    change.update(name, content, Source::File).await?;
                    done.changed += 1;
                }
            }
        }
        for (name, row) in stored {
            if row.is_from_a_file() && row.archived_at.is_none() {
                change.set_archived(&name, true).await?;
                done.archived += 1;
            }
        }
        if change.count().await? > MAX_TYPES {
            return Err(SaveTypeError::TooMany.into());
        }
        if done.created + done.changed + done.archived > 0 {
            let Imported { created, changed, archived, .. } = done;
            let after = json!({ "created": created, "changed": changed, "archived": archived });
            change.commit(Record::default().after(after)).await?;
            self.0.event_types.now(self.0).await?;
        }
        Ok(done)
    }
}

fn checked(draft: EventTypeDraft) -> Result<EventTypeDraft, ImportError> {
    let EventTypeDraft { name, content } = draft;
    let content = refuse_reserved(&name).and_then(|()| Ok(content.check(&name)?));
    match content {
        Ok(content) => Ok(EventTypeDraft { name, content }),
        Err(error) => Err(ImportError::Type { name, error }),
    }
}
